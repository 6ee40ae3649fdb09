// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_STORE_H
#define PENSTOCK_STORE_STORE_H

// What is kept: devices, telemetry, attributes, documents (converters, integrations, rule chains,
// profiles, settings), checkpoints, the outbox, dead letters. One SQLite database in WAL mode.
// Loop thread only; SQL runs on one writer thread (group commit) and on reader threads.
//
// Writing: fill a transaction, store_commit() it; the callback says that it is durable.
// Transactions become durable in the order of their commit calls; those that arrive while one is
// being written share the next. A transaction that SQLite refuses (disk full, I/O error) is tried
// again with backoff until it succeeds or the store closes: nothing is dropped, and everything
// behind it waits (store_health()). Memory (directory, head, latest) shows a transaction only after
// it is durable.
//
// Telemetry layout (DESIGN section 3): the log (one row a commit), the head (points in memory by
// series, bounded), chunks (one compressed row a series and flush). Reads merge chunks and head; a
// later write of the same series and time wins. Start-up replays the log into the head.

#include "base/arena.h"
#include "base/uuid.h"
#include "base/value.h"
#include "io/loop.h"

struct store;
struct store_txn;

#define STORE_DEAD_ROWS_DEFAULT 100000

#define STORE_OUTBOX_ROWS_DEFAULT 10000000
#define STORE_OUTBOX_BYTES_DEFAULT (INT64_C(1024) * 1024 * 1024)

enum store_scope { STORE_CLIENT = 1, STORE_SERVER, STORE_SHARED };
enum store_doc_kind {
    STORE_CONVERTER = 1,
    STORE_INTEGRATION,
    STORE_RULE_CHAIN,
    STORE_PROFILE,
    STORE_SETTING,
    STORE_DELAYED,    // a message that a delay node holds back; no entity
    STORE_CREDENTIALS // a device's, under its id; no entity
};

struct store_options {
    const char *dir;         // created when missing (0700)
    size_t head_bytes;       // telemetry head in memory before it is written as chunks; 0 = 16 MiB
    int64_t head_age_ms;     // ... or after this age; 0 = 15 minutes
    bool synchronous_normal; // default FULL: a power cut loses nothing that was acknowledged
    int64_t commit_interval_ms; // least time between two commits (spares flash); 0 = none
    unsigned readers;           // reader threads; 0 = 1
    int64_t dead_rows_max;      // dead letters kept, the oldest go first; 0 = the default
    int64_t dead_age_ms;        // ... and not longer than this; 0 = whatever their age
    int64_t outbox_rows;        // in the outbox at most; 0 = the default
    int64_t outbox_bytes;       // ... together; 0 = the default
    // Sees every document at opening, before anyone else: 0 = as it is, 1 = `out` replaces its text
    // (and nothing of the old one stays in the files), negative with e: not opened. NULL = none.
    int (*filter)(void *ctx, enum store_doc_kind kind, struct uuid id, struct span json,
                  struct buf *out, struct err *e);
    void *filter_ctx;
};

// Opens, migrates, loads the directory, replays the log. Blocks: call before the loop runs.
// e names the file and what to do (newer schema, not a database, locked by another process, ...).
int store_open(struct loop *l, const struct store_options *o, struct store **out, struct err *e);
// The program stops and has no more time: what SQLite refuses from here on is not tried again, but
// given up, with all behind it and all that comes later (ERR_CANCELED).
void store_stop_retrying(struct store *s);
// Commits what was given, flushes nothing else, closes the database, then cb.
void store_close(struct store *s, void (*cb)(void *ctx), void *ctx);

// 0, or the ERR_* code that the writer is stuck on right now, with text.
int store_health(const struct store *s, struct err *e);

// Directory --------------------------------------------------------------------------------------

// A device (or asset) as the loop knows it. Lives until the store closes. Fields are read-only for
// others.
struct store_device {
    int64_t id; // small, internal
    struct uuid uuid;
    struct uuid profile; // document of kind STORE_PROFILE
    struct span name, label;
    int64_t created_ms;
    bool is_asset;
    bool durable; // its row is committed
    bool hidden;  // the hub's: it is being deleted, nobody may see it
    bool vain;    // the hub's: what made it was given up
    void *internal;
};

struct store_device *store_find_device(const struct store *s, struct span name, bool is_asset);
struct store_device *store_find_device_id(const struct store *s, struct uuid id);
// Adds to the directory at once; the row is written by the first committed transaction that touches
// it. The name must be free.
struct store_device *store_add_device(struct store *s, struct uuid id, struct span name,
                                      struct span label, struct uuid profile, bool is_asset,
                                      int64_t now_ms);
// Label and profile of a durable device, when what store_txn_update_device() wrote is durable too;
// or of one that no transaction will write yet.
void store_set_device(struct store *s, struct store_device *d, struct span label,
                      struct uuid profile);
size_t store_count_devices(const struct store *s);

// Writing ----------------------------------------------------------------------------------------

struct store_checkpoint {
    struct uuid integration;
    struct span stream; // stream identity: ARN and creation time (never the name alone)
    struct span shard_id;
    struct span sequence; // last one applied; empty = none yet
    uint64_t sub_sequence;
    uint64_t records_applied; // user records that took effect, over the shard's whole life
    bool shard_end;
};

struct store_outbox_row {
    struct uuid integration;
    struct span stream, stream_arn, partition_key, explicit_hash_key, data;
    int64_t created_ms;
};

// Outbox rows that became durable together: read, rewritten and removed as one.
struct store_outbox_chunk {
    int64_t id; // ascends in the order of commits
    struct store_outbox_row *rows;
    size_t n;
    size_t bytes; // as stored
};

struct store_dead_letter {
    int64_t id; // given by the store
    struct uuid integration;
    bool downlink;
    struct span payload, error, shard_id, sequence, partition_key;
    uint64_t sub_sequence;
    int64_t arrival_ms, created_ms;
    // A downlink's: the record that its stream did not take, else (no stream) what the converter
    // had been given: its message type and its metadata as a JSON object.
    struct span stream, stream_arn, explicit_hash_key;
    struct span msg_type, metadata;
    // Out only.
    uint64_t size;       // of the whole payload
    uint64_t tries;      // replays that failed
    int64_t last_try_ms; // 0 = none
};

// Names, keys, texts and payloads are at most this long, and the points of one transaction packed:
// the caller sees to it (SQLite refuses more, and a commit that it refuses would stay in the way).
#define STORE_VALUE_MAX ((size_t)256 * 1024 * 1024)

// A transaction is the loop's until committed. What it holds is copied in; bytes() is for budgets.
struct store_txn *store_txn_new(struct store *s);
void store_txn_free(struct store_txn *t); // not committed: nothing happens
size_t store_txn_bytes(const struct store_txn *t);
void store_txn_device(struct store_txn *t, struct store_device *d); // make sure its row exists
void store_txn_update_device(struct store_txn *t, const struct store_device *d, struct span label,
                             struct uuid profile);
// Deletes a durable device with its attributes; its telemetry is out of reach from then on. The
// name is free at once: commit the transaction before any other that adds a device. `d` stays
// valid, but nothing is written to it any more.
void store_txn_delete_device(struct store_txn *t, struct store_device *d);
void store_txn_points(struct store_txn *t, struct store_device *d, int64_t ts_ms,
                      const struct kv *kv, size_t n);
// only_changed: leaves the row (and its time) alone when the value is the same.
void store_txn_attribute(struct store_txn *t, struct store_device *d, enum store_scope scope,
                         const struct kv *kv, int64_t ts_ms, bool only_changed);
// From here on, attributes of this transaction do not replace a value whose time is later: for
// records that are applied long after their time.
void store_txn_keep_newer(struct store_txn *t);
void store_txn_delete_attribute(struct store_txn *t, struct store_device *d, enum store_scope scope,
                                struct span key);
void store_txn_checkpoint(struct store_txn *t, const struct store_checkpoint *c);
void store_txn_delete_checkpoints(struct store_txn *t, struct uuid integration);
// Ask store_outbox_has_room() before.
void store_txn_outbox_add(struct store_txn *t, const struct store_outbox_row *r);
void store_txn_outbox_remove(struct store_txn *t, const struct store_outbox_chunk *c);
// Of chunk `c` only `rows` stay, in their order; its n and bytes are set to what is left.
void store_txn_outbox_keep(struct store_txn *t, struct store_outbox_chunk *c,
                           const struct store_outbox_row *const *rows, size_t n);
void store_txn_delete_outbox(struct store_txn *t, struct uuid integration);
void store_txn_dead_letter(struct store_txn *t, const struct store_dead_letter *d);
// It was tried again in vain: its new reason; counts the try. No effect when it is gone.
void store_txn_dead_letter_failed(struct store_txn *t, struct uuid integration, int64_t id,
                                  struct span error, int64_t now_ms);
// Took effect, else discarded: what it counts as. No effect when it is gone.
void store_txn_remove_dead_letter(struct store_txn *t, struct uuid integration, int64_t id,
                                  bool replayed);
void store_txn_delete_dead_letters(struct store_txn *t, struct uuid integration); // discarded
void store_txn_put_doc(struct store_txn *t, enum store_doc_kind kind, struct uuid id,
                       struct span name, struct span json);
void store_txn_delete_doc(struct store_txn *t, enum store_doc_kind kind, struct uuid id);

// Whether `rows` more of together `bytes` fit into the outbox as store_options limit it, with what
// transactions under way add.
bool store_outbox_has_room(const struct store *s, uint64_t rows, uint64_t bytes);

// Takes ownership. cb (may be NULL) runs on the loop when durable (0) or when the store closed
// before (ERR_CANCELED).
void store_commit(struct store *s, struct store_txn *t, void (*cb)(void *ctx, int status),
                  void *ctx);

// Reading ----------------------------------------------------------------------------------------

// All documents, in the order they were first put, from memory of the start-up load only: call
// right after store_open(), before the loop's first turn.
typedef void store_doc_fn(void *ctx, enum store_doc_kind kind, struct uuid id, struct span name,
                          struct span json);
int store_load_docs(struct store *s, store_doc_fn *fn, void *ctx);

enum store_agg { STORE_NONE, STORE_MIN, STORE_MAX, STORE_AVG, STORE_SUM, STORE_COUNT };

struct store_point {
    int64_t ts_ms;
    struct value value;
};
struct store_series_out {
    struct span key;
    struct store_point *points;
    size_t n;
};
struct store_attribute_out {
    struct span key;
    struct value value;
    int64_t ts_ms;
    enum store_scope scope;
};
struct store_device_out {
    struct uuid uuid, profile;
    struct span name, label;
    int64_t created_ms;
};

enum store_read_kind {
    // device, keys (none = all): series_out with at most one point each, one entry a key asked for
    STORE_READ_LATEST,
    // device, keys (none = all), [start_ms, end_ms), limit (0 = all), ascending; or with agg and
    // interval_ms > 0: the buckets that are not empty, always ascending, without limit
    STORE_READ_RANGE,
    STORE_READ_KEYS,       // device: series_out with keys only
    STORE_READ_ATTRIBUTES, // device, scope (0 = all), keys (none = all): attributes_out
    // page, page_size, text (any case (ASCII), in name, label, profile name), profile filter, sort,
    // ascending, is_asset: devices_out, total
    STORE_READ_DEVICES,
    STORE_READ_CHECKPOINTS, // integration: checkpoints_out
    // integration, after_id, limit (rows; the chunk that reaches it is the last, 0 = none):
    // outbox_out in order of id, about a MiB of it
    STORE_READ_OUTBOX,
    // integration, page, page_size, limit (payload bytes of each, 0 = all): dead_out newest first,
    // total
    STORE_READ_DEAD_LETTERS,
    STORE_READ_DEAD_LETTER, // integration, after_id (its id): dead_out with one or none
    // integration, after_id, until_id (0 = the newest now, which is filled in), limit: dead_out
    // oldest first, cut short at about STORE_DEAD_PAGE_BYTES, and total of those in the range
    STORE_READ_DEAD_AFTER
};
#define STORE_DEAD_PAGE_BYTES ((size_t)1024 * 1024)

enum store_sort { STORE_SORT_CREATED, STORE_SORT_NAME, STORE_SORT_PROFILE, STORE_SORT_LABEL };

// A read: caller-owned, filled in, submitted; done() runs once on the loop. Results lie in `arena`,
// which the caller frees with store_read_free(), also after a failure. Key spans of the request are
// copied; a device must be one of this store's. A result of more than 256 MiB is ERR_LIMIT.
struct store_read {
    void *data;
    void (*done)(struct store_read *r, int status);
    enum store_read_kind kind;
    struct store_device *device;
    const struct span *keys;
    size_t n_keys;
    enum store_scope scope;
    int64_t start_ms, end_ms, interval_ms;
    enum store_agg agg;
    size_t limit;
    bool ascending;
    struct span text;
    bool is_asset;
    bool by_profile;
    struct uuid profile;
    enum store_sort sort;
    size_t page, page_size;
    struct uuid integration;
    int64_t after_id, until_id;

    struct arena arena;
    struct store_series_out *series_out;
    size_t n_series;
    struct store_attribute_out *attributes_out;
    size_t n_attributes;
    struct store_device_out *devices_out;
    size_t n_devices;
    struct store_checkpoint *checkpoints_out;
    size_t n_checkpoints;
    struct store_outbox_chunk *outbox_out;
    size_t n_outbox;
    struct store_dead_letter *dead_out;
    size_t n_dead;
    uint64_t total;
    void *internal;
};
void store_read(struct store *s, struct store_read *r);
void store_read_free(struct store_read *r);
// Latest values from memory at once, when all asked for are known (the REST hot path): true and the
// results as by STORE_READ_LATEST. False = use store_read().
bool store_latest_now(struct store *s, struct store_read *r);
// Latest value of one series when known in memory, else NULL. Valid until the loop's next turn.
const struct store_point *store_peek_latest(struct store *s, struct store_device *d,
                                            struct span key);

struct store_stats {
    uint64_t commits, transactions, points, flushes;
    uint64_t outbox_rows, outbox_bytes, dead_letters; // there now
    // Since the database was made. Dropped: the oldest, when there were too many or too old.
    uint64_t dead_letters_added, dead_letters_replayed, dead_letters_discarded;
    uint64_t dead_letters_dropped;
    size_t head_bytes, queued;
    int64_t last_commit_us;
    int64_t db_bytes;
};
void store_get_stats(const struct store *s, struct store_stats *out);

#endif
