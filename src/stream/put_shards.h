// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_PUT_SHARDS_H
#define PENSTOCK_STREAM_PUT_SHARDS_H

// The open shards of a stream that is written to: which one a record goes to, the records that are
// ready for each, and how many each may be sent. Pure. Until a listing has come, one shard of
// everything stands for all.

#include "aws/kinesis.h"
#include "codec/hash_key.h"
#include "stream/put_rate.h"

struct put_shard {
    struct list link; // put_shards.active while something is ready
    struct hash_key start, end;
    struct span id; // empty = it stands for all
    struct list ready;
    struct put_rate rate;
};

struct put_shards {
    struct put_shard *shards; // by hash key, without gaps
    size_t n;
    struct arena ids;
    struct list active; // those with ready records, in the order of their turns
    double limit, byte_limit;
};

void put_shards_init(struct put_shards *s, double limit, double byte_limit, int64_t now_ms);
void put_shards_deinit(struct put_shards *s); // nothing may be ready
// Takes over a complete listing; rates of shards that are still there stay. What was ready is moved
// to `ready`. ERR_PROTO when the open shards do not cover the hash keys once: nothing has changed.
int put_shards_set(struct put_shards *s, const struct kinesis_shard *listed, size_t n,
                   int64_t now_ms, struct list *ready) MUST_CHECK;
// As before the first listing. What was ready is moved to `ready`.
void put_shards_forget(struct put_shards *s, int64_t now_ms, struct list *ready);
bool put_shards_known(const struct put_shards *s);
struct put_shard *put_shards_find(struct put_shards *s, struct hash_key h);
// By its id; NULL = not among them.
struct put_shard *put_shards_find_id(struct put_shards *s, struct span id);

#endif
