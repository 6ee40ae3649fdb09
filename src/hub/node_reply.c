// SPDX-License-Identifier: Apache-2.0
#include "hub/asks.h"
#include "hub/node.h"

// REST call reply and RPC call reply: the message's data answers the request that metadata names.

struct reply_config {
    struct span attribute; // requestIdMetaDataAttribute
};

static int compile_reply(struct node_compile *c, struct span otherwise)
{
    struct reply_config *r = arena_new(c->arena, struct reply_config);
    struct span name = json_get_str(c->conf, "requestIdMetaDataAttribute", SPAN_NONE);
    r->attribute = arena_span(c->arena, name.n ? name : otherwise);
    c->node->config = r;
    return 0;
}

static int compile_rest(struct node_compile *c)
{
    return compile_reply(c, SPAN("requestUUID"));
}

static int compile_rpc(struct node_compile *c)
{
    return compile_reply(c, SPAN("requestId"));
}

static void run_reply(struct flow *f, const struct rule_node *n)
{
    const struct reply_config *r = n->config;
    struct hub_run *run = f->run;
    struct err e = {0};
    struct span id = hub_msg_get(run, f->msg, r->attribute);
    if (asks_reply(run->hub->asks, run, id, hub_msg_json(run, f->msg), &e) < 0)
        flow_fail(f, n, e.msg);
    else
        flow_succeed(f, n);
}

const struct rule_node_type node_rest_reply = {
    .suffix = ".rest.TbSendRestApiCallReplyNode", .compile = compile_rest, .run = run_reply};
const struct rule_node_type node_rpc_reply = {
    .suffix = ".rpc.TbSendRPCReplyNode", .compile = compile_rpc, .run = run_reply};
