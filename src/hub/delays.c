// SPDX-License-Identifier: Apache-2.0
#include "hub/delays.h"

#include "base/mem.h"
#include "codec/json_out.h"

// Happy path: add (counted, in the run's transaction) -> settle (durable: in the list by time) ->
// on_timer -> fire -> the rest of the chain -> commit with the removal.
// Failure modes: the node or its chain is gone when the time has come: the message ends there,
// counted and logged. The program stops meanwhile: the document is still there at the next start.

#define FIRE_MAX 256 // messages of one run

struct delayed {
    struct list link;     // delays.due, by due_ms
    struct delayed *next; // of the run that added it
    struct uuid id, node;
    int64_t due_ms; // wall clock: a restart lies between
    struct json *doc;
    size_t bytes;
};

struct delays {
    struct hub *hub;
    struct list due;
    struct map by_node; // node id -> struct node_count
    size_t bytes;
    struct timer timer;
    bool stopped;
};

struct node_count {
    struct uuid id;
    unsigned n;
};

static void arm(struct delays *d);

static void count(struct delays *d, const struct delayed *x, int by)
{
    struct node_count *c = map_get(&d->by_node, uuid_span(&x->node));
    if (!c) {
        c = mem_new(struct node_count);
        c->id = x->node;
        map_put(&d->by_node, uuid_span(&c->id), c);
    }
    c->n += (unsigned)by;
    d->bytes += by > 0 ? x->bytes : -x->bytes;
    if (c->n)
        return;
    map_remove(&d->by_node, uuid_span(&c->id));
    mem_free(c);
}

static void forget(struct delays *d, struct delayed *x)
{
    count(d, x, -1);
    json_free(x->doc);
    mem_free(x);
}

static struct delayed *new_delayed(struct delays *d, struct uuid id, struct json *doc, size_t bytes)
{
    struct delayed *x = mem_new(struct delayed);
    x->id = id;
    x->doc = doc;
    x->bytes = sizeof *x + 4 * bytes; // a tree takes a multiple of its text
    x->due_ms = json_get_int(doc, "due", 0);
    if (!uuid_parse(json_get_str(doc, "node", SPAN_NONE), &x->node))
        x->node = uuid_null;
    count(d, x, 1);
    return x;
}

static void insert(struct delays *d, struct delayed *x)
{
    struct list *at = d->due.prev;
    while (at != &d->due && container_of(at, struct delayed, link)->due_ms > x->due_ms)
        at = at->prev;
    list_push_front(at, &x->link);
}

// The document ------------------------------------------------------------------------------------

static void set_uuid(struct json *doc, const char *key, struct uuid id)
{
    char text[UUID_TEXT_LEN + 1];
    uuid_format(id, text);
    json_set_str(doc, key, span_str(text));
}

static struct json *write_frames(const struct flow_frame *up)
{
    struct json *list = json_new_array();
    for (; up; up = up->up) {
        struct json *f = json_new_object();
        set_uuid(f, "chain", up->chain->id);
        set_uuid(f, "node", up->node->id);
        json_add(list, f);
    }
    return list;
}

static struct json *write_metadata(struct convert_pairs pairs)
{
    struct json *map = json_new_object();
    for (size_t i = 0; i < pairs.n; i++) {
        struct buf key = {0};
        buf_add_span(&key, pairs.p[i].key);
        json_set_str(map, buf_cstr(&key), pairs.p[i].value);
        buf_free(&key);
    }
    return map;
}

static struct json *write_doc(struct flow *f, const struct rule_node *n, int64_t due_ms)
{
    const struct hub_msg *m = f->msg;
    struct json *doc = json_new_object();
    json_set_num(doc, "due", (double)due_ms);
    set_uuid(doc, "chain", f->chain->id);
    set_uuid(doc, "node", n->id);
    json_set(doc, "frames", write_frames(f->up));
    json_set_str(doc, "type", hub_msg_type_name(m));
    if (m->originator)
        set_uuid(doc, "originator", m->originator->uuid);
    json_set_num(doc, "ts", (double)m->ts_ms);
    json_set(doc, "metadata", write_metadata(hub_msg_metadata(f->run, m)));
    json_set_str(doc, "data", hub_msg_json(f->run, m));
    return doc;
}

static struct convert_pairs read_metadata(struct arena *a, const struct json *map)
{
    struct convert_pair *p = arena_array(a, struct convert_pair, json_count(map));
    size_t n = 0;
    for (const struct json *j = json_child(map); j; j = json_next(j)) {
        p[n].key = arena_span(a, json_key(j));
        p[n++].value = arena_span(a, json_str(j, SPAN("")));
    }
    return (struct convert_pairs){p, n};
}

// False: the device is gone.
static bool read_msg(struct hub_run *r, const struct json *doc, struct hub_msg *m)
{
    struct arena *a = &r->arena;
    struct uuid id;
    struct span type = arena_span(a, json_get_str(doc, "type", SPAN_NONE));
    *m = (struct hub_msg){.type = rule_msg_type_of(type),
                          .ts_ms = json_get_int(doc, "ts", 0),
                          .metadata = read_metadata(a, json_get(doc, "metadata")),
                          .whole_metadata = true,
                          .held = true,
                          .json = arena_span(a, json_get_str(doc, "data", SPAN("{}")))};
    if (m->type == RULE_MSG_OTHER)
        m->custom_type = type;
    if (!uuid_parse(json_get_str(doc, "originator", SPAN_NONE), &id))
        return true;
    m->originator = store_find_device_id(r->hub->o.store, id);
    return m->originator != NULL;
}

// Holding back ------------------------------------------------------------------------------------

static int check_room(struct delays *d, const struct rule_node *n, unsigned node_max, struct err *e)
{
    const struct node_count *c = map_get(&d->by_node, uuid_span(&n->id));
    if (c && c->n >= node_max)
        return err_set(e, ERR_LIMIT, "%u messages wait here already", c->n);
    if (d->bytes >= DELAYS_BYTES_MAX)
        return err_set(e, ERR_LIMIT, "the messages that wait at delay nodes take %zu bytes already",
                       d->bytes);
    return 0;
}

int delays_add(struct delays *d, struct flow *f, const struct rule_node *n, int64_t delay_ms,
               unsigned node_max, struct err *e)
{
    if (check_room(d, n, node_max, e) < 0)
        return e->code;
    struct hub *h = d->hub;
    struct json *doc = write_doc(f, n, loop_wall_ms(h->o.loop) + delay_ms);
    struct uuid id = uuid_new_v1(loop_clock(h->o.loop));
    struct buf text = {0};
    json_write(doc, &text);
    store_txn_put_doc(f->run->txn, STORE_DELAYED, id, SPAN(""), buf_span(&text));
    struct delayed *x = new_delayed(d, id, doc, text.n);
    buf_free(&text);
    x->next = f->run->delayed;
    f->run->delayed = x;
    return 0;
}

void delays_settle(struct delays *d, struct delayed *added, bool durable)
{
    while (added) {
        struct delayed *x = added;
        added = x->next;
        x->next = NULL;
        if (durable)
            insert(d, x);
        else
            forget(d, x);
    }
    arm(d);
}

// Going on ----------------------------------------------------------------------------------------

struct firing {
    struct hub_run run;
    struct delays *delays;
    struct list messages; // struct delayed, back into the list when the run is given up
};

static void on_fired(void *ctx, int status)
{
    struct firing *f = ctx;
    struct delays *d = f->delays;
    for (struct list *it; (it = list_pop(&f->messages));) {
        struct delayed *x = container_of(it, struct delayed, link);
        if (status == 0)
            forget(d, x);
        else
            insert(d, x);
    }
    mem_free(f);
    if (status == 0)
        arm(d);
    else
        delays_stop(d); // the program stops: they would be given up over and over
}

static void on_run_done(struct hub_run *r)
{
    struct firing *f = container_of(r, struct firing, run);
    if (r->canceled) {
        hub_run_abort(r);
        on_fired(f, ERR_CANCELED);
    } else {
        hub_run_commit(r, on_fired, f);
    }
}

static void log_lost(struct hub *h, const char *reason)
{
    h->stats.node_failures++;
    log_warn("rules", "a delayed message could not go on", "reason=\"%s\"", reason);
}

static void go_on(struct firing *f, struct delayed *x)
{
    struct hub_run *r = &f->run;
    struct uuid chain;
    struct hub_msg *m = arena_new(&r->arena, struct hub_msg);
    store_txn_delete_doc(r->txn, STORE_DELAYED, x->id);
    if (!uuid_parse(json_get_str(x->doc, "chain", SPAN_NONE), &chain))
        chain = uuid_null;
    if (!read_msg(r, x->doc, m))
        log_lost(r->hub, "its device was deleted");
    else if (!engine_resume(r, chain, x->node, json_get(x->doc, "frames"), m))
        log_lost(r->hub, "its rule chain or node is not there any more");
}

static void fire(struct delays *d, int64_t now_ms)
{
    struct firing *f = mem_new(struct firing);
    f->delays = d;
    list_init(&f->messages);
    hub_run_begin(d->hub, &f->run);
    f->run.done = on_run_done;
    for (unsigned i = 0; i < FIRE_MAX && !list_empty(&d->due); i++) {
        struct delayed *x = container_of(d->due.next, struct delayed, link);
        if (x->due_ms > now_ms)
            break;
        list_remove(&x->link);
        list_push(&f->messages, &x->link);
        go_on(f, x);
    }
    if (hub_run_finish(&f->run))
        on_run_done(&f->run);
}

static void on_timer(struct timer *t)
{
    struct delays *d = container_of(t, struct delays, timer);
    int64_t now_ms = loop_wall_ms(d->hub->o.loop);
    if (!list_empty(&d->due) && container_of(d->due.next, struct delayed, link)->due_ms <= now_ms)
        fire(d, now_ms);
    arm(d);
}

#define ARM_MAX_MS 60000 // the wall clock may be set meanwhile

static void arm(struct delays *d)
{
    if (d->stopped || list_empty(&d->due)) {
        timer_stop(&d->timer);
        return;
    }
    int64_t left =
        container_of(d->due.next, struct delayed, link)->due_ms - loop_wall_ms(d->hub->o.loop);
    timer_start(d->hub->o.loop, &d->timer, left < 0 ? 0 : left > ARM_MAX_MS ? ARM_MAX_MS : left);
}

// Life --------------------------------------------------------------------------------------------

struct delays *delays_new(struct hub *h)
{
    struct delays *d = mem_new(struct delays);
    d->hub = h;
    d->timer.fire = on_timer;
    list_init(&d->due);
    return d;
}

void delays_load(struct delays *d, struct uuid id, struct span json)
{
    struct err e = {0};
    struct json *doc = json_parse(json, &e);
    if (doc)
        insert(d, new_delayed(d, id, doc, json.n));
    else
        log_error("hub", "a delayed message cannot be read", "error=\"%s\"", e.msg);
    arm(d);
}

void delays_stop(struct delays *d)
{
    d->stopped = true;
    timer_stop(&d->timer);
}

void delays_free(struct delays *d)
{
    if (!d)
        return;
    timer_stop(&d->timer);
    for (struct list *it; (it = list_pop(&d->due));)
        forget(d, container_of(it, struct delayed, link));
    map_free(&d->by_node);
    mem_free(d);
}
