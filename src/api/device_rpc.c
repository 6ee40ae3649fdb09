// SPDX-License-Identifier: Apache-2.0
#include "api/device_api.h"
#include "api/internal.h"
#include "api/routes.h"
#include "base/mem.h"
#include "hub/rpc.h"

// Calls between server and devices, from the device's side: facts/hub.md section 3.6. A device that
// waits costs its exchange and what lies in that one's arena.

#define RPC_BODY_MAX ((size_t)64 * 1024)
#define TIMEOUT_DEFAULT_MS 60000
#define TIMEOUT_MAX_MS 300000

// The device asks ---------------------------------------------------------------------------------

struct poll {
    struct list link; // api.polls
    struct request *q;
    struct hub_rpc_poll rpc;
    struct timer timer;
};

// The request to answer: p is out of everything.
static struct request *unpark(struct poll *p)
{
    list_remove(&p->link);
    timer_stop(&p->timer);
    hub_rpc_unpark(p->q->api->o.hub, &p->rpc);
    return p->q;
}

static void on_call(struct hub_rpc_poll *rpc, struct span json)
{
    respond_json(unpark(container_of(rpc, struct poll, rpc)), json);
}

static void on_timer(struct timer *t)
{
    respond_type(unpark(container_of(t, struct poll, timer)), 408, "text/plain", SPAN_NONE);
}

// A call must not go to nobody.
static void on_gone(struct http_exchange *x)
{
    respond_type(unpark(http_data(x)), 408, "text/plain", SPAN_NONE);
}

static void respond_stopping(struct request *q)
{
    respond_error(q, 503, HUB_GENERAL, "the server is shutting down");
}

void device_rpc_end_polls(struct api *a)
{
    a->draining = true;
    for (struct list *it; (it = a->polls.next) != &a->polls;)
        respond_stopping(unpark(container_of(it, struct poll, link)));
}

static bool read_timeout(struct request *q, int64_t *ms)
{
    struct err e = {0};
    if (query_get_int(&q->query, "timeout", TIMEOUT_DEFAULT_MS, ms, &e) < 0) {
        respond_text(q, 400, "%s", e.msg);
        return false;
    }
    if (*ms <= 0)
        *ms = TIMEOUT_DEFAULT_MS;
    if (*ms > TIMEOUT_MAX_MS)
        *ms = TIMEOUT_MAX_MS;
    return true;
}

static void park(struct request *q, struct store_device *d, int64_t timeout_ms)
{
    struct poll *p = arena_new(q->arena, struct poll);
    p->q = q;
    p->rpc.take = on_call;
    p->timer.fire = on_timer;
    list_push(&q->api->polls, &p->link);
    hub_rpc_park(q->api->o.hub, d, &p->rpc);
    timer_start(q->api->o.loop, &p->timer, timeout_ms);
    http_set_data(q->x, p);
    http_on_gone(q->x, on_gone);
}

void device_rpc_poll(struct request *q)
{
    struct hub *h = q->api->o.hub;
    int64_t timeout_ms;
    struct store_device *d = device_api_find(q, RPC_BODY_MAX);
    if (!d || !read_timeout(q, &timeout_ms))
        return;
    struct buf call = {0};
    bool taken = hub_rpc_take(h, d, &call);
    if (taken)
        respond_json(q, buf_span(&call));
    else if (q->api->draining)
        respond_stopping(q);
    else
        park(q, d, timeout_ms);
    buf_free(&call);
}

// A reply that nobody waits for any more is taken too, as the hub does.
void device_rpc_reply(struct request *q)
{
    int64_t id;
    struct err e = {0};
    struct store_device *d = device_api_find(q, RPC_BODY_MAX);
    if (!d)
        return;
    if (!span_to_i64(q->args[1], &id)) {
        respond_text(q, 400, "the id in the path must be a whole number");
        return;
    }
    struct json *doc = json_parse(http_body(q->x), &e);
    if (!doc) {
        respond_text(q, 400, "Invalid JSON: %s", e.msg);
        return;
    }
    json_free(doc);
    hub_rpc_reply(q->api->o.hub, d, id, http_body(q->x));
    respond_empty(q);
}

// The device calls the server ---------------------------------------------------------------------

struct asking {
    struct wait wait;
    struct hub_ask ask;
};

static void on_answer(struct hub_ask *ask, int status, struct span json)
{
    struct asking *a = container_of(ask, struct asking, ask);
    struct request *q = wait_end(&a->wait);
    if (q && status == 0)
        respond_json(q, json);
    else if (q && status == ERR_TIMEOUT)
        respond_type(q, 408, "text/plain", SPAN_NONE);
    else if (q)
        respond_stopping(q);
    mem_free(a);
}

static bool has_method(struct request *q)
{
    struct err e = {0};
    struct json *doc = json_parse(http_body(q->x), &e);
    bool good = doc && json_is(json_get(doc, "method"), JSON_STRING);
    if (!doc)
        respond_text(q, 400, "Invalid JSON: %s", e.msg);
    else if (!good)
        respond_text(q, 400, "method: must be a string");
    json_free(doc);
    return good;
}

void device_rpc_to_server(struct request *q)
{
    struct err e = {0};
    int64_t timeout_ms;
    struct store_device *d = device_api_find(q, RPC_BODY_MAX);
    if (!d || !read_timeout(q, &timeout_ms) || !has_method(q) || !request_may_write(q))
        return;
    struct asking *a = mem_new(struct asking);
    a->ask.done = on_answer;
    wait_begin(&a->wait, q);
    if (hub_ask_server(q->api->o.hub, &a->ask, d, http_body(q->x), timeout_ms, &e) == 0)
        return;
    wait_end(&a->wait);
    mem_free(a);
    respond_err(q, &e);
}
