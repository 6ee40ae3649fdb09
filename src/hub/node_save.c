// SPDX-License-Identifier: Apache-2.0
#include "hub/node.h"

// Save time series, save attributes: facts/hub.md section 4.6.

struct save_timeseries {
    bool use_server_ts;
};

static int compile_timeseries(struct node_compile *c)
{
    struct save_timeseries *s = arena_new(c->arena, struct save_timeseries);
    s->use_server_ts = json_get_bool(c->conf, "useServerTs", false);
    c->node->config = s;
    return 0;
}

static int64_t message_ts(const struct hub_msg *m)
{
    return m->telemetry->ts_ms ? m->telemetry->ts_ms : m->ts_ms;
}

static void run_timeseries(struct flow *f, const struct rule_node *n)
{
    const struct save_timeseries *s = n->config;
    const struct hub_msg *m = f->msg;
    if (m->type != RULE_MSG_POST_TELEMETRY_REQUEST || !m->telemetry) {
        flow_fail(f, n, "only POST_TELEMETRY_REQUEST can be saved as time series");
        return;
    }
    int64_t ts = s->use_server_ts ? loop_wall_ms(f->run->hub->o.loop) : message_ts(m);
    store_txn_points(f->run->txn, m->originator, ts, m->telemetry->kv, m->telemetry->n);
    f->run->hub->stats.telemetry_points += m->telemetry->n;
    flow_succeed(f, n);
}

const struct rule_node_type node_save_timeseries = {.suffix = ".telemetry.TbMsgTimeseriesNode",
                                                    .compile = compile_timeseries,
                                                    .run = run_timeseries};

struct save_attributes {
    enum store_scope scope;
    bool notify_updated; // sendAttributesUpdatedNotification
    bool only_on_change; // updateAttributesOnlyOnValueChange
};

static int compile_attributes(struct node_compile *c)
{
    struct save_attributes *s = arena_new(c->arena, struct save_attributes);
    s->notify_updated = json_get_bool(c->conf, "sendAttributesUpdatedNotification", false);
    s->only_on_change = json_get_bool(c->conf, "updateAttributesOnlyOnValueChange", true);
    c->node->config = s;
    return node_read_scope(c, "scope", STORE_SERVER, &s->scope);
}

// sendAttributesUpdatedNotification: the saved attributes go round as a message of their own.
static void notify_attributes(struct flow *f, enum store_scope scope)
{
    struct hub_msg m = *f->msg;
    m.type = RULE_MSG_ATTRIBUTES_UPDATED;
    m.scope = scope;
    m.json = SPAN_NONE;
    flow_start(f, &m);
}

static void run_attributes(struct flow *f, const struct rule_node *n)
{
    const struct save_attributes *s = n->config;
    const struct hub_msg *m = f->msg;
    if (m->type != RULE_MSG_POST_ATTRIBUTES_REQUEST || !m->attributes) {
        flow_fail(f, n, "only POST_ATTRIBUTES_REQUEST can be saved as attributes");
        return;
    }
    // The message's own scope (metadata.scope) goes before the node's.
    enum store_scope scope = m->scope ? m->scope : s->scope;
    for (uint32_t i = 0; i < m->n_attributes; i++) {
        store_txn_attribute(f->run->txn, m->originator, scope, &m->attributes[i], m->ts_ms,
                            s->only_on_change);
    }
    f->run->hub->stats.attributes += m->n_attributes;
    if (s->notify_updated)
        notify_attributes(f, scope);
    flow_succeed(f, n);
}

const struct rule_node_type node_save_attributes = {.suffix = ".telemetry.TbMsgAttributesNode",
                                                    .compile = compile_attributes,
                                                    .run = run_attributes};
