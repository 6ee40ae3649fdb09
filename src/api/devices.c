// SPDX-License-Identifier: Apache-2.0
#include "api/devices.h"

#include "api/routes.h"

// Devices: facts/hub.md section 3.3.

#define PAGE_MAX 10000

static void write_device(struct request *q, struct json_out *j, const struct store_device_out *d,
                         bool info)
{
    hub_write_device(q->api->o.hub, d, j);
    if (!info)
        return;
    // DeviceInfo is the Device with more members: its '}' makes way for them.
    j->out->n--;
    buf_add_str(j->out, ",\"customerTitle\":null,\"customerIsPublic\":false,\"active\":false,"
                        "\"ownerName\":\"Tenant\",\"groups\":[],\"deviceProfileName\":");
    json_quote(j->out, hub_profile_name(q->api->o.hub, d->profile));
    buf_add_char(j->out, '}');
}

static void respond_device(struct request *q, const struct store_device *d, bool info)
{
    struct store_device_out out = hub_device_out(d);
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    write_device(q, &j, &out, info);
    respond_json(q, buf_span(b));
}

struct device_page {
    struct page_link link;
    bool infos;
};

static void write_device_page(struct request *q, const struct store_device_out *d, size_t n,
                              uint64_t total)
{
    const struct device_page *p = q->data;
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    page_begin(&j);
    for (size_t i = 0; i < n; i++)
        write_device(q, &j, &d[i], p->infos);
    page_end(&j, &p->link, total);
    respond_json(q, buf_span(b));
}

static void on_devices(struct request *q, struct store_read *r)
{
    write_device_page(q, r->devices_out, r->n_devices, r->total);
}

static bool read_sort(struct request *q, struct span property, enum store_sort *out)
{
    static const struct {
        const char *name;
        enum store_sort sort;
    } sorts[] = {
        {"", STORE_SORT_CREATED},           {"createdTime", STORE_SORT_CREATED},
        {"name", STORE_SORT_NAME},          {"deviceProfileName", STORE_SORT_PROFILE},
        {"type", STORE_SORT_PROFILE},       {"label", STORE_SORT_LABEL},
        {"customerTitle", STORE_SORT_NAME}, // nobody is a customer's: all are equal
    };
    for (size_t i = 0; i < sizeof sorts / sizeof *sorts; i++) {
        if (span_is(property, sorts[i].name)) {
            *out = sorts[i].sort;
            return true;
        }
    }
    respond_error(q, 400, HUB_BAD_REQUEST, "query argument sortProperty: no such property");
    return false;
}

// False: answered; *known is false when no device can have the profile.
static bool read_profile(struct request *q, struct uuid *profile, bool *filter, bool *known)
{
    struct span type = query_get(&q->query, "type");
    struct span id = query_get(&q->query, "deviceProfileId");
    *known = true;
    *filter = type.n || id.n;
    if (id.n)
        return request_uuid(q, id, profile);
    if (type.n) {
        struct entity *e = registry_find_name(hub_registry(q->api->o.hub), STORE_PROFILE, type);
        *known = e != NULL;
        if (e)
            *profile = e->id;
    }
    return true;
}

void devices_respond_page(struct request *q, bool infos)
{
    struct device_page *p = arena_new(q->arena, struct device_page);
    struct uuid profile;
    enum store_sort sort;
    bool filter, known;
    p->infos = infos;
    q->data = p;
    if (!request_page(q, PAGE_MAX, &p->link) || !read_sort(q, p->link.sort_property, &sort) ||
        !read_profile(q, &profile, &filter, &known))
        return;
    if (!known) {
        write_device_page(q, NULL, 0, 0);
        return;
    }
    struct store_read *r = read_new(q, STORE_READ_DEVICES, on_devices);
    r->page = p->link.page;
    r->page_size = p->link.page_size;
    r->text = p->link.text;
    r->sort = sort;
    r->ascending = !p->link.descending;
    r->by_profile = filter;
    if (filter)
        r->profile = profile;
    read_start(r);
}

void devices_list(struct request *q)
{
    devices_respond_page(q, false);
}

void devices_list_infos(struct request *q)
{
    devices_respond_page(q, true);
}

void devices_by_name(struct request *q)
{
    struct span name = query_get(&q->query, "deviceName");
    if (!name.p) {
        respond_error(q, 400, HUB_BAD_REQUEST,
                      "Required request parameter 'deviceName' is not present");
        return;
    }
    struct store_device *d = hub_find_device(q->api->o.hub, name);
    if (d)
        respond_device(q, d, false);
    else
        respond_error(q, 404, HUB_NOT_FOUND, "Requested item wasn't found!");
}

// One path, two calls: the older one asks for a name.
void devices_list_or_one(struct request *q)
{
    if (query_get(&q->query, "deviceName").p)
        devices_by_name(q);
    else
        devices_list(q);
}

void devices_by_ids(struct request *q)
{
    struct query_list ids;
    struct err e = {0};
    if (query_get_list(&q->query, "deviceIds", NULL, q->arena, &ids, &e) < 0) {
        respond_err(q, &e);
        return;
    }
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    json_out_array(&j);
    for (size_t i = 0; i < ids.n; i++) {
        struct uuid id;
        if (!request_uuid(q, ids.items[i], &id))
            return;
        struct store_device *d = hub_find_device_id(q->api->o.hub, id);
        if (!d || d->is_asset)
            continue;
        struct store_device_out out = hub_device_out(d);
        write_device(q, &j, &out, false);
    }
    json_out_end(&j);
    respond_json(q, buf_span(b));
}

void devices_get(struct request *q)
{
    struct store_device *d = request_device(q, q->args[0]);
    if (d)
        respond_device(q, d, false);
}

void devices_info(struct request *q)
{
    struct store_device *d = request_device(q, q->args[0]);
    if (d)
        respond_device(q, d, true);
}

static void on_changed(struct request *q)
{
    respond_device(q, q->data, false);
}

// A member that may be missing or null, else must be a string.
static bool read_text(struct request *q, const struct json *doc, const char *key, struct span *out)
{
    const struct json *v = json_get(doc, key);
    *out = json_str(v, SPAN_NONE);
    if (!v || json_is(v, JSON_STRING) || json_is(v, JSON_NULL))
        return true;
    respond_error(q, 400, HUB_BAD_REQUEST, "%s: must be a string", key);
    return false;
}

// A device keeps the name it was made with; a client that saves it unchanged is not told off.
static void update_device(struct request *q, const struct json *doc, struct span name,
                          struct span type, struct span label)
{
    struct hub *h = q->api->o.hub;
    struct err e = {0};
    struct store_device *d = request_device(q, json_get_str(json_get(doc, "id"), "id", SPAN_NONE));
    if (!d)
        return;
    if (!span_eq(name, d->name)) {
        respond_error(q, 400, HUB_BAD_REQUEST, "the name of a device can't be changed");
        return;
    }
    if (!type.n)
        type = hub_profile_name(h, d->profile);
    if (span_eq(label, d->label) && span_eq(type, hub_profile_name(h, d->profile))) {
        respond_device(q, d, false);
        return;
    }
    if (!request_may_write(q))
        return;
    void *wait = committed_new(q, on_changed);
    q->data = d;
    if (hub_update_device(h, d, type, label, &q->who.user, on_committed, wait, &e) < 0)
        on_refused(wait, &e);
}

void devices_delete(struct request *q)
{
    struct store_device *d = request_device(q, q->args[0]);
    if (d && request_may_write(q))
        hub_delete_device(q->api->o.hub, d, &q->who.user, on_committed, committed_new(q, NULL));
}

// The profile by its id, or by the type.
static bool read_type(struct request *q, const struct json *doc, struct span *type)
{
    struct uuid id;
    if (type->n || !registry_ref(doc, "deviceProfileId", &id))
        return true;
    struct entity *e = registry_find(hub_registry(q->api->o.hub), STORE_PROFILE, id);
    if (e) {
        *type = e->name;
        return true;
    }
    respond_error(q, 400, HUB_BAD_REQUEST, "deviceProfileId: no such device profile");
    return false;
}

static void create_device(struct request *q, const struct json *doc)
{
    struct span name, type, label;
    struct err e = {0};
    if (!json_is(doc, JSON_OBJECT)) {
        respond_error(q, 400, HUB_BAD_REQUEST, "Device must be a JSON object");
        return;
    }
    if (!read_text(q, doc, "name", &name) || !read_text(q, doc, "type", &type) ||
        !read_text(q, doc, "label", &label) || !read_type(q, doc, &type))
        return;
    const struct json *id = json_get(doc, "id");
    if (id && !json_is(id, JSON_NULL)) {
        update_device(q, doc, name, type, label);
        return;
    }
    if (!request_may_write(q))
        return;
    void *wait = committed_new(q, on_changed);
    q->data =
        hub_create_device(q->api->o.hub, name, type, label, query_get(&q->query, "accessToken"),
                          &q->who.user, on_committed, wait, &e);
    if (!q->data)
        on_refused(wait, &e);
}

void devices_create(struct request *q)
{
    struct json *doc = request_json(q);
    if (!doc)
        return;
    create_device(q, doc);
    json_free(doc);
}

void devices_types(struct request *q)
{
    struct hub *h = q->api->o.hub;
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    json_out_array(&j);
    for (struct entity *e = NULL; (e = registry_next(hub_registry(h), STORE_PROFILE, e));) {
        json_out_object(&j);
        write_ref(&j, "tenantId", "TENANT", hub_tenant(h));
        json_out_key_str(&j, "entityType", SPAN("DEVICE"));
        json_out_key_str(&j, "type", e->name);
        json_out_end(&j);
    }
    json_out_end(&j);
    respond_json(q, buf_span(b));
}
