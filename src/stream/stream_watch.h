// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_STREAM_WATCH_H
#define PENSTOCK_STREAM_STREAM_WATCH_H

// Keeps knowing one stream: who it is (DescribeStreamSummary) and which shards it has (ListShards),
// again every minute and when asked. Loop thread only; embedded in its owner.
//
// A round describes, asks the owner by on_identity, and goes on with stream_watch_list(). A failed
// round is reported and starts again with backoff, for ever.

#include "aws/kinesis.h"

#define STREAM_WATCH_PERIOD_MS 60000 // +- 20 %
#define STREAM_WATCH_GAP_MS 1000     // least time between two rounds that were asked for
#define STREAM_WATCH_BACKOFF_MS 1000
#define STREAM_WATCH_BACKOFF_MAX_MS 30000
// ListShards pages in one listing; a page holds 1,000 shards by default.
#define STREAM_WATCH_MAX_PAGES 200

struct stream_watch_events {
    // The owner calls stream_watch_list(), now or later, or stops.
    void (*on_identity)(void *ctx, struct span arn, int64_t created_ms);
    // The complete listing. A negative result fails the round with that code.
    int (*on_shards)(void *ctx, const struct kinesis_shard *shards, size_t n);
    // `failures` rounds failed in a row.
    void (*on_failure)(void *ctx, int status, unsigned failures, const char *text);
    // After stream_watch_stop(), when nothing is in flight any more; not inside it.
    void (*on_stopped)(void *ctx);
};

struct stream_watch {
    struct loop *loop;
    struct kinesis *kinesis;
    struct span stream_name; // borrowed
    int64_t request_ms;
    const struct stream_watch_events *events;
    void *ctx;
    struct kinesis_call call;
    struct kinesis_input in;
    struct timer timer;
    bool calling, in_round, again, stopped;
    unsigned failures;
    unsigned pages;
    unsigned round;   // number of the last one begun
    int64_t round_ms; // start of the last round
    struct arena arena;
    struct kinesis_shard *shards;
    size_t n_shards, cap_shards;
    struct buf token;
};

// The fields up to ctx are set by the owner, the rest is zero.
void stream_watch_start(struct stream_watch *w);
void stream_watch_list(struct stream_watch *w);
// A round soon.
void stream_watch_poke(struct stream_watch *w);
void stream_watch_stop(struct stream_watch *w);
bool stream_watch_is_idle(const struct stream_watch *w);
// Idle and stopped, or never started.
void stream_watch_deinit(struct stream_watch *w);

#endif
