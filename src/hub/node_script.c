// SPDX-License-Identifier: Apache-2.0
#include "hub/node.h"

// Nodes that run a script of their own in the converter pool.

#define LOG_TEXT_MAX 600
#define LOGS_A_MINUTE 120

struct script_wait {
    struct flow *flow;
    const struct rule_node *node;
    struct downlink_input input;
    struct convert_job job;
    struct convert_waiter waiter;
};

static int compile_log(struct node_compile *c)
{
    c->node->script = arena_span(c->arena, json_get_str(c->conf, "jsScript", SPAN_NONE));
    c->node->script_kind = CONVERT_LOG;
    return 0;
}

static void take_log_text(struct script_wait *w, const struct downlink_result *out)
{
    struct hub *h = w->flow->run->hub;
    uint32_t held;
    if (out->status < 0) {
        struct err e = {0};
        err_set(&e, out->status, "%.*s", SPAN_ARG(out->error));
        flow_fail(w->flow, w->node, e.msg);
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
    flow_succeed(w->flow, w->node);
}

static void on_log_text(struct convert_job *job)
{
    struct script_wait *w = job->data;
    take_log_text(w, &job->downlink_out[0]);
    arena_free(&job->arena);
    flow_release(w->flow);
}

static void submit_log(struct script_wait *w);

static void on_log_room(struct convert_waiter *waiter)
{
    submit_log(container_of(waiter, struct script_wait, waiter));
}

static void submit_log(struct script_wait *w)
{
    struct convert_pool *pool = w->flow->run->hub->o.convert;
    if (convert_submit(pool, &w->job) == 0)
        return;
    w->waiter.wake = on_log_room;
    convert_wait_room(pool, &w->waiter);
}

static void run_log(struct flow *f, const struct rule_node *n)
{
    if (!n->runtime) {
        flow_fail(f, n, "the log node has no JavaScript (jsScript is empty)");
        return;
    }
    struct script_wait *w = arena_new(&f->run->arena, struct script_wait);
    w->flow = flow_hold(f);
    w->node = n;
    w->input = hub_msg_input(f->run, w->flow->msg);
    w->job = (struct convert_job){
        .data = w, .script = n->runtime, .downlink = &w->input, .n = 1, .done = on_log_text};
    submit_log(w);
}

const struct rule_node_type node_log = {
    .suffix = ".action.TbLogNode", .compile = compile_log, .run = run_log};
