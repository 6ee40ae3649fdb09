// SPDX-License-Identifier: Apache-2.0
#include "api/device_api.h"

#include "api/internal.h"
#include "api/routes.h"
#include "hub/tokens.h"

// What devices call themselves, by their tokens: facts/hub.md section 3.6. Wrong JSON is 400 with
// its reason, where the hub has 500.

#define DEVICE_BODY_MAX ((size_t)1024 * 1024)

struct store_device *device_api_find(struct request *q, size_t body_max)
{
    struct store_device *d = hub_find_token_device(q->api->o.hub, q->args[0]);
    if (!d)
        respond_type(q, 401, "text/plain", SPAN_NONE);
    else if (http_body(q->x).n > body_max)
        respond_text(q, 413, "the request body has more than %zu bytes", body_max);
    else
        return d;
    return NULL;
}

void device_api_telemetry(struct request *q)
{
    struct hub *h = q->api->o.hub;
    struct kv_group *groups;
    struct err e = {0};
    size_t n;
    struct store_device *d = device_api_find(q, DEVICE_BODY_MAX);
    if (!d)
        return;
    if (hub_parse_device_telemetry(http_body(q->x), hub_cast_strings(h), q->arena, &groups, &n,
                                   &e) < 0)
        respond_text(q, 400, "Invalid JSON: %s", e.msg);
    else if (request_may_write(q))
        hub_post_telemetry(h, d, groups, n, on_committed, committed_new(q, NULL));
}

void device_api_post_attributes(struct request *q)
{
    struct hub *h = q->api->o.hub;
    struct kv *kv;
    struct err e = {0};
    size_t n;
    struct store_device *d = device_api_find(q, DEVICE_BODY_MAX);
    if (!d)
        return;
    if (hub_parse_device_attributes(http_body(q->x), hub_cast_strings(h), q->arena, &kv, &n, &e) <
        0)
        respond_text(q, 400, "Invalid JSON: %s", e.msg);
    else if (request_may_write(q))
        hub_post_attributes(h, d, kv, n, on_committed, committed_new(q, NULL));
}

// Reading -----------------------------------------------------------------------------------------

struct wanted {
    struct query_list client, shared;
    bool all_client, all_shared;
};

static bool is_wanted(const struct query_list *keys, bool all, struct span key)
{
    for (size_t i = 0; !all && i < keys->n; i++) {
        if (span_eq(keys->items[i], key))
            return true;
    }
    return all;
}

// A section without attributes is left out.
static void write_section(struct json_out *j, const struct store_read *r, enum store_scope scope,
                          const struct query_list *keys, bool all)
{
    bool open = false;
    for (size_t i = 0; i < r->n_attributes; i++) {
        const struct store_attribute_out *a = &r->attributes_out[i];
        if (a->scope != scope || !is_wanted(keys, all, a->key))
            continue;
        if (!open) {
            json_out_key(j, scope == STORE_CLIENT ? SPAN("client") : SPAN("shared"));
            json_out_object(j);
        }
        open = true;
        json_out_key(j, a->key);
        json_out_value(j, &a->value);
    }
    if (open)
        json_out_end(j);
}

static void on_attributes(struct request *q, struct store_read *r)
{
    const struct wanted *w = q->data;
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    json_out_object(&j);
    write_section(&j, r, STORE_CLIENT, &w->client, w->all_client);
    write_section(&j, r, STORE_SHARED, &w->shared, w->all_shared);
    json_out_end(&j);
    respond_json(q, buf_span(b));
}

static int read_wanted(struct request *q, struct wanted *w, struct err *e)
{
    if (query_get_list(&q->query, "clientKeys", NULL, q->arena, &w->client, e) < 0 ||
        query_get_list(&q->query, "sharedKeys", NULL, q->arena, &w->shared, e) < 0 ||
        query_get_bool(&q->query, "allClientKeys", false, &w->all_client, e) < 0 ||
        query_get_bool(&q->query, "allSharedKeys", false, &w->all_shared, e) < 0)
        return e->code;
    if (!w->client.n && !w->shared.n && !w->all_client && !w->all_shared)
        w->all_client = w->all_shared = true;
    return 0;
}

void device_api_get_attributes(struct request *q)
{
    struct wanted *w = arena_new(q->arena, struct wanted);
    struct err e = {0};
    struct store_device *d = device_api_find(q, DEVICE_BODY_MAX);
    if (!d)
        return;
    if (read_wanted(q, w, &e) < 0) {
        respond_text(q, 400, "%s", e.msg);
        return;
    }
    q->data = w;
    struct store_read *r = read_new(q, STORE_READ_ATTRIBUTES, on_attributes);
    r->device = d;
    read_start(r);
}

// Waiting for changes of shared attributes; those between two polls are for a reading to find.
void device_api_attribute_updates(struct request *q)
{
    int64_t timeout_ms;
    struct store_device *d = device_api_find(q, DEVICE_BODY_MAX);
    if (d && device_api_timeout(q, &timeout_ms))
        device_api_wait(q, d, HUB_POLL_ATTRIBUTES, timeout_ms);
}

void device_api_not_supported(struct request *q)
{
    respond_text(q, 404,
                 "claiming and provisioning are not supported: make the device, and read "
                 "its token, by the REST API");
}
