// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "hub/asks.h"
#include "hub/delays.h"
#include "hub/node.h"
#include "hub/polls.h"
#include "hub/rpc.h"
#include "hub/tokens.h"
#include "hub/value_reads.h"

#define SETTING_TENANT "tenant"
#define SETTING_ROOT "rootRuleChain"

static struct entity *add_named(struct hub *h, struct store_txn *txn, enum store_doc_kind kind,
                                struct json *doc, const char *name)
{
    json_set_str(doc, "name", span_str(name));
    return registry_add_in(h->registry, kind, doc, txn);
}

static void ensure_tenant(struct hub *h, struct store_txn *txn)
{
    char text[UUID_TEXT_LEN + 1];
    struct entity *e = registry_find_name(h->registry, STORE_SETTING, SPAN(SETTING_TENANT));
    if (!e || !uuid_parse(json_get_str(e->doc, "value", SPAN_NONE), &h->tenant)) {
        h->tenant = uuid_new_v1(loop_clock(h->o.loop));
        uuid_format(h->tenant, text);
        struct json *doc = json_new_object();
        json_set_str(doc, "value", span_str(text));
        registry_set_tenant(h->registry, h->tenant);
        add_named(h, txn, STORE_SETTING, doc, SETTING_TENANT);
    }
    registry_set_tenant(h->registry, h->tenant);
}

static struct entity *add_profile(struct hub *h, struct store_txn *txn, struct span name)
{
    struct json *doc = json_new_object();
    json_set_str(doc, "name", name);
    json_set_str(doc, "type", SPAN("DEFAULT"));
    json_set_str(doc, "transportType", SPAN("DEFAULT"));
    json_set_str(doc, "provisionType", SPAN("DISABLED"));
    json_set(doc, "defaultRuleChainId", json_new_null());
    json_set_bool(doc, "default", span_is(name, HUB_DEFAULT_PROFILE));
    return registry_add_in(h->registry, STORE_PROFILE, doc, txn);
}

// New nodes get ids.
static void stamp_nodes(struct hub *h, struct json *metadata)
{
    const struct clock *clock = loop_clock(h->o.loop);
    for (struct json *n = json_child(json_get(metadata, "nodes")); n; n = json_next(n)) {
        struct uuid id;
        if (registry_ref(n, "id", &id))
            continue;
        json_set(n, "id", registry_new_ref("RULE_NODE", uuid_new_v1(clock)));
        json_set_num(n, "createdTime", (double)clock->wall_ms(clock->ctx));
    }
}

static int ensure_root_chain(struct hub *h, struct store_txn *txn, struct err *e)
{
    char text[UUID_TEXT_LEN + 1];
    struct entity *setting = registry_find_name(h->registry, STORE_SETTING, SPAN(SETTING_ROOT));
    if (setting && uuid_parse(json_get_str(setting->doc, "value", SPAN_NONE), &h->root_id)) {
        return 0;
    }
    struct json *metadata = json_parse(span_str(hub_default_chain_metadata()), e);
    if (!metadata)
        return e->code;
    struct json *doc = json_new_object();
    json_set_str(doc, "type", SPAN("CORE"));
    json_set_bool(doc, "debugMode", false);
    json_set(doc, "firstRuleNodeId", json_new_null());
    json_set(doc, "configuration", json_new_null());
    json_set(doc, "additionalInfo", json_new_null());
    stamp_nodes(h, metadata);
    json_set(doc, "metadata", metadata);
    h->root_id = add_named(h, txn, STORE_RULE_CHAIN, doc, "Root Rule Chain")->id;
    uuid_format(h->root_id, text);
    struct json *root = json_new_object();
    json_set_str(root, "value", span_str(text));
    add_named(h, txn, STORE_SETTING, root, SETTING_ROOT);
    return 0;
}

static void load_other(void *ctx, enum store_doc_kind kind, struct uuid id, struct span name,
                       struct span json)
{
    struct hub *h = ctx;
    (void)name;
    if (kind == STORE_DELAYED)
        delays_load(h->delays, id, json);
    else if (kind == STORE_CREDENTIALS)
        tokens_load(h->tokens, id, json);
}

int hub_new(const struct hub_options *o, struct hub **out, struct err *e)
{
    struct hub *h = mem_new(struct hub);
    h->o = *o;
    h->next_root_id = uuid_null;
    h->registry = registry_new(o->loop, o->store);
    registry_set_secrets(h->registry, o->secrets);
    h->reads = value_reads_new(o->store);
    h->delays = delays_new(h);
    h->asks = asks_new(h);
    h->tokens = tokens_new(h);
    h->polls = polls_new();
    h->rpcs = rpcs_new(h);
    h->events = events_new(loop_clock(o->loop));
    int status = registry_load(h->registry, load_other, h, e);
    if (status < 0) {
        hub_free(h);
        return status;
    }
    tokens_loaded(h->tokens);
    struct store_txn *txn = store_txn_new(o->store);
    ensure_tenant(h, txn);
    if (!registry_find_name(h->registry, STORE_PROFILE, SPAN(HUB_DEFAULT_PROFILE))) {
        add_profile(h, txn, SPAN(HUB_DEFAULT_PROFILE));
    }
    status = ensure_root_chain(h, txn, e);
    if (status < 0) {
        store_txn_free(txn);
        hub_free(h);
        return status;
    }
    store_commit(o->store, txn, NULL, NULL);
    chains_open(h);
    *out = h;
    return 0;
}

void hub_stop(struct hub *h)
{
    delays_stop(h->delays);
    asks_stop(h->asks);
}

void hub_stop_calls(struct hub *h)
{
    rpcs_stop(h->rpcs);
}

void hub_free(struct hub *h)
{
    if (!h)
        return;
    chains_close(h);
    delays_free(h->delays);
    value_reads_free(h->reads);
    events_free(h->events);
    asks_free(h->asks);
    tokens_free(h->tokens);
    rpcs_free(h->rpcs);
    polls_free(h->polls);
    registry_free(h->registry);
    mem_free(h);
}

void hub_set_sink(struct hub *h, const struct hub_downlink_sink *sink)
{
    h->sink = *sink;
}

void hub_set_rest_sink(struct hub *h, const struct hub_rest_sink *sink)
{
    h->rest_sink = *sink;
}

void hub_set_rpc_sink(struct hub *h, const struct hub_rpc_sink *sink)
{
    h->rpc_sink = *sink;
}

struct secrets *hub_secrets(struct hub *h)
{
    return h->o.secrets;
}

struct registry *hub_registry(struct hub *h)
{
    return h->registry;
}

struct store *hub_store(struct hub *h)
{
    return h->o.store;
}

struct loop *hub_loop(struct hub *h)
{
    return h->o.loop;
}

struct convert_pool *hub_convert(struct hub *h)
{
    return h->o.convert;
}

struct uuid hub_tenant(const struct hub *h)
{
    return h->tenant;
}

bool hub_cast_strings(const struct hub *h)
{
    return h->o.cast_strings;
}

struct events *hub_events(struct hub *h)
{
    return h->events;
}

struct entity *hub_root_chain(struct hub *h)
{
    return registry_find(h->registry, STORE_RULE_CHAIN, h->root_id);
}

bool hub_is_root_chain(const struct hub *h, const struct entity *e)
{
    return uuid_eq(e->id, h->root_id) || uuid_eq(e->id, h->next_root_id);
}

struct set_root {
    struct hub *hub;
    struct uuid id;
    registry_saved_fn *cb;
    void *ctx;
};

static void on_root_set(void *ctx, int status, struct entity *e, const struct err *err)
{
    struct set_root *s = ctx;
    (void)e;
    s->hub->next_root_id = uuid_null;
    if (status == 0) {
        chains_set_root(s->hub, s->id);
    }
    s->cb(s->ctx, status, status == 0 ? hub_root_chain(s->hub) : NULL, err);
    mem_free(s);
}

int hub_set_root_chain(struct hub *h, struct entity *e, registry_saved_fn *cb, void *ctx,
                       struct err *err)
{
    char text[UUID_TEXT_LEN + 1];
    struct entity *setting = registry_find_name(h->registry, STORE_SETTING, SPAN(SETTING_ROOT));
    if (e->saving)
        return err_set(err, ERR_CONFLICT, "Rule chain is being changed by another request");
    if (!uuid_eq(h->next_root_id, uuid_null))
        return err_set(err, ERR_CONFLICT,
                       "the root rule chain is being changed by another request");
    struct set_root *s = mem_new(struct set_root);
    *s = (struct set_root){h, e->id, cb, ctx};
    h->next_root_id = e->id;
    uuid_format(e->id, text);
    struct json *doc = json_copy(setting->doc);
    json_remove(doc, "version");
    json_set_str(doc, "value", span_str(text));
    registry_save(h->registry, STORE_SETTING, doc, on_root_set, s);
    return 0;
}

void hub_save_chain(struct hub *h, struct json *doc, registry_saved_fn *cb, void *ctx)
{
    struct uuid id;
    struct entity *e = NULL;
    if (registry_ref(doc, "id", &id))
        e = registry_find(h->registry, STORE_RULE_CHAIN, id);
    json_remove(doc, "metadata");
    if (e && json_get(e->doc, "metadata")) {
        json_set(doc, "metadata", json_copy(json_get(e->doc, "metadata")));
    }
    registry_save(h->registry, STORE_RULE_CHAIN, doc, cb, ctx);
}

// People see which nodes of an imported chain will fail.
static void mark_unknown(struct span chain, struct json *node)
{
    struct span type = json_get_str(node, "type", SPAN_NONE);
    json_remove(node, "unsupported");
    if (rule_node_type_find(type) != &node_unknown)
        return;
    json_set_bool(node, "unsupported", true);
    log_warn("hub", "a rule node of a type that is not supported will fail",
             "chain=\"%.*s\" type=\"%.*s\"", SPAN_ARG(chain), SPAN_ARG(type));
}

int hub_save_chain_metadata(struct hub *h, struct json *metadata, registry_saved_fn *cb, void *ctx,
                            struct err *e)
{
    struct uuid id;
    struct rule_chain *compiled = NULL;
    if (!registry_ref(metadata, "ruleChainId", &id)) {
        return err_set(e, ERR_INVALID, "ruleChainId: missing or malformed");
    }
    struct entity *chain = registry_find(h->registry, STORE_RULE_CHAIN, id);
    if (!chain) {
        struct span text = json_get_str(json_get(metadata, "ruleChainId"), "id", SPAN_NONE);
        return err_set(e, ERR_NOT_FOUND, "Rule chain with id [%.*s] is not found", SPAN_ARG(text));
    }
    int status = rule_chain_compile(metadata, chain->name, &compiled, e);
    if (status < 0)
        return status;
    rule_chain_free(compiled);
    struct json *doc = json_copy(chain->doc);
    const struct json *version = json_get(metadata, "version");
    json_remove(doc, "version");
    if (json_is(version, JSON_NUMBER))
        json_set(doc, "version", json_copy(version));
    stamp_nodes(h, metadata);
    for (struct json *n = json_child(json_get(metadata, "nodes")); n; n = json_next(n)) {
        json_set(n, "ruleChainId", registry_new_ref("RULE_CHAIN", id));
        debug_settings_stamp(n, loop_wall_ms(h->o.loop));
        mark_unknown(chain->name, n);
    }
    json_set(doc, "metadata", metadata);
    registry_save(h->registry, STORE_RULE_CHAIN, doc, cb, ctx);
    return 0;
}

struct store_device *hub_device_named(struct hub *h, struct span name, bool is_asset)
{
    struct store_device *d = store_find_device(h->o.store, name, is_asset);
    return d && d->vain && !d->durable ? NULL : d;
}

struct store_device *hub_find_device(struct hub *h, struct span name)
{
    struct store_device *d = store_find_device(h->o.store, name, false);
    return d && d->durable && !d->hidden ? d : NULL;
}

struct store_device *hub_find_device_id(struct hub *h, struct uuid id)
{
    struct store_device *d = store_find_device_id(h->o.store, id);
    return d && d->durable && !d->hidden ? d : NULL;
}

struct span hub_profile_name(struct hub *h, struct uuid profile)
{
    struct entity *e = registry_find(h->registry, STORE_PROFILE, profile);
    return e ? e->name : SPAN(HUB_DEFAULT_PROFILE);
}

struct uuid hub_profile_for(struct hub *h, struct span type)
{
    struct span name = type.n ? type : SPAN(HUB_DEFAULT_PROFILE);
    // What refers to it cannot become durable before it, whose commit has been asked for.
    struct entity *e = registry_find_coming(h->registry, STORE_PROFILE, name);
    if (e)
        return e->id;
    struct store_txn *txn = store_txn_new(h->o.store);
    e = add_profile(h, txn, name);
    store_commit(h->o.store, txn, NULL, NULL);
    return e->id;
}

void hub_get_stats(const struct hub *h, struct hub_stats *out)
{
    *out = h->stats;
}
