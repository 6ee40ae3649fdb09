// SPDX-License-Identifier: Apache-2.0
#include "api/document.h"
#include "api/internal.h"
#include "api/routes.h"

// Rule chains and their metadata (nodes and connections): facts/hub.md section 3.5.

#define METADATA "metadata"

// The node that messages enter by, or NULL.
static const struct json *first_node(const struct json *metadata)
{
    int64_t first = json_get_int(metadata, "firstNodeIndex", -1);
    const struct json *n = json_child(json_get(metadata, "nodes"));
    for (; n && first > 0; first--)
        n = json_next(n);
    return first == 0 ? n : NULL;
}

// The chain's own document: its nodes are another call's.
static void write(struct request *q, struct json_out *j, struct entity *e)
{
    struct json *doc = json_copy(e->doc);
    const struct json *id = json_get(first_node(json_get(e->doc, METADATA)), "id");
    json_remove(doc, METADATA);
    json_set(doc, "firstRuleNodeId", id ? json_copy(id) : json_new_null());
    json_set_bool(doc, "root", e == hub_root_chain(q->api->o.hub));
    write_doc(j, doc);
    json_free(doc);
}

static void respond(struct request *q, struct entity *e)
{
    respond_entity(q, e, write);
}

static struct json *empty_metadata(void)
{
    struct json *m = json_new_object();
    json_set(m, "firstNodeIndex", json_new_null());
    json_set(m, "nodes", json_new_array());
    json_set(m, "connections", json_new_array());
    json_set(m, "ruleChainConnections", json_new_null());
    return m;
}

static void respond_metadata(struct request *q, struct entity *e)
{
    const struct json *stored = json_get(e->doc, METADATA);
    struct json *m = json_is(stored, JSON_OBJECT) ? json_copy(stored) : empty_metadata();
    json_set(m, "ruleChainId", registry_new_ref("RULE_CHAIN", e->id));
    json_set_num(m, "version", (double)e->version);
    struct buf *b = request_out(q);
    json_write(m, b);
    json_free(m);
    respond_json(q, buf_span(b));
}

void rule_chains_save(struct request *q)
{
    struct err e = {0};
    struct json *doc = request_json(q);
    if (!doc)
        return;
    if (rule_chain_check(doc, &e) < 0) {
        json_free(doc);
        respond_err(q, &e);
        return;
    }
    hub_save_chain(q->api->o.hub, doc, on_saved, saved_new(q, respond));
}

void rule_chains_get(struct request *q)
{
    struct entity *e = request_entity(q, STORE_RULE_CHAIN, q->args[0]);
    if (e)
        respond(q, e);
}

void rule_chains_delete(struct request *q)
{
    struct entity *e = request_entity(q, STORE_RULE_CHAIN, q->args[0]);
    if (!e)
        return;
    if (hub_is_root_chain(q->api->o.hub, e)) {
        respond_error(q, 400, HUB_BAD_REQUEST, "The root rule chain can't be deleted");
        return;
    }
    registry_remove(hub_registry(q->api->o.hub), STORE_RULE_CHAIN, e->id, on_saved,
                    saved_new(q, respond_removed));
}

void rule_chains_metadata(struct request *q)
{
    struct entity *e = request_entity(q, STORE_RULE_CHAIN, q->args[0]);
    if (e)
        respond_metadata(q, e);
}

void rule_chains_save_metadata(struct request *q)
{
    struct err e = {0};
    struct json *doc = request_json(q);
    if (!doc)
        return;
    if (rule_chain_metadata_check(doc, &e) < 0) {
        json_free(doc);
        respond_err(q, &e);
        return;
    }
    void *wait = saved_new(q, respond_metadata);
    int status = hub_save_chain_metadata(q->api->o.hub, doc, on_saved, wait, &e);
    if (status == 0)
        return;
    json_free(doc);
    on_saved(wait, status, NULL, &e);
}

void rule_chains_set_root(struct request *q)
{
    struct err why = {0};
    struct entity *e = request_entity(q, STORE_RULE_CHAIN, q->args[0]);
    if (!e)
        return;
    if (!span_is(json_get_str(e->doc, "type", SPAN("CORE")), "CORE")) {
        respond_error(q, 400, HUB_BAD_REQUEST, "only a rule chain of type CORE can be root");
        return;
    }
    void *wait = saved_new(q, respond);
    int status = hub_set_root_chain(q->api->o.hub, e, on_saved, wait, &why);
    if (status < 0)
        on_saved(wait, status, NULL, &why);
}

static bool keep(struct request *q, const struct entity *e)
{
    struct span type = query_get(&q->query, "type");
    return !type.n || span_eq(type, json_get_str(e->doc, "type", SPAN("CORE")));
}

void rule_chains_list(struct request *q)
{
    respond_entity_page(
        q, &(struct entity_page){.kind = STORE_RULE_CHAIN, .keep = keep, .write = write});
}
