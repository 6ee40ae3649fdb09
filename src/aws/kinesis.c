// SPDX-License-Identifier: Apache-2.0
#include "aws/kinesis_internal.h"

#include "base/log.h"
#include "base/mem.h"

// Happy path: encode as CBOR, call, decode by the reply's content type. Until a CBOR reply has
// shown that the endpoint speaks it, each call keeps a copy of its input, so that a refusal can be
// answered by the same call in JSON; the client then stays with JSON.

#define TYPE_CBOR SPAN("application/x-amz-cbor-1.1")
#define TYPE_JSON SPAN("application/x-amz-json-1.1")

struct kinesis {
    struct loop *loop;
    struct aws_client *aws;
    bool json;       // for good
    bool cbor_known; // a reply came in CBOR
    void (*close_cb)(void *ctx);
    void *close_ctx;
};

// struct kinesis_call's `internal`.
struct op {
    bool cbor;
    size_t n_entries;
    struct kinesis_call_options o;
    struct arena arena;         // of `input`
    struct kinesis_input input; // when `may_repeat`
    bool may_repeat;
};

static void on_aws_done(struct aws_call *aws, int status, const struct aws_reply *reply);

static void op_free(struct op *op)
{
    arena_free(&op->arena);
    mem_free(op);
}

static void copy_input(struct op *op, const struct kinesis_input *in)
{
    struct arena *a = &op->arena;
    struct kinesis_put_entry *entries = arena_array(a, struct kinesis_put_entry, in->n_entries);
    for (size_t i = 0; i < in->n_entries; i++) {
        const struct kinesis_put_entry *e = &in->entries[i];
        entries[i].data = arena_span(a, e->data);
        entries[i].partition_key = arena_span(a, e->partition_key);
        entries[i].explicit_hash_key = arena_span(a, e->explicit_hash_key);
    }
    op->input = *in;
    op->input.stream_name = arena_span(a, in->stream_name);
    op->input.stream_arn = arena_span(a, in->stream_arn);
    op->input.next_token = arena_span(a, in->next_token);
    op->input.shard_id = arena_span(a, in->shard_id);
    op->input.sequence_number = arena_span(a, in->sequence_number);
    op->input.iterator = arena_span(a, in->iterator);
    op->input.consumer_name = arena_span(a, in->consumer_name);
    op->input.consumer_arn = arena_span(a, in->consumer_arn);
    op->input.entries = entries;
    op->may_repeat = true;
}

static bool on_aws_size(struct aws_call *aws, int64_t content_length)
{
    struct kinesis_call *call = container_of(aws, struct kinesis_call, aws);
    return call->on_size(call, content_length);
}

// Whether the endpoint says that it does not speak CBOR (facts/wire.md section 7).
static bool is_refusal(const struct aws_reply *r)
{
    const struct aws_error *e = r->error;
    if (e->net_error) {
        return false;
    }
    if (aws_error_is(e, "SerializationException") || aws_error_is(e, "UnknownOperation") ||
        aws_error_is(e, "UnknownOperationException")) {
        return true;
    }
    enum aws_body kind = aws_body_kind(r->content_type, buf_span(r->body));
    if (kind == AWS_BODY_CBOR || kind == AWS_BODY_JSON) {
        return false;
    }
    return r->http_status == 415 || r->http_status == 404 || r->http_status == 500;
}

static bool may_fall_back(const struct op *op, const struct aws_reply *reply)
{
    return op->may_repeat && is_refusal(reply);
}

static bool on_aws_retry(struct aws_call *aws, const struct aws_reply *reply)
{
    struct kinesis_call *call = container_of(aws, struct kinesis_call, aws);
    return may_fall_back(call->internal, reply);
}

static int send(struct kinesis_call *call, const struct kinesis_input *in)
{
    struct op *op = call->internal;
    struct arena a = {0};
    struct buf body = {0};
    kinesis_encode(call->op, in, op->cbor, &body);
    call->aws.on_done = on_aws_done;
    call->aws.on_size = call->on_size ? on_aws_size : NULL;
    call->aws.on_retry = on_aws_retry;
    struct aws_call_options o = {
        .content_type = op->cbor ? TYPE_CBOR : TYPE_JSON,
        .target = arena_printf(&a, "Kinesis_20131202.%s", kinesis_op_name(call->op)),
        .take_body = &body,
        .max_body = op->o.max_body,
        .max_attempts = op->o.max_attempts,
        .request_ms = op->o.request_ms,
        .operation = kinesis_op_kind(call->op),
        .stream_arn = in->stream_arn,
        .consumer_arn = in->consumer_arn};
    int status = aws_call_start(call->kinesis->aws, &call->aws, &o);
    buf_free(&body);
    arena_free(&a);
    return status;
}

static void finish(struct kinesis_call *call, int status, struct kinesis_output *out,
                   const struct aws_error *error)
{
    op_free(call->internal);
    call->internal = NULL;
    call->on_done(call, status, out, error);
    kinesis_output_free(out);
}

// Who answers in CBOR speaks it, be it of an error.
static void note_form(struct kinesis *k, const struct aws_reply *reply)
{
    if (aws_body_kind(reply->content_type, buf_span(reply->body)) == AWS_BODY_CBOR) {
        k->cbor_known = true;
    }
}

// Decodes by what the reply says it is, whatever was asked for.
static int decode(struct kinesis_call *call, const struct aws_reply *reply,
                  struct kinesis_output *out, struct err *e)
{
    struct op *op = call->internal;
    enum aws_body kind = aws_body_kind(reply->content_type, buf_span(reply->body));
    if (kind != AWS_BODY_CBOR && kind != AWS_BODY_JSON) {
        return err_set(e, ERR_PROTO, "reply to %s: neither CBOR nor JSON but \"%.*s\"",
                       kinesis_op_name(call->op), SPAN_ARG(reply->content_type));
    }
    out->body = *reply->body;
    *reply->body = (struct buf){0};
    int status = kinesis_decode(call->op, kind == AWS_BODY_CBOR, out, e);
    if (status < 0) {
        return status;
    }
    if (call->op == KINESIS_PUT_RECORDS && out->n_results != op->n_entries) {
        return err_set(e, ERR_PROTO, "reply to PutRecords: %zu results for %zu records",
                       out->n_results, op->n_entries);
    }
    return 0;
}

// False when the call is not to be repeated, or cannot.
static bool fall_back(struct kinesis_call *call, const struct aws_reply *reply)
{
    struct kinesis *k = call->kinesis;
    struct op *op = call->internal;
    if (!may_fall_back(op, reply)) {
        return false;
    }
    if (!k->json) {
        struct span host = aws_client_host(k->aws);
        log_info("kinesis", "the endpoint does not speak CBOR; using JSON", "host=%.*s status=%d",
                 SPAN_ARG(host), reply->http_status);
        k->json = true;
    }
    op->cbor = false;
    op->may_repeat = false;
    return send(call, &op->input) == 0;
}

static void on_aws_done(struct aws_call *aws, int status, const struct aws_reply *reply)
{
    struct kinesis_call *call = container_of(aws, struct kinesis_call, aws);
    struct kinesis_output out = {0};
    struct err e = {0};
    if (status < 0) {
        if (!fall_back(call, reply)) {
            note_form(call->kinesis, reply);
            finish(call, status, &out, reply->error);
        }
        return;
    }
    note_form(call->kinesis, reply);
    status = decode(call, reply, &out, &e);
    struct aws_error error = {.net_error = status, .message = span_str(e.msg)};
    finish(call, status, &out, status < 0 ? &error : NULL);
}

int kinesis_start(struct kinesis *k, struct kinesis_call *call, enum kinesis_op op_code,
                  const struct kinesis_input *in, const struct kinesis_call_options *o)
{
    struct op *op = mem_new(struct op);
    op->cbor = !k->json;
    op->n_entries = in->n_entries;
    if (o) {
        op->o = *o;
    }
    if (op->cbor && !k->cbor_known) {
        copy_input(op, in);
    }
    call->kinesis = k;
    call->op = op_code;
    call->internal = op;
    int status = send(call, in);
    if (status < 0) {
        call->internal = NULL;
        op_free(op);
    }
    return status;
}

void kinesis_resume(struct kinesis_call *call)
{
    aws_call_resume(&call->aws);
}

void kinesis_cancel(struct kinesis_call *call)
{
    if (call->internal) {
        aws_call_cancel(&call->aws);
    }
}

int kinesis_new(const struct kinesis_options *o, struct kinesis **out, struct err *e)
{
    struct kinesis *k = mem_new(struct kinesis);
    struct aws_client_options aws = o->aws;
    aws.service = AWS_KINESIS;
    k->loop = o->aws.loop;
    k->json = o->json_only;
    int status = aws_client_new(&aws, &k->aws, e);
    if (status < 0) {
        mem_free(k);
        return status;
    }
    *out = k;
    return 0;
}

static void on_aws_closed(void *ctx)
{
    struct kinesis *k = ctx;
    void (*cb)(void *ctx) = k->close_cb;
    void *cb_ctx = k->close_ctx;
    mem_free(k);
    if (cb) {
        cb(cb_ctx);
    }
}

void kinesis_close(struct kinesis *k, void (*cb)(void *ctx), void *ctx)
{
    k->close_cb = cb;
    k->close_ctx = ctx;
    aws_client_close(k->aws, on_aws_closed, k);
}

bool kinesis_speaks_cbor(const struct kinesis *k)
{
    return !k->json;
}

struct aws_client *kinesis_aws(const struct kinesis *k)
{
    return k->aws;
}

struct loop *kinesis_loop(const struct kinesis *k)
{
    return k->loop;
}

struct span kinesis_host(const struct kinesis *k)
{
    return aws_client_host(k->aws);
}

int64_t kinesis_wall_ms(const struct kinesis *k)
{
    return aws_client_wall_ms(k->aws);
}
