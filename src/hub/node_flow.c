// SPDX-License-Identifier: Apache-2.0
#include "hub/node.h"

// Nodes that lead from chain to chain, or nowhere else.

// Rule chain --------------------------------------------------------------------------------------

struct input_config {
    struct uuid chain;
    bool to_default; // forwardMsgToDefaultRuleChain: the device profile's, if it has one
};

static int compile_input(struct node_compile *c)
{
    struct input_config *i = arena_new(c->arena, struct input_config);
    bool given;
    c->node->config = i;
    i->to_default = json_get_bool(c->conf, "forwardMsgToDefaultRuleChain", false);
    if (node_read_uuid(c, "ruleChainId", &i->chain, &given) < 0)
        return c->e->code;
    if (!given && !i->to_default)
        return err_set(c->e, ERR_INVALID, "configuration.ruleChainId: missing");
    return 0;
}

static void run_input(struct flow *f, const struct rule_node *n)
{
    const struct input_config *i = n->config;
    struct hub *h = f->run->hub;
    struct chain_runtime *to = i->to_default ? hub_profile_chain(h, f->msg->originator) : NULL;
    if (!to)
        to = hub_chain(h, i->chain);
    if (to)
        flow_enter(f, n, to);
    else
        flow_fail(f, n,
                  "the rule chain of configuration.ruleChainId does not exist, or cannot run");
}

const struct rule_node_type node_chain_input = {
    .suffix = ".flow.TbRuleChainInputNode", .compile = compile_input, .run = run_input};

// Output: the message goes on behind the rule chain node, by the connection of this node's name.

static void run_output(struct flow *f, const struct rule_node *n)
{
    flow_leave(f, n->name);
}

const struct rule_node_type node_chain_output = {.suffix = ".flow.TbRuleChainOutputNode",
                                                 .run = run_output};

// Acknowledge and checkpoint: what a message does is durable with its run, and its record is
// acknowledged then; there is nothing to say before.

const struct rule_node_type node_acknowledge = {.suffix = ".flow.TbAckNode", .run = flow_succeed};
const struct rule_node_type node_checkpoint = {.suffix = ".flow.TbCheckpointNode",
                                               .run = flow_succeed};
