// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_CONVERT_H
#define PENSTOCK_CONVERT_CONVERT_H

// The converter runtime: a bounded pool of worker threads with Duktape heaps that run people's
// scripts, by the hub's contracts for data converters. Submit and done on the loop; scripts run on
// workers.
//
// A job is a batch for one script. Its input is borrowed and must stay unchanged until done; its
// output lies in its own arena. When the watchdog gives up on a worker, that thread touches nothing
// of the caller's any more, whenever it comes back (js_gate.h); the rest of the batch goes on
// elsewhere.
//
// An uplink script's metadata holds the job's pairs and, under names that are not among them, what
// is known of the record: streamName, shardId, sequenceNumber, subSequenceNumber, partitionKey and
// arrivalTimestamp (milliseconds since 1970). All are texts.

#include "base/arena.h"
#include "base/value.h"
#include "io/loop.h"

struct convert_pool;
struct convert_script;

#define CONVERT_QUEUE_MAX 64
#define CONVERT_TIME_LIMIT_MS 1000
#define CONVERT_MEMORY_LIMIT ((size_t)64 * 1024 * 1024)
#define CONVERT_WATCHDOG_MS 5000
#define CONVERT_LOST_MAX 8

// Of what a script returns.
#define CONVERT_RESULT_MAX 300000 // uplink: bytes of keys and texts, and 8 for each value
#define CONVERT_DOWNLINK_MAX                                                                       \
    ((size_t)2 * 1024 * 1024)         // the same of a downlink; a record holds 1 MiB
#define CONVERT_RULE_RESULTS_MAX 1000 // connections or messages that one rule script may return
#define CONVERT_KEY_MAX 255           // bytes
#define CONVERT_NAME_MAX 255          // bytes
#define CONVERT_SCRIPT_MAX ((size_t)1024 * 1024) // bytes of a script

// 0 = the default above.
struct convert_options {
    unsigned workers;      // 0 = cores - 1, at least 1
    size_t queue_max;      // jobs waiting
    int64_t time_limit_ms; // a run
    size_t memory_limit;   // a heap, bytes; at least 1 MiB
    int64_t watchdog_ms;   // a run that ignores the time limit this much longer is given up
    unsigned lost_max;     // threads given up on that still run; at this many no more are given up
    bool cast_strings;     // strings that are JSON numbers become numbers (the hub's type cast)
};

int convert_pool_new(struct loop *l, const struct convert_options *o, struct convert_pool **out);
// Waiting jobs are done with ERR_CANCELED for each record; then cb.
void convert_pool_close(struct convert_pool *p, void (*cb)(void *ctx), void *ctx);

enum convert_kind {
    CONVERT_UPLINK,   // function (payload, metadata)
    CONVERT_DOWNLINK, // function (msg, metadata, msgType, integrationMetadata)
    // function (msg, metadata, msgType) ->
    CONVERT_LOG,      // string
    CONVERT_FILTER,   // boolean
    CONVERT_SWITCH,   // array of connections' names, or one name
    CONVERT_TRANSFORM // {msg, metadata, msgType}, or an array of them; any may be left out
};

// An immutable script. Compiled by each worker when it first runs it. `name` is for messages.
// Reference-counted on the loop: new gives one reference.
struct convert_script *convert_script_new(struct convert_pool *p, enum convert_kind kind,
                                          struct span name, struct span text);
struct convert_script *convert_script_ref(struct convert_script *s);
void convert_script_unref(struct convert_script *s);

struct convert_pair {
    struct span key, value;
};
struct convert_pairs {
    const struct convert_pair *p;
    size_t n;
};

// Uplink -----------------------------------------------------------------------------------------

struct uplink_record {
    struct span payload;
    struct span stream_name, shard_id, sequence_number, partition_key; // for metadata; may be empty
    uint64_t sub_sequence; // of the user record in an aggregate; counts with a sequence number
    int64_t arrival_ms;    // 0 = not known
};

// One device or asset message of a result.
struct uplink_msg {
    bool is_asset;
    struct span name, type, label, customer, group; // only name is always there
    struct kv_group *telemetry;                     // ts_ms 0 = the record's arrival time
    uint32_t n_telemetry;
    struct kv *attributes;
    uint32_t n_attributes;
};

struct uplink_result {
    int status; // 0, ERR_SCRIPT, ERR_TIMEOUT, ERR_MEMORY, ERR_INVALID (wrong shape), ERR_CANCELED
    struct span
        error; // text for people: "TypeError: ... (line 3, column 7)" or "deviceName is missing"
    struct uplink_msg *msgs;
    uint32_t n_msgs; // 0 with status 0: nothing to store (null result)
};

// Downlink ---------------------------------------------------------------------------------------

struct downlink_input {
    struct span msg_json; // the message's data
    struct convert_pairs metadata;
    struct span msg_type;
};

enum downlink_content { DOWNLINK_JSON, DOWNLINK_TEXT, DOWNLINK_BINARY };

struct downlink_msg {
    enum downlink_content content;
    struct span data; // the bytes to write (BINARY already decoded)
    struct span stream_name, stream_arn, partition_key,
        explicit_hash_key;         // from metadata; or empty
    struct convert_pairs metadata; // all of it, values as text
};

struct downlink_result {
    int status;
    struct span error;
    struct downlink_msg *msgs;
    uint32_t n_msgs;
};

// Rule nodes --------------------------------------------------------------------------------------
//
// They get a downlink_input, too: fresh and the script's to change.

struct rule_msg_out {
    struct span msg_json; // without p: unchanged, as what follows
    bool has_metadata;
    struct convert_pairs metadata; // all of it, values as text
    struct span msg_type;          // empty = unchanged
};

struct rule_result {
    int status; // as uplink_result.status; ERR_BUSY: not run (stop_at_timeout)
    struct span error;
    struct span text;         // CONVERT_LOG
    bool verdict;             // CONVERT_FILTER
    const struct span *names; // CONVERT_SWITCH
    uint32_t n_names;
    const struct rule_msg_out *msgs; // CONVERT_TRANSFORM
    uint32_t n_msgs;
};

// Jobs -------------------------------------------------------------------------------------------

struct convert_job {
    void *data;                    // the caller's
    struct convert_script *script; // borrowed: the caller holds a reference until done
    struct convert_pairs meta; // uplink: metadata for every record; downlink: integrationMetadata
    const struct uplink_record *uplink;    // for CONVERT_UPLINK
    const struct downlink_input *downlink; // for the other kinds
    uint32_t n;
    // Rule scripts: the job takes a worker no longer than the time limit of one run, or that run;
    // what comes after is not run but done with ERR_BUSY.
    bool stop_at_timeout;
    // Exactly once. The results are set; the job and its arena are the caller's again
    // (arena_free(&job->arena)).
    void (*done)(struct convert_job *job);
    struct arena arena;
    struct uplink_result *uplink_out;     // n of them, in `arena`
    struct downlink_result *downlink_out; // n of them, in `arena`
    struct rule_result *rule_out;         // n of them, in `arena`
    void *internal;
};

// ERR_BUSY when the queue is full: wait for convert_on_room(). The job was not started then.
int convert_submit(struct convert_pool *p, struct convert_job *job) MUST_CHECK;

struct convert_waiter {
    struct list link;
    void (*wake)(struct convert_waiter *w);
};
// wake() runs once, from the loop, when the queue has room again; first come, first served.
void convert_wait_room(struct convert_pool *p, struct convert_waiter *w);
void convert_cancel_wait(struct convert_waiter *w);

// Counters for metrics.
struct convert_stats {
    uint64_t runs, failures, timeouts, memory_kills, heaps_made;
    uint64_t workers_lost, workers_back; // their difference still runs, given up on
    size_t queued, queue_max;
    unsigned workers;
};
void convert_get_stats(const struct convert_pool *p, struct convert_stats *out);

// Without a pool, on the calling thread, which blocks: for `penstock convert`, tests and benches.
struct convert_runner;

struct convert_input {
    struct span data;          // uplink: the payload; else the message's data, JSON text
    struct span metadata_json; // an object; empty = {}
    struct span msg_type;
    struct span integration_metadata_json; // an object; empty = {}
};

struct convert_runner *convert_runner_new(enum convert_kind kind, const struct convert_options *o,
                                          struct span script);
// The JSON text of what the script returned ("null" for nothing), also when the contract refuses
// it; or an error: ERR_SCRIPT, ERR_TIMEOUT, ERR_MEMORY, ERR_INVALID.
int convert_runner_run(struct convert_runner *r, const struct convert_input *in,
                       struct buf *result_json, struct err *e);
void convert_runner_free(struct convert_runner *r);

// One run of a runner.
int convert_run_once(enum convert_kind kind, const struct convert_options *o, struct span script,
                     struct span input, struct span metadata_json, struct buf *result_json,
                     struct err *e);

#endif
