// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_RULE_CHAIN_H
#define PENSTOCK_HUB_RULE_CHAIN_H

// A rule chain compiled from the hub's metadata JSON (facts/hub.md sections 3.5, 4). Pure.
// Immutable after compilation; belongs to one owner.

#include "base/arena.h"
#include "codec/json.h"
#include "store/store.h"

// Message types with a connection of their own at the message type switch (facts/hub.md
// section 4.2).
#define RULE_MSG_TYPES(X)                                                                          \
    X(POST_ATTRIBUTES_REQUEST, "Post attributes")                                                  \
    X(POST_TELEMETRY_REQUEST, "Post telemetry")                                                    \
    X(TO_SERVER_RPC_REQUEST, "RPC Request from Device")                                            \
    X(RPC_CALL_FROM_SERVER_TO_DEVICE, "RPC Request to Device")                                     \
    X(ACTIVITY_EVENT, "Activity Event")                                                            \
    X(INACTIVITY_EVENT, "Inactivity Event")                                                        \
    X(CONNECT_EVENT, "Connect Event")                                                              \
    X(DISCONNECT_EVENT, "Disconnect Event")                                                        \
    X(ENTITY_CREATED, "Entity Created")                                                            \
    X(ENTITY_UPDATED, "Entity Updated")                                                            \
    X(ENTITY_DELETED, "Entity Deleted")                                                            \
    X(ENTITY_ASSIGNED, "Entity Assigned")                                                          \
    X(ENTITY_UNASSIGNED, "Entity Unassigned")                                                      \
    X(ATTRIBUTES_UPDATED, "Attributes Updated")                                                    \
    X(ATTRIBUTES_DELETED, "Attributes Deleted")                                                    \
    X(TIMESERIES_UPDATED, "Timeseries Updated")                                                    \
    X(TIMESERIES_DELETED, "Timeseries Deleted")                                                    \
    X(REST_API_REQUEST, "REST API request")

enum rule_msg_type {
#define RULE_ENUM(name, connection) RULE_MSG_##name,
    RULE_MSG_TYPES(RULE_ENUM)
#undef RULE_ENUM
        RULE_MSG_OTHER,
    RULE_MSG_COUNT
};
// "ATTRIBUTES_UPDATED"; "OTHER" for RULE_MSG_OTHER.
const char *rule_msg_type_name(enum rule_msg_type t);
const char *rule_msg_type_connection(enum rule_msg_type t);

enum rule_node_kind {
    RULE_NODE_TYPE_SWITCH,
    RULE_NODE_SAVE_TIMESERIES,
    RULE_NODE_SAVE_ATTRIBUTES,
    RULE_NODE_LOG,
    RULE_NODE_DOWNLINK,
    RULE_NODE_UNKNOWN // imports, is marked, fails at run time with its name
};

#define RULE_NODES_MAX 500
#define RULE_CONNECTIONS_MAX 5000

struct rule_edge {
    struct span type; // "Success", "Post telemetry", ...
    uint32_t to;
};

struct rule_node {
    enum rule_node_kind kind;
    struct span class_name, name;
    struct uuid id;
    struct rule_edge *edges;
    uint32_t n_edges;
    bool use_server_ts;      // save time series
    enum store_scope scope;  // save attributes
    bool notify_updated;     // save attributes: sendAttributesUpdatedNotification
    bool only_on_change;     // save attributes: updateAttributesOnlyOnValueChange
    struct span script;      // log
    struct uuid integration; // integration downlink
    bool has_integration;
    void *runtime; // the engine's
};

struct rule_chain {
    struct arena arena;
    struct rule_node *nodes;
    uint32_t n_nodes;
    int32_t first; // -1 = none: every message ends at once
    struct span name;
};

// `metadata` as in POST /api/ruleChain/metadata. ERR_INVALID with what is wrong and at which node
// or connection.
int rule_chain_compile(const struct json *metadata, struct span name, struct rule_chain **out,
                       struct err *e);
void rule_chain_free(struct rule_chain *c);

#endif
