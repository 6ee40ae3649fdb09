// SPDX-License-Identifier: Apache-2.0
#include "api/target.h"

static bool is_entity_type(struct span type)
{
    static const char *const types[] = {
        "TENANT",        "CUSTOMER",    "USER",           "DASHBOARD",   "ALARM", "RULE_CHAIN",
        "RULE_NODE",     "ENTITY_VIEW", "ENTITY_GROUP",   "CONVERTER",   "ROLE",  "TENANT_PROFILE",
        "ASSET_PROFILE", "EDGE",        "DEVICE_PROFILE", "INTEGRATION",
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (span_is(type, types[i]))
            return true;
    }
    return false;
}

struct store_device *target_find(struct request *q, struct span type, struct span id)
{
    bool asset = span_is(type, "ASSET");
    struct uuid uuid;
    if (!asset && !span_is(type, "DEVICE") && !is_entity_type(type)) {
        respond_text(q, 400, "Invalid entity type: %.*s", (int)(type.n < 64 ? type.n : 64), type.p);
        return NULL;
    }
    if (!request_uuid(q, id, &uuid))
        return NULL;
    struct store_device *d = hub_find_device_id(q->api->o.hub, uuid);
    if (d && d->is_asset == asset && (asset || span_is(type, "DEVICE")))
        return d;
    respond_text(q, 404, "%s with requested id wasn't found!",
                 asset                     ? "Asset"
                 : span_is(type, "DEVICE") ? "Device"
                                           : "Entity");
    return NULL;
}

bool target_keys(struct request *q, struct query_list *out)
{
    struct err e = {0};
    if (query_get_list(&q->query, "keys", "key", q->arena, out, &e) == 0)
        return true;
    respond_text(q, 400, "%s", e.msg);
    return false;
}
