// SPDX-License-Identifier: Apache-2.0
#include "hub/node.h"

// Nodes that choose a connection and leave the message as it is.

static void run_type_switch(struct flow *f, const struct rule_node *n)
{
    flow_next(f, n, span_str(rule_msg_type_connection(f->msg->type)));
}

const struct rule_node_type node_msg_type_switch = {.suffix = ".filter.TbMsgTypeSwitchNode",
                                                    .run = run_type_switch};
