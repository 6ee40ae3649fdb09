// SPDX-License-Identifier: Apache-2.0
#include "hub/rule_chain.h"

#include "base/mem.h"

static const struct {
    const char *name, *connection;
} msg_types[] = {
#define TYPE_ROW(name, connection) {#name, connection},
    RULE_MSG_TYPES(TYPE_ROW)
#undef TYPE_ROW
        {"OTHER", "Other"},
};

const char *rule_msg_type_name(enum rule_msg_type t)
{
    return msg_types[t].name;
}

const char *rule_msg_type_connection(enum rule_msg_type t)
{
    return msg_types[t].connection;
}

// Ends of the hub's Java class names; packages differ between editions.
static const struct {
    const char *suffix;
    enum rule_node_kind kind;
} node_classes[] = {
    {".filter.TbMsgTypeSwitchNode", RULE_NODE_TYPE_SWITCH},
    {".telemetry.TbMsgTimeseriesNode", RULE_NODE_SAVE_TIMESERIES},
    {".telemetry.TbMsgAttributesNode", RULE_NODE_SAVE_ATTRIBUTES},
    {".action.TbLogNode", RULE_NODE_LOG},
    {".integration.TbIntegrationDownlinkNode", RULE_NODE_DOWNLINK},
};

static enum rule_node_kind kind_of(struct span class_name)
{
    for (size_t i = 0; i < sizeof node_classes / sizeof *node_classes; i++) {
        if (span_has_suffix(class_name, span_str(node_classes[i].suffix))) {
            return node_classes[i].kind;
        }
    }
    return RULE_NODE_UNKNOWN;
}

static int read_scope(const struct json *conf, struct rule_node *n, struct err *e)
{
    struct span s = json_get_str(conf, "scope", SPAN("SERVER_SCOPE"));
    if (span_is(s, "CLIENT_SCOPE")) {
        n->scope = STORE_CLIENT;
    } else if (span_is(s, "SHARED_SCOPE")) {
        n->scope = STORE_SHARED;
    } else if (span_is(s, "SERVER_SCOPE")) {
        n->scope = STORE_SERVER;
    } else {
        return err_set(e, ERR_INVALID, "configuration.scope: \"%.*s\" is not a scope", SPAN_ARG(s));
    }
    return 0;
}

static int read_integration(const struct json *conf, struct rule_node *n, struct err *e)
{
    struct span id = json_get_str(conf, "integrationId", SPAN_NONE);
    if (id.n == 0)
        return 0;
    if (!uuid_parse(id, &n->integration)) {
        return err_set(e, ERR_INVALID, "configuration.integrationId: \"%.*s\" is not a UUID",
                       SPAN_ARG(id));
    }
    n->has_integration = true;
    return 0;
}

static int read_configuration(struct arena *a, const struct json *conf, struct rule_node *n,
                              struct err *e)
{
    switch (n->kind) {
    case RULE_NODE_SAVE_TIMESERIES:
        n->use_server_ts = json_get_bool(conf, "useServerTs", false);
        return 0;
    case RULE_NODE_SAVE_ATTRIBUTES:
        n->notify_updated = json_get_bool(conf, "sendAttributesUpdatedNotification", false);
        n->only_on_change = json_get_bool(conf, "updateAttributesOnlyOnValueChange", true);
        return read_scope(conf, n, e);
    case RULE_NODE_LOG:
        n->script = arena_span(a, json_get_str(conf, "jsScript", SPAN_NONE));
        return 0;
    case RULE_NODE_DOWNLINK:
        return read_integration(conf, n, e);
    default:
        return 0;
    }
}

static int read_node(struct arena *a, const struct json *doc, struct rule_node *n, struct err *e)
{
    n->class_name = arena_span(a, json_get_str(doc, "type", SPAN_NONE));
    n->name = arena_span(a, json_get_str(doc, "name", SPAN_NONE));
    if (n->class_name.n == 0)
        return err_set(e, ERR_INVALID, "type: missing");
    n->kind = kind_of(n->class_name);
    if (!uuid_parse(json_get_str(json_get(doc, "id"), "id", SPAN_NONE), &n->id))
        n->id = uuid_null;
    return read_configuration(a, json_get(doc, "configuration"), n, e);
}

// Missing and null are an empty list.
static int check_list(const struct json *list, const char *name, struct err *e)
{
    if (!list || json_is(list, JSON_NULL) || json_is(list, JSON_ARRAY))
        return 0;
    return err_set(e, ERR_INVALID, "%s: must be an array", name);
}

static int read_nodes(struct rule_chain *c, const struct json *nodes, struct err *e)
{
    size_t n = json_count(nodes);
    if (check_list(nodes, "nodes", e) < 0)
        return e->code;
    if (n > RULE_NODES_MAX) {
        return err_set(e, ERR_LIMIT, "nodes: %zu, at most %d", n, RULE_NODES_MAX);
    }
    c->nodes = arena_zalloc(&c->arena, sizeof *c->nodes * (n ? n : 1));
    for (const struct json *j = json_child(nodes); j; j = json_next(j)) {
        if (read_node(&c->arena, j, &c->nodes[c->n_nodes], e) < 0) {
            return err_wrap(e, "nodes[%u]", c->n_nodes);
        }
        c->n_nodes++;
    }
    return 0;
}

// The two ends of a connection, checked.
static int read_connection(const struct rule_chain *c, const struct json *j, uint32_t *from,
                           uint32_t *to, struct err *e)
{
    int64_t f = json_get_int(j, "fromIndex", -1), t = json_get_int(j, "toIndex", -1);
    if (f < 0 || f >= c->n_nodes)
        return err_set(e, ERR_INVALID, "fromIndex: no such node");
    if (t < 0 || t >= c->n_nodes)
        return err_set(e, ERR_INVALID, "toIndex: no such node");
    if (!json_is(json_get(j, "type"), JSON_STRING)) {
        return err_set(e, ERR_INVALID, "type: must be a string");
    }
    *from = (uint32_t)f;
    *to = (uint32_t)t;
    return 0;
}

static int read_connections(struct rule_chain *c, const struct json *list, struct err *e)
{
    uint32_t from, to, i = 0;
    if (check_list(list, "connections", e) < 0)
        return e->code;
    if (json_count(list) > RULE_CONNECTIONS_MAX) {
        return err_set(e, ERR_LIMIT, "connections: %zu, at most %d", json_count(list),
                       RULE_CONNECTIONS_MAX);
    }
    for (const struct json *j = json_child(list); j; j = json_next(j), i++) {
        if (read_connection(c, j, &from, &to, e) < 0)
            return err_wrap(e, "connections[%u]", i);
        c->nodes[from].n_edges++;
    }
    for (i = 0; i < c->n_nodes; i++) {
        c->nodes[i].edges = arena_array(&c->arena, struct rule_edge, c->nodes[i].n_edges);
        c->nodes[i].n_edges = 0;
    }
    for (const struct json *j = json_child(list); j; j = json_next(j)) {
        if (read_connection(c, j, &from, &to, e) < 0)
            return e->code;
        struct rule_node *n = &c->nodes[from];
        n->edges[n->n_edges++] = (struct rule_edge){
            arena_span(&c->arena, json_get_str(j, "type", SPAN_NONE)),
            to,
        };
    }
    return 0;
}

static int compile(struct rule_chain *c, const struct json *metadata, struct err *e)
{
    if (!json_is(metadata, JSON_OBJECT)) {
        return err_set(e, ERR_INVALID, "metadata must be a JSON object");
    }
    int64_t first = json_get_int(metadata, "firstNodeIndex", -1);
    if (read_nodes(c, json_get(metadata, "nodes"), e) < 0)
        return e->code;
    if (read_connections(c, json_get(metadata, "connections"), e) < 0)
        return e->code;
    if (first >= c->n_nodes || first < -1) {
        return err_set(e, ERR_INVALID, "firstNodeIndex: no such node");
    }
    c->first = (int32_t)first;
    return 0;
}

int rule_chain_compile(const struct json *metadata, struct span name, struct rule_chain **out,
                       struct err *e)
{
    struct rule_chain *c = mem_new(struct rule_chain);
    c->name = arena_span(&c->arena, name);
    int status = compile(c, metadata, e);
    if (status < 0) {
        rule_chain_free(c);
        return status;
    }
    *out = c;
    return 0;
}

void rule_chain_free(struct rule_chain *c)
{
    if (!c)
        return;
    arena_free(&c->arena);
    mem_free(c);
}
