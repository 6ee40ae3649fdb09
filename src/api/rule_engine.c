// SPDX-License-Identifier: Apache-2.0
#include "api/asking.h"
#include "api/routes.h"

// REST into the rule chain, and its answer back: facts/hub.md section 3.5.

#define TIMEOUT_DEFAULT_MS 10000
#define TIMEOUT_MAX_MS 300000

static void respond_late(struct request *q)
{
    respond_error(q, 408, HUB_GENERAL, "the rule chain gave no answer in time");
}

static bool read_timeout(struct request *q, struct span text, int64_t *ms)
{
    *ms = TIMEOUT_DEFAULT_MS;
    if (!text.p || (span_to_i64(text, ms) && *ms > 0 && *ms <= TIMEOUT_MAX_MS))
        return true;
    respond_error(q, 400, HUB_BAD_REQUEST, "timeout: must be from 1 to %d milliseconds",
                  TIMEOUT_MAX_MS);
    return false;
}

// Without an entity the message has no device.
static bool read_device(struct request *q, struct store_device **d)
{
    *d = NULL;
    if (!q->args[0].p)
        return true;
    if (span_is(q->args[0], "USER") || span_is(q->args[0], "TENANT"))
        return true;
    if (!span_is(q->args[0], "DEVICE")) {
        respond_error(q, 400, HUB_BAD_REQUEST, "entityType: must be DEVICE, USER or TENANT");
        return false;
    }
    *d = request_device(q, q->args[1]);
    return *d != NULL;
}

static void ask(struct request *q, struct span timeout)
{
    struct store_device *d;
    struct err e = {0};
    int64_t ms;
    if (!read_timeout(q, timeout, &ms) || !read_device(q, &d))
        return;
    // Looked at only: the message is the text as it came.
    struct json *doc = request_json(q);
    json_free(doc);
    if (!doc || !request_may_write(q))
        return;
    struct asking *a = asking_new(q, respond_late);
    asking_started(a, hub_ask_chain(q->api->o.hub, &a->ask, d, http_body(q->x), ms, &e), &e);
}

void rule_engine_ask(struct request *q)
{
    ask(q, q->args[2]);
}

void rule_engine_ask_queue(struct request *q)
{
    ask(q, q->args[3]);
}
