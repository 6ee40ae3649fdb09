// SPDX-License-Identifier: Apache-2.0
#include "stream/fan_out.h"

#include <stdio.h>

#include "base/log.h"
#include "stream/poll_pace.h"
#include "stream/status_text.h"

static void describe(struct fan_out *f);

static void on_timer(struct timer *t)
{
    describe(container_of(t, struct fan_out, timer));
}

static void look_again(struct fan_out *f, int64_t after_ms)
{
    f->timer.fire = on_timer;
    timer_start(f->loop, &f->timer, after_ms);
}

static void fail(struct fan_out *f, int status, enum kinesis_op op, const struct aws_error *error)
{
    char text[STATUS_TEXT_MAX];
    f->failures++;
    look_again(f, poll_pace_delay(FAN_OUT_BACKOFF_MS, FAN_OUT_BACKOFF_MAX_MS, f->failures,
                                  clock_random_unit(loop_clock(f->loop))));
    status_text(&(struct status_cause){.operation = kinesis_op_name(op),
                                       .stream = f->stream_name,
                                       .host = kinesis_host(f->kinesis),
                                       .status = status,
                                       .error = error,
                                       .fan_out = true},
                text);
    f->events->on_failure(f->ctx, status, f->failures, text);
}

static void start_call(struct fan_out *f, enum kinesis_op op)
{
    struct kinesis_call_options o = {.max_attempts = 1, .request_ms = f->request_ms};
    int rc = kinesis_start(f->kinesis, &f->call, op, &f->in, &o);
    if (rc < 0)
        fail(f, rc, op, NULL);
    else
        f->calling = true;
}

static void begin(struct fan_out *f)
{
    buf_clear(&f->stream_arn);
    buf_add_span(&f->stream_arn, buf_span(&f->next_arn));
    look_again(f, 0);
}

// Whether a reply is to be looked at.
static bool end_call(struct fan_out *f)
{
    f->calling = false;
    if (f->stopped) {
        f->events->on_stopped(f->ctx);
        return false;
    }
    if (f->restart) {
        f->restart = false;
        begin(f);
        return false;
    }
    return true;
}

static void wait_until_active(struct fan_out *f, struct span status)
{
    char text[STATUS_TEXT_MAX];
    look_again(f, FAN_OUT_POLL_MS);
    if (++f->polls < FAN_OUT_PATIENCE)
        return;
    snprintf(text, sizeof(text), "stream %.*s: consumer %.*s is %.*s and does not become ACTIVE",
             SPAN_ARG(f->stream_name), SPAN_ARG(f->consumer_name), SPAN_ARG(status));
    f->events->on_failure(f->ctx, ERR_UNAVAILABLE, f->polls, text);
}

static void take_consumer(struct fan_out *f, const struct kinesis_output *out)
{
    f->failures = 0;
    if (!span_is(out->consumer_status, "ACTIVE")) {
        wait_until_active(f, out->consumer_status);
        return;
    }
    f->polls = 0;
    buf_clear(&f->consumer_arn);
    buf_add_span(&f->consumer_arn, out->consumer_arn);
    f->ready = true;
    f->events->on_ready(f->ctx);
}

static void on_registered(struct kinesis_call *call, int status, struct kinesis_output *out,
                          const struct aws_error *error)
{
    struct fan_out *f = container_of(call, struct fan_out, call);
    if (!end_call(f))
        return;
    if (status == 0) {
        log_info("stream", "consumer registered", "stream=%.*s consumer=%.*s",
                 SPAN_ARG(f->stream_name), SPAN_ARG(f->consumer_name));
        take_consumer(f, out);
    } else if (status == ERR_BUSY) {
        look_again(f, FAN_OUT_POLL_MS); // another one was faster
    } else {
        fail(f, status, KINESIS_REGISTER_STREAM_CONSUMER, error);
    }
}

static void set_input(struct fan_out *f)
{
    f->in = (struct kinesis_input){.stream_arn = buf_span(&f->stream_arn),
                                   .consumer_name = f->consumer_name};
}

static void on_described(struct kinesis_call *call, int status, struct kinesis_output *out,
                         const struct aws_error *error)
{
    struct fan_out *f = container_of(call, struct fan_out, call);
    if (!end_call(f))
        return;
    if (status == 0) {
        take_consumer(f, out);
    } else if (error && aws_error_is(error, "ResourceNotFoundException")) {
        set_input(f);
        f->call.on_done = on_registered;
        start_call(f, KINESIS_REGISTER_STREAM_CONSUMER);
    } else {
        fail(f, status, KINESIS_DESCRIBE_STREAM_CONSUMER, error);
    }
}

static void describe(struct fan_out *f)
{
    set_input(f);
    f->call.on_done = on_described;
    start_call(f, KINESIS_DESCRIBE_STREAM_CONSUMER);
}

void fan_out_start(struct fan_out *f, struct span stream_arn)
{
    if (f->stopped)
        return;
    f->ready = false;
    f->failures = 0;
    // What is in flight points into the ARN of before.
    buf_clear(&f->next_arn);
    buf_add_span(&f->next_arn, stream_arn);
    if (f->calling) {
        f->restart = true;
        kinesis_cancel(&f->call);
    } else {
        begin(f);
    }
}

void fan_out_poke(struct fan_out *f)
{
    if (f->stopped || !f->ready)
        return; // it looks already
    f->ready = false;
    look_again(f, FAN_OUT_POLL_MS);
}

void fan_out_stop(struct fan_out *f)
{
    if (f->stopped)
        return;
    f->stopped = true;
    f->ready = false;
    timer_stop(&f->timer);
    if (f->calling)
        kinesis_cancel(&f->call);
}

bool fan_out_is_idle(const struct fan_out *f)
{
    return !f->calling;
}

void fan_out_deinit(struct fan_out *f)
{
    require(!f->calling);
    timer_stop(&f->timer);
    buf_free(&f->stream_arn);
    buf_free(&f->next_arn);
    buf_free(&f->consumer_arn);
}

bool fan_out_is_name(struct span name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '.' || c == '-';
        if (!good)
            return false;
    }
    return name.n > 0 && name.n <= FAN_OUT_NAME_MAX;
}
