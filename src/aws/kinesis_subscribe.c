// SPDX-License-Identifier: Apache-2.0
#include "aws/kinesis_subscribe.h"

#include "aws/kinesis_internal.h"
#include "base/mem.h"
#include "codec/event_stream.h"

// Happy path: on_piece -> read_pieces cuts the bytes at the messages' ends -> announce ->
// take_message -> on_event. A refused message leaves the rest of the piece in `rest`; the end of
// the call waits until that is used up. An error of the stream cancels the call and is reported
// when the call is over.

// The endpoint answers this operation in JSON frames whatever it is asked in: facts/wire.md
// section 7.
#define JSON_TYPE SPAN("application/x-amz-json-1.1")
#define TARGET SPAN("Kinesis_20131202.SubscribeToShard")

struct subscription {
    struct kinesis_subscription *user;
    struct loop *loop;
    struct aws_call call;
    bool calling;
    struct event_decoder decoder;
    bool admitted;   // the message under way
    bool refused;    // it waits for the user, `rest` and all
    bool canceled;   // by the user
    struct buf rest; // came in while refused
    struct loop_task task;
    bool failed; // by what the stream said: the rest of it does not count
    // How it ended.
    int status;
    struct arena arena;
    struct aws_error error;
};

static void finish(struct subscription *s)
{
    struct kinesis_subscription *user = s->user;
    int status = s->canceled ? ERR_CANCELED : s->status;
    require(!s->calling);
    if (s->canceled)
        s->error = (struct aws_error){.net_error = ERR_CANCELED,
                                      .message = SPAN("the subscription was canceled")};
    loop_unpost(&s->task);
    user->internal = NULL;
    user->on_end(user, status, status < 0 ? &s->error : NULL);
    event_decoder_deinit(&s->decoder);
    buf_free(&s->rest);
    arena_free(&s->arena);
    mem_free(s);
}

static void set_outcome(struct subscription *s, int status, const struct aws_error *e)
{
    s->status = status;
    if (!e)
        return;
    s->error = *e;
    s->error.code = arena_span(&s->arena, e->code);
    s->error.message = arena_span(&s->arena, e->message);
    s->error.request_id = SPAN_NONE;
}

// What the stream itself says ends it.
static void end_by_stream(struct subscription *s, int status, const struct aws_error *e)
{
    set_outcome(s, status, e);
    s->failed = true;
    if (s->calling)
        aws_call_cancel(&s->call);
}

static void fail(struct subscription *s, int status, const char *what, const char *why)
{
    struct aws_error e = {.net_error = status,
                          .message = arena_printf(&s->arena, "event stream: %s%s", what, why)};
    end_by_stream(s, status, &e);
}

// Messages ---------------------------------------------------------------------------------------

static void take_error(struct subscription *s, const struct event_message *m, const char *code_name)
{
    struct aws_error e;
    struct span code = event_message_text(m, code_name);
    struct span message = event_message_text(m, ":error-message");
    // The service's own failures have no status of their own in a stream.
    bool internal = span_has_prefix(code, SPAN("Internal"));
    aws_error_parse(internal ? 500 : 400, (struct http_headers){0}, m->payload, &s->arena, &e);
    e.code = code;
    if (message.n > 0)
        e.message = message;
    end_by_stream(s, aws_error_status(&e), &e);
}

static void take_event(struct subscription *s, const struct event_message *m)
{
    struct kinesis_output out = {0};
    struct err e = {0};
    struct span payload = m->payload;
    bool cbor = aws_body_kind(event_message_text(m, ":content-type"), payload) == AWS_BODY_CBOR;
    out.body = event_decoder_take(&s->decoder);
    if (kinesis_decode_part(KINESIS_SUBSCRIBE_TO_SHARD, cbor, payload, &out, &e) < 0)
        fail(s, e.code, e.msg, "");
    else
        s->user->on_event(s->user, &out);
    kinesis_output_free(&out);
}

static void take_message(struct subscription *s, const struct event_message *m)
{
    struct span type = event_message_text(m, ":message-type");
    if (span_is(type, "exception"))
        take_error(s, m, ":exception-type");
    else if (span_is(type, "error"))
        take_error(s, m, ":error-code");
    else if (span_is(event_message_text(m, ":event-type"), "SubscribeToShardEvent"))
        take_event(s, m);
}

// False when the user has no room for it.
static bool announce(struct subscription *s)
{
    size_t length = event_decoder_length(&s->decoder);
    if (length > 0 && !s->admitted)
        s->admitted = s->user->on_message(s->user, length);
    return length == 0 || s->admitted;
}

static bool is_over(const struct subscription *s)
{
    return s->failed || s->canceled;
}

// Returns what was not used.
static struct span read_pieces(struct subscription *s, struct span in)
{
    struct event_message m;
    while (in.n > 0 && !is_over(s) && announce(s) && !is_over(s)) {
        size_t want = event_decoder_wants(&s->decoder), n = in.n < want ? in.n : want;
        event_decoder_feed(&s->decoder, span_of(in.p, n));
        in = span_of(in.p + n, in.n - n);
        enum event_step step = event_decoder_next(&s->decoder, &m);
        if (step == EVENT_STREAM_MESSAGE) {
            s->admitted = false;
            take_message(s, &m);
        } else if (step == EVENT_STREAM_ERROR) {
            fail(s, ERR_PROTO, event_decoder_error(&s->decoder), "");
        }
    }
    return is_over(s) ? SPAN_NONE : in;
}

// The call ---------------------------------------------------------------------------------------

static void refuse(struct subscription *s)
{
    s->refused = true;
    if (s->calling)
        aws_call_pause(&s->call);
}

static void on_piece(struct aws_call *call, struct span piece)
{
    struct subscription *s = call->data;
    if (is_over(s))
        return;
    if (s->refused) {
        buf_add_span(&s->rest, piece);
        return;
    }
    struct span left = read_pieces(s, piece);
    if (left.n > 0) {
        buf_add_span(&s->rest, left);
        refuse(s);
    }
}

static bool on_size(struct aws_call *call, int64_t content_length)
{
    struct subscription *s = call->data;
    (void)content_length;
    if (!is_over(s))
        s->user->on_open(s->user);
    return true;
}

static void maybe_finish(struct subscription *s)
{
    if (s->calling || (s->refused && !is_over(s)))
        return;
    if (!is_over(s) && s->status == 0 && !event_decoder_is_idle(&s->decoder))
        fail(s, ERR_CLOSED, "ended inside a message", "");
    finish(s);
}

// What came before the end is read first, however it ended.
static void on_done(struct aws_call *call, int status, const struct aws_reply *reply)
{
    struct subscription *s = call->data;
    s->calling = false;
    if (!is_over(s))
        set_outcome(s, status, reply->error);
    maybe_finish(s);
}

static void read_rest(struct subscription *s)
{
    struct buf rest = s->rest;
    s->rest = (struct buf){0};
    s->refused = false;
    s->admitted = true;
    struct span left = read_pieces(s, buf_span(&rest));
    if (left.n > 0) {
        buf_add_span(&s->rest, left);
        refuse(s);
    } else if (s->calling && !is_over(s)) {
        aws_call_resume(&s->call);
    }
    buf_free(&rest);
}

static void run_task(struct loop_task *task)
{
    struct subscription *s = container_of(task, struct subscription, task);
    if (s->refused && !is_over(s))
        read_rest(s);
    maybe_finish(s);
}

// For the user -----------------------------------------------------------------------------------

int kinesis_subscribe(struct kinesis *k, struct kinesis_subscription *user,
                      const struct kinesis_input *in, const struct kinesis_subscribe_options *o)
{
    struct subscription *s = mem_new(struct subscription);
    struct buf body = {0};
    s->user = user;
    s->loop = kinesis_loop(k);
    s->task.run = run_task;
    s->call =
        (struct aws_call){.data = s, .on_done = on_done, .on_size = on_size, .on_piece = on_piece};
    event_decoder_init(&s->decoder, 0);
    kinesis_encode(KINESIS_SUBSCRIBE_TO_SHARD, in, false, &body);
    int status = aws_call_start(kinesis_aws(k), &s->call,
                                &(struct aws_call_options){.content_type = JSON_TYPE,
                                                           .target = TARGET,
                                                           .take_body = &body,
                                                           .max_attempts = 1,
                                                           .request_ms = o->request_ms,
                                                           .idle_ms = o->idle_ms,
                                                           .window = o->window,
                                                           .version = o->version,
                                                           .operation = AWS_OPERATION_DATA,
                                                           .stream_arn = in->stream_arn,
                                                           .consumer_arn = in->consumer_arn});
    buf_free(&body);
    if (status < 0) {
        event_decoder_deinit(&s->decoder);
        mem_free(s);
        return status;
    }
    s->calling = true;
    user->internal = s;
    return 0;
}

static void post(struct subscription *s)
{
    if (!list_linked(&s->task.link))
        loop_post(s->loop, &s->task);
}

void kinesis_subscription_resume(struct kinesis_subscription *user)
{
    struct subscription *s = user->internal;
    if (s && s->refused && !is_over(s))
        post(s);
}

void kinesis_subscription_cancel(struct kinesis_subscription *user)
{
    struct subscription *s = user->internal;
    if (!s || s->canceled)
        return;
    s->canceled = true;
    if (s->calling)
        aws_call_cancel(&s->call);
    else
        post(s);
}
