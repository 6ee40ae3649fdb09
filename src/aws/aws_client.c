// SPDX-License-Identifier: Apache-2.0
#include "aws/aws_client.h"

#include "aws/aws_client_internal.h"
#include "base/mem.h"

#define MAX_ATTEMPTS_DEFAULT 3
#define REQUEST_MS_DEFAULT 30000

static void on_client_closed(struct loop_task *task)
{
    struct aws_client *c = container_of(task, struct aws_client, closed);
    void (*cb)(void *ctx) = c->close_cb;
    void *ctx = c->close_ctx;
    mem_wipe(&c->key, sizeof c->key);
    arena_free(&c->arena);
    mem_free(c);
    if (cb) {
        cb(ctx);
    }
}

void aws_client_call_gone(struct aws_client *c)
{
    if (c->closing && list_empty(&c->calls) && !list_linked(&c->closed.link)) {
        loop_post(c->loop, &c->closed);
    }
}

// DynamoDB is meant to be tried once more, and sooner (facts/wire.md section 6).
static enum retry_rules rules_of(enum aws_service service)
{
    return service == AWS_DYNAMODB ? RETRY_RULES_V2_1_DYNAMODB : RETRY_RULES_V2_1;
}

static int attempts_of(enum aws_service service)
{
    return service == AWS_DYNAMODB ? MAX_ATTEMPTS_DEFAULT + 1 : MAX_ATTEMPTS_DEFAULT;
}

int aws_client_new(const struct aws_client_options *o, struct aws_client **out, struct err *e)
{
    struct aws_client *c = mem_new(struct aws_client);
    c->loop = o->loop;
    c->http = o->http;
    c->credentials = o->credentials;
    c->endpoint = (struct aws_endpoint_params){.service = o->service,
                                               .region = arena_span(&c->arena, o->region),
                                               .endpoint = arena_span(&c->arena, o->endpoint),
                                               .fips = o->fips,
                                               .dual_stack = o->dual_stack};
    c->max_attempts = o->max_attempts > 0 ? o->max_attempts : attempts_of(o->service);
    c->request_ms = o->request_ms > 0 ? o->request_ms : REQUEST_MS_DEFAULT;
    c->closed.run = on_client_closed;
    retry_bucket_init(&c->bucket, rules_of(o->service));
    list_init(&c->calls);
    int status = aws_target_resolve(&c->endpoint, &c->arena, &c->target, e);
    if (status < 0) {
        arena_free(&c->arena);
        mem_free(c);
        return status;
    }
    *out = c;
    return 0;
}

void aws_client_close(struct aws_client *c, void (*cb)(void *ctx), void *ctx)
{
    require(!c->closing);
    c->closing = true;
    c->close_cb = cb;
    c->close_ctx = ctx;
    aws_client_cancel_calls(c);
    aws_client_call_gone(c);
}

struct span aws_client_host(const struct aws_client *c)
{
    return c->target.host;
}

bool aws_client_tls(const struct aws_client *c)
{
    return c->target.origin.tls;
}
