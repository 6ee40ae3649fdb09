// SPDX-License-Identifier: Apache-2.0
#include "hub/rule_chain.h"

#include "base/mem.h"
#include "hub/node.h"

static int read_node(struct arena *a, const struct json *doc, struct rule_node *n, struct err *e)
{
    n->class_name = arena_span(a, json_get_str(doc, "type", SPAN_NONE));
    n->name = arena_span(a, json_get_str(doc, "name", SPAN_NONE));
    if (n->class_name.n == 0)
        return err_set(e, ERR_INVALID, "type: missing");
    n->type = rule_node_type_find(n->class_name);
    if (!uuid_parse(json_get_str(json_get(doc, "id"), "id", SPAN_NONE), &n->id))
        n->id = uuid_null;
    n->debug = debug_settings_read(doc);
    struct node_compile c = {a, n, json_get(doc, "configuration"), e};
    return n->type->compile ? n->type->compile(&c) : 0;
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
        struct rule_node *node = &c->nodes[c->n_nodes];
        node->index = c->n_nodes++;
        if (read_node(&c->arena, j, node, e) < 0)
            return err_wrap(e, "nodes[%u]", node->index);
        c->debug |= debug_any(&node->debug);
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

static struct json *list_of(struct json *metadata, const char *key)
{
    if (!json_is(json_get(metadata, key), JSON_ARRAY))
        json_set(metadata, key, json_new_array());
    return json_get(metadata, key);
}

// Older releases connect a node to another chain without a rule chain node between:
// ruleChainConnections. They get one here.
static struct json *with_chain_nodes(const struct json *metadata)
{
    struct json *m = json_copy(metadata);
    struct json *nodes = list_of(m, "nodes"), *connections = list_of(m, "connections");
    const struct json *list = json_get(metadata, "ruleChainConnections");
    for (const struct json *j = json_child(list); j; j = json_next(j)) {
        struct json *node = json_new_object(), *conf = json_new_object();
        struct json *connection = json_new_object();
        json_set_str(conf, "ruleChainId",
                     json_get_str(json_get(j, "targetRuleChainId"), "id", SPAN_NONE));
        json_set_str(node, "type", span_str(node_chain_input.suffix));
        json_set_str(node, "name", SPAN("Rule chain"));
        json_set(node, "configuration", conf);
        json_set_num(connection, "fromIndex", (double)json_get_int(j, "fromIndex", -1));
        json_set_num(connection, "toIndex", (double)json_count(nodes));
        json_set_str(connection, "type", json_get_str(j, "type", SPAN_NONE));
        json_add(nodes, node);
        json_add(connections, connection);
    }
    return m;
}

static int compile_all(struct rule_chain *c, const struct json *metadata, struct err *e)
{
    if (json_count(json_get(metadata, "ruleChainConnections")) == 0)
        return compile(c, metadata, e);
    struct json *m = with_chain_nodes(metadata);
    int status = compile(c, m, e);
    json_free(m);
    return status;
}

int rule_chain_compile(const struct json *metadata, struct span name, struct rule_chain **out,
                       struct err *e)
{
    struct rule_chain *c = mem_new(struct rule_chain);
    c->name = arena_span(&c->arena, name);
    int status = compile_all(c, metadata, e);
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
    for (uint32_t i = 0; i < c->n_nodes; i++) {
        if (c->nodes[i].type && c->nodes[i].type->release)
            c->nodes[i].type->release(&c->nodes[i]);
    }
    // Nodes may hold passwords of what they call.
    arena_free_wiped(&c->arena);
    mem_free(c);
}
