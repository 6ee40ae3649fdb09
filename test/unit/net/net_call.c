// SPDX-License-Identifier: Apache-2.0
#include "net_call.h"

static void on_head(struct http_call *call, int status, struct http_headers h, int64_t n)
{
    struct reply *r = call->data;
    struct span type = http_header_get(h, "content-type");
    r->heads++;
    r->status = status;
    r->date = http_header_get(h, "date").n;
    r->content_length = n;
    snprintf(r->type, sizeof r->type, "%.*s", SPAN_ARG(type));
    if (r->pause_on_head)
        http_call_pause(call);
}

static void cancel_now(struct loop_task *t)
{
    http_call_cancel(&container_of(t, struct reply, task)->call);
}

static void on_body(struct http_call *call, struct span piece)
{
    struct reply *r = call->data;
    assert_int_equal(r->heads, 1);
    assert_true(piece.n > 0);
    r->pieces++;
    r->bytes += piece.n;
    if (!r->bytes_only)
        buf_add_span(&r->body, piece);
    if (r->pause_on_body)
        http_call_pause(call);
    if (r->cancel_on_body)
        http_call_cancel(call);
    if (r->cancel_after_body)
        loop_post(loop, &r->task);
}

static void on_done(struct http_call *call, int status, const struct err *e)
{
    struct reply *r = call->data;
    r->done++;
    r->code = status;
    r->err = *e;
}

const struct http_call_events reply_events = {on_head, on_body, on_done};

void reply_start(struct reply *r, struct http_client *client, const struct url *origin,
                 const char *target, struct http_call_options o)
{
    *r = (struct reply){.call = {.data = r, .ev = &reply_events},
                        .pause_on_head = r->pause_on_head,
                        .pause_on_body = r->pause_on_body,
                        .cancel_on_body = r->cancel_on_body,
                        .cancel_after_body = r->cancel_after_body,
                        .bytes_only = r->bytes_only,
                        .task.run = cancel_now};
    o.method = o.method.n ? o.method : SPAN("POST");
    o.target = span_str(target);
    o.origin = origin;
    assert_int_equal(http_client_start(client, &r->call, &o), 0);
    assert_int_equal(r->done, 0);
}

void reply_free(struct reply *r)
{
    buf_free(&r->body);
    *r = (struct reply){0};
}

void reply_ok(struct reply *r)
{
    wait_until(r->done);
    if (r->code != 0)
        fail_msg("%s", r->err.msg);
    assert_int_equal(r->done, 1);
    assert_int_equal(r->heads, 1);
    assert_int_equal(r->status, 200);
}

void reply_ends(struct reply *r, int code, const char *words)
{
    wait_until(r->done);
    assert_int_equal(r->done, 1);
    assert_int_equal(r->err.code, r->code);
    if (r->code != code || !strstr(r->err.msg, words))
        fail_msg("%d \"%s\"", r->code, r->err.msg);
}
