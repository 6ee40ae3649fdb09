// SPDX-License-Identifier: Apache-2.0
#include "api/internal.h"
#include "api/routes.h"

// What this server is, and whether it is well.

// The hub's release whose REST API this is: clients refuse what is older than 3.9.0 or not PE.
#define HUB_VERSION "4.0.0"
#define HUB_EDITION "PE"

void system_info(struct request *q)
{
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    json_out_object(&j);
    json_out_key_str(&j, "version", SPAN(HUB_VERSION));
    json_out_key_str(&j, "artifact", SPAN("penstock"));
    json_out_key_str(&j, "name", SPAN("Penstock"));
    json_out_key_str(&j, "type", SPAN(HUB_EDITION));
    json_out_key_str(&j, "edition", SPAN(HUB_EDITION));
    json_out_key_str(&j, "penstockVersion", span_str(q->api->o.version));
    json_out_end(&j);
    respond_json(q, buf_span(b));
}

// Alive and able to keep what it is told. Integrations that fail are not the process's illness.
void system_health(struct request *q)
{
    struct err e = {0};
    if (store_health(hub_store(q->api->o.hub), &e) == 0)
        respond_text(q, 200, "ok\n");
    else
        respond_text(q, 503, "storage is failing: %s\n", e.msg);
}

void system_ready(struct request *q)
{
    const struct api_options *o = &q->api->o;
    if (!o->ready || o->ready(o->ctx))
        respond_text(q, 200, "ready\n");
    else
        respond_text(q, 503, "not ready\n");
}
