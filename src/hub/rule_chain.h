// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_RULE_CHAIN_H
#define PENSTOCK_HUB_RULE_CHAIN_H

// A rule chain compiled from the hub's metadata JSON (facts/hub.md sections 3.5, 4). Pure.
// Immutable after compilation, but for what nodes keep in their `runtime`; belongs to one owner.

#include "base/arena.h"
#include "codec/json.h"
#include "convert/convert.h"
#include "hub/debug.h"
#include "hub/rule_msg_type.h"
#include "store/store.h"

#define RULE_NODES_MAX 500
#define RULE_CONNECTIONS_MAX 5000

struct rule_node_type; // hub/node.h

struct rule_edge {
    struct span type; // "Success", "Post telemetry", ...
    uint32_t to;
};

struct rule_node {
    const struct rule_node_type *type;
    void *config; // of the type; in the chain's arena
    struct span class_name, name;
    struct uuid id;
    struct rule_edge *edges;
    uint32_t n_edges;
    uint32_t index; // of the chain's nodes
    struct debug_settings debug;
    bool reads_values; // attributes and telemetry, also those that its own run has written
    // Of node types that run a script: empty = none was given.
    struct span script;
    enum convert_kind script_kind;
    bool is_tbel;
    struct script_queue *scripts; // the engine's
};

struct rule_chain {
    struct arena arena;
    struct rule_node *nodes;
    uint32_t n_nodes;
    int32_t first; // -1 = none: every message ends at once
    struct span name;
    bool debug; // a node writes debug events, or will
};

// `metadata` as in POST /api/ruleChain/metadata. ERR_INVALID with what is wrong and at which node
// or connection.
int rule_chain_compile(const struct json *metadata, struct span name, struct rule_chain **out,
                       struct err *e);
void rule_chain_free(struct rule_chain *c);

#endif
