// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_PUT_LISTER_H
#define PENSTOCK_STREAM_PUT_LISTER_H

// Asks for the shards of a stream that is written to (ListShards), when its owner wants to know.
// Loop thread only; embedded in its owner.

#include "aws/kinesis.h"

#define PUT_LISTER_GAP_MS 1000 // least time between two listings
#define PUT_LISTER_BACKOFF_MAX_MS 30000

struct put_lister {
    struct loop *loop;
    struct kinesis *kinesis;
    struct span id; // borrowed: name or ARN of the stream
    bool is_arn;
    // The complete listing; a negative result is a failure. NULL: it failed, and will be tried
    // again.
    int (*on_listed)(struct put_lister *l, const struct kinesis_shard *shards, size_t n);
    // After put_lister_stop(), when nothing is in flight any more; not inside it.
    void (*on_stopped)(struct put_lister *l);

    struct kinesis_call call;
    struct kinesis_input in;
    struct timer timer;
    bool calling, wanted, stopped;
    unsigned failures, pages;
    int64_t begun_ms;
    struct arena arena;
    struct kinesis_shard *shards;
    size_t n_shards;
    struct buf token;
};

// The fields up to on_stopped are set by the owner, the rest is zero. Wanted again while a listing
// is under way: another one follows.
void put_lister_want(struct put_lister *l);
// True when it is idle already: on_stopped does not run then.
bool put_lister_stop(struct put_lister *l);
void put_lister_deinit(struct put_lister *l); // stopped and idle, or never used

#endif
