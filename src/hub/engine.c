// SPDX-License-Identifier: Apache-2.0
#include "hub/engine.h"

#include "hub/node.h"
#include "hub/trace.h"

#define FAILURES_A_MINUTE 20

static void run_node(struct flow *f, const struct rule_node *n);

static struct flow_root *root_of(struct flow_root *r)
{
    return r->moved ? r->moved : r;
}

static unsigned take(struct flow *f, const struct rule_node *n, struct span relation)
{
    unsigned taken = 0;
    for (uint32_t i = 0; i < n->n_edges; i++) {
        if (!span_eq(n->edges[i].type, relation))
            continue;
        taken++;
        run_node(f, &f->chain->chain->nodes[n->edges[i].to]);
    }
    return taken;
}

unsigned flow_next(struct flow *f, const struct rule_node *n, struct span relation)
{
    if (f->chain->chain->debug)
        trace_out(f, n, relation, NULL);
    return take(f, n, relation);
}

void flow_succeed(struct flow *f, const struct rule_node *n)
{
    flow_next(f, n, SPAN("Success"));
}

void flow_succeed_with(struct flow *f, const struct rule_node *n, const struct hub_msg *m)
{
    struct flow next = *f;
    next.msg = m;
    flow_succeed(&next, n);
}

void flow_fail(struct flow *f, const struct rule_node *n, const char *reason)
{
    struct hub *h = f->run->hub;
    uint32_t held;
    h->stats.node_failures++;
    if (f->chain->chain->debug)
        trace_out(f, n, SPAN("Failure"), reason);
    if (root_of(f->root)->steps > 0 && take(f, n, SPAN("Failure")))
        return;
    f->run->failures++;
    if (log_limit_pass(&h->failure_log, loop_now_ms(h->o.loop), FAILURES_A_MINUTE, &held)) {
        log_warn("rules", "rule node failed",
                 "chain=\"%.*s\" node=\"%.*s\" type=%.*s reason=\"%s\" suppressed=%u",
                 SPAN_ARG(f->chain->chain->name), SPAN_ARG(n->name),
                 SPAN_ARG(hub_msg_type_name(f->msg)), reason, held);
    }
}

bool flow_take(struct flow *f, size_t bytes)
{
    struct flow_root *root = root_of(f->root);
    if (bytes > root->room)
        return false;
    root->room -= bytes;
    return true;
}

static void run_node(struct flow *f, const struct rule_node *n)
{
    struct flow_root *root = root_of(f->root);
    if (root->steps == 0) {
        flow_fail(f, n, "the message went round too often: the chain has a loop");
        return;
    }
    root->steps--;
    if (f->chain->chain->debug)
        trace_in(f, n);
    n->type->run(f, n);
}

static void enter(struct flow *f)
{
    const struct rule_chain *c = f->chain->chain;
    if (c->first >= 0)
        run_node(f, &c->nodes[c->first]);
}

void engine_start(struct hub_run *r, const struct hub_msg *m)
{
    struct flow_root root;
    struct flow f = {.run = r, .msg = m, .root = &root};
    root.moved = NULL;
    root.steps = ENGINE_STEPS_MAX;
    root.room = ENGINE_BYTES_MAX;
    root.has_id = false;
    f.chain = hub_start_chain(r->hub, m->originator);
    if (f.chain)
        enter(&f);
}

void flow_start(struct flow *f, const struct hub_msg *m)
{
    struct flow next = {.run = f->run, .msg = m, .root = f->root};
    next.chain = hub_start_chain(f->run->hub, m->originator);
    if (next.chain)
        enter(&next);
}

static const struct flow_frame *push_frame(struct hub_run *r, const struct flow_frame *up,
                                           struct chain_runtime *chain, const struct rule_node *n)
{
    struct flow_frame *frame = arena_new(&r->arena, struct flow_frame);
    *frame = (struct flow_frame){up, chain_ref(chain), n, up ? up->depth + 1 : 1, r->frames};
    r->frames = frame;
    return frame;
}

void flow_enter(struct flow *f, const struct rule_node *n, struct chain_runtime *to)
{
    struct hub_run *run = f->run;
    unsigned depth = f->up ? f->up->depth + 1 : 1;
    if (depth > ENGINE_DEPTH_MAX) {
        flow_fail(f, n,
                  "the message is in too many rule chains at once: they lead into each other");
        return;
    }
    struct flow inner = *f;
    inner.up = push_frame(run, f->up, f->chain, n);
    inner.chain = to;
    enter(&inner);
}

void flow_leave(struct flow *f, struct span relation)
{
    if (!f->up)
        return;
    struct flow outer = *f;
    outer.up = f->up->up;
    outer.chain = f->up->chain;
    flow_next(&outer, f->up->node, relation);
}

static const struct rule_node *find_node(const struct chain_runtime *c, struct uuid id)
{
    for (uint32_t i = 0; c && i < c->chain->n_nodes; i++) {
        if (uuid_eq(c->chain->nodes[i].id, id))
            return &c->chain->nodes[i];
    }
    return NULL;
}

static bool read_place(struct hub *h, const struct json *j, struct chain_runtime **chain,
                       const struct rule_node **node)
{
    struct uuid id;
    if (!uuid_parse(json_get_str(j, "chain", SPAN_NONE), &id))
        return false;
    *chain = hub_chain(h, id);
    if (!uuid_parse(json_get_str(j, "node", SPAN_NONE), &id))
        return false;
    *node = find_node(*chain, id);
    return *node != NULL;
}

// The innermost comes first in the list, and is made last.
static bool read_frames(struct hub_run *r, const struct json *at, unsigned depth,
                        const struct flow_frame **up)
{
    struct chain_runtime *chain;
    const struct rule_node *node;
    *up = NULL;
    if (!at)
        return true;
    if (depth == ENGINE_DEPTH_MAX || !read_place(r->hub, at, &chain, &node) ||
        !read_frames(r, json_next(at), depth + 1, up))
        return false;
    *up = push_frame(r, *up, chain, node);
    return true;
}

bool engine_resume(struct hub_run *r, struct uuid chain, struct uuid node,
                   const struct json *frames, const struct hub_msg *m)
{
    struct flow_root root = {.steps = ENGINE_STEPS_MAX, .room = ENGINE_BYTES_MAX};
    struct flow f = {.run = r, .chain = hub_chain(r->hub, chain), .msg = m, .root = &root};
    const struct rule_node *n = find_node(f.chain, node);
    if (!n || !read_frames(r, json_child(frames), 0, &f.up))
        return false;
    flow_succeed(&f, n);
    return true;
}

void engine_end(struct hub_run *r)
{
    for (struct flow_frame *f = r->frames; f; f = f->next)
        chain_unref(f->chain);
    r->frames = NULL;
}

struct flow *flow_hold(struct flow *f)
{
    struct hub_run *run = f->run;
    if (!f->root->moved) {
        struct flow_root *moved = arena_new(&run->arena, struct flow_root);
        *moved = *f->root;
        moved->moved = moved;
        f->root->moved = moved;
    }
    struct flow *held = arena_new(&run->arena, struct flow);
    *held = *f;
    held->root = f->root->moved;
    held->msg = hub_msg_hold(run, f->msg);
    chain_ref(held->chain);
    run->pending++;
    return held;
}

void flow_release(struct flow *f)
{
    struct hub_run *run = f->run;
    chain_unref(f->chain);
    run_release(run);
}

static const struct hub_msg *answered(struct hub_run *r, const struct hub_msg *m,
                                      const struct hub_answer *answer)
{
    struct hub_msg *out = hub_msg_edit(r, m);
    if (answer->json.p)
        hub_msg_set_json(out, answer->json);
    hub_msg_set_all(r, out, answer->metadata);
    return out;
}

void flow_end(struct flow *f, const struct rule_node *n, int status, const char *error,
              const struct hub_answer *answer)
{
    if (answer && (answer->json.p || answer->metadata.n))
        f->msg = answered(f->run, f->msg, answer);
    if (status == ERR_CANCELED)
        f->run->canceled = true;
    if (status < 0)
        flow_fail(f, n, error ? error : err_text(status));
    else
        flow_succeed(f, n);
    flow_release(f);
}
