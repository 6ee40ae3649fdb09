// SPDX-License-Identifier: Apache-2.0
#include "hub/rpc.h"
#include "api/internal.h"
#include "api/routes.h"
#include "base/mem.h"

// Calls of devices by REST: facts/hub.md section 3.5. The older paths say 408 and 409 where the
// newer ones say 504: the device did not reply, did not ask for its calls.

#define BODY_MAX ((size_t)64 * 1024)
#define TIMEOUT_DEFAULT_MS 10000
#define TIMEOUT_MAX_MS 600000

struct rpc_wait {
    struct wait wait;
    struct hub_rpc_call call;
    bool old;
};

static void respond(struct request *q, int status, bool old, struct span json)
{
    switch (status) {
    case 0:
        if (json.p)
            respond_json(q, json);
        else
            respond_empty(q);
        return;
    case ERR_TIMEOUT:
        respond_error(q, old ? 408 : 504, HUB_GENERAL, "the device did not reply in time");
        return;
    case ERR_UNAVAILABLE:
        respond_error(q, old ? 409 : 504, HUB_GENERAL,
                      "the device did not ask for its calls in time, or the rule chain led the "
                      "call to no device");
        return;
    case ERR_BUSY:
        respond_error(q, 429, HUB_TOO_MANY, "too many calls wait for the device");
        return;
    default:
        respond_error(q, 503, HUB_GENERAL, "the server is shutting down");
        return;
    }
}

static void on_done(struct hub_rpc_call *c, int status, struct span json)
{
    struct rpc_wait *w = container_of(c, struct rpc_wait, call);
    struct request *q = wait_end(&w->wait);
    if (q)
        respond(q, status, w->old, json);
    mem_free(w);
}

// False: answered. The message is {"method", "params"} as they came.
static bool read_call(struct request *q, const struct json *doc, struct buf *json,
                      int64_t *timeout_ms)
{
    struct json_out j = {.out = json};
    struct buf params = {0};
    *timeout_ms = json_get_int(doc, "timeout", TIMEOUT_DEFAULT_MS);
    if (!json_is(json_get(doc, "method"), JSON_STRING)) {
        respond_error(q, 400, HUB_BAD_REQUEST, "method: must be a string");
        return false;
    }
    if (*timeout_ms < 1 || *timeout_ms > TIMEOUT_MAX_MS) {
        respond_error(q, 400, HUB_BAD_REQUEST, "timeout: must be from 1 to %d milliseconds",
                      TIMEOUT_MAX_MS);
        return false;
    }
    if (json_get_bool(doc, "persistent", false)) {
        respond_error(q, 400, HUB_BAD_REQUEST,
                      "persistent: calls that outlive their time-out are "
                      "not supported");
        return false;
    }
    if (json_get(doc, "params"))
        json_write(json_get(doc, "params"), &params);
    json_out_object(&j);
    json_out_key_str(&j, "method", json_get_str(doc, "method", SPAN_NONE));
    json_out_key_raw(&j, "params", params.n ? buf_span(&params) : SPAN("{}"));
    json_out_end(&j);
    buf_free(&params);
    return true;
}

static void start(struct request *q, struct store_device *d, struct span json, bool oneway,
                  bool old, int64_t timeout_ms)
{
    struct err e = {0};
    struct rpc_wait *w = mem_new(struct rpc_wait);
    w->old = old;
    w->call.done = on_done;
    wait_begin(&w->wait, q);
    if (hub_rpc_call(q->api->o.hub, &w->call, d, json, oneway, timeout_ms, &e) == 0)
        return;
    wait_end(&w->wait);
    mem_free(w);
    respond_err(q, &e);
}

static void call(struct request *q, bool oneway, bool old)
{
    struct buf json = {0};
    int64_t timeout_ms;
    struct store_device *d = request_device(q, q->args[0]);
    if (!d)
        return;
    if (http_body(q->x).n > BODY_MAX) {
        respond_error(q, 413, HUB_BAD_REQUEST, "the request body has more than %zu bytes",
                      BODY_MAX);
        return;
    }
    struct json *doc = request_json(q);
    if (doc && read_call(q, doc, &json, &timeout_ms))
        start(q, d, buf_span(&json), oneway, old, timeout_ms);
    json_free(doc);
    buf_free(&json);
}

void rpc_oneway(struct request *q)
{
    call(q, true, false);
}

void rpc_twoway(struct request *q)
{
    call(q, false, false);
}

void rpc_oneway_v1(struct request *q)
{
    call(q, true, true);
}

void rpc_twoway_v1(struct request *q)
{
    call(q, false, true);
}
