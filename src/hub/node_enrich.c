// SPDX-License-Identifier: Apache-2.0
#include "hub/enrich.h"
#include "hub/node.h"

// Originator fields: what is known of the device itself, put into the message.

struct field {
    struct span from, to;
};

struct fields_config {
    struct field *fields;
    size_t n;
    bool to_data;
    bool ignore_empty; // ignoreNullStrings
};

#define FIELDS_MAX 100

static int compile_fields(struct node_compile *c)
{
    struct fields_config *k = arena_new(c->arena, struct fields_config);
    c->node->config = k;
    const struct json *map = json_get(c->conf, "dataMapping");
    // Older releases called it fieldsMapping.
    if (!map)
        map = json_get(c->conf, "fieldsMapping");
    k->ignore_empty = json_get_bool(c->conf, "ignoreNullStrings", false);
    if (json_count(map) == 0)
        return err_set(c->e, ERR_INVALID, "configuration.dataMapping: names no field");
    if (json_count(map) > FIELDS_MAX)
        return err_set(c->e, ERR_LIMIT, "configuration.dataMapping: more than %d fields",
                       FIELDS_MAX);
    k->fields = arena_array(c->arena, struct field, json_count(map));
    for (const struct json *j = json_child(map); j; j = json_next(j)) {
        k->fields[k->n].from = arena_span(c->arena, json_key(j));
        k->fields[k->n++].to = arena_span(c->arena, json_str(j, SPAN_NONE));
    }
    return enrich_read_target(c, &k->to_data);
}

// Without p: the device has no such field, and the mapping is passed over.
static struct span field_of(struct flow *f, const struct store_device *d, struct span name)
{
    struct arena *a = &f->run->arena;
    char id[UUID_TEXT_LEN + 1];
    if (span_is(name, "name"))
        return d->name;
    if (span_is(name, "type"))
        return hub_profile_name(f->run->hub, d->profile);
    if (span_is(name, "label"))
        return d->label.p ? d->label : SPAN("");
    if (span_is(name, "createdTime"))
        return arena_printf(a, "%lld", (long long)d->created_ms);
    if (span_is(name, "entityType"))
        return d->is_asset ? SPAN("ASSET") : SPAN("DEVICE");
    if (!span_is(name, "id") && !span_is(name, "entityId"))
        return SPAN_NONE;
    uuid_format(d->uuid, id);
    return arena_span(a, span_str(id));
}

static void run_fields(struct flow *f, const struct rule_node *n)
{
    const struct fields_config *k = n->config;
    const struct store_device *d = f->msg->originator;
    struct enrichment r;
    if (!d) {
        flow_fail(f, n, "the message has no originator");
        return;
    }
    if (!enrich_begin(&r, f, n, k->to_data))
        return;
    for (size_t i = 0; i < k->n; i++) {
        struct span value = field_of(f, d, k->fields[i].from);
        if (!value.p || (value.n == 0 && k->ignore_empty))
            continue;
        struct value v = value_string(value);
        if (span_is(k->fields[i].from, "createdTime"))
            v = value_long(d->created_ms);
        enrich_add(&r, k->fields[i].to, &v);
    }
    flow_succeed_with(f, n, enrich_end(&r));
}

const struct rule_node_type node_originator_fields = {
    .suffix = ".metadata.TbGetOriginatorFieldsNode", .compile = compile_fields, .run = run_fields};
