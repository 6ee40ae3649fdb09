// SPDX-License-Identifier: Apache-2.0
#include "api/routes.h"
#include "api/target.h"

// Attributes: facts/hub.md section 3.4.

static bool read_scope(struct request *q, struct span s, enum store_scope *out)
{
    if (span_is(s, "CLIENT_SCOPE")) {
        *out = STORE_CLIENT;
    } else if (span_is(s, "SERVER_SCOPE")) {
        *out = STORE_SERVER;
    } else if (span_is(s, "SHARED_SCOPE")) {
        *out = STORE_SHARED;
    } else {
        respond_text(q, 400, "Invalid scope: %.*s", (int)(s.n < 64 ? s.n : 64), s.p);
        return false;
    }
    return true;
}

// The scope is the third argument of a read's path, or absent.
static bool begin_read(struct request *q, struct store_read *want)
{
    struct query_list keys;
    want->device = target_find(q, q->args[0], q->args[1]);
    if (!want->device || (q->args[2].n && !read_scope(q, q->args[2], &want->scope)) ||
        !target_keys(q, &keys))
        return false;
    want->keys = keys.items;
    want->n_keys = keys.n;
    return true;
}

static void start(struct request *q, const struct store_read *want, read_fn *then)
{
    struct store_read *r = read_new(q, STORE_READ_ATTRIBUTES, then);
    r->device = want->device;
    r->scope = want->scope;
    r->keys = want->keys;
    r->n_keys = want->n_keys;
    read_start(r);
}

static void on_attributes(struct request *q, struct store_read *r)
{
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    json_out_array(&j);
    for (size_t i = 0; i < r->n_attributes; i++) {
        const struct store_attribute_out *at = &r->attributes_out[i];
        json_out_object(&j);
        json_out_key_int(&j, "lastUpdateTs", at->ts_ms);
        json_out_key_str(&j, "key", at->key);
        json_out_key(&j, SPAN("value"));
        json_out_value(&j, &at->value);
        json_out_end(&j);
    }
    json_out_end(&j);
    respond_json(q, buf_span(b));
}

void attributes_read(struct request *q)
{
    struct store_read want = {0};
    if (begin_read(q, &want))
        start(q, &want, on_attributes);
}

// A key that stands in several scopes is named once.
static void on_keys(struct request *q, struct store_read *r)
{
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    struct map seen = {0};
    json_out_array(&j);
    for (size_t i = 0; i < r->n_attributes; i++) {
        if (map_put(&seen, r->attributes_out[i].key, r))
            continue;
        json_out_str(&j, r->attributes_out[i].key);
    }
    json_out_end(&j);
    map_free(&seen);
    respond_json(q, buf_span(b));
}

void attributes_keys(struct request *q)
{
    struct store_read want = {0};
    if (begin_read(q, &want))
        start(q, &want, on_keys);
}

static void save(struct request *q, struct span type, struct span id, struct span scope_name)
{
    struct hub *h = q->api->o.hub;
    struct err e = {0};
    enum store_scope scope;
    struct kv *kv;
    size_t n;
    struct store_device *d = target_find(q, type, id);
    if (!d || !read_scope(q, scope_name, &scope))
        return;
    if (scope == STORE_CLIENT) {
        respond_text(q, 400, "Invalid scope: CLIENT_SCOPE attributes are the device's own");
        return;
    }
    if (hub_parse_attributes(http_body(q->x), hub_cast_strings(h), q->arena, &kv, &n, &e) < 0) {
        respond_text(q, 400, "Invalid JSON: %s", e.msg);
        return;
    }
    if (n == 0) {
        respond_text(q, 400, "the request body holds no attributes");
        return;
    }
    if (request_may_write(q)) {
        hub_save_attributes(h, d, scope, kv, n, &q->who.user, on_committed, committed_new(q, NULL));
    }
}

void attributes_save(struct request *q)
{
    save(q, q->args[0], q->args[1], q->args[2]);
}

void attributes_save_device(struct request *q)
{
    save(q, SPAN("DEVICE"), q->args[0], q->args[1]);
}

static void delete_keys(struct request *q, struct span type, struct span id, struct span scope_name)
{
    enum store_scope scope;
    struct query_list keys;
    struct store_device *d = target_find(q, type, id);
    if (!d || !read_scope(q, scope_name, &scope) || !target_keys(q, &keys))
        return;
    if (keys.n == 0) {
        respond_text(q, 400, "keys: at least one is needed");
        return;
    }
    if (request_may_write(q)) {
        hub_delete_attributes(q->api->o.hub, d, scope, keys.items, keys.n, &q->who.user,
                              on_committed, committed_new(q, NULL));
    }
}

void attributes_delete(struct request *q)
{
    delete_keys(q, q->args[0], q->args[1], q->args[2]);
}

void attributes_delete_device(struct request *q)
{
    delete_keys(q, SPAN("DEVICE"), q->args[0], q->args[1]);
}
