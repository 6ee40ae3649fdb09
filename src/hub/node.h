// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_NODE_H
#define PENSTOCK_HUB_NODE_H

// What a type of rule node is made of: how its configuration is read when a chain is compiled, and
// what it does with a message. The engine walks a chain by this table and knows no node by name.
// Internal to hub/; node_*.c hold the types, one subject a file.

#include "hub/engine.h"

struct node_compile {
    struct arena *arena; // the chain's
    struct rule_node *node;
    const struct json *conf; // NULL when the node has none
    struct err *e;
};

struct rule_node_type {
    // End of the hub's Java class name; packages differ between editions.
    const char *suffix;
    // Fills node->config and, for script nodes, node->script. NULL = nothing to read. What it
    // refuses with ERR_INVALID refuses the chain.
    int (*compile)(struct node_compile *c);
    // Ends the message's stay at the node: at once, or later by flow_hold().
    void (*run)(struct flow *f, const struct rule_node *n);
    // What `config` holds beside the arena; NULL = nothing.
    void (*release)(struct rule_node *n);
    // It gets its configuration with the secrets sealed, and opens them as it uses them.
    bool opens_secrets;
};

#define RULE_NODE_TYPES(X)                                                                         \
    X(msg_type_switch)                                                                             \
    X(msg_type_filter)                                                                             \
    X(script_filter)                                                                               \
    X(script_switch)                                                                               \
    X(check_fields)                                                                                \
    X(originator_types)                                                                            \
    X(profile_switch)                                                                              \
    X(script_transform)                                                                            \
    X(delete_keys)                                                                                 \
    X(rename_keys)                                                                                 \
    X(copy_keys)                                                                                   \
    X(save_timeseries)                                                                             \
    X(save_attributes)                                                                             \
    X(originator_fields)                                                                           \
    X(originator_attributes)                                                                       \
    X(chain_input)                                                                                 \
    X(chain_output)                                                                                \
    X(acknowledge)                                                                                 \
    X(checkpoint)                                                                                  \
    X(delay)                                                                                       \
    X(log)                                                                                         \
    X(downlink)                                                                                    \
    X(rest_call)                                                                                   \
    X(rest_reply)                                                                                  \
    X(rpc_reply)                                                                                   \
    X(rpc_call)

#define NODE_TYPE_DECLARE(name) extern const struct rule_node_type node_##name;
RULE_NODE_TYPES(NODE_TYPE_DECLARE)
#undef NODE_TYPE_DECLARE

// A class that is not in the table: imports, is marked, fails at run time with its name.
extern const struct rule_node_type node_unknown;

// Never NULL.
const struct rule_node_type *rule_node_type_find(struct span class_name);

// Reading configurations --------------------------------------------------------------------------

// "configuration.KEY: "VALUE" is not WHAT"; ERR_INVALID.
int node_refuse(struct node_compile *c, const char *key, struct span value, const char *what);
// The scope of that name. 0 or ERR_INVALID; `otherwise` when the key is missing or null.
int node_read_scope(struct node_compile *c, const char *key, enum store_scope otherwise,
                    enum store_scope *out);
struct node_names {
    struct span *p;
    size_t n;
};
#define NODE_NAMES_MAX 500
// An array of strings; missing and null are an empty one.
int node_read_names(struct node_compile *c, const char *key, struct node_names *out);
bool node_names_have(const struct node_names *names, struct span name);
// A UUID as text; *given is false when it is missing or empty.
int node_read_uuid(struct node_compile *c, const char *key, struct uuid *out, bool *given);

#endif
