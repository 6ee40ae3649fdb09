// SPDX-License-Identifier: Apache-2.0
#include "hub/asks.h"

#include "base/mem.h"

// Happy path: hub_ask -> the chain -> asks_reply -> (the run is durable) asks_settle -> done().
// Failure modes: no answer in time: done() with ERR_TIMEOUT, and a later answer finds nobody. The
// run is given up: no answer comes, and the time runs out.

struct asks {
    struct hub *hub;
    struct map waiting; // id -> struct hub_ask
    bool stopped;
};

// The message's own run; what waits for the answer may be gone before it ends.
struct ask_run {
    struct hub_run run;
};

struct asks *asks_new(struct hub *h)
{
    struct asks *a = mem_new(struct asks);
    a->hub = h;
    return a;
}

static void finish(struct asks *a, struct hub_ask *q, int status, struct span json)
{
    map_remove(&a->waiting, uuid_span(&q->id));
    timer_stop(&q->timer);
    q->done(q, status, json);
}

static void on_timer(struct timer *t)
{
    struct hub_ask *q = container_of(t, struct hub_ask, timer);
    finish(q->hub->asks, q, ERR_TIMEOUT, SPAN_NONE);
}

void asks_stop(struct asks *a)
{
    size_t at = 0;
    void *q;
    a->stopped = true;
    while ((q = map_next(&a->waiting, &at, NULL))) {
        finish(a, q, ERR_CANCELED, SPAN_NONE);
        at = 0;
    }
}

void asks_free(struct asks *a)
{
    if (!a)
        return;
    map_free(&a->waiting);
    mem_free(a);
}

static void on_committed(void *ctx, int status)
{
    (void)status;
    mem_free(ctx);
}

static void on_run_done(struct hub_run *r)
{
    struct ask_run *x = container_of(r, struct ask_run, run);
    if (r->canceled) {
        hub_run_abort(r);
        mem_free(x);
    } else {
        hub_run_commit(r, on_committed, x);
    }
}

static void send(struct hub *h, const struct hub_ask *q, enum rule_msg_type type,
                 struct store_device *d, struct span json, int64_t timeout_ms)
{
    struct ask_run *x = mem_new(struct ask_run);
    struct hub_run *r = &x->run;
    char id[UUID_TEXT_LEN + 1];
    int64_t now_ms = loop_wall_ms(h->o.loop);
    uuid_format(q->id, id);
    hub_run_begin(h, r);
    r->done = on_run_done;
    struct convert_pair metadata[] = {
        {SPAN("serviceId"), SPAN("penstock")},
        {type == RULE_MSG_REST_API_REQUEST ? SPAN("requestUUID") : SPAN("requestId"), span_str(id)},
        {SPAN("expirationTime"), arena_printf(&r->arena, "%lld", (long long)(now_ms + timeout_ms))},
    };
    struct hub_msg m = {.type = type,
                        .originator = d,
                        .ts_ms = now_ms,
                        .metadata = {metadata, sizeof metadata / sizeof *metadata},
                        .json = json};
    hub_run_message(r, &m);
    if (hub_run_finish(r))
        on_run_done(r);
}

static int ask(struct hub *h, struct hub_ask *q, enum rule_msg_type type, struct store_device *d,
               struct span json, int64_t timeout_ms, struct err *e)
{
    struct asks *a = h->asks;
    if (a->stopped)
        return err_set(e, ERR_UNAVAILABLE, "the program is being stopped");
    if (a->waiting.n >= ASKS_MAX)
        return err_set(e, ERR_BUSY, "%d requests wait for the rule chain already", ASKS_MAX);
    q->hub = h;
    q->id = uuid_new_v4(loop_clock(h->o.loop));
    q->timer = (struct timer){.fire = on_timer};
    map_put(&a->waiting, uuid_span(&q->id), q);
    timer_start(h->o.loop, &q->timer, timeout_ms);
    send(h, q, type, d, json, timeout_ms);
    return 0;
}

int hub_ask_chain(struct hub *h, struct hub_ask *q, struct store_device *d, struct span json,
                  int64_t timeout_ms, struct err *e)
{
    return ask(h, q, RULE_MSG_REST_API_REQUEST, d, json, timeout_ms, e);
}

int hub_ask_server(struct hub *h, struct hub_ask *q, struct store_device *d, struct span json,
                   int64_t timeout_ms, struct err *e)
{
    return ask(h, q, RULE_MSG_TO_SERVER_RPC_REQUEST, d, json, timeout_ms, e);
}

int asks_reply(struct asks *a, struct hub_run *r, struct span id, struct span json, struct err *e)
{
    struct uuid u;
    if (!uuid_parse(id, &u))
        return err_set(e, ERR_INVALID, "the message's metadata names no request");
    if (!map_get(&a->waiting, uuid_span(&u)))
        return err_set(e, ERR_NOT_FOUND, "nobody waits for the answer any more");
    struct ask_reply *reply = mem_new(struct ask_reply);
    reply->next = r->replies;
    reply->id = u;
    reply->json = span_of(mem_strndup(json.p, json.n), json.n);
    r->replies = reply;
    return 0;
}

void asks_settle(struct asks *a, struct ask_reply *replies, bool durable)
{
    while (replies) {
        struct ask_reply *reply = replies;
        struct hub_ask *q = durable ? map_get(&a->waiting, uuid_span(&reply->id)) : NULL;
        replies = reply->next;
        if (q)
            finish(a, q, 0, reply->json);
        mem_free((char *)reply->json.p);
        mem_free(reply);
    }
}
