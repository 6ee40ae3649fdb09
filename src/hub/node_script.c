// SPDX-License-Identifier: Apache-2.0
#include "hub/node.h"
#include "hub/script_queue.h"

// Nodes that run a script of their own in the converter pool: filter, switch, transformation, log.
//
// A script in the hub's other language (TBEL) is run as the JavaScript it usually is, too; where it
// is not, the failure says so.

#define LOG_TEXT_MAX 600
#define LOGS_A_MINUTE 120

static int compile_script(struct node_compile *c, enum convert_kind kind)
{
    struct rule_node *n = c->node;
    struct span lang = json_get_str(c->conf, "scriptLang", SPAN("JS"));
    n->is_tbel = span_is(lang, "TBEL");
    if (!n->is_tbel && !span_is(lang, "JS"))
        return node_refuse(c, "scriptLang", lang, "JS or TBEL");
    const char *key = n->is_tbel ? "tbelScript" : "jsScript";
    n->script = arena_span(c->arena, json_get_str(c->conf, key, SPAN_NONE));
    n->script_kind = kind;
    if (n->script.n > CONVERT_SCRIPT_MAX)
        return err_set(c->e, ERR_LIMIT, "configuration.%s: longer than %zu bytes", key,
                       CONVERT_SCRIPT_MAX);
    return 0;
}

static void run_script(struct flow *f, const struct rule_node *n,
                       void (*done)(struct script_wait *w, const struct rule_result *r))
{
    if (!n->scripts) {
        flow_fail(f, n, "the node has no script: configuration.jsScript is empty");
        return;
    }
    struct script_wait *w = arena_new(&f->run->arena, struct script_wait);
    w->flow = flow_hold(f);
    w->node = n;
    w->input = hub_msg_input(f->run, w->flow->msg);
    w->done = done;
    script_queue_add(n->scripts, w);
}

// True when the script gave no result: the message has gone on by Failure.
static bool failed(struct script_wait *w, const struct rule_result *r)
{
    if (r->status == 0)
        return false;
    struct err e = {0};
    err_set(&e, r->status, "%.*s", SPAN_ARG(r->error));
    if (w->node->is_tbel && r->status == ERR_SCRIPT)
        err_wrap(&e, "the script is TBEL, which is run as JavaScript");
    flow_fail(w->flow, w->node, e.msg);
    return true;
}

// Log ---------------------------------------------------------------------------------------------

static int compile_log(struct node_compile *c)
{
    return compile_script(c, CONVERT_LOG);
}

static void on_log_text(struct script_wait *w, const struct rule_result *r)
{
    struct hub *h = w->flow->run->hub;
    uint32_t held;
    if (!failed(w, r)) {
        if (log_limit_pass(&h->script_log, loop_now_ms(h->o.loop), LOGS_A_MINUTE, &held)) {
            struct span text = r->text;
            if (text.n > LOG_TEXT_MAX)
                text.n = LOG_TEXT_MAX;
            log_info("rules", "log node", "node=\"%.*s\" text=\"%.*s\" suppressed=%u",
                     SPAN_ARG(w->node->name), SPAN_ARG(text), held);
        }
        h->stats.scripts_logged++;
        flow_succeed(w->flow, w->node);
    }
    flow_release(w->flow);
}

static void run_log(struct flow *f, const struct rule_node *n)
{
    run_script(f, n, on_log_text);
}

const struct rule_node_type node_log = {
    .suffix = ".action.TbLogNode", .compile = compile_log, .run = run_log};

// Filter ------------------------------------------------------------------------------------------

static int compile_filter(struct node_compile *c)
{
    return compile_script(c, CONVERT_FILTER);
}

static void on_verdict(struct script_wait *w, const struct rule_result *r)
{
    if (!failed(w, r))
        flow_next(w->flow, w->node, r->verdict ? SPAN("True") : SPAN("False"));
    flow_release(w->flow);
}

static void run_filter(struct flow *f, const struct rule_node *n)
{
    run_script(f, n, on_verdict);
}

const struct rule_node_type node_script_filter = {
    .suffix = ".filter.TbJsFilterNode", .compile = compile_filter, .run = run_filter};

// Switch ------------------------------------------------------------------------------------------

static int compile_switch(struct node_compile *c)
{
    return compile_script(c, CONVERT_SWITCH);
}

static void on_connections(struct script_wait *w, const struct rule_result *r)
{
    if (!failed(w, r)) {
        for (uint32_t i = 0; i < r->n_names; i++)
            flow_next(w->flow, w->node, r->names[i]);
    }
    flow_release(w->flow);
}

static void run_switch(struct flow *f, const struct rule_node *n)
{
    run_script(f, n, on_connections);
}

const struct rule_node_type node_script_switch = {
    .suffix = ".filter.TbJsSwitchNode", .compile = compile_switch, .run = run_switch};

// Transformation ----------------------------------------------------------------------------------

static int compile_transform(struct node_compile *c)
{
    return compile_script(c, CONVERT_TRANSFORM);
}

static void send_result(struct script_wait *w, const struct rule_msg_out *out)
{
    struct hub_run *run = w->flow->run;
    struct hub_msg *m = hub_msg_edit(run, w->flow->msg);
    if (out->has_metadata)
        m->metadata = hub_pairs_copy(&run->arena, out->metadata);
    if (out->msg_json.p)
        hub_msg_set_json(m, arena_span(&run->arena, out->msg_json));
    if (out->msg_type.n)
        hub_msg_set_type(run, m, arena_span(&run->arena, out->msg_type));
    flow_succeed_with(w->flow, w->node, m);
}

// What the script left out is passed on by reference.
static size_t size_of(const struct rule_msg_out *out)
{
    size_t n = out->msg_json.n + out->msg_type.n;
    for (size_t i = 0; i < out->metadata.n; i++)
        n += out->metadata.p[i].key.n + out->metadata.p[i].value.n + sizeof out->metadata.p[i];
    return n;
}

static bool take_room(struct script_wait *w, const struct rule_result *r)
{
    size_t n = 0;
    for (uint32_t i = 0; i < r->n_msgs; i++)
        n += size_of(&r->msgs[i]);
    if (flow_take(w->flow, n))
        return true;
    flow_fail(w->flow, w->node, "the scripts have made too much of this message");
    return false;
}

static void on_messages(struct script_wait *w, const struct rule_result *r)
{
    if (!failed(w, r) && take_room(w, r)) {
        for (uint32_t i = 0; i < r->n_msgs; i++)
            send_result(w, &r->msgs[i]);
    }
    flow_release(w->flow);
}

static void run_transform(struct flow *f, const struct rule_node *n)
{
    run_script(f, n, on_messages);
}

const struct rule_node_type node_script_transform = {
    .suffix = ".transform.TbTransformMsgNode", .compile = compile_transform, .run = run_transform};
