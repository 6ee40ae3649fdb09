// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_KINESIS_SUBSCRIBE_H
#define PENSTOCK_AWS_KINESIS_SUBSCRIBE_H

// SubscribeToShard: one request over HTTP/2, answered by an event stream for up to five minutes
// (facts/wire.md section 8). All subscriptions to an endpoint share connections. Loop thread only.
//
// The caller owns `struct kinesis_subscription` until on_end, which runs exactly once. Each message
// is announced with its length before more than its first bytes are taken from the stream; the
// caller refuses until it has room, and the stream's window holds the service back meanwhile.

#include "aws/kinesis.h"

struct kinesis_subscription {
    void *data;
    // The service has accepted; events follow.
    void (*on_open)(struct kinesis_subscription *s);
    // A message of so many bytes follows. False: not yet, kinesis_subscription_resume() when it
    // may.
    bool (*on_message)(struct kinesis_subscription *s, size_t length);
    // One SubscribeToShardEvent, which the callee may move away as of kinesis_call.on_done.
    void (*on_event)(struct kinesis_subscription *s, struct kinesis_output *out);
    // Status 0: the service has ended it, as it does after five minutes. Else why it failed: before
    // the stream, by a message of the stream, or by what became of the connection. error: as of
    // kinesis_call.on_done.
    void (*on_end)(struct kinesis_subscription *s, int status, const struct aws_error *error);
    void *internal;
};

struct kinesis_subscribe_options {
    int64_t request_ms; // until the answer begins; 0 = the client's
    int64_t idle_ms;    // longest silence, while not refused
    uint32_t window;    // bytes that may come unasked for; 0 = the HTTP client's
    enum http_version version;
};

// `in`: consumer_arn, shard_id, and the position as for GetShardIterator. Not tried again.
int kinesis_subscribe(struct kinesis *k, struct kinesis_subscription *s,
                      const struct kinesis_input *in,
                      const struct kinesis_subscribe_options *o) MUST_CHECK;
// The message that was refused may come. Its callbacks run later.
void kinesis_subscription_resume(struct kinesis_subscription *s);
// Nothing but on_end follows.
void kinesis_subscription_cancel(struct kinesis_subscription *s);

#endif
