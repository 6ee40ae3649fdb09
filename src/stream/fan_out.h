// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_FAN_OUT_H
#define PENSTOCK_STREAM_FAN_OUT_H

// The registered consumer of a stream for enhanced fan-out: finds it by its name, registers it when
// it is not there, waits until it is ACTIVE. It is never deregistered: whoever starts with that
// name again goes on with it. Loop thread only; embedded in its owner.
//
// Failures are reported and tried again with backoff, for ever: there is no silent return to
// polling.

#include "aws/kinesis.h"

#define FAN_OUT_POLL_MS 1000 // while it is being created (facts/kcl.md section 4)
#define FAN_OUT_PATIENCE 30  // polls before a consumer that is not ACTIVE counts as failing
#define FAN_OUT_BACKOFF_MS 1000
#define FAN_OUT_BACKOFF_MAX_MS 30000
#define FAN_OUT_NAME_MAX 128

struct fan_out_events {
    // It is ACTIVE, its ARN is known; again after fan_out_poke() or another stream.
    void (*on_ready)(void *ctx);
    // `failures` calls failed in a row.
    void (*on_failure)(void *ctx, int status, unsigned failures, const char *text);
    // After fan_out_stop(), when nothing is in flight any more; not inside it.
    void (*on_stopped)(void *ctx);
};

struct fan_out {
    struct loop *loop;
    struct kinesis *kinesis;
    struct span stream_name;   // borrowed; for messages
    struct span consumer_name; // borrowed
    int64_t request_ms;
    const struct fan_out_events *events;
    void *ctx;

    struct kinesis_call call;
    struct kinesis_input in;
    struct timer timer;
    bool calling, stopped, ready;
    bool restart; // what is in flight is about another stream
    unsigned failures, polls;
    struct buf stream_arn, next_arn, consumer_arn;
};

// The fields up to ctx are set by the owner, the rest is zero. For the stream of this ARN from now
// on, whatever was before.
void fan_out_start(struct fan_out *f, struct span stream_arn);
// The service does not know the consumer any more, it seems: looks again.
void fan_out_poke(struct fan_out *f);
static inline bool fan_out_is_ready(const struct fan_out *f)
{
    return f->ready;
}
void fan_out_stop(struct fan_out *f);
bool fan_out_is_idle(const struct fan_out *f);
// Idle and stopped, or never started.
void fan_out_deinit(struct fan_out *f);
// Letters, digits, "_", "." and "-", at most FAN_OUT_NAME_MAX (model of the service: ConsumerName).
bool fan_out_is_name(struct span name);

#endif
