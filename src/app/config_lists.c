// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "app/config_internal.h"
#include "app/file.h"
#include "bridge/config.h"

// A member of a list's item; only those named in `allowed` (NULL-ended) may be there.
static int check_members(struct config_reader *r, const struct json *item, const char *list,
                         size_t i, const char *const *allowed)
{
    if (!json_is(item, JSON_OBJECT))
        return err_set(r->e, ERR_CONFIG, "%s[%zu]: must be an object", list, i);
    for (const struct json *m = json_child(item); m; m = json_next(m)) {
        size_t k = 0;
        while (allowed[k] && !span_is(json_key(m), allowed[k]))
            k++;
        if (!allowed[k]) {
            return err_set(r->e, ERR_CONFIG, "%s[%zu].%.*s: unknown key", list, i,
                           SPAN_ARG(json_key(m)));
        }
    }
    return 0;
}

static int item_text(struct config_reader *r, const struct json *item, const char *list, size_t i,
                     const char *key, bool needed, struct span *out)
{
    const struct json *v = json_get(item, key);
    char path[128];
    snprintf(path, sizeof path, "%s[%zu].%s", list, i, key);
    *out = SPAN_NONE;
    if (!v && !needed)
        return 0;
    if (!json_is(v, JSON_STRING))
        return err_set(r->e, ERR_CONFIG, "%s: %s", path, v ? "must be a string" : "missing");
    if (config_expand(r, &r->c.arena, path, json_str(v, SPAN_NONE), out) < 0)
        return r->e->code;
    if (needed && out->n == 0)
        return err_set(r->e, ERR_CONFIG, "%s: is empty", path);
    return 0;
}

static int read_user(struct config_reader *r, const struct json *item, size_t i)
{
    static const char *const allowed[] = {"email", "password", "authority", NULL};
    struct config_user *u = &r->c.users[i];
    if (check_members(r, item, "users", i, allowed) < 0 ||
        item_text(r, item, "users", i, "email", true, &u->email) < 0 ||
        item_text(r, item, "users", i, "password", true, &u->password) < 0 ||
        item_text(r, item, "users", i, "authority", false, &u->authority) < 0)
        return r->e->code;
    if (u->authority.n == 0)
        u->authority = SPAN("TENANT_ADMIN");
    if (!span_is(u->authority, "TENANT_ADMIN"))
        return err_set(r->e, ERR_CONFIG, "users[%zu].authority: only TENANT_ADMIN is known", i);
    r->c.n_users = i + 1;
    return 0;
}

static int read_converter(struct config_reader *r, const struct json *item, size_t i)
{
    static const char *const allowed[] = {"name", "type", "file", NULL};
    struct config_converter *c = &r->c.converters[i];
    struct span type, file;
    if (check_members(r, item, "converters", i, allowed) < 0 ||
        item_text(r, item, "converters", i, "name", true, &c->name) < 0 ||
        item_text(r, item, "converters", i, "type", true, &type) < 0 ||
        item_text(r, item, "converters", i, "file", true, &file) < 0)
        return r->e->code;
    if (!span_is(type, "UPLINK") && !span_is(type, "DOWNLINK"))
        return err_set(r->e, ERR_CONFIG, "converters[%zu].type: must be UPLINK or DOWNLINK", i);
    c->downlink = span_is(type, "DOWNLINK");
    if (file_read_in(r->dir, file, CONFIG_FILE_MAX, &r->c.arena, &c->script, r->e) < 0)
        return err_wrap(r->e, "converters[%zu].file", i);
    r->c.n_converters = i + 1;
    return 0;
}

// Strings anywhere in an integration's own configuration may refer to the environment too.
static int expand_tree(struct config_reader *r, struct json *node, const char *path)
{
    for (struct json *v = json_child(node), *next; v; v = next) {
        next = json_next(v);
        if (json_is(v, JSON_STRING) && json_is(node, JSON_OBJECT)) {
            struct arena scratch = {0};
            struct span text, key = json_key(v);
            int status = config_expand(r, &scratch, path, json_str(v, SPAN_NONE), &text);
            if (status == 0 && !span_eq(text, json_str(v, SPAN_NONE)))
                json_set_str(node, arena_cstr(&scratch, key), text);
            arena_free_wiped(&scratch);
            if (status < 0)
                return status;
        } else if (expand_tree(r, v, path) < 0) {
            return r->e->code;
        }
    }
    return 0;
}

static int check_flags(struct config_reader *r, const struct json *item, size_t i)
{
    static const char *const flags[] = {"enabled", "allowCreateDevicesOrAssets", NULL};
    for (size_t k = 0; flags[k]; k++) {
        const struct json *v = json_get(item, flags[k]);
        if (v && !json_is(v, JSON_BOOL))
            return err_set(r->e, ERR_CONFIG, "integrations[%zu].%s: must be true or false", i,
                           flags[k]);
    }
    return 0;
}

// Clients of the API may send what we do not know; in a file it is a slip of the pen.
static int check_configuration(struct config_reader *r, const struct json *item, size_t i)
{
    const struct json *configuration = json_get(item, "configuration");
    const struct json *parts[] = {configuration, json_get(configuration, "clientConfiguration")};
    for (size_t k = 0; k < 2; k++) {
        for (const struct json *m = json_is(parts[k], JSON_OBJECT) ? json_child(parts[k]) : NULL; m;
             m = json_next(m)) {
            if (!integration_config_knows(json_key(m)))
                return err_set(r->e, ERR_CONFIG,
                               "integrations[%zu].configuration.%s%.*s: unknown key", i,
                               k ? "clientConfiguration." : "", SPAN_ARG(json_key(m)));
        }
    }
    return 0;
}

static int read_integration(struct config_reader *r, struct json *item, size_t i)
{
    static const char *const allowed[] = {"name",
                                          "type",
                                          "routingKey",
                                          "enabled",
                                          "allowCreateDevicesOrAssets",
                                          "uplinkConverter",
                                          "downlinkConverter",
                                          "configuration",
                                          NULL};
    struct config_integration *in = &r->c.integrations[i];
    struct span type, routing_key;
    char path[64];
    snprintf(path, sizeof path, "integrations[%zu]", i);
    if (check_members(r, item, "integrations", i, allowed) < 0 ||
        item_text(r, item, "integrations", i, "name", true, &in->name) < 0 ||
        item_text(r, item, "integrations", i, "uplinkConverter", true, &in->uplink) < 0 ||
        item_text(r, item, "integrations", i, "downlinkConverter", false, &in->downlink) < 0 ||
        item_text(r, item, "integrations", i, "type", false, &type) < 0 ||
        item_text(r, item, "integrations", i, "routingKey", false, &routing_key) < 0 ||
        check_flags(r, item, i) < 0 || check_configuration(r, item, i) < 0)
        return r->e->code;
    if (expand_tree(r, item, path) < 0)
        return r->e->code;
    in->doc = json_copy(item);
    r->c.n_integrations = i + 1;
    json_remove(in->doc, "uplinkConverter");
    json_remove(in->doc, "downlinkConverter");
    if (!json_get(in->doc, "type"))
        json_set_str(in->doc, "type", SPAN("AWS_KINESIS"));
    return 0;
}

// Of two items with one name the later would take the place of the other.
static int check_names(struct config_reader *r, const struct json *list, const char *name,
                       const char *key)
{
    size_t i = 0;
    for (const struct json *v = json_child(list); v; v = json_next(v), i++) {
        struct span text = json_get_str(v, key, SPAN_NONE);
        for (const struct json *o = json_child(list); text.n && o != v; o = json_next(o)) {
            if (span_eq(json_get_str(o, key, SPAN_NONE), text))
                return err_set(r->e, ERR_CONFIG, "%s[%zu].%s: \"%.*s\" is there twice", name, i,
                               key, SPAN_ARG(text));
        }
    }
    return 0;
}

static int count_list(struct config_reader *r, const struct json *list, const char *name,
                      const char *key, size_t max, size_t *n)
{
    if (!json_is(list, JSON_ARRAY))
        return err_set(r->e, ERR_CONFIG, "%s: must be an array", name);
    *n = json_count(list);
    if (*n > max)
        return err_set(r->e, ERR_CONFIG, "%s: %zu items, at most %zu", name, *n, max);
    return check_names(r, list, name, key);
}

int config_read_users(struct config_reader *r, const struct json *list)
{
    size_t n, i = 0;
    if (count_list(r, list, "users", "email", CONFIG_USERS_MAX, &n) < 0)
        return r->e->code;
    r->c.users = arena_zalloc(&r->c.arena, (n + 1) * sizeof *r->c.users);
    for (const struct json *v = json_child(list); v; v = json_next(v)) {
        if (read_user(r, v, i++) < 0)
            return r->e->code;
    }
    return 0;
}

int config_read_converters(struct config_reader *r, const struct json *list)
{
    size_t n, i = 0;
    if (count_list(r, list, "converters", "name", CONFIG_ITEMS_MAX, &n) < 0)
        return r->e->code;
    r->c.converters = arena_zalloc(&r->c.arena, (n + 1) * sizeof *r->c.converters);
    for (const struct json *v = json_child(list); v; v = json_next(v)) {
        if (read_converter(r, v, i++) < 0)
            return r->e->code;
    }
    return 0;
}

int config_read_integrations(struct config_reader *r, struct json *list)
{
    size_t n, i = 0;
    if (count_list(r, list, "integrations", "name", CONFIG_ITEMS_MAX, &n) < 0 ||
        check_names(r, list, "integrations", "routingKey") < 0)
        return r->e->code;
    r->c.integrations = arena_zalloc(&r->c.arena, (n + 1) * sizeof *r->c.integrations);
    for (struct json *v = json_child(list); v; v = json_next(v)) {
        if (read_integration(r, v, i++) < 0)
            return r->e->code;
    }
    return 0;
}

const struct config_converter *config_find_converter(const struct config *c, struct span name)
{
    for (size_t i = 0; i < c->n_converters; i++) {
        if (span_eq(c->converters[i].name, name))
            return &c->converters[i];
    }
    return NULL;
}

static int check_converter(struct config_reader *r, size_t i, const char *key, struct span name,
                           bool downlink)
{
    const struct config_converter *c = config_find_converter(&r->c, name);
    if (!c || c->downlink == downlink)
        return 0; // the database may have it
    return err_set(r->e, ERR_CONFIG, "integrations[%zu].%s: converter \"%.*s\" is not of type %s",
                   i, key, SPAN_ARG(name), downlink ? "DOWNLINK" : "UPLINK");
}

int config_check_converters(struct config_reader *r)
{
    for (size_t i = 0; i < r->c.n_integrations; i++) {
        const struct config_integration *in = &r->c.integrations[i];
        if (check_converter(r, i, "uplinkConverter", in->uplink, false) < 0 ||
            check_converter(r, i, "downlinkConverter", in->downlink, true) < 0)
            return r->e->code;
        if (in->downlink.n && span_is(json_get_str(in->doc, "type", SPAN_NONE), "HTTP"))
            return err_set(r->e, ERR_CONFIG,
                           "integrations[%zu].downlinkConverter: an HTTP integration has no stream "
                           "for downlinks: call the other side by a REST API call node",
                           i);
    }
    return 0;
}
