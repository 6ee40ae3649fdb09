// SPDX-License-Identifier: Apache-2.0
#include "hub/node.h"

// The table of node types, and what several of them read from their configurations.

static const struct rule_node_type *const types[] = {
#define NODE_TYPE_ROW(name) &node_##name,
    RULE_NODE_TYPES(NODE_TYPE_ROW)
#undef NODE_TYPE_ROW
};

const struct rule_node_type *rule_node_type_find(struct span class_name)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (span_has_suffix(class_name, span_str(types[i]->suffix)))
            return types[i];
    }
    return &node_unknown;
}

static void run_unknown(struct flow *f, const struct rule_node *n)
{
    struct err e = {0};
    err_set(&e, ERR_INVALID, "node type %.*s is not supported", SPAN_ARG(n->class_name));
    flow_fail(f, n, e.msg);
}

const struct rule_node_type node_unknown = {.suffix = "", .run = run_unknown};

int node_refuse(struct node_compile *c, const char *key, struct span value, const char *what)
{
    return err_set(c->e, ERR_INVALID, "configuration.%s: \"%.*s\" is not %s", key, SPAN_ARG(value),
                   what);
}

int node_read_scope(struct node_compile *c, const char *key, enum store_scope otherwise,
                    enum store_scope *out)
{
    struct span s = json_get_str(c->conf, key, SPAN_NONE);
    *out = s.p ? hub_scope_of(s) : otherwise;
    return *out ? 0 : node_refuse(c, key, s, "a scope");
}

int node_read_names(struct node_compile *c, const char *key, struct node_names *out)
{
    const struct json *list = json_get(c->conf, key);
    size_t n = json_count(list);
    *out = (struct node_names){0};
    if (!list || json_is(list, JSON_NULL))
        return 0;
    if (!json_is(list, JSON_ARRAY))
        return err_set(c->e, ERR_INVALID, "configuration.%s: must be an array", key);
    if (n > NODE_NAMES_MAX)
        return err_set(c->e, ERR_LIMIT, "configuration.%s: more than %d names", key,
                       NODE_NAMES_MAX);
    out->p = arena_array(c->arena, struct span, n);
    for (const struct json *j = json_child(list); j; j = json_next(j)) {
        if (!json_is(j, JSON_STRING))
            return err_set(c->e, ERR_INVALID, "configuration.%s: must hold strings", key);
        out->p[out->n++] = arena_span(c->arena, json_str(j, SPAN_NONE));
    }
    return 0;
}

bool node_names_have(const struct node_names *names, struct span name)
{
    for (size_t i = 0; i < names->n; i++) {
        if (span_eq(names->p[i], name))
            return true;
    }
    return false;
}

int node_read_uuid(struct node_compile *c, const char *key, struct uuid *out, bool *given)
{
    struct span id = json_get_str(c->conf, key, SPAN_NONE);
    *given = id.n > 0;
    *out = uuid_null;
    if (*given && !uuid_parse(id, out))
        return node_refuse(c, key, id, "a UUID");
    return 0;
}
