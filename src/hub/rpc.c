// SPDX-License-Identifier: Apache-2.0
#include "hub/rpc.h"

#include "base/mem.h"
#include "hub/hub_internal.h"
#include "hub/json_members.h"
#include "hub/polls.h"

// Happy path: hub_rpc_call -> the chain -> submit -> (the device asks) deliver -> hub_rpc_reply ->
// finish: the node's flow goes on, and the caller has its reply. A one-way call ends when it is
// delivered.

struct rpc_device {
    struct store_device *d; // the map's key
    struct list queue, sent;
    unsigned n; // in queue and sent
    struct list ready;
};

struct rpc {
    struct list link; // of its device
    struct rpcs *rpcs;
    struct rpc_device *device;
    struct hub_rpc_request *q;
    struct span text; // for the device; in the run's arena
    struct uuid call; // of the caller, or null
    struct list of_call;
    int64_t id;
    bool oneway, delivered;
    struct timer timer;
};

struct rpcs {
    struct hub *hub;
    struct map devices; // that have something
    struct map calls;   // id -> struct hub_rpc_call
    struct map runs;    // the same id -> struct call_run, while the call's message is under way
    struct list ready;  // devices with calls, where someone polls
    struct loop_task task;
    int64_t last_id;
    unsigned n;
    bool stopped;
};

// Devices -----------------------------------------------------------------------------------------

static struct span key_of(struct store_device *const *d)
{
    return span_of((const char *)d, sizeof *d);
}

static struct rpc_device *device_of(struct rpcs *r, struct store_device *d, bool make)
{
    struct rpc_device *v = map_get(&r->devices, key_of(&d));
    if (v || !make)
        return v;
    v = mem_new(struct rpc_device);
    v->d = d;
    list_init(&v->queue);
    list_init(&v->sent);
    map_put(&r->devices, key_of(&v->d), v);
    return v;
}

static void drop_if_empty(struct rpcs *r, struct rpc_device *v)
{
    if (v->n)
        return;
    list_remove(&v->ready);
    map_remove(&r->devices, key_of(&v->d));
    mem_free(v);
}

static void kick(struct rpcs *r, struct rpc_device *v)
{
    if (list_empty(&v->queue) || list_linked(&v->ready) ||
        !polls_waiting(r->hub->polls, v->d, HUB_POLL_CALL))
        return;
    list_push(&r->ready, &v->ready);
    if (!list_linked(&r->task.link))
        loop_post(r->hub->o.loop, &r->task);
}

// Ends --------------------------------------------------------------------------------------------

// The message's run; the caller may be gone before it ends.
struct call_run {
    struct hub_run run;
    struct uuid id;
    bool failed; // the caller was told so
};

static void finish(struct rpc *x, int status, struct span json);

// A device must not get afterwards what the caller is told has failed.
static void take_back(struct rpcs *r, struct hub_rpc_call *c)
{
    struct call_run *run = map_get(&r->runs, uuid_span(&c->id));
    if (run)
        run->failed = true;
    for (struct list *it; (it = list_pop(&c->asked));) {
        struct rpc *x = container_of(it, struct rpc, of_call);
        if (!x->delivered)
            finish(x, ERR_TIMEOUT, SPAN_NONE);
    }
}

static void end_call(struct rpcs *r, struct uuid id, int status, struct span json)
{
    struct hub_rpc_call *c = map_remove(&r->calls, uuid_span(&id));
    if (!c)
        return;
    timer_stop(&c->timer);
    if (status < 0)
        take_back(r, c);
    while (list_pop(&c->asked))
        ;
    c->done(c, status, json);
}

// Not told from within hub_rpc_call(): the timer's turn comes later.
static void fail_call(struct rpcs *r, struct uuid id, int status)
{
    struct hub_rpc_call *c = map_get(&r->calls, uuid_span(&id));
    if (!c)
        return;
    c->failed = status;
    timer_start(r->hub->o.loop, &c->timer, 0);
}

static void finish(struct rpc *x, int status, struct span json)
{
    struct rpcs *r = x->rpcs;
    struct hub_rpc_request *q = x->q;
    struct uuid call = x->call;
    int told = status == ERR_TIMEOUT && !x->delivered ? ERR_UNAVAILABLE : status;
    list_remove(&x->link);
    list_remove(&x->of_call);
    timer_stop(&x->timer);
    x->device->n--;
    r->n--;
    drop_if_empty(r, x->device);
    mem_free(x);
    end_call(r, call, told, json);
    if (json.p)
        q->answer.json = arena_span(&q->run->arena, json);
    q->done(q, status,
            status == 0               ? NULL
            : status == ERR_CANCELED  ? "the program stops"
            : told == ERR_UNAVAILABLE ? "the device did not ask for its calls in time"
                                      : "the device did not reply in time");
}

static void on_timer(struct timer *t)
{
    finish(container_of(t, struct rpc, timer), ERR_TIMEOUT, SPAN_NONE);
}

static void deliver(struct rpc *x)
{
    struct hub_rpc_call *c = map_get(&x->rpcs->calls, uuid_span(&x->call));
    x->delivered = true;
    if (c)
        c->delivered = true;
    list_remove(&x->link);
    list_push(&x->device->sent, &x->link);
    if (x->oneway)
        finish(x, 0, SPAN_NONE);
}

static void run_ready(struct loop_task *t)
{
    struct rpcs *r = container_of(t, struct rpcs, task);
    for (struct list *it; (it = list_pop(&r->ready));) {
        struct rpc_device *v = container_of(it, struct rpc_device, ready);
        if (list_empty(&v->queue))
            continue; // taken meanwhile, or too late
        struct hub_poll *p = polls_take(r->hub->polls, v->d, HUB_POLL_CALL);
        if (!p)
            continue;
        struct rpc *x = container_of(v->queue.next, struct rpc, link);
        kick(r, v); // for the one after this
        p->take(p, x->text);
        deliver(x);
    }
}

// The node's request ------------------------------------------------------------------------------

static struct span metadata_of(const struct hub_rpc_request *q, const char *key)
{
    for (size_t i = 0; i < q->metadata.n; i++) {
        if (span_is(q->metadata.p[i].key, key))
            return q->metadata.p[i].value;
    }
    return SPAN_NONE;
}

static struct span device_text(const struct hub_rpc_request *q, int64_t id)
{
    struct arena *a = &q->run->arena;
    struct json_members m;
    struct err e = {0};
    struct buf b = {0};
    struct json_out j = {.out = &b};
    json_out_object(&j);
    json_out_key_int(&j, "id", id);
    // The node has looked at both.
    if (json_members_read(q->json, a, &m, &e) == 0) {
        json_out_key_raw(&j, "method", json_members_find(&m, SPAN("method"))->raw);
        json_out_key_raw(&j, "params", json_members_find(&m, SPAN("params"))->raw);
    }
    json_out_end(&j);
    struct span text = arena_span(a, buf_span(&b));
    buf_free(&b);
    return text;
}

static int refuse(struct rpcs *r, struct uuid call, int status, struct err *e, const char *text)
{
    fail_call(r, call, status);
    return err_set(e, status, "%s", text);
}

// That the call has failed.
static bool was_told(const struct rpcs *r, struct uuid call)
{
    const struct call_run *run = map_get(&r->runs, uuid_span(&call));
    return run && run->failed;
}

static int submit(void *ctx, struct hub_rpc_request *q, struct err *e)
{
    struct rpcs *r = ctx;
    struct hub_rpc_call *c;
    struct uuid call;
    int64_t ends_ms, timeout_ms = q->timeout_ms;
    if (!uuid_parse(metadata_of(q, "requestUUID"), &call))
        call = uuid_null;
    if (r->stopped)
        return refuse(r, call, ERR_CANCELED, e, "the program stops");
    if (span_to_i64(metadata_of(q, "expirationTime"), &ends_ms)) {
        int64_t now_ms = loop_wall_ms(r->hub->o.loop);
        timeout_ms = ends_ms > now_ms ? ends_ms - now_ms : 0;
    }
    if (timeout_ms <= 0 || was_told(r, call))
        return refuse(r, call, ERR_UNAVAILABLE, e, "the call came too late");
    struct rpc_device *v = device_of(r, q->device, false);
    if (r->n >= RPC_MAX || (v && v->n >= RPC_DEVICE_MAX))
        return refuse(r, call, ERR_BUSY, e, "too many calls wait for the device");
    v = device_of(r, q->device, true);
    struct rpc *x = mem_new(struct rpc);
    x->rpcs = r;
    x->device = v;
    x->q = q;
    x->call = call;
    x->id = ++r->last_id;
    x->oneway = span_is(metadata_of(q, "oneway"), "true");
    x->text = device_text(q, x->id);
    x->timer.fire = on_timer;
    timer_start(r->hub->o.loop, &x->timer, timeout_ms);
    list_push(&v->queue, &x->link);
    if ((c = map_get(&r->calls, uuid_span(&call))))
        list_push(&c->asked, &x->of_call);
    v->n++;
    r->n++;
    kick(r, v);
    return 0;
}

// Devices ask and reply ---------------------------------------------------------------------------

bool hub_rpc_take(struct hub *h, struct store_device *d, struct buf *out)
{
    struct rpc_device *v = device_of(h->rpcs, d, false);
    if (!v || list_empty(&v->queue))
        return false;
    struct rpc *x = container_of(v->queue.next, struct rpc, link);
    buf_add_span(out, x->text);
    deliver(x);
    return true;
}

bool hub_rpc_reply(struct hub *h, struct store_device *d, int64_t id, struct span json)
{
    struct rpc_device *v = device_of(h->rpcs, d, false);
    struct rpc *found = NULL;
    for (struct list *it = v ? v->sent.next : NULL; it && it != &v->sent; it = it->next) {
        struct rpc *x = container_of(it, struct rpc, link);
        if (x->id == id)
            found = x;
    }
    if (found)
        finish(found, 0, json);
    return found != NULL;
}

// Calls -------------------------------------------------------------------------------------------

static void on_call_timer(struct timer *t)
{
    struct hub_rpc_call *c = container_of(t, struct hub_rpc_call, timer);
    int otherwise = c->delivered ? ERR_TIMEOUT : ERR_UNAVAILABLE;
    end_call(c->hub->rpcs, c->id, c->failed ? c->failed : otherwise, SPAN_NONE);
}

static void on_committed(void *ctx, int status)
{
    (void)status;
    mem_free(ctx);
}

static void on_run_done(struct hub_run *run)
{
    struct call_run *x = container_of(run, struct call_run, run);
    struct rpcs *r = run->hub->rpcs;
    map_remove(&r->runs, uuid_span(&x->id));
    if (run->canceled)
        hub_run_abort(run);
    else if (run->failures)
        fail_call(r, x->id, ERR_UNAVAILABLE); // it has gone nowhere
    if (run->canceled)
        mem_free(x);
    else
        hub_run_commit(run, on_committed, x);
}

static void send(struct hub_rpc_call *c, struct store_device *d, struct span json, bool oneway,
                 int64_t timeout_ms)
{
    struct hub *h = c->hub;
    struct call_run *x = mem_new(struct call_run);
    struct hub_run *run = &x->run;
    char id[UUID_TEXT_LEN + 1];
    int64_t now_ms = loop_wall_ms(h->o.loop);
    x->id = c->id;
    map_put(&h->rpcs->runs, uuid_span(&x->id), x);
    uuid_format(c->id, id);
    hub_run_begin(h, run);
    run->done = on_run_done;
    struct convert_pair metadata[] = {
        {SPAN("requestUUID"), span_str(id)},
        {SPAN("originServiceId"), SPAN("penstock")},
        {SPAN("expirationTime"),
         arena_printf(&run->arena, "%lld", (long long)(now_ms + timeout_ms))},
        {SPAN("oneway"), oneway ? SPAN("true") : SPAN("false")},
        {SPAN("persistent"), SPAN("false")},
    };
    struct hub_msg m = {.type = RULE_MSG_RPC_CALL_FROM_SERVER_TO_DEVICE,
                        .originator = d,
                        .ts_ms = now_ms,
                        .metadata = {metadata, sizeof metadata / sizeof *metadata},
                        .json = json};
    hub_run_message(run, &m);
    if (hub_run_finish(run))
        on_run_done(run);
}

int hub_rpc_call(struct hub *h, struct hub_rpc_call *c, struct store_device *d, struct span json,
                 bool oneway, int64_t timeout_ms, struct err *e)
{
    struct rpcs *r = h->rpcs;
    struct rpc_device *v = device_of(r, d, false);
    if (r->stopped)
        return err_set(e, ERR_UNAVAILABLE, "the program is being stopped");
    if (r->calls.n >= RPC_MAX || (v && v->n >= RPC_DEVICE_MAX))
        return err_set(e, ERR_BUSY, "%d calls wait for the device already", RPC_DEVICE_MAX);
    c->hub = h;
    c->id = uuid_new_v4(loop_clock(h->o.loop));
    list_init(&c->asked);
    c->delivered = false;
    c->failed = 0;
    c->timer = (struct timer){.fire = on_call_timer};
    map_put(&r->calls, uuid_span(&c->id), c);
    timer_start(h->o.loop, &c->timer, timeout_ms);
    send(c, d, json, oneway, timeout_ms);
    return 0;
}

// Life --------------------------------------------------------------------------------------------

struct rpcs *rpcs_new(struct hub *h)
{
    struct rpcs *r = mem_new(struct rpcs);
    struct hub_rpc_sink sink = {r, submit};
    r->hub = h;
    r->task.run = run_ready;
    list_init(&r->ready);
    hub_set_rpc_sink(h, &sink);
    return r;
}

void rpcs_stop(struct rpcs *r)
{
    size_t at = 0;
    struct rpc_device *v;
    struct hub_rpc_call *c;
    r->stopped = true;
    loop_unpost(&r->task);
    // Each end may change the maps: begin again.
    while ((v = map_next(&r->devices, &at, NULL))) {
        struct list *from = !list_empty(&v->sent) ? &v->sent : &v->queue;
        if (v->n == 0)
            continue;
        finish(container_of(from->next, struct rpc, link), ERR_CANCELED, SPAN_NONE);
        at = 0;
    }
    at = 0;
    while ((c = map_next(&r->calls, &at, NULL))) {
        end_call(r, c->id, ERR_CANCELED, SPAN_NONE);
        at = 0;
    }
}

void rpcs_free(struct rpcs *r)
{
    if (!r)
        return;
    require(r->n == 0 && r->devices.n == 0 && r->calls.n == 0 && r->runs.n == 0);
    map_free(&r->devices);
    map_free(&r->calls);
    map_free(&r->runs);
    mem_free(r);
}
