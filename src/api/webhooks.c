// SPDX-License-Identifier: Apache-2.0
#include "api/internal.h"
#include "api/routes.h"
#include "base/mem.h"

// Requests to integrations, by their routing keys: no log-in, the integration says who may. Answers
// when the effect is durable.

#define RETRY_AFTER_S "1"

struct hook_wait {
    struct wait wait;
    bool ok_status;
};

static void respond_busy(struct request *q, const char *text)
{
    struct http_header h[] = {
        {SPAN("Content-Type"), SPAN("application/json")},
        {SPAN("Cache-Control"), SPAN("no-store")},
        {SPAN("Retry-After"), SPAN(RETRY_AFTER_S)},
    };
    struct buf *b = request_out(q);
    error_json(b, 503, HUB_GENERAL, span_str(text));
    respond_headers(q, 503, (struct http_headers){h, 3}, buf_span(b));
}

static void refuse(struct request *q, const struct err *e)
{
    switch (e->code) {
    case ERR_AUTH:
        respond_error(q, 401, HUB_AUTHENTICATION, "%s", e->msg);
        return;
    case ERR_LIMIT:
        respond_error(q, 413, HUB_BAD_REQUEST, "%s", e->msg);
        return;
    case ERR_BUSY:
    case ERR_UNAVAILABLE:
        respond_busy(q, e->msg);
        return;
    case ERR_CONFIG:
        respond_error(q, 500, HUB_GENERAL, "%s", e->msg);
        return;
    default:
        respond_err(q, e);
        return;
    }
}

static void on_done(void *ctx, int status, const char *text)
{
    struct hook_wait *w = ctx;
    struct request *q = wait_end(&w->wait);
    bool ok_status = w->ok_status;
    mem_free(w);
    if (!q)
        return;
    if (status == 0)
        respond_type(q, ok_status ? 200 : 204, "text/plain", SPAN_NONE);
    else if (status == ERR_BUSY)
        respond_busy(q, text);
    else if (status == ERR_CANCELED)
        respond_busy(q, "the integration was stopped: nothing happened");
    else
        respond_error(q, 400, HUB_BAD_REQUEST, "%s", text);
}

typedef int submit_fn(struct bridge *b, struct bridge_webhook *q, bridge_done_fn *cb, void *ctx,
                      struct err *e);

static void take(struct request *q, submit_fn *submit)
{
    struct err e = {0};
    struct bridge_webhook in = {
        .routing_key = q->args[0], .headers = http_request_headers(q->x), .body = http_body(q->x)};
    struct hook_wait *w = mem_new(struct hook_wait);
    wait_begin(&w->wait, q);
    if (submit(q->api->o.bridge, &in, on_done, w, &e) == 0) {
        w->ok_status = in.ok_status;
        return;
    }
    wait_end(&w->wait);
    mem_free(w);
    refuse(q, &e);
}

void webhooks_uplink(struct request *q)
{
    take(q, bridge_webhook);
}

void webhooks_downlink(struct request *q)
{
    take(q, bridge_webhook_downlink);
}
