// SPDX-License-Identifier: Apache-2.0
#include "hub/node.h"
#include "hub/run_writes.h"
#include "hub/save_strategy.h"
#include "hub/shared_changes.h"
#include "hub/value_reads.h"

// Save time series, save attributes: facts/hub.md section 4.6. A message as it came in holds its
// values ready; one that a node has changed holds text, which is read again here.

// Time series -------------------------------------------------------------------------------------

struct save_timeseries {
    bool use_server_ts;
    struct save_strategy strategy;
};

static int compile_timeseries(struct node_compile *c)
{
    static const char *const parts[] = {"timeseries", "latest", NULL};
    struct save_timeseries *s = arena_new(c->arena, struct save_timeseries);
    c->node->config = s;
    s->use_server_ts = json_get_bool(c->conf, "useServerTs", false);
    return save_strategy_read(c->conf, parts, &s->strategy, c->e);
}

static void release_timeseries(struct rule_node *n)
{
    struct save_timeseries *s = n->config;
    if (s)
        save_strategy_free(&s->strategy);
}

// metadata.ts, else the message's own time.
static int64_t metadata_ts(struct flow *f)
{
    int64_t ts;
    struct span text = hub_msg_get(f->run, f->msg, SPAN("ts"));
    return span_to_i64(text, &ts) && ts > 0 ? ts : f->msg->ts_ms;
}

static int64_t server_ts(const struct flow *f)
{
    return loop_wall_ms(f->run->hub->o.loop);
}

// A group that names its time keeps it. Whether the node writes is asked once a message.
static int put_text(struct flow *f, struct save_timeseries *s, struct err *e)
{
    struct hub_run *r = f->run;
    struct store_device *d = f->msg->originator;
    struct kv_group *groups;
    size_t n;
    int64_t ts = s->use_server_ts ? server_ts(f) : metadata_ts(f);
    if (hub_parse_telemetry(hub_msg_json(r, f->msg), r->hub->o.cast_strings, &r->arena, &groups, &n,
                            e) < 0)
        return e->code;
    if (n == 0 || (n == 1 && groups[0].n == 0))
        return err_set(e, ERR_INVALID, "the message's data holds no values");
    if (!save_strategy_wants(&s->strategy, d, ts))
        return 0;
    for (size_t i = 0; i < n; i++)
        run_put_points(r, d, groups[i].ts_ms ? groups[i].ts_ms : ts, groups[i].kv, groups[i].n);
    return 0;
}

static void run_text(struct flow *f, const struct rule_node *n)
{
    struct err e = {0};
    if (put_text(f, n->config, &e) < 0)
        flow_fail(f, n, e.msg);
    else
        flow_succeed(f, n);
}

// The group's time is the message's metadata.ts: facts/hub.md section 4.3.
static void put_group(struct flow *f, struct save_timeseries *s)
{
    struct store_device *d = f->msg->originator;
    const struct kv_group *g = f->msg->telemetry;
    int64_t ts = s->use_server_ts ? server_ts(f) : g->ts_ms ? g->ts_ms : f->msg->ts_ms;
    if (save_strategy_wants(&s->strategy, d, ts))
        run_put_points(f->run, d, ts, g->kv, g->n);
}

static void run_timeseries(struct flow *f, const struct rule_node *n)
{
    const struct hub_msg *m = f->msg;
    if (m->type != RULE_MSG_POST_TELEMETRY_REQUEST || !m->originator) {
        flow_fail(f, n, "only POST_TELEMETRY_REQUEST can be saved as time series");
    } else if (!run_has_room(f->run)) {
        flow_fail(f, n, "the messages that are stored together have too much telemetry");
    } else if (!m->telemetry) {
        run_text(f, n);
    } else {
        put_group(f, n->config);
        flow_succeed(f, n);
    }
}

const struct rule_node_type node_save_timeseries = {.suffix = ".telemetry.TbMsgTimeseriesNode",
                                                    .compile = compile_timeseries,
                                                    .run = run_timeseries,
                                                    .release = release_timeseries};

// Attributes --------------------------------------------------------------------------------------

struct save_attributes {
    enum store_scope scope;
    bool notify_device;
    bool notify_updated; // sendAttributesUpdatedNotification
    bool only_on_change; // updateAttributesOnlyOnValueChange
    struct save_strategy strategy;
};

static int compile_attributes(struct node_compile *c)
{
    static const char *const parts[] = {"attributes", NULL};
    struct save_attributes *s = arena_new(c->arena, struct save_attributes);
    c->node->config = s;
    s->notify_device = json_get_bool(c->conf, "notifyDevice", false);
    s->notify_updated = json_get_bool(c->conf, "sendAttributesUpdatedNotification", false);
    s->only_on_change = json_get_bool(c->conf, "updateAttributesOnlyOnValueChange", true);
    c->node->reads_values = s->notify_updated && s->only_on_change;
    if (save_strategy_read(c->conf, parts, &s->strategy, c->e) < 0)
        return c->e->code;
    return node_read_scope(c, "scope", STORE_SERVER, &s->scope);
}

static void release_attributes(struct rule_node *n)
{
    struct save_attributes *s = n->config;
    if (s)
        save_strategy_free(&s->strategy);
}

// The saved attributes go round as a message of their own: facts/hub.md section 4.3.
static void notify_attributes(struct flow *f, const struct rule_node *n, enum store_scope scope,
                              const struct kv *kv, uint32_t count)
{
    char id[UUID_TEXT_LEN + 1];
    uuid_format(n->id, id);
    struct convert_pair p[] = {{SPAN("ruleNodeId"), span_str(id)}};
    struct hub_msg m = {.type = RULE_MSG_ATTRIBUTES_UPDATED,
                        .originator = f->msg->originator,
                        .ts_ms = f->msg->ts_ms,
                        .metadata = {p, 1},
                        .attributes = kv,
                        .n_attributes = count,
                        .scope = scope};
    flow_start(f, &m);
}

// The message's own scope goes before the node's. 0 = it names none that there is.
static enum store_scope scope_of(struct flow *f, const struct save_attributes *s)
{
    if (f->msg->scope && !f->msg->whole_metadata)
        return f->msg->scope;
    struct span own = hub_msg_get(f->run, f->msg, SPAN("scope"));
    return own.n ? hub_scope_of(own) : s->scope;
}

static int read_attributes(struct flow *f, const struct kv **kv, size_t *count, struct err *e)
{
    struct hub_run *r = f->run;
    const struct hub_msg *m = f->msg;
    struct kv *read;
    *kv = m->attributes;
    *count = m->n_attributes;
    if (m->attributes)
        return 0;
    int rc = hub_parse_attributes(hub_msg_json(r, m), r->hub->o.cast_strings, &r->arena, &read,
                                  count, e);
    *kv = read;
    return rc;
}

// The node says so, or the message does not say no; what devices post says no.
static bool tells_device(struct flow *f, const struct save_attributes *s)
{
    struct span own = hub_msg_get(f->run, f->msg, SPAN("notifyDevice"));
    return s->notify_device || own.n == 0 || span_ieq(own, SPAN("true"));
}

static void put_attributes(struct flow *f, const struct rule_node *n, enum store_scope scope,
                           const struct kv *kv, size_t count)
{
    struct save_attributes *s = n->config;
    struct store_device *d = f->msg->originator;
    for (size_t i = 0; i < count; i++)
        run_put_attribute(f->run, d, scope, &kv[i], f->msg->ts_ms, s->only_on_change);
    if (scope == STORE_SHARED && tells_device(f, s))
        shared_changes_save(f->run, d, kv, count);
    if (count && s->notify_updated && scope != STORE_CLIENT)
        notify_attributes(f, n, scope, kv, (uint32_t)count);
}

// What follows from a save tells of changes only: then what is stored has to be known first.
struct attributes_wait {
    struct flow *flow;
    const struct rule_node *node;
    enum store_scope scope;
    struct kv *kv;
    bool *same;
    size_t n;
    struct value_read read;
};

static void on_attribute(struct value_read *r, enum store_scope scope, struct span key,
                         const struct value *v, int64_t ts_ms)
{
    struct attributes_wait *w = container_of(r, struct attributes_wait, read);
    (void)ts_ms;
    for (size_t i = 0; i < w->n; i++) {
        if (scope == w->scope && span_eq(w->kv[i].key, key))
            w->same[i] = value_eq(&w->kv[i].value, v);
    }
}

// What this run has written meanwhile goes before what was stored.
static size_t keep_changes(struct attributes_wait *w)
{
    struct flow *f = w->flow;
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) {
        const struct written *own = run_written(f->run, f->msg->originator, w->scope, w->kv[i].key);
        bool same = own ? !own->deleted && value_eq(&own->value, &w->kv[i].value) : w->same[i];
        if (!same)
            w->kv[n++] = w->kv[i];
    }
    return n;
}

static void on_read(struct value_read *r, int status)
{
    struct attributes_wait *w = container_of(r, struct attributes_wait, read);
    if (status == 0)
        put_attributes(w->flow, w->node, w->scope, w->kv, keep_changes(w));
    flow_end(w->flow, w->node, status, "the device's attributes could not be read", NULL);
}

static void start_read(struct flow *f, const struct rule_node *n, enum store_scope scope,
                       const struct kv *kv, size_t count)
{
    struct arena *a = &f->run->arena;
    struct attributes_wait *w = arena_new(a, struct attributes_wait);
    struct span *keys = arena_array(a, struct span, count);
    w->flow = flow_hold(f);
    w->node = n;
    w->scope = scope;
    w->n = count;
    w->same = arena_array(a, bool, count);
    w->kv = arena_array(a, struct kv, count);
    if (w->flow->msg->attributes)
        kv = w->flow->msg->attributes;
    for (size_t i = 0; i < count; i++) {
        w->kv[i] = kv[i];
        w->same[i] = false;
        keys[i] = kv[i].key;
    }
    w->read = (struct value_read){.device = f->msg->originator,
                                  .attribute_keys = keys,
                                  .n_attributes = count,
                                  .value = on_attribute,
                                  .done = on_read};
    value_reads_add(f->run->hub->reads, &w->read);
}

static void run_attributes(struct flow *f, const struct rule_node *n)
{
    struct save_attributes *s = n->config;
    struct store_device *d = f->msg->originator;
    struct err e = {0};
    const struct kv *kv;
    size_t count;
    if (f->msg->type != RULE_MSG_POST_ATTRIBUTES_REQUEST || !d) {
        flow_fail(f, n, "only POST_ATTRIBUTES_REQUEST can be saved as attributes");
        return;
    }
    enum store_scope scope = scope_of(f, s);
    if (!scope)
        err_set(&e, ERR_INVALID, "metadata.scope of the message is not a scope");
    if (!scope || read_attributes(f, &kv, &count, &e) < 0) {
        flow_fail(f, n, e.msg);
        return;
    }
    bool wants = count && save_strategy_wants(&s->strategy, d, f->msg->ts_ms);
    if (wants && n->reads_values && scope != STORE_CLIENT) {
        start_read(f, n, scope, kv, count);
        return;
    }
    if (wants)
        put_attributes(f, n, scope, kv, count);
    flow_succeed(f, n);
}

const struct rule_node_type node_save_attributes = {.suffix = ".telemetry.TbMsgAttributesNode",
                                                    .compile = compile_attributes,
                                                    .run = run_attributes,
                                                    .release = release_attributes};
