// SPDX-License-Identifier: Apache-2.0
#include "api/devices.h"
#include "api/routes.h"
#include "codec/digest.h"

// The one entity group there is, "All" devices, and device profiles: facts/hub.md section 3.3.

// The same in one database, across restarts (RFC 9562 section 5.8).
static struct uuid group_id(const struct hub *h)
{
    uint8_t digest[SHA256_LEN];
    struct uuid tenant = hub_tenant(h), id;
    struct sha256 sum;
    sha256_begin(&sum);
    sha256_add(&sum, uuid_span(&tenant));
    sha256_add(&sum, SPAN("group of all devices"));
    sha256_end(&sum, digest);
    memcpy(id.b, digest, sizeof id.b);
    id.b[6] = (uint8_t)((id.b[6] & 0x0f) | 0x80);
    id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
    return id;
}

static void write_group(struct request *q, struct json_out *j)
{
    struct hub *h = q->api->o.hub;
    struct uuid tenant = hub_tenant(h);
    json_out_object(j);
    write_ref(j, "id", "ENTITY_GROUP", group_id(h));
    json_out_key_int(j, "createdTime", 0);
    write_ref(j, "tenantId", "TENANT", tenant);
    json_out_key_str(j, "type", SPAN("DEVICE"));
    json_out_key_str(j, "name", SPAN("All"));
    write_ref(j, "ownerId", "TENANT", tenant);
    json_out_key(j, SPAN("ownerIds"));
    json_out_array(j);
    json_out_object(j);
    json_out_key_str(j, "entityType", SPAN("TENANT"));
    json_out_key(j, SPAN("id"));
    json_out_uuid(j, tenant);
    json_out_end(j);
    json_out_end(j);
    json_out_key_bool(j, "groupAll", true);
    json_out_key_bool(j, "edgeGroupAll", false);
    json_out_key_null(j, "additionalInfo");
    json_out_key_null(j, "configuration");
    json_out_key_int(j, "version", 1);
    json_out_end(j);
}

static void respond_group(struct request *q)
{
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    write_group(q, &j);
    respond_json(q, buf_span(b));
}

void groups_all(struct request *q)
{
    struct uuid owner;
    if (!request_uuid(q, q->args[1], &owner))
        return;
    if (span_is(q->args[0], "TENANT") && uuid_eq(owner, hub_tenant(q->api->o.hub)) &&
        span_is(q->args[2], "DEVICE"))
        respond_group(q);
    else
        respond_error(q, 404, HUB_NOT_FOUND, "Requested item wasn't found!");
}

void groups_list(struct request *q)
{
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    json_out_array(&j);
    if (span_is(q->args[0], "DEVICE"))
        write_group(q, &j);
    json_out_end(&j);
    respond_json(q, buf_span(b));
}

static bool is_group(struct request *q)
{
    struct uuid id;
    if (!request_uuid(q, q->args[0], &id))
        return false;
    if (uuid_eq(id, group_id(q->api->o.hub)))
        return true;
    respond_error(q, 404, HUB_NOT_FOUND, "Entity group with id [%.*s] is not found",
                  SPAN_ARG(q->args[0]));
    return false;
}

void groups_get(struct request *q)
{
    if (is_group(q))
        respond_group(q);
}

void groups_devices(struct request *q)
{
    if (is_group(q))
        devices_respond_page(q, false);
}

static void write_profile(struct request *q, struct json_out *j, struct entity *e)
{
    json_out_object(j);
    write_ref(j, "id", "DEVICE_PROFILE", e->id);
    json_out_key_str(j, "name", e->name);
    json_out_key_null(j, "image");
    json_out_key_null(j, "defaultDashboardId");
    json_out_key_str(j, "type", json_get_str(e->doc, "type", SPAN("DEFAULT")));
    json_out_key_str(j, "transportType", json_get_str(e->doc, "transportType", SPAN("DEFAULT")));
    json_out_key_bool(j, "default", json_get_bool(e->doc, "default", false));
    write_ref(j, "tenantId", "TENANT", hub_tenant(q->api->o.hub));
    json_out_end(j);
}

void groups_profiles(struct request *q)
{
    respond_entity_page(q, &(struct entity_page){.kind = STORE_PROFILE, .write = write_profile});
}
