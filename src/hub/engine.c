// SPDX-License-Identifier: Apache-2.0
#include "hub/engine.h"

#define LOG_TEXT_MAX 600
#define LOGS_A_MINUTE 120
#define FAILURES_A_MINUTE 20

// A message under way. Lives on the stack until a node must wait; then a copy in the run's arena
// goes on from that node.
struct flow {
    struct hub_run *run;
    struct chain_runtime *chain;
    const struct hub_msg *msg;
    unsigned steps; // left
};

// A node waiting for a script: everything it needs to go on.
struct waiting {
    struct flow flow;
    const struct rule_node *node;
    struct downlink_input input;
    struct convert_job job;
    struct convert_waiter waiter;
    struct hub_downlink_request request;
};

static void run_node(struct flow *f, const struct rule_node *n);

static unsigned forward(struct flow *f, const struct rule_node *n, struct span result)
{
    unsigned taken = 0;
    for (uint32_t i = 0; i < n->n_edges; i++) {
        if (!span_eq(n->edges[i].type, result))
            continue;
        taken++;
        run_node(f, &f->chain->chain->nodes[n->edges[i].to]);
    }
    return taken;
}

static void succeed(struct flow *f, const struct rule_node *n)
{
    forward(f, n, SPAN("Success"));
}

static void fail(struct flow *f, const struct rule_node *n, const char *reason)
{
    struct hub *h = f->run->hub;
    uint32_t held;
    h->stats.node_failures++;
    if (f->steps > 0 && forward(f, n, SPAN("Failure")))
        return;
    f->run->failures++;
    if (log_limit_pass(&h->failure_log, loop_now_ms(h->o.loop), FAILURES_A_MINUTE, &held)) {
        log_warn("rules", "rule node failed",
                 "chain=\"%.*s\" node=\"%.*s\" type=%s reason=\"%s\" suppressed=%u",
                 SPAN_ARG(f->chain->chain->name), SPAN_ARG(n->name),
                 rule_msg_type_name(f->msg->type), reason, held);
    }
}

static int64_t message_ts(const struct hub_msg *m)
{
    return m->telemetry->ts_ms ? m->telemetry->ts_ms : m->ts_ms;
}

static void save_timeseries(struct flow *f, const struct rule_node *n)
{
    const struct hub_msg *m = f->msg;
    if (m->type != RULE_MSG_POST_TELEMETRY_REQUEST || !m->telemetry) {
        fail(f, n, "only POST_TELEMETRY_REQUEST can be saved as time series");
        return;
    }
    int64_t ts = n->use_server_ts ? loop_wall_ms(f->run->hub->o.loop) : message_ts(m);
    store_txn_points(f->run->txn, m->originator, ts, m->telemetry->kv, m->telemetry->n);
    f->run->hub->stats.telemetry_points += m->telemetry->n;
    succeed(f, n);
}

// sendAttributesUpdatedNotification: the saved attributes go round as a message of their own.
static void notify_attributes(struct flow *f, enum store_scope scope)
{
    struct hub_msg m = *f->msg;
    m.type = RULE_MSG_ATTRIBUTES_UPDATED;
    m.scope = scope;
    m.json = SPAN_NONE;
    struct flow next = {f->run, f->chain, &m, f->steps};
    const struct rule_chain *c = f->chain->chain;
    if (c->first >= 0)
        run_node(&next, &c->nodes[c->first]);
    f->steps = next.steps;
}

static void save_attributes(struct flow *f, const struct rule_node *n)
{
    const struct hub_msg *m = f->msg;
    if (m->type != RULE_MSG_POST_ATTRIBUTES_REQUEST || !m->attributes) {
        fail(f, n, "only POST_ATTRIBUTES_REQUEST can be saved as attributes");
        return;
    }
    // The message's own scope (metadata.scope) goes before the node's.
    enum store_scope scope = m->scope ? m->scope : n->scope;
    for (uint32_t i = 0; i < m->n_attributes; i++) {
        store_txn_attribute(f->run->txn, m->originator, scope, &m->attributes[i], m->ts_ms,
                            n->only_on_change);
    }
    f->run->hub->stats.attributes += m->n_attributes;
    if (n->notify_updated)
        notify_attributes(f, scope);
    succeed(f, n);
}

static struct waiting *start_waiting(struct flow *f, const struct rule_node *n)
{
    struct waiting *w = arena_new(&f->run->arena, struct waiting);
    w->flow = *f;
    w->flow.msg = hub_msg_copy(&f->run->arena, f->msg);
    w->node = n;
    chain_ref(f->chain);
    f->run->pending++;
    w->input.msg_json = hub_msg_json(f->run, w->flow.msg);
    w->input.metadata = hub_msg_metadata(f->run, w->flow.msg);
    w->input.msg_type =
        f->msg->custom_type.n ? f->msg->custom_type : span_str(rule_msg_type_name(f->msg->type));
    return w;
}

static void end_waiting(struct waiting *w)
{
    struct hub_run *run = w->flow.run;
    chain_unref(w->flow.chain);
    run_release(run);
}

static void on_log_text(struct convert_job *job)
{
    struct waiting *w = job->data;
    const struct downlink_result *out = &job->downlink_out[0];
    struct hub *h = w->flow.run->hub;
    uint32_t held;
    if (out->status < 0) {
        struct err e = {0};
        err_set(&e, out->status, "%.*s", SPAN_ARG(out->error));
        arena_free(&job->arena);
        fail(&w->flow, w->node, e.msg);
        end_waiting(w);
        return;
    }
    if (log_limit_pass(&h->script_log, loop_now_ms(h->o.loop), LOGS_A_MINUTE, &held)) {
        struct span text = out->text;
        if (text.n > LOG_TEXT_MAX)
            text.n = LOG_TEXT_MAX;
        log_info("rules", "log node", "node=\"%.*s\" text=\"%.*s\" suppressed=%u",
                 SPAN_ARG(w->node->name), SPAN_ARG(text), held);
    }
    h->stats.scripts_logged++;
    arena_free(&job->arena);
    succeed(&w->flow, w->node);
    end_waiting(w);
}

static void submit_log(struct waiting *w);

static void on_log_room(struct convert_waiter *waiter)
{
    submit_log(container_of(waiter, struct waiting, waiter));
}

static void submit_log(struct waiting *w)
{
    struct convert_pool *pool = w->flow.run->hub->o.convert;
    if (convert_submit(pool, &w->job) == 0)
        return;
    w->waiter.wake = on_log_room;
    convert_wait_room(pool, &w->waiter);
}

static void run_log(struct flow *f, const struct rule_node *n)
{
    if (!n->runtime) {
        fail(f, n, "the log node has no JavaScript (jsScript is empty)");
        return;
    }
    struct waiting *w = start_waiting(f, n);
    w->job = (struct convert_job){
        .data = w, .script = n->runtime, .downlink = &w->input, .n = 1, .done = on_log_text};
    submit_log(w);
}

static void on_downlink(struct hub_downlink_request *q, int status, const char *error)
{
    struct waiting *w = q->data;
    if (status < 0) {
        fail(&w->flow, w->node, error);
    } else {
        succeed(&w->flow, w->node);
    }
    end_waiting(w);
}

static void run_downlink(struct flow *f, const struct rule_node *n)
{
    const struct hub_downlink_sink *sink = &f->run->hub->sink;
    if (!n->has_integration || !sink->submit) {
        fail(f, n, "configuration.integrationId is not set");
        return;
    }
    if (f->run->replay) {
        succeed(f, n);
        return;
    }
    struct err e = {0};
    struct waiting *w = start_waiting(f, n);
    w->request = (struct hub_downlink_request){.data = w,
                                               .done = on_downlink,
                                               .run = f->run,
                                               .integration = n->integration,
                                               .input = w->input};
    if (sink->submit(sink->ctx, &w->request, &e) == 0)
        return;
    fail(f, n, e.msg);
    end_waiting(w);
}

static void run_node(struct flow *f, const struct rule_node *n)
{
    if (f->steps == 0) {
        fail(f, n, "the message went round too often: the chain has a loop");
        return;
    }
    f->steps--;
    switch (n->kind) {
    case RULE_NODE_TYPE_SWITCH:
        forward(f, n, span_str(rule_msg_type_connection(f->msg->type)));
        return;
    case RULE_NODE_SAVE_TIMESERIES:
        save_timeseries(f, n);
        return;
    case RULE_NODE_SAVE_ATTRIBUTES:
        save_attributes(f, n);
        return;
    case RULE_NODE_LOG:
        run_log(f, n);
        return;
    case RULE_NODE_DOWNLINK:
        run_downlink(f, n);
        return;
    case RULE_NODE_UNKNOWN:
        break;
    }
    struct err e = {0};
    err_set(&e, ERR_INVALID, "node type %.*s is not supported", SPAN_ARG(n->class_name));
    fail(f, n, e.msg);
}

void engine_start(struct hub_run *r, const struct hub_msg *m)
{
    struct chain_runtime *chain = r->hub->root;
    if (!chain || chain->chain->first < 0)
        return;
    struct flow f = {r, chain, m, ENGINE_STEPS_MAX};
    run_node(&f, &chain->chain->nodes[chain->chain->first]);
}
