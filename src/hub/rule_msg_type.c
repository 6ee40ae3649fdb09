// SPDX-License-Identifier: Apache-2.0
#include "hub/rule_msg_type.h"

static const struct {
    const char *name;
    struct span connection;
} msg_types[] = {
#define TYPE_ROW(name, connection) {#name, SPAN(connection)},
    RULE_MSG_TYPES(TYPE_ROW)
#undef TYPE_ROW
        {"OTHER", SPAN("Other")},
};

const char *rule_msg_type_name(enum rule_msg_type t)
{
    return msg_types[t].name;
}

struct span rule_msg_type_connection(enum rule_msg_type t)
{
    return msg_types[t].connection;
}

enum rule_msg_type rule_msg_type_of(struct span name)
{
    for (int t = 0; t < RULE_MSG_OTHER; t++) {
        if (span_is(name, msg_types[t].name))
            return (enum rule_msg_type)t;
    }
    return RULE_MSG_OTHER;
}
