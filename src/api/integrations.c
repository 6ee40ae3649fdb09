// SPDX-License-Identifier: Apache-2.0
#include "api/document.h"
#include "api/internal.h"
#include "api/mask.h"
#include "api/routes.h"
#include "base/mem.h"

// Integrations: facts/hub.md sections 1.3 and 3.5. No answer holds a secret.

#define SECRET_LEN 20
#define SERVICE_ID "penstock"

static void write(struct request *q, struct json_out *j, struct entity *e)
{
    (void)q;
    struct json *doc = json_copy(e->doc);
    integration_fill(doc);
    mask_secrets(doc);
    write_doc(j, doc);
    json_free(doc);
}

static void respond(struct request *q, struct entity *e)
{
    respond_entity(q, e, write);
}

// The stored document that `doc` is a change of, or NULL.
static const struct json *stored_doc(struct request *q, const struct json *doc)
{
    struct uuid id;
    struct entity *e = NULL;
    if (registry_ref(doc, "id", &id))
        e = registry_find(hub_registry(q->api->o.hub), STORE_INTEGRATION, id);
    return e ? e->doc : NULL;
}

// What was not sent stays as it is stored, else a client that does not know it would change it.
static bool keep_text(struct json *doc, const struct json *stored, const char *key)
{
    if (json_get_str(doc, key, SPAN_NONE).n)
        return true;
    struct span old = json_get_str(stored, key, SPAN_NONE);
    if (old.n)
        json_set_str(doc, key, old);
    return old.n > 0;
}

static void fill_keys(struct request *q, struct json *doc, const struct json *stored)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    const struct clock *clock = loop_clock(q->api->o.loop);
    if (!keep_text(doc, stored, "routingKey")) {
        char text[UUID_TEXT_LEN + 1];
        uuid_format(uuid_new_v4(clock), text);
        json_set_str(doc, "routingKey", span_str(text));
    }
    if (!keep_text(doc, stored, "secret")) {
        char secret[SECRET_LEN];
        for (size_t i = 0; i < sizeof secret; i++)
            secret[i] = alphabet[clock_random_u64(clock) % (sizeof alphabet - 1)];
        json_set_str(doc, "secret", span_of(secret, sizeof secret));
    }
}

// The sent document, checked and made whole; NULL: answered.
static struct json *receive(struct request *q)
{
    struct err e = {0};
    struct json *doc = request_json(q);
    if (!doc)
        return NULL;
    const struct json *stored = stored_doc(q, doc);
    if (integration_check(doc, &e) == 0 && unmask_secrets(doc, stored, &e) == 0 &&
        bridge_validate(q->api->o.bridge, doc, &e) == 0) {
        fill_keys(q, doc, stored);
        return doc;
    }
    json_free(doc);
    respond_err(q, &e);
    return NULL;
}

void integrations_save(struct request *q)
{
    struct json *doc = receive(q);
    if (doc) {
        registry_save(hub_registry(q->api->o.hub), STORE_INTEGRATION, doc, on_saved,
                      saved_new(q, respond));
    }
}

static void on_checked(void *ctx, int status, const char *text)
{
    struct wait *w = ctx;
    struct request *q = wait_end(w);
    mem_free(w);
    if (!q)
        return;
    if (status == 0)
        respond_empty(q);
    else if (status == ERR_CANCELED)
        respond_error(q, 503, HUB_GENERAL, "the server is shutting down");
    else
        respond_error(q, 400, HUB_BAD_REQUEST, "%s", text && *text ? text : err_text(status));
}

void integrations_check(struct request *q)
{
    struct json *doc = receive(q);
    if (!doc)
        return;
    struct wait *w = mem_new(struct wait);
    wait_begin(w, q);
    bridge_check(q->api->o.bridge, doc, on_checked, w);
    json_free(doc);
}

void integrations_get(struct request *q)
{
    struct entity *e = request_entity(q, STORE_INTEGRATION, q->args[0]);
    if (e)
        respond(q, e);
}

void integrations_by_routing_key(struct request *q)
{
    const struct registry *r = hub_registry(q->api->o.hub);
    struct entity *found = NULL;
    struct uuid id;
    for (struct entity *e = NULL; !found && (e = registry_next(r, STORE_INTEGRATION, e));) {
        if (span_eq_secret(json_get_str(e->doc, "routingKey", SPAN_NONE), q->args[0]))
            found = e;
    }
    if (!found && uuid_parse(q->args[0], &id))
        found = registry_find(r, STORE_INTEGRATION, id);
    if (found) {
        respond(q, found);
        return;
    }
    respond_error(q, 404, HUB_NOT_FOUND, "Requested item wasn't found!");
}

void integrations_delete(struct request *q)
{
    struct entity *e = request_entity(q, STORE_INTEGRATION, q->args[0]);
    if (e) {
        registry_remove(hub_registry(q->api->o.hub), STORE_INTEGRATION, e->id, on_saved,
                        saved_new(q, respond_removed));
    }
}

void integrations_status(struct request *q)
{
    struct entity *e = request_entity(q, STORE_INTEGRATION, q->args[0]);
    if (!e)
        return;
    struct buf *b = request_out(q);
    if (bridge_status_json(q->api->o.bridge, e->id, b))
        respond_json(q, buf_span(b));
    else
        respond_error(q, 404, HUB_NOT_FOUND, "the integration is being removed");
}

void integrations_by_ids(struct request *q)
{
    respond_entity_list(q, STORE_INTEGRATION, "integrationIds", write);
}

void integrations_list(struct request *q)
{
    if (query_get(&q->query, "integrationIds").p) {
        integrations_by_ids(q);
        return;
    }
    respond_entity_page(
        q, &(struct entity_page){.kind = STORE_INTEGRATION, .search_prefix = true, .write = write});
}

static void write_status(struct request *q, struct json_out *j, const struct entity *e)
{
    const char *error;
    const char *state = bridge_state(q->api->o.bridge, e->id, &error);
    json_out_key(j, SPAN("status"));
    json_out_object(j);
    json_out_key_bool(j, "success", strcmp(state, "ACTIVE") == 0);
    json_out_key_str(j, "serviceId", SPAN(SERVICE_ID));
    json_out_key_str(j, "state", span_str(state));
    if (error)
        json_out_key_str(j, "error", span_str(error));
    else
        json_out_key_null(j, "error");
    json_out_end(j);
}

// The members of the list view: facts/hub.md section 1.3.
static void write_info(struct request *q, struct json_out *j, struct entity *e)
{
    static const char *const shown[] = {
        "id",           "createdTime",   "tenantId", "name",   "type",
        "debugMode",    "debugSettings", "enabled",  "remote", "allowCreateDevicesOrAssets",
        "edgeTemplate", "version"};
    struct json *doc = json_copy(e->doc);
    integration_fill(doc);
    json_out_object(j);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        json_out_key(j, span_str(shown[i]));
        write_doc(j, json_get(doc, shown[i]));
    }
    json_free(doc);
    write_status(q, j, e);
    json_out_key_raw(j, "stats", SPAN("[]"));
    json_out_end(j);
}

void integrations_infos(struct request *q)
{
    respond_entity_page(q, &(struct entity_page){.kind = STORE_INTEGRATION,
                                                 .search_prefix = true,
                                                 .write = write_info});
}
