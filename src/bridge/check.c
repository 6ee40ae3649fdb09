// SPDX-License-Identifier: Apache-2.0
#include "bridge/check.h"

#include "base/mem.h"
#include "stream/status_text.h"

#define CHECK_MS 10000

struct check {
    struct bridge *bridge; // NULL: alone
    struct bridge_options o;
    struct list link;
    struct integration_config config;
    struct credentials_provider *credentials;
    struct kinesis *kinesis;
    struct kinesis_call call;
    struct loop_task task;
    int status;
    struct err err;
    bridge_done_fn *cb;
    bridge_check_alone_fn *cb_alone; // instead of cb
    void *ctx;
};

static int check_converter(struct bridge *b, const struct json *doc, const char *key,
                           const char *type, bool needed, struct err *e)
{
    struct uuid id;
    const struct json *ref = json_get(doc, key);
    if (!ref || json_is(ref, JSON_NULL)) {
        if (needed)
            return err_set(e, ERR_INVALID, "%s: missing", key);
        return 0;
    }
    if (!registry_ref(doc, key, &id))
        return err_set(e, ERR_INVALID, "%s: must be {\"entityType\":\"CONVERTER\",\"id\":UUID}",
                       key);
    struct entity *c = registry_find(hub_registry(b->o.hub), STORE_CONVERTER, id);
    if (!c)
        return err_set(e, ERR_INVALID, "%s: no such converter", key);
    if (!span_is(json_get_str(c->doc, "type", SPAN_NONE), type)) {
        return err_set(e, ERR_INVALID, "%s: converter \"%.*s\" is not of type %s", key,
                       SPAN_ARG(c->name), type);
    }
    return 0;
}

// Requests find their integration by it.
static int check_routing_key(struct bridge *b, const struct integration_config *c, struct err *e)
{
    struct registry *r = hub_registry(b->o.hub);
    for (struct entity *o = NULL; (o = registry_next(r, STORE_INTEGRATION, o));) {
        struct span other = json_get_str(o->doc, "routingKey", SPAN_NONE);
        if (other.n && span_eq(other, c->webhook.routing_key) && !uuid_eq(o->id, c->id))
            return err_set(e, ERR_INVALID, "routingKey: integration \"%.*s\" has the same one",
                           SPAN_ARG(o->name));
    }
    return 0;
}

int bridge_validate(struct bridge *b, const struct json *doc, struct err *e)
{
    struct integration_config c;
    if (!json_is(doc, JSON_OBJECT))
        return err_set(e, ERR_INVALID, "integration must be a JSON object");
    if (span_trim(json_get_str(doc, "name", SPAN_NONE)).n == 0)
        return err_set(e, ERR_INVALID, "Integration name should be specified!");
    int status = integration_config_read(doc, &c, e);
    if (status < 0)
        return status;
    bool has_stream = c.kind == INTEGRATION_KINESIS;
    status = check_routing_key(b, &c, e);
    integration_config_free(&c);
    if (status < 0 || check_converter(b, doc, "defaultConverterId", "UPLINK", true, e) < 0)
        return e->code;
    if (!has_stream && registry_ref(doc, "downlinkConverterId", &(struct uuid){0}))
        return err_set(e, ERR_INVALID,
                       "downlinkConverterId: an HTTP integration has no stream for downlinks: call "
                       "the other side by a REST API call node");
    return check_converter(b, doc, "downlinkConverterId", "DOWNLINK", false, e);
}

static void tell(struct check *c)
{
    struct credentials_report r = {.origin = "", .trail = ""};
    if (!c->cb_alone) {
        c->cb(c->ctx, c->status, c->err.msg);
        return;
    }
    if (c->credentials)
        credentials_report(c->credentials, &r);
    c->cb_alone(c->ctx, c->status, c->err.msg, &r);
}

static void finish(void *ctx)
{
    struct check *c = ctx;
    struct bridge *b = c->bridge;
    list_remove(&c->link);
    tell(c);
    if (c->credentials)
        credentials_free(c->credentials);
    integration_config_free(&c->config);
    mem_free(c);
    if (b)
        bridge_maybe_done(b);
}

static void finish_task(struct loop_task *t)
{
    finish(container_of(t, struct check, task));
}

// One that is not there is registered when the integration starts.
static void on_consumer(struct kinesis_call *call, int status, struct kinesis_output *out,
                        const struct aws_error *error)
{
    struct check *c = call->data;
    char text[STATUS_TEXT_MAX];
    (void)out;
    if (status < 0 && !(error && aws_error_is(error, "ResourceNotFoundException"))) {
        status_text(&(struct status_cause){.operation = kinesis_op_name(call->op),
                                           .stream = c->config.stream_name,
                                           .host = kinesis_host(c->kinesis),
                                           .status = status,
                                           .error = error,
                                           .fan_out = true},
                    text);
        c->status = err_set(&c->err, status, "%s", text);
    }
    kinesis_close(c->kinesis, finish, c);
}

// Whether account and endpoint do enhanced fan-out.
static int describe_consumer(struct check *c, struct span stream_arn)
{
    struct kinesis_call_options o = {.max_attempts = 1, .request_ms = CHECK_MS};
    struct span name = c->config.application_name;
    struct kinesis_input in = {.stream_arn = stream_arn,
                               .consumer_name = name.n > 0 ? name : SPAN("penstock")};
    c->call.on_done = on_consumer;
    int status = kinesis_start(c->kinesis, &c->call, KINESIS_DESCRIBE_STREAM_CONSUMER, &in, &o);
    if (status < 0)
        c->status = err_set(&c->err, status, "%s", err_text(status));
    return status;
}

static void on_described(struct kinesis_call *call, int status, struct kinesis_output *out,
                         const struct aws_error *error)
{
    struct check *c = call->data;
    struct arena a = {0};
    c->status = status;
    if (status < 0) {
        struct span why = error ? aws_error_text(error, &a) : span_str(err_text(status));
        err_set(&c->err, status, "stream %.*s at %.*s: %.*s", SPAN_ARG(c->config.stream_name),
                SPAN_ARG(kinesis_host(c->kinesis)), SPAN_ARG(why));
    } else if (!span_is(out->stream_status, "ACTIVE") && !span_is(out->stream_status, "UPDATING")) {
        c->status = err_set(&c->err, ERR_UNAVAILABLE, "stream %.*s is %.*s",
                            SPAN_ARG(c->config.stream_name), SPAN_ARG(out->stream_status));
    }
    arena_free(&a);
    if (c->status == 0 && c->config.fan_out && describe_consumer(c, out->stream_arn) == 0)
        return;
    kinesis_close(c->kinesis, finish, c);
}

static int start(struct check *c, const struct json *doc)
{
    struct kinesis_call_options o = {.max_attempts = 1, .request_ms = CHECK_MS};
    int status = integration_config_read(doc, &c->config, &c->err);
    if (status < 0)
        return status;
    if (c->config.kind == INTEGRATION_HTTP) { // others come to it
        loop_post(c->o.loop, &c->task);
        return 0;
    }
    status = bridge_connect(&c->o, &c->config, &c->credentials, &c->kinesis, &c->err);
    if (status < 0)
        return status;
    struct kinesis_input in = {.stream_name = c->config.stream_name};
    c->call.data = c;
    c->call.on_done = on_described;
    status = kinesis_start(c->kinesis, &c->call, KINESIS_DESCRIBE_STREAM_SUMMARY, &in, &o);
    if (status < 0) {
        c->status = err_set(&c->err, status, "%s", err_text(status));
        kinesis_close(c->kinesis, finish, c);
    }
    return 0;
}

static struct check *run_check(const struct bridge_options *o, const struct json *doc, void *ctx)
{
    struct check *c = mem_new(struct check);
    c->o = *o;
    c->ctx = ctx;
    c->task.run = finish_task;
    int status = start(c, doc);
    if (status < 0) {
        c->status = status;
        loop_post(o->loop, &c->task);
    }
    return c;
}

void bridge_check(struct bridge *b, const struct json *doc, bridge_done_fn *cb, void *ctx)
{
    struct check *c = run_check(&b->o, doc, ctx);
    c->cb = cb;
    c->bridge = b;
    list_push(&b->checks, &c->link);
}

void bridge_check_alone(const struct bridge_options *o, const struct json *doc,
                        bridge_check_alone_fn *cb, void *ctx)
{
    run_check(o, doc, ctx)->cb_alone = cb;
}

void check_cancel_all(struct bridge *b)
{
    list_for_safe(it, &b->checks)
    {
        struct check *c = container_of(it, struct check, link);
        if (!list_linked(&c->task.link) && c->call.internal)
            kinesis_cancel(&c->call);
    }
}
