// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_PRODUCER_H
#define PENSTOCK_STREAM_PRODUCER_H

// Writes records to streams with PutRecords: batches by the service's limits (500 records, 10 MiB,
// what a shard takes in a second), retries failed records one by one with jittered exponential
// backoff, keeps order per partition key even across retries (a key has at most one unfinished try
// in flight). Loop thread only.
// Source of limits: facts/wire.md section 4.

#include "aws/kinesis.h"
#include "codec/hash_key.h"

struct producer;

// One record. Owned by the caller until done(); spans too.
struct producer_entry {
    void *data;
    // Exactly once: 0 = on the stream; ERR_CANCELED at close; ERR_INVALID = the service refuses
    // this record for good (error says why); ERR_TIMEOUT = not on the stream by expires_ms.
    // Anything that may heal - a missing stream, a wrong secret, throttling, the network - is tried
    // again for ever and told by on_status.
    void (*done)(struct producer_entry *en, int status, const char *error);
    struct span stream_name; // or stream_arn
    struct span stream_arn;
    struct span partition_key, explicit_hash_key, record;
    int64_t expires_ms; // by the loop's clock: not tried any more after this; 0 = never
    struct list link;   // the producer's from here on
    void *key;
    struct hash_key hash;
    unsigned attempts;
    uint16_t parcel;
    int64_t due_ms;
};

struct producer_options {
    struct loop *loop;
    struct kinesis *kinesis; // borrowed
    unsigned in_flight;      // PutRecords calls at once a stream; 0 = 4
    int64_t linger_ms;       // wait for more before sending a short batch; 0 = none
    int64_t max_backoff_ms;  // 0 = 30000
    // Lists the shards of each stream, so that a record's shard is known before it is sent and no
    // shard is sent more than it takes, nor slowed by another's throttling.
    bool predict;
    double shard_records, shard_bytes; // a second and shard, with `predict`; 0 = no limit
    bool aggregate;                    // with `predict`: records in aggregates as the KPL writes
    // Same sense as consumer_events.on_status: 0 = last call succeeded.
    void (*on_status)(void *ctx, int status, const char *text);
    void *ctx;
};

int producer_new(const struct producer_options *o, struct producer **out);
// Refused at once (ERR_INVALID) when the record breaks a limit: empty or too long partition key,
// more than 10 MiB, a hash key that is none, a stream name that is none. ERR_CANCELED after
// producer_close(). Not taken over then.
int producer_put(struct producer *p, struct producer_entry *en, struct err *e) MUST_CHECK;
// Entries put and not done.
size_t producer_pending(const struct producer *p);
// Entries not done are done with ERR_CANCELED (a call in flight is waited for up to its time
// limit), then cb.
void producer_close(struct producer *p, void (*cb)(void *ctx), void *ctx);

struct producer_stats {
    uint64_t records, bytes, calls, retries, throttles, refused, expired;
};
void producer_get_stats(const struct producer *p, struct producer_stats *out);

#endif
