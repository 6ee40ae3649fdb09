// SPDX-License-Identifier: Apache-2.0
#include "hub/chains.h"
#include "base/mem.h"
#include "hub/node.h"
#include "hub/script_queue.h"

// A rule chain's document keeps its compiled form in `runtime`, and a device profile's document
// that of the chain its devices start in; both follow every change of either.

struct chain_runtime *chain_ref(struct chain_runtime *c)
{
    if (c)
        c->refs++;
    return c;
}

void chain_unref(struct chain_runtime *c)
{
    if (!c || --c->refs > 0)
        return;
    for (uint32_t i = 0; i < c->chain->n_nodes; i++) {
        script_queue_free(c->chain->nodes[i].scripts);
        if (c->chain->nodes[i].reads_values)
            c->hub->value_readers--;
    }
    rule_chain_free(c->chain);
    mem_free(c);
}

static struct chain_runtime *make_runtime(struct hub *h, struct uuid id, struct rule_chain *chain)
{
    struct chain_runtime *c = mem_new(struct chain_runtime);
    c->hub = h;
    c->id = id;
    c->chain = chain;
    c->refs = 1;
    for (uint32_t i = 0; i < chain->n_nodes; i++) {
        struct rule_node *n = &chain->nodes[i];
        if (n->script.n)
            n->scripts = script_queue_new(h, n->script_kind, n->name, n->script);
        if (n->reads_values)
            h->value_readers++;
    }
    return c;
}

static void drop(struct entity *e)
{
    chain_unref(e->runtime);
    e->runtime = NULL;
}

// The nodes get what their secrets say, or nothing, and this is told; some open them themselves.
static struct json *open_metadata(struct hub *h, const struct entity *e)
{
    const struct json *sealed = json_get(e->doc, "metadata");
    struct json *metadata = json_copy(sealed);
    struct err err = {0};
    if (secrets_open_all(h->o.secrets, e->id, metadata, &err)) {
        log_error("hub", "a rule chain lacks a secret", "chain=\"%.*s\" error=\"%s\"",
                  SPAN_ARG(e->name), err.msg);
    }
    const struct json *from = json_child(json_get(sealed, "nodes"));
    for (struct json *n = json_child(json_get(metadata, "nodes")); n;
         n = json_next(n), from = json_next(from)) {
        const struct json *conf = json_get(from, "configuration");
        if (conf && rule_node_type_find(json_get_str(n, "type", SPAN_NONE))->opens_secrets)
            json_set(n, "configuration", json_copy(conf));
    }
    return metadata;
}

static void load(struct hub *h, struct entity *e)
{
    struct rule_chain *chain = NULL;
    struct err err = {0};
    drop(e);
    if (!json_get(e->doc, "metadata"))
        return;
    struct json *metadata = open_metadata(h, e);
    int status = rule_chain_compile(metadata, e->name, &chain, &err);
    json_free(metadata);
    if (status == 0) {
        e->runtime = make_runtime(h, e->id, chain);
        return;
    }
    log_error("hub", "a rule chain cannot run", "chain=\"%.*s\" error=\"%s\"", SPAN_ARG(e->name),
              err.msg);
}

struct chain_runtime *hub_chain(struct hub *h, struct uuid id)
{
    struct entity *e = registry_find(h->registry, STORE_RULE_CHAIN, id);
    return e ? e->runtime : NULL;
}

struct chain_runtime *hub_profile_chain(struct hub *h, const struct store_device *d)
{
    if (!h->profile_chains || !d)
        return NULL;
    struct entity *e = registry_find(h->registry, STORE_PROFILE, d->profile);
    return e ? e->runtime : NULL;
}

// Root and profiles, by the chains as they are now.
static void link_starts(struct hub *h)
{
    h->root = hub_chain(h, h->root_id);
    h->profile_chains = 0;
    for (struct entity *e = NULL; (e = registry_next(h->registry, STORE_PROFILE, e));) {
        struct uuid id;
        e->runtime = registry_ref(e->doc, "defaultRuleChainId", &id) ? hub_chain(h, id) : NULL;
        h->profile_chains += e->runtime != NULL;
    }
}

void chains_set_root(struct hub *h, struct uuid id)
{
    h->root_id = id;
    link_starts(h);
    if (!h->root)
        log_warn("hub", "the root rule chain has no nodes: messages end at once");
}

static void on_chain_saved(void *ctx, struct entity *e, bool created)
{
    (void)created;
    load(ctx, e);
    link_starts(ctx);
}

static void on_chain_removed(void *ctx, struct entity *e)
{
    struct hub *h = ctx;
    struct chain_runtime *gone = e->runtime;
    // It is in the registry until this call returns.
    e->runtime = NULL;
    link_starts(h);
    chain_unref(gone);
}

static void on_profile_saved(void *ctx, struct entity *e, bool created)
{
    (void)e;
    (void)created;
    link_starts(ctx);
}

static void on_profile_removed(void *ctx, struct entity *e)
{
    struct hub *h = ctx;
    if (e->runtime)
        h->profile_chains--;
    e->runtime = NULL;
}

static const struct registry_observer chain_observer = {.on_saved = on_chain_saved,
                                                        .on_removed = on_chain_removed};
static const struct registry_observer profile_observer = {.on_saved = on_profile_saved,
                                                          .on_removed = on_profile_removed};

void chains_open(struct hub *h)
{
    registry_observe(h->registry, STORE_RULE_CHAIN, &chain_observer, h);
    registry_observe(h->registry, STORE_PROFILE, &profile_observer, h);
    for (struct entity *e = NULL; (e = registry_next(h->registry, STORE_RULE_CHAIN, e));)
        load(h, e);
    chains_set_root(h, h->root_id);
}

void chains_close(struct hub *h)
{
    for (struct entity *e = NULL; (e = registry_next(h->registry, STORE_RULE_CHAIN, e));)
        drop(e);
    h->root = NULL;
}
