// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_CONSUMER_H
#define PENSTOCK_STREAM_CONSUMER_H

// Reads all shards of one stream, by polling or by enhanced fan-out, and hands batches to its
// owner, in order per shard, parents before children. Loop thread only.
//
// Aggregated records of the producer library come taken apart: a batch holds at most max_records
// user records.
//
// Happy path: DescribeStreamSummary, ListShards, an iterator per shard from its checkpoint (or the
// start position), then GetRecords in turn, at most 5 a second and shard, at once when behind; or a
// registered consumer, and a subscription per shard, again and again. A
// batch is handed over with everything it needs; the owner acknowledges it when its effects are
// durable. At most `ahead` batches a shard are out at once. A closed shard ends with a batch that
// says so; its children start when that is acknowledged. Failure modes: throttling and 5xx back off
// with jitter, per shard; an expired iterator is renewed after the last record handed over; a cut
// connection is repeated; a wrong secret or a missing stream is reported by on_status and tried
// again with backoff, for ever. A stream that is deleted and created again while it is read is
// asked for anew by on_stream; without checkpoints it is then read from its beginning, not from
// LATEST.

#include "aws/kinesis.h"
#include "base/budget.h"

struct consumer;

struct consumer_checkpoint {
    struct span shard_id;
    struct span sequence;  // as shard_batch.position said; empty = none
    uint64_t sub_sequence; // as shard_batch.sub_sequence said
    uint64_t records_applied;
    bool shard_end;
};

// A part of a shard that is to be read once more: starts at the beginning (KINESIS_TRIM_HORIZON),
// at from_ms (KINESIS_AT_TIMESTAMP) or with the record from_sequence (KINESIS_AT_SEQUENCE_NUMBER).
// Ends with the record until_sequence, before the first that arrived at until_ms, and where reading
// has caught up with the shard. Empty and 0: no such end.
struct consumer_range {
    struct span shard_id;
    enum kinesis_iterator start;
    struct span from_sequence, until_sequence;
    int64_t from_ms, until_ms;
};

enum shard_state {
    SHARD_WAITING_PARENT,
    SHARD_STARTING, // getting an iterator
    SHARD_READING,
    SHARD_BACKOFF,  // after an error
    SHARD_DRAINING, // all read, last batches not yet acknowledged
    SHARD_ENDED
};
const char *shard_state_name(enum shard_state s);

// Moves to the owner with on_batch; back with consumer_ack().
struct shard_batch {
    struct list link;          // for the owner's queues
    void *data;                // the owner's
    struct span shard_id;      // lives as long as the consumer
    struct kinesis_output out; // user records are out.records[0..n_records); no more of it counts
    // What to save as the shard's sequence when all of it took effect: the last record's sequence
    // number; without records what held before ("" = nothing).
    struct span position;
    uint64_t sub_sequence; // ... and the sub-sequence number of its last user record
    size_t budget_bytes;   // taken from the budget for it; the owner may add with budget_force()
    bool shard_end;        // nothing comes after it; n_records may be 0
    void *internal;
    struct shard_reply *reply; // the consumer's: what the records lie in, when `out` has not got it
};

struct consumer_events {
    // Asks for the saved checkpoints of this stream identity ("ARN@creation ms"); the owner
    // answers, now or later, with consumer_start_shards().
    void (*on_stream)(void *ctx, struct span identity);
    void (*on_batch)(void *ctx, struct shard_batch *b);
    // Overall state changed: status 0 = reading; else an ERR_* code with what failed and what to
    // do.
    void (*on_status)(void *ctx, int status, const char *text);
};

struct consumer_options {
    struct loop *loop;
    struct kinesis *kinesis; // borrowed
    struct budget *budget;   // borrowed, shared by all consumers
    struct span stream_name;
    enum kinesis_iterator start; // LATEST, TRIM_HORIZON or AT_TIMESTAMP
    int64_t start_timestamp_ms;
    // Opens each shard that starts at LATEST, or at the creation of a stream that was created
    // again, with a batch that has no records and whose position says when that was. Saved, it
    // keeps a restart before the first record from starting at a later LATEST, which would lose
    // what came between.
    bool save_start;
    int max_records;      // of a batch, and GetRecords Limit: 1..10000
    int64_t poll_ms;      // between polls that found nothing more; 0 = 250; never below 200 a shard
    int calls_per_second; // GetRecords a shard; 0 = 5, the service's limit; more: local endpoints
    int64_t request_ms;   // per request; 0 = 30000
    unsigned ahead;       // batches out a shard; 0 = 2
    bool background;      // never takes what the budget keeps for those who have nothing
    // Enhanced fan-out by the consumer of this name, which is registered when it is not there;
    // empty = polling.
    struct span fan_out_consumer;
    int64_t silence_ms;      // a subscription that brings nothing so long is begun anew; 0 = 30000
    int64_t subscription_ms; // how long the service lets one live; 0 = 300000
    const struct consumer_events *events;
    void *ctx;
};

int consumer_new(const struct consumer_options *o, struct consumer **out, struct err *e);
void consumer_start_shards(struct consumer *c, const struct consumer_checkpoint *cp, size_t n);
// The other answer to on_stream: reads only these, and each ends with a batch that says shard_end.
void consumer_start_ranges(struct consumer *c, const struct consumer_range *r, size_t n);
// The batch's effects are durable: frees it, gives its budget back.
void consumer_ack(struct consumer *c, struct shard_batch *b);
// Stops fetching; batches that are out stay out. For shutdown: ack them, then close.
void consumer_stop(struct consumer *c);
// Cancels requests; batches still out are freed by consumer_ack() as before (which is allowed until
// cb). cb when all is gone, batches included.
void consumer_close(struct consumer *c, void (*cb)(void *ctx), void *ctx);

struct shard_status {
    struct span shard_id;
    enum shard_state state;
    struct span sequence;  // last one read
    struct span position;  // the same, or "@" and the time from which is read; empty = neither
    int64_t millis_behind; // -1 = not known
    uint64_t records, bytes, calls, throttles, errors;
    uint64_t foreign; // aggregated records passed over: their keys belong to another shard
    uint64_t broken;  // aggregated records of which the rest was unreadable
    int64_t last_arrival_ms;
    int64_t answered_ms; // loop's time of the last answer, empty ones too; before any: the start
    bool held;           // not read on now because what was read waits for its owner, or for room
    const char *last_error; // NULL = works
    const char *past_error; // the last one there was; NULL = none
    int64_t past_error_ms;  // wall time
};
size_t consumer_count_shards(const struct consumer *c);
void consumer_get_shard(const struct consumer *c, size_t i, struct shard_status *out);
struct span consumer_identity(const struct consumer *c);

#endif
