// SPDX-License-Identifier: Apache-2.0
#include "convert/downlink.h"

#include "codec/base64.h"

static int read_content(struct result_reader *r, const struct result_at *up,
                        const struct duk_x_value *v, enum downlink_content *out)
{
    struct result_at at = {up, SPAN("contentType"), 0};
    struct span name;
    int rc = result_name(r, &at, v, &name);
    if (rc < 0)
        return rc;
    if (name.n == 0 || span_ieq(name, SPAN("JSON")))
        *out = DOWNLINK_JSON;
    else if (span_ieq(name, SPAN("TEXT")))
        *out = DOWNLINK_TEXT;
    else if (span_ieq(name, SPAN("BINARY")))
        *out = DOWNLINK_BINARY;
    else
        return result_fail(r, &at, "must be JSON, TEXT or BINARY");
    return 0;
}

static int read_data(struct result_reader *r, const struct result_at *up,
                     const struct duk_x_value *v, struct downlink_msg *m)
{
    struct result_at at = {up, SPAN("data"), 0};
    if (!result_is_given(v))
        return result_fail(r, &at, "is missing");
    if (m->content != DOWNLINK_BINARY)
        return result_text(r, &at, v, &m->data);
    if (v->kind != DUK_X_STRING)
        return result_fail(r, &at, "must be base64 text for BINARY, is %s", result_kind_name(v));
    struct span text;
    int rc = result_text(r, &at, v, &text);
    if (rc < 0)
        return rc;
    char *bytes = arena_alloc(r->arena, BASE64_DECODED_MAX(text.n));
    ptrdiff_t n = base64_decode(bytes, text);
    if (n < 0)
        return result_fail(r, &at, "is not base64, which BINARY needs");
    m->data = span_of(bytes, (size_t)n);
    return 0;
}

static void pick(struct downlink_msg *m, const struct convert_pair *p)
{
    if (span_eq(p->key, SPAN("streamName")))
        m->stream_name = p->value;
    else if (span_eq(p->key, SPAN("streamARN")))
        m->stream_arn = p->value;
    else if (span_eq(p->key, SPAN("partitionKey")))
        m->partition_key = p->value;
    else if (span_eq(p->key, SPAN("explicitHashKey")))
        m->explicit_hash_key = p->value;
}

static int read_metadata(struct result_reader *r, const struct result_at *up,
                         const struct duk_x_value *v, struct downlink_msg *m)
{
    struct result_at at = {up, SPAN("metadata"), 0};
    if (!result_is_given(v))
        return 0;
    if (result_pairs(r, &at, v, &m->metadata) < 0)
        return ERR_INVALID;
    for (size_t i = 0; i < m->metadata.n; i++)
        pick(m, &m->metadata.p[i]);
    return 0;
}

static int read_msg(struct result_reader *r, const struct result_at *at,
                    const struct duk_x_value *v, struct downlink_msg *m)
{
    *m = (struct downlink_msg){0};
    if (v->kind != DUK_X_OBJECT)
        return result_fail(r, at, "the result is %s, not an object", result_kind_name(v));
    struct duk_x_value content = {0}, data = {0}, metadata = {0}, key, item;
    uint32_t next = 0;
    while (duk_x_next(r->ctx, v->object, &next, &key, &item) > 0) {
        if (span_eq(key.s, SPAN("contentType")))
            content = item;
        else if (span_eq(key.s, SPAN("data")))
            data = item;
        else if (span_eq(key.s, SPAN("metadata")))
            metadata = item;
    }
    int rc = read_content(r, at, &content, &m->content);
    if (rc == 0)
        rc = read_data(r, at, &data, m);
    if (rc == 0)
        rc = read_metadata(r, at, &metadata, m);
    return rc;
}

static int read_result(struct result_reader *r, const struct duk_x_value *v,
                       struct downlink_result *out)
{
    if (!result_is_given(v))
        return 0;
    uint32_t n = v->kind == DUK_X_ARRAY ? v->n : 1, filled = 0;
    struct downlink_msg *msgs = arena_array(r->arena, struct downlink_msg, n);
    for (uint32_t i = 0; i < n; i++) {
        struct result_at at = {NULL, SPAN_NONE, i};
        struct duk_x_value item = *v;
        if (v->kind == DUK_X_ARRAY)
            duk_x_item(r->ctx, v->object, i, &item);
        if (!result_is_given(&item))
            continue;
        int rc = read_msg(r, v->kind == DUK_X_ARRAY ? &at : NULL, &item, &msgs[filled++]);
        if (rc < 0)
            return rc;
    }
    out->msgs = msgs;
    out->n_msgs = filled;
    return 0;
}

static int push_arguments(duk_context *ctx, struct js_call *call)
{
    msg_call_push(ctx, (struct msg_call *)call);
    duk_x_push_copy(ctx, JS_SLOT_TEMPLATE);
    return 4;
}

static void take_result(duk_context *ctx, struct js_call *call)
{
    struct downlink_call *c = (struct downlink_call *)call;
    struct result_reader *r = &c->m.reader;
    struct duk_x_value v;
    duk_x_view(ctx, -1, &v);
    r->ctx = ctx;
    call->status = read_result(r, &v, c->out);
    call->error = r->error;
}

void downlink_call_init(struct downlink_call *c, const struct downlink_input *input,
                        struct downlink_result *out)
{
    *out = (struct downlink_result){0};
    msg_call_init(&c->m, input);
    c->m.call.push = push_arguments;
    c->m.call.take = take_result;
    c->out = out;
}
