// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_STREAM_H
#define PENSTOCK_EMULATOR_STREAM_H

// A stream: shards that divide the hash-key space, their parents and children, the records in them,
// and the changes of state that take a while (CREATING, UPDATING, DELETING). Driven by the times it
// is given; no I/O, no clock of its own. One thread at a time.

#include "codec/hash_key.h"
#include "emulator/bucket.h"
#include "emulator/consumer.h"
#include "emulator/record_log.h"

#define EMU_NAME_MAX 128
#define EMU_TAG_KEY_MAX 128   // characters
#define EMU_TAG_VALUE_MAX 256 // characters
#define EMU_TAGS_MAX 50
#define EMU_SHARD_ID_LEN 20 // "shardId-" and 12 digits
#define EMU_SHARDS_EVER_MAX 100000
#define EMU_NO_SHARD UINT32_MAX

#define EMU_RETENTION_MIN_H 24
#define EMU_RETENTION_MAX_H 8760
#define EMU_RECORD_KIB_DEFAULT 1024
#define EMU_RECORD_KIB_MAX 10240
#define EMU_RESIZES_A_DAY 10 // UpdateShardCount, when limits are on

struct emu_shard {
    uint32_t index;
    struct hash_key start, end;    // hash keys, both inclusive
    uint32_t parent, adjacent;     // EMU_NO_SHARD = none
    uint32_t child[2];             // of a closed shard
    int64_t created_ms, created_s; // created_s: as in its sequence numbers, above its parents'
    int64_t closed_ms;             // 0 = open
    bool gone;                     // closed, and its last record is past retention
    struct emu_log log;
    struct emu_sequence_gen sequence;
    // Throughput, when limits are on.
    struct emu_bucket gets, get_bytes, puts, put_bytes, iterators;
};

struct emu_tag {
    struct span key, value; // owned
};

// A change that takes effect at due_ms (monotonic).
struct emu_change {
    enum {
        EMU_CHANGE_NONE,
        EMU_CHANGE_CREATE,
        EMU_CHANGE_DELETE,
        EMU_CHANGE_SPLIT,
        EMU_CHANGE_MERGE,
        EMU_CHANGE_RESIZE,
        EMU_CHANGE_SETTING // already made: UPDATING for a while, as the service shows it
    } kind;
    int64_t due_ms;
    uint32_t shard, adjacent;
    struct hash_key key;
    uint32_t target;
};

struct emu_stream {
    struct span name; // owned
    uint64_t uid;     // tells a stream from an earlier one of the same name
    enum emu_status status;
    bool on_demand;
    int64_t created_ms;
    uint32_t retention_h;
    uint32_t record_kib;               // largest record, key included
    struct emu_tag tags[EMU_TAGS_MAX]; // by key, in byte order
    uint32_t n_tags;
    struct emu_shard **shards; // all ever made, by index
    uint32_t n_shards, shards_cap;
    uint32_t *open; // indices of the open shards by starting hash key
    uint32_t n_open, open_cap;
    struct emu_change change;
    struct emu_consumers consumers;
    int64_t resized_ms[EMU_RESIZES_A_DAY]; // monotonic; the last ones, as a ring
    uint32_t n_resized;                    // ever
    struct emu_store *store;
    // Calls, when limits are on.
    struct emu_bucket list_shards_calls, list_consumers_calls, describe_consumer_calls,
        deregister_calls;
};

struct emu_stream *emu_stream_new(struct emu_store *store, struct span name, uint64_t uid,
                                  uint32_t n_shards, int64_t wall_ms);
void emu_stream_free(struct emu_stream *s);

// Each begins a change whose arguments the caller has checked; it takes effect in
// emu_stream_settle(), `after_ms` later.
void emu_stream_begin(struct emu_stream *s, struct emu_change change, struct emu_now now,
                      int64_t after_ms);
// Completes what is due, of the stream and its consumers. True while a change is under way. The
// stream is EMU_DELETED after a deletion.
bool emu_stream_settle(struct emu_stream *s, struct emu_now now);
// Monotonic time at which the next change is due; INT64_MAX when none is under way.
int64_t emu_stream_due_ms(const struct emu_stream *s);

// The open shard whose range holds the key.
struct emu_shard *emu_stream_route(struct emu_stream *s, struct hash_key key);
// Appends; writes the sequence number.
void emu_shard_put(struct emu_shard *sh, struct span key, struct span data, int64_t wall_ms,
                   char sequence[EMU_SEQUENCE_LEN]);
// Drops what is past retention, in all shards or one.
void emu_stream_trim(struct emu_stream *s, int64_t wall_ms);
void emu_shard_trim(struct emu_stream *s, struct emu_shard *sh, int64_t wall_ms);
// The oldest time a consumer can still ask for.
int64_t emu_stream_horizon(const struct emu_stream *s, int64_t wall_ms);
// Milliseconds from record `next` (unread) to now: 0 at the tip, at least 1 before it.
int64_t emu_shard_behind(const struct emu_shard *sh, uint64_t next, int64_t wall_ms);

const char *emu_status_name(enum emu_status status);
void emu_shard_id(uint32_t index, char out[EMU_SHARD_ID_LEN + 1]);
// "shardId-000000000003" or the number alone, as the service takes it.
bool emu_shard_id_parse(struct span s, uint32_t *out);
// NULL when there is no such shard (any more).
struct emu_shard *emu_stream_shard(const struct emu_stream *s, uint32_t index);
void emu_shard_first_sequence(const struct emu_shard *sh, char out[EMU_SEQUENCE_LEN]);
void emu_shard_last_sequence(const struct emu_shard *sh,
                             char out[EMU_SEQUENCE_LEN]); // closed shards

// Adds or replaces; false when EMU_TAGS_MAX is reached.
bool emu_stream_tag(struct emu_stream *s, struct span key, struct span value);
void emu_stream_untag(struct emu_stream *s, struct span key);

#endif
