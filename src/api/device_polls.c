// SPDX-License-Identifier: Apache-2.0
#include "api/device_api.h"
#include "api/internal.h"
#include "hub/polls.h"

// Devices that wait. One that does costs its exchange and what lies in that one's arena.

#define TIMEOUT_DEFAULT_MS 60000
#define TIMEOUT_MAX_MS 300000

struct poll {
    struct list link; // api.polls
    struct request *q;
    struct hub_poll hub;
    struct timer timer;
};

// The request to answer: p is out of everything.
static struct request *unpark(struct poll *p)
{
    list_remove(&p->link);
    timer_stop(&p->timer);
    hub_poll_unpark(p->q->api->o.hub, &p->hub);
    return p->q;
}

static void on_take(struct hub_poll *hub, struct span json)
{
    struct request *q = unpark(container_of(hub, struct poll, hub));
    if (json.p)
        respond_json(q, json);
    else
        respond_type(q, 403, "text/plain", SPAN_NONE);
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

void device_polls_end(struct api *a)
{
    a->draining = true;
    for (struct list *it; (it = a->polls.next) != &a->polls;)
        respond_stopping(unpark(container_of(it, struct poll, link)));
}

bool device_api_timeout(struct request *q, int64_t *ms)
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

void device_api_wait(struct request *q, struct store_device *d, enum hub_poll_for what,
                     int64_t timeout_ms)
{
    if (q->api->draining) {
        respond_stopping(q);
        return;
    }
    struct poll *p = arena_new(q->arena, struct poll);
    p->q = q;
    p->hub.take = on_take;
    p->timer.fire = on_timer;
    list_push(&q->api->polls, &p->link);
    hub_poll_park(q->api->o.hub, d, what, &p->hub);
    timer_start(q->api->o.loop, &p->timer, timeout_ms);
    http_set_data(q->x, p);
    http_on_gone(q->x, on_gone);
}
