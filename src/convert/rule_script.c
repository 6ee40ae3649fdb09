// SPDX-License-Identifier: Apache-2.0
#include "convert/rule_script.h"

static int read_text(struct rule_call *c, const struct duk_x_value *v)
{
    return result_is_given(v) ? result_text(&c->m.reader, NULL, v, &c->out->text) : 0;
}

static int read_verdict(struct rule_call *c, const struct duk_x_value *v)
{
    if (v->kind != DUK_X_BOOL)
        return result_fail(&c->m.reader, NULL,
                           "the result of a filter must be true or false, is %s",
                           result_kind_name(v));
    c->out->verdict = v->b;
    return 0;
}

static int read_connection(struct rule_call *c, const struct result_at *at,
                           const struct duk_x_value *v, struct span *out)
{
    if (v->kind != DUK_X_STRING)
        return result_fail(&c->m.reader, at, "a connection's name must be a string, is %s",
                           result_kind_name(v));
    return result_name(&c->m.reader, at, v, out);
}

// An array of names, or one name.
static int read_connections(struct rule_call *c, const struct duk_x_value *v)
{
    struct result_reader *r = &c->m.reader;
    bool several = v->kind == DUK_X_ARRAY;
    if (!several && v->kind != DUK_X_STRING)
        return result_fail(r, NULL, "the result of a switch must be an array of names, is %s",
                           result_kind_name(v));
    uint32_t n = several ? v->n : 1;
    if (n > CONVERT_RULE_RESULTS_MAX)
        return result_fail(r, NULL, "more than %d connections", CONVERT_RULE_RESULTS_MAX);
    struct span *names = arena_array(r->arena, struct span, n);
    for (uint32_t i = 0; i < n; i++) {
        struct result_at at = {NULL, SPAN_NONE, i};
        struct duk_x_value item = *v;
        if (several)
            duk_x_item(r->ctx, v->object, i, &item);
        if (read_connection(c, several ? &at : NULL, &item, &names[i]) < 0)
            return ERR_INVALID;
    }
    c->out->names = names;
    c->out->n_names = n;
    return 0;
}

static int read_metadata(struct result_reader *r, const struct result_at *up,
                         const struct duk_x_value *v, struct rule_msg_out *m)
{
    struct result_at at = {up, SPAN("metadata"), 0};
    m->has_metadata = true;
    return result_pairs(r, &at, v, &m->metadata);
}

// What is left out stays as it was in the message that came in.
static int read_msg(struct result_reader *r, const struct result_at *at,
                    const struct duk_x_value *v, struct rule_msg_out *m)
{
    *m = (struct rule_msg_out){0};
    if (v->kind != DUK_X_OBJECT)
        return result_fail(r, at, "the result of a transformation must be an object, is %s",
                           result_kind_name(v));
    struct duk_x_value key, item;
    uint32_t next = 0;
    int rc = 0;
    while (rc == 0 && duk_x_next(r->ctx, v->object, &next, &key, &item) > 0) {
        struct result_at here = {at, key.s, 0};
        if (!result_is_given(&item))
            continue;
        if (span_eq(key.s, SPAN("msg")))
            rc = result_json(r, &item, &m->msg_json);
        else if (span_eq(key.s, SPAN("metadata")))
            rc = read_metadata(r, at, &item, m);
        else if (span_eq(key.s, SPAN("msgType")))
            rc = result_name(r, &here, &item, &m->msg_type);
    }
    return rc;
}

static int read_msgs(struct rule_call *c, const struct duk_x_value *v)
{
    struct result_reader *r = &c->m.reader;
    bool several = v->kind == DUK_X_ARRAY;
    uint32_t n = several ? v->n : 1;
    if (n > CONVERT_RULE_RESULTS_MAX)
        return result_fail(r, NULL, "more than %d messages", CONVERT_RULE_RESULTS_MAX);
    struct rule_msg_out *msgs = arena_array(r->arena, struct rule_msg_out, n);
    for (uint32_t i = 0; i < n; i++) {
        struct result_at at = {NULL, SPAN_NONE, i};
        struct duk_x_value item = *v;
        if (several)
            duk_x_item(r->ctx, v->object, i, &item);
        if (read_msg(r, several ? &at : NULL, &item, &msgs[i]) < 0)
            return ERR_INVALID;
    }
    c->out->msgs = msgs;
    c->out->n_msgs = n;
    return 0;
}

static int push_arguments(duk_context *ctx, struct js_call *call)
{
    msg_call_push(ctx, (struct msg_call *)call);
    return 3;
}

static void take_result(duk_context *ctx, struct js_call *call)
{
    struct rule_call *c = (struct rule_call *)call;
    struct duk_x_value v;
    duk_x_view(ctx, -1, &v);
    c->m.reader.ctx = ctx;
    switch (c->kind) {
    case CONVERT_FILTER:
        call->status = read_verdict(c, &v);
        break;
    case CONVERT_SWITCH:
        call->status = read_connections(c, &v);
        break;
    case CONVERT_TRANSFORM:
        call->status = read_msgs(c, &v);
        break;
    default:
        call->status = read_text(c, &v);
    }
    call->error = c->m.reader.error;
}

void rule_call_init(struct rule_call *c, enum convert_kind kind, const struct downlink_input *input,
                    struct rule_result *out)
{
    *out = (struct rule_result){0};
    msg_call_init(&c->m, input);
    c->m.call.push = push_arguments;
    c->m.call.take = take_result;
    c->kind = kind;
    c->out = out;
}
