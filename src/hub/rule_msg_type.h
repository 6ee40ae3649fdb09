// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_RULE_MSG_TYPE_H
#define PENSTOCK_HUB_RULE_MSG_TYPE_H

// The types of rule engine messages that the hub knows, each with its connection at the message
// type switch (facts/hub.md section 4.2). Any thread.

#include "base/span.h"

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
    X(ALARM, "Alarm")                                                                              \
    X(ALARM_CREATED, "Alarm Created")                                                              \
    X(ALARM_UPDATED, "Alarm Updated")                                                              \
    X(ALARM_SEVERITY_UPDATED, "Alarm Severity Updated")                                            \
    X(ALARM_ACK, "Alarm Acknowledged")                                                             \
    X(ALARM_CLEAR, "Alarm Cleared")                                                                \
    X(ALARM_ASSIGNED, "Alarm Assigned")                                                            \
    X(ALARM_UNASSIGNED, "Alarm Unassigned")                                                        \
    X(COMMENT_CREATED, "Comment Created")                                                          \
    X(COMMENT_UPDATED, "Comment Updated")                                                          \
    X(RPC_QUEUED, "RPC Queued")                                                                    \
    X(RPC_SENT, "RPC Sent")                                                                        \
    X(RPC_DELIVERED, "RPC Delivered")                                                              \
    X(RPC_SUCCESSFUL, "RPC Successful")                                                            \
    X(RPC_TIMEOUT, "RPC Timeout")                                                                  \
    X(RPC_EXPIRED, "RPC Expired")                                                                  \
    X(RPC_FAILED, "RPC Failed")                                                                    \
    X(RPC_DELETED, "RPC Deleted")                                                                  \
    X(RELATION_ADD_OR_UPDATE, "Relation Added or Updated")                                         \
    X(RELATION_DELETED, "Relation Deleted")                                                        \
    X(RELATIONS_DELETED, "All Relations Deleted")                                                  \
    X(ENTITY_ASSIGNED_FROM_TENANT, "Entity Assigned From Tenant")                                  \
    X(ENTITY_ASSIGNED_TO_TENANT, "Entity Assigned To Tenant")                                      \
    X(ADDED_TO_ENTITY_GROUP, "Added to Group")                                                     \
    X(REMOVED_FROM_ENTITY_GROUP, "Removed from Group")                                             \
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
struct span rule_msg_type_connection(enum rule_msg_type t);
// RULE_MSG_OTHER when the hub has no such type.
enum rule_msg_type rule_msg_type_of(struct span name);

#endif
