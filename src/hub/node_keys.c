// SPDX-License-Identifier: Apache-2.0
#include "hub/json_members.h"
#include "hub/key_pattern.h"
#include "hub/node.h"

// Delete, rename and copy keys of a message's data or metadata.

// Expressions are tried on the loop: 100 of them on so many keys take milliseconds.
#define MEMBERS_MAX 1000

struct keys_config {
    bool in_data; // else in the metadata
    struct key_patterns keys;
    struct convert_pairs renames; // old name, new name
};

// `key` names the place in current releases, fromMetadata (true or false) in older ones.
static int read_place(struct node_compile *c, const char *key, struct keys_config *k)
{
    struct span place = json_get_str(c->conf, key, SPAN_NONE);
    bool is_metadata = json_get_bool(c->conf, "fromMetadata", false);
    if (!place.p)
        place = is_metadata ? SPAN("METADATA") : SPAN("DATA");
    k->in_data = span_is(place, "DATA");
    return k->in_data || span_is(place, "METADATA")
               ? 0
               : node_refuse(c, key, place, "DATA or METADATA");
}

static int compile_keys(struct node_compile *c, const char *place)
{
    struct keys_config *k = arena_new(c->arena, struct keys_config);
    c->node->config = k;
    if (read_place(c, place, k) < 0)
        return c->e->code;
    const struct json *keys = json_get(c->conf, "keys");
    for (const struct json *j = json_child(keys); j; j = json_next(j)) {
        if (key_patterns_add(&k->keys, c->arena, json_str(j, SPAN_NONE), c->e) < 0)
            return err_wrap(c->e, "configuration.keys");
    }
    return 0;
}

static void release_keys(struct rule_node *n)
{
    struct keys_config *k = n->config;
    if (k)
        key_patterns_free(&k->keys);
}

// An object's members, or false: the message has gone on. What is no object is passed on as it is.
static bool read_data(struct flow *f, const struct rule_node *n, struct json_members *m)
{
    struct err e;
    if (json_members_read(hub_msg_json(f->run, f->msg), &f->run->arena, m, &e) < 0) {
        flow_succeed(f, n);
        return false;
    }
    if (m->n <= MEMBERS_MAX)
        return true;
    err_set(&e, ERR_LIMIT, "the message's data has %zu keys, this node takes at most %d", m->n,
            MEMBERS_MAX);
    flow_fail(f, n, e.msg);
    return false;
}

static void succeed_with_data(struct flow *f, const struct rule_node *n,
                              const struct json_members *m)
{
    struct hub_msg *out = hub_msg_edit(f->run, f->msg);
    hub_msg_set_json(out, json_members_write(m, &f->run->arena));
    flow_succeed_with(f, n, out);
}

// Delete ------------------------------------------------------------------------------------------

static int compile_delete(struct node_compile *c)
{
    return compile_keys(c, "deleteFrom");
}

static void delete_from_data(struct flow *f, const struct rule_node *n)
{
    const struct keys_config *k = n->config;
    struct json_members m;
    size_t kept = 0;
    if (!read_data(f, n, &m))
        return;
    for (size_t i = 0; i < m.n; i++) {
        if (!key_patterns_match(&k->keys, m.p[i].key))
            m.p[kept++] = m.p[i];
    }
    if (kept == m.n) {
        flow_succeed(f, n);
        return;
    }
    m.n = kept;
    succeed_with_data(f, n, &m);
}

static void delete_from_metadata(struct flow *f, const struct rule_node *n)
{
    const struct keys_config *k = n->config;
    struct hub_msg *out = hub_msg_edit(f->run, f->msg);
    struct convert_pair *p = arena_array(&f->run->arena, struct convert_pair, out->metadata.n);
    size_t kept = 0;
    for (size_t i = 0; i < out->metadata.n; i++) {
        if (!key_patterns_match(&k->keys, out->metadata.p[i].key))
            p[kept++] = out->metadata.p[i];
    }
    out->metadata = (struct convert_pairs){p, kept};
    flow_succeed_with(f, n, out);
}

static void run_delete(struct flow *f, const struct rule_node *n)
{
    const struct keys_config *k = n->config;
    if (k->in_data)
        delete_from_data(f, n);
    else
        delete_from_metadata(f, n);
}

const struct rule_node_type node_delete_keys = {.suffix = ".transform.TbDeleteKeysNode",
                                                .compile = compile_delete,
                                                .run = run_delete,
                                                .release = release_keys};

// Copy --------------------------------------------------------------------------------------------

static int compile_copy(struct node_compile *c)
{
    return compile_keys(c, "copyFrom");
}

static void copy_to_metadata(struct flow *f, const struct rule_node *n,
                             const struct json_members *m)
{
    const struct keys_config *k = n->config;
    struct arena *a = &f->run->arena;
    struct hub_msg *out = hub_msg_edit(f->run, f->msg);
    struct convert_pair *p = arena_array(a, struct convert_pair, m->n);
    size_t copied = 0;
    for (size_t i = 0; i < m->n; i++) {
        if (key_patterns_match(&k->keys, m->p[i].key))
            p[copied++] = (struct convert_pair){m->p[i].key, json_member_text(a, m->p[i].raw)};
    }
    hub_msg_set_all(f->run, out, (struct convert_pairs){p, copied});
    flow_succeed_with(f, n, out);
}

static void copy_to_data(struct flow *f, const struct rule_node *n, struct json_members *m)
{
    const struct keys_config *k = n->config;
    struct arena *a = &f->run->arena;
    struct convert_pairs metadata = hub_msg_metadata(f->run, f->msg);
    for (size_t i = 0; i < metadata.n; i++) {
        if (key_patterns_match(&k->keys, metadata.p[i].key))
            json_members_set(m, a, metadata.p[i].key, json_member_quote(a, metadata.p[i].value));
    }
    succeed_with_data(f, n, m);
}

static void run_copy(struct flow *f, const struct rule_node *n)
{
    const struct keys_config *k = n->config;
    struct json_members m;
    if (!read_data(f, n, &m))
        return;
    if (k->in_data)
        copy_to_metadata(f, n, &m);
    else
        copy_to_data(f, n, &m);
}

const struct rule_node_type node_copy_keys = {.suffix = ".transform.TbCopyKeysNode",
                                              .compile = compile_copy,
                                              .run = run_copy,
                                              .release = release_keys};

// Rename ------------------------------------------------------------------------------------------

static int compile_rename(struct node_compile *c)
{
    struct keys_config *k = arena_new(c->arena, struct keys_config);
    const struct json *map = json_get(c->conf, "renameKeysMapping");
    size_t n = json_count(map);
    c->node->config = k;
    if (n == 0)
        return err_set(c->e, ERR_INVALID, "configuration.renameKeysMapping: names no key");
    if (n > KEY_PATTERNS_MAX)
        return err_set(c->e, ERR_LIMIT, "configuration.renameKeysMapping: more than %d keys",
                       KEY_PATTERNS_MAX);
    struct convert_pair *p = arena_array(c->arena, struct convert_pair, n);
    k->renames = (struct convert_pairs){p, n};
    for (const struct json *j = json_child(map); j; j = json_next(j), p++) {
        p->key = arena_span(c->arena, json_key(j));
        p->value = arena_span(c->arena, json_str(j, SPAN_NONE));
    }
    return read_place(c, "renameIn", k);
}

static void rename_in_data(struct flow *f, const struct rule_node *n)
{
    const struct keys_config *k = n->config;
    struct json_members m;
    bool changed = false;
    if (!read_data(f, n, &m))
        return;
    for (size_t i = 0; i < k->renames.n; i++) {
        const struct convert_pair *name = &k->renames.p[i];
        struct json_member *found = json_members_find(&m, name->key);
        if (!found || span_eq(name->key, name->value))
            continue;
        struct span raw = found->raw;
        changed = true;
        json_members_remove(&m, name->key);
        json_members_set(&m, &f->run->arena, name->value, raw);
    }
    if (changed)
        succeed_with_data(f, n, &m);
    else
        flow_succeed(f, n);
}

static void rename_in_metadata(struct flow *f, const struct rule_node *n)
{
    const struct keys_config *k = n->config;
    struct hub_msg *out = hub_msg_edit(f->run, f->msg);
    for (size_t i = 0; i < k->renames.n; i++) {
        struct convert_pair to = {k->renames.p[i].value,
                                  hub_msg_get(f->run, out, k->renames.p[i].key)};
        if (!to.value.p || span_eq(to.key, k->renames.p[i].key))
            continue;
        hub_msg_unset(f->run, out, k->renames.p[i].key);
        hub_msg_set_all(f->run, out, (struct convert_pairs){&to, 1});
    }
    flow_succeed_with(f, n, out);
}

static void run_rename(struct flow *f, const struct rule_node *n)
{
    const struct keys_config *k = n->config;
    if (k->in_data)
        rename_in_data(f, n);
    else
        rename_in_metadata(f, n);
}

const struct rule_node_type node_rename_keys = {
    .suffix = ".transform.TbRenameKeysNode", .compile = compile_rename, .run = run_rename};
