// SPDX-License-Identifier: Apache-2.0
#include "api/document.h"
#include "api/internal.h"
#include "api/routes.h"

// Converters: facts/hub.md sections 2.1 and 3.5.

static void write(struct request *q, struct json_out *j, struct entity *e)
{
    (void)q;
    struct json *doc = json_copy(e->doc);
    converter_fill(doc);
    write_doc(j, doc);
    json_free(doc);
}

static void respond(struct request *q, struct entity *e)
{
    respond_entity(q, e, write);
}

static bool is_used(struct request *q, struct uuid converter)
{
    const struct registry *r = hub_registry(q->api->o.hub);
    for (struct entity *e = NULL; (e = registry_next(r, STORE_INTEGRATION, e));) {
        struct uuid id;
        if (registry_ref(e->doc, "defaultConverterId", &id) && uuid_eq(id, converter))
            return true;
        if (registry_ref(e->doc, "downlinkConverterId", &id) && uuid_eq(id, converter))
            return true;
    }
    return false;
}

// An integration that runs a converter would be left without one of the right type.
static int check_type_change(struct request *q, const struct json *doc, struct err *e)
{
    struct uuid id;
    struct entity *old;
    if (!registry_ref(doc, "id", &id))
        return 0;
    old = registry_find(hub_registry(q->api->o.hub), STORE_CONVERTER, id);
    if (!old ||
        span_eq(json_get_str(old->doc, "type", SPAN_NONE), json_get_str(doc, "type", SPAN_NONE)))
        return 0;
    if (!is_used(q, id))
        return 0;
    return err_set(e, ERR_INVALID, "type: can't change while an integration uses the converter");
}

void converters_save(struct request *q)
{
    struct err e = {0};
    struct json *doc = request_json(q);
    if (!doc)
        return;
    if (converter_check(doc, &e) < 0 || check_type_change(q, doc, &e) < 0) {
        json_free(doc);
        respond_err(q, &e);
        return;
    }
    registry_save(hub_registry(q->api->o.hub), STORE_CONVERTER, doc, on_saved,
                  saved_new(q, respond));
}

void converters_get(struct request *q)
{
    struct entity *e = request_entity(q, STORE_CONVERTER, q->args[0]);
    if (e)
        respond(q, e);
}

void converters_delete(struct request *q)
{
    struct entity *e = request_entity(q, STORE_CONVERTER, q->args[0]);
    if (!e)
        return;
    if (is_used(q, e->id)) {
        respond_error(q, 400, HUB_BAD_REQUEST,
                      "The converter is used by an integration and can't be deleted");
        return;
    }
    registry_remove(hub_registry(q->api->o.hub), STORE_CONVERTER, e->id, on_saved,
                    saved_new(q, respond_removed));
}

// A converter of no integration type is for all.
static bool keep(struct request *q, const struct entity *e)
{
    struct span want = query_get(&q->query, "integrationType");
    struct span type = json_get_str(e->doc, "integrationType", SPAN_NONE);
    return !want.n || !type.n || span_eq(type, want);
}

void converters_by_ids(struct request *q)
{
    respond_entity_list(q, STORE_CONVERTER, "converterIds", write);
}

void converters_list(struct request *q)
{
    if (query_get(&q->query, "converterIds").p) {
        converters_by_ids(q);
        return;
    }
    respond_entity_page(
        q, &(struct entity_page){
               .kind = STORE_CONVERTER, .search_prefix = true, .keep = keep, .write = write});
}
