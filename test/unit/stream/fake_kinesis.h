// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_STREAM_FAKE_KINESIS_H
#define PENSTOCK_TEST_STREAM_FAKE_KINESIS_H

// Stands in for aws/kinesis.c at link time: one stream with its shards in memory, replies after a
// random time of the fake loop, failures on demand and at random. It checks what it is asked:
// 5 GetRecords a second and shard, one call at a time by each caller, iterators of five minutes.

#include "aws/kinesis.h"
#include "fake_loop.h"

struct fake_record {
    uint64_t id; // 1, 2, ... over all shards in order of put; the first 8 bytes of its data
    uint64_t seq;
    int64_t arrival_ms;
    uint32_t size;
    uint32_t users; // > 0: an aggregate of so many; each starts with the id and its index (4 bytes)
    bool taken;     // free for tests
    uint32_t n_taken;
};

struct fake_place {
    int shard;
    size_t at;
};

struct fake_shard {
    char id[32];
    int parents[2]; // -1 = none
    bool open, gone, hidden;
    const char *first_key, *last_key; // NULL = not told
    struct fake_record *records;
    size_t n, cap;
    int64_t gets[8];                    // wall times of the last calls
    int64_t subscribed_ms, accepted_ms; // last SubscribeToShard, and last one accepted; 0 = none
    unsigned at;
    uint64_t n_gets;
};

#define FAKE_MAX_SHARDS 600
#define FAKE_CREATING_MS 3000 // a consumer is CREATING
#define FAKE_SUBSCRIPTION_MS 300000

// PutRecords that took effect, in order.
struct fake_put {
    char key[64];
    char data[64];
    int shard;
    int64_t at_ms;
};

struct fake_outcome {
    int times;
    int status;
    int http_status;
    const char *code;
};

struct kinesis {
    struct loop *loop;
    uint64_t random_state;
    const char *name, *arn, *status;
    int64_t created_ms;
    int64_t clock_off_ms; // the service's clock minus ours
    bool exists;
    struct fake_shard *shards[FAKE_MAX_SHARDS];
    int n_shards;
    uint64_t next_seq, next_id;
    struct fake_place *places; // by id
    size_t cap_places;
    struct list calls, subscriptions;
    size_t n_calls, n_running;
    size_t counts[KINESIS_OP_COUNT];

    int64_t latency_ms;                // at most
    int64_t slow_ms[KINESIS_OP_COUNT]; // on top of that
    struct fake_outcome forced[KINESIS_OP_COUNT];
    // In 1000: of all operations
    int throttle, fail, cut;
    // In 1000: of the records of a PutRecords call
    int put_throttle;
    size_t page;               // ListShards: 0 = all at once
    int rate;                  // GetRecords a second and shard that are allowed; 0 = not checked
    bool no_children;          // end of shard is told without children
    bool no_length;            // replies without a length
    bool at_for_after;         // AFTER_SEQUENCE_NUMBER acts like AT_SEQUENCE_NUMBER
    int lie_end;               // so many replies say that an open shard has ended
    int lie_behind;            // so many empty replies say that there is more
    bool stuck;                // calls are not answered until it is false again
    int refuse_start;          // so many kinesis_start() fail
    bool short_results;        // PutRecords answers one result too few
    int64_t consumer_since_ms; // of the registered consumer; 0 = none
    unsigned n_consumers;      // registered so far
    // In 1000, of each event of a subscription: silence from there on; a message of the stream that
    // ends it; a broken checksum; another reader takes over.
    int stall, exception, corrupt, takeover;
    size_t event_records;    // of one event at most
    int64_t subscription_ms; // how long one lasts
    bool stuck_creating;     // the consumer does not become ACTIVE
    bool linger;             // a subscription does not end with its shard
    bool slow_cancel;        // a call that is canceled ends some time later
    size_t n_events, n_heartbeats, n_in_use;
    struct kinesis_input last_start; // of SubscribeToShard; without spans
    const char *poison;              // a record that begins so makes the call invalid
    struct fake_put *puts;
    size_t n_puts, cap_puts;
    size_t max_put_records, max_put_bytes;
    // So many shards, of equal parts of the hash keys, that PutRecords and ListShards show instead
    // of the others; 0 = none. Aggregates are taken apart as the KCL does.
    uint32_t put_shards;
    int throttled_shard; // of these: takes `throttled_rate` records a second; -1 = none
    int64_t throttled_rate;
    int64_t throttled_from_ms, throttled_n;
    size_t n_aggregates, n_dropped; // records that a KCL would pass over
};

void fake_kinesis_init(struct kinesis *k, struct loop *l, uint64_t seed);
void fake_kinesis_deinit(struct kinesis *k); // nothing may be in flight
int fake_add_shard(struct kinesis *k, int parent, int adjacent);
void fake_split(struct kinesis *k, int shard);
int fake_merge(struct kinesis *k, int a, int b);
// Deletes everything and begins again, as a new stream of the same name.
void fake_recreate(struct kinesis *k, int n_shards);
// Returns the record's id.
uint64_t fake_put(struct kinesis *k, int shard, uint32_t size);
uint64_t fake_put_aggregate(struct kinesis *k, int shard, uint32_t users);
void fake_fail(struct kinesis *k, enum kinesis_op op, int times, int status, const char *code);
// The shard that a record of this id is in; *at is its place there.
int fake_find(const struct kinesis *k, uint64_t id, size_t *at);
uint64_t fake_record_id(const struct kinesis_record *r);
// Text as the service shows it.
void fake_seq_text(uint64_t seq, char out[32]);
void fake_consumer_arn(const struct kinesis *k, char out[64]);

// For fake_subscribe.c.
bool fake_chance(struct kinesis *k, int in_1000);
struct fake_shard *fake_shard_of(struct kinesis *k, struct span id);
size_t fake_place_of(const struct fake_shard *s, struct span seq, bool after);
bool fake_start_of(const struct kinesis *k, const struct fake_shard *s,
                   const struct kinesis_input *in, size_t *at);
void fake_fill_records(struct kinesis_output *o, const struct fake_shard *s, size_t at, size_t n);
void fake_fill_children(const struct kinesis *k, struct kinesis_output *o, int parent);

#endif
