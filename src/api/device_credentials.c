// SPDX-License-Identifier: Apache-2.0
#include "api/internal.h"
#include "api/routes.h"
#include "hub/tokens.h"

// Credentials of devices: facts/hub.md section 3.3. Access tokens only.

static void write_credentials(struct request *q, const struct store_device *d,
                              const struct device_token *t)
{
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    json_out_object(&j);
    json_out_key(&j, SPAN("id"));
    json_out_object(&j);
    json_out_key(&j, SPAN("id"));
    json_out_uuid(&j, t->id);
    json_out_end(&j);
    json_out_key_int(&j, "createdTime", t->created_ms);
    write_ref(&j, "deviceId", "DEVICE", d->uuid);
    json_out_key_str(&j, "credentialsType", SPAN("ACCESS_TOKEN"));
    json_out_key_str(&j, "credentialsId", t->text);
    json_out_key_null(&j, "credentialsValue");
    json_out_key_int(&j, "version", t->version);
    json_out_end(&j);
    respond_json(q, buf_span(b));
}

static void respond(struct request *q)
{
    const struct store_device *d = q->data;
    struct device_token t;
    struct arena a = {0};
    struct err e = {0};
    int status = hub_get_token(q->api->o.hub, d, &a, &t, &e);
    if (status == 0)
        write_credentials(q, d, &t);
    else if (status == ERR_NOT_FOUND)
        respond_error(q, 404, HUB_NOT_FOUND, "the device is gone");
    else
        respond_error(q, 500, HUB_GENERAL, "%s", e.msg);
    arena_free_wiped(&a);
}

void device_credentials_get(struct request *q)
{
    struct store_device *d = request_device(q, q->args[0]);
    if (!d)
        return;
    q->data = d;
    if (hub_has_token(q->api->o.hub, d))
        respond(q);
    else if (request_may_write(q))
        hub_ensure_token(q->api->o.hub, d, on_committed, committed_new(q, respond));
}

static void save(struct request *q, const struct json *doc)
{
    struct err e = {0};
    struct span type = json_get_str(doc, "credentialsType", SPAN("ACCESS_TOKEN"));
    struct span token = json_get_str(doc, "credentialsId", SPAN_NONE);
    if (!span_is(type, "ACCESS_TOKEN")) {
        respond_error(q, 400, HUB_BAD_REQUEST, "credentialsType: only ACCESS_TOKEN is supported");
        return;
    }
    struct store_device *d =
        request_device(q, json_get_str(json_get(doc, "deviceId"), "id", SPAN_NONE));
    if (!d || !request_may_write(q))
        return;
    q->data = d;
    void *wait = committed_new(q, respond);
    if (hub_set_token(q->api->o.hub, d, token, on_committed, wait, &e) < 0)
        on_refused(wait, &e);
}

void device_credentials_save(struct request *q)
{
    struct json *doc = request_json(q);
    if (doc)
        save(q, doc);
    json_free(doc);
}
