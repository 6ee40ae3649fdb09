// SPDX-License-Identifier: Apache-2.0
#include "api/asking.h"
#include "api/device_api.h"
#include "api/routes.h"
#include "hub/rpc.h"

// Calls between server and devices, from the device's side: facts/hub.md section 3.6.

#define RPC_BODY_MAX ((size_t)64 * 1024)

// The device asks ---------------------------------------------------------------------------------

void device_rpc_poll(struct request *q)
{
    struct hub *h = q->api->o.hub;
    int64_t timeout_ms;
    struct store_device *d = device_api_find(q, RPC_BODY_MAX);
    if (!d || !device_api_timeout(q, &timeout_ms))
        return;
    struct buf call = {0};
    if (hub_rpc_take(h, d, &call))
        respond_json(q, buf_span(&call));
    else
        device_api_wait(q, d, HUB_POLL_CALL, timeout_ms);
    buf_free(&call);
}

// A reply that nobody waits for any more is taken too, as the hub does.
void device_rpc_reply(struct request *q)
{
    int64_t id;
    struct err e = {0};
    struct store_device *d = device_api_find(q, RPC_BODY_MAX);
    if (!d)
        return;
    if (!span_to_i64(q->args[1], &id)) {
        respond_text(q, 400, "the id in the path must be a whole number");
        return;
    }
    struct json *doc = json_parse(http_body(q->x), &e);
    if (!doc) {
        respond_text(q, 400, "Invalid JSON: %s", e.msg);
        return;
    }
    json_free(doc);
    hub_rpc_reply(q->api->o.hub, d, id, http_body(q->x));
    respond_empty(q);
}

// The device calls the server ---------------------------------------------------------------------

static void respond_late(struct request *q)
{
    respond_type(q, 408, "text/plain", SPAN_NONE);
}

static bool has_method(struct request *q)
{
    struct err e = {0};
    struct json *doc = json_parse(http_body(q->x), &e);
    bool good = doc && json_is(json_get(doc, "method"), JSON_STRING);
    if (!doc)
        respond_text(q, 400, "Invalid JSON: %s", e.msg);
    else if (!good)
        respond_text(q, 400, "method: must be a string");
    json_free(doc);
    return good;
}

void device_rpc_to_server(struct request *q)
{
    struct err e = {0};
    int64_t timeout_ms;
    struct store_device *d = device_api_find(q, RPC_BODY_MAX);
    if (!d || !device_api_timeout(q, &timeout_ms) || !has_method(q) || !request_may_write(q))
        return;
    struct asking *a = asking_new(q, respond_late);
    int rc = hub_ask_server(q->api->o.hub, &a->ask, d, http_body(q->x), timeout_ms, &e);
    asking_started(a, rc, &e);
}
