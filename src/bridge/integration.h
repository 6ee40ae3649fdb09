// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BRIDGE_INTEGRATION_H
#define PENSTOCK_BRIDGE_INTEGRATION_H

// One running integration. Internal to bridge/. The files by subject: integration.c (its life),
// uplink.c (batch to commit), webhook.c (the same of
// an HTTP request), downlink.c (message to outbox), outbox.c (outbox to stream),
// dead_letters.c (tried again), replay.c (read once more), status.c and metrics.c (what people
// see).

#include "base/log.h"
#include "base/rate.h"
#include "bridge/bridge.h"
#include "bridge/config.h"
#include "bridge/downlink.h"
#include "bridge/outbox.h"
#include "bridge/replay.h"
#include "bridge/rest_call.h"
#include "bridge/trace.h"
#include "stream/consumer.h"
#include "stream/producer.h"
#include "stream/status_text.h"

// Records a converter job: small enough that several workers share a batch, large enough to be
// cheap.
#define UPLINK_CHUNK_RECORDS 500

struct integration;
struct uplink;

// One shard's way through the bridge: batches in order.
struct lane {
    struct span shard_id; // key of the map; lives with the lane
    struct uplink *up;
    struct list works; // not yet committed, oldest first
    uint64_t applied;  // records in committed or submitted transactions
    uint64_t applied_durable;
    char *durable_sequence; // of the last record whose effects are durable; NULL = none
    struct rate records_rate, bytes_rate; // of what is read
    bool silent;                          // it should answer and does not
    bool shown;                           // status.c: in the answer already
    bool ended;
    bool canceled; // a batch was given up at shutdown: none behind it may commit
    struct list link;
};

// The way of one consumer's batches.
struct uplink {
    struct integration *in;
    struct consumer *consumer; // set by the owner once it is there
    // Something ended that the owner may be waiting for.
    void (*settled)(struct uplink *up);
    struct map lanes; // by shard id
    struct list lane_list;
    unsigned works; // out, committed or not
    struct convert_waiter room;
    bool waiting_room;
    // Of records that took effect before: no checkpoints, no dead letters, nothing leaves the hub;
    // and one job at a time, so that live reading goes first.
    bool replay;
    unsigned converting; // jobs
    uint64_t records, failed, commits;
    struct err last_error; // of a replay's record
};

// Dead letters on their way through the converter again.
struct dead_replay {
    struct integration *in;
    bool running, canceled;
    bool one;         // only the letter with the id `after_id`
    int64_t after_id; // done up to here
    int64_t until_id; // 0 = not known yet
    uint64_t total, replayed, failed;
    struct err err; // of the last letter that failed
    // The page on its way.
    struct store_read read;
    size_t held;                 // of the budget
    struct convert_job up, down; // records, and messages that became no record
    struct convert_job *submitting;
    struct convert_waiter room;
    bool waiting_room;
    struct hub_run run;
    uint32_t page_ok, page_failed;
    bool page_canceled;
    bridge_done_fn *cb;
    void *ctx;
};

enum phase { PHASE_OFF, PHASE_RUNNING, PHASE_STOPPING };

struct integration {
    struct bridge *bridge;
    struct uuid id;
    struct list link;
    enum phase phase;
    int64_t stop_ms; // when it last became PHASE_STOPPING
    bool wanted;     // enabled and not removed: start (again) once stopped
    bool removing;   // nothing may be committed for it any more
    bool removed;    // free once stopped
    struct integration_config config;
    bool allow_create;
    struct credentials_provider *credentials;
    struct kinesis *kinesis;
    struct consumer *consumer;
    struct producer *producer;
    bool consumer_closing, producer_closing, kinesis_closing;
    struct uuid uplink_id, downlink_id;
    bool has_downlink;
    struct trace trace;
    struct convert_script *uplink, *downlink;
    struct span *update_only;
    size_t n_update_only;
    struct arena update_arena;
    struct uplink live;
    struct list hooks; // webhook.c: requests that are not answered yet
    struct downlinks downlinks;
    struct store_read checkpoints;
    bool reading_checkpoints;
    struct timer checkpoints_again; // set after a read that failed
    char *stream_identity;
    struct outbox outbox;
    struct dead_replay dead;
    struct replay *replay; // the last one; NULL = none
    int stream_status, put_status;
    bool stream_seen; // on_status has spoken
    char stream_error[STATUS_TEXT_MAX], put_error[STATUS_TEXT_MAX], start_error[ERR_MSG_MAX];
    struct err stall;         // why neither records nor empty answers arrive; code 0 = they do
    const char *logged_state; // NULL = none yet
    uint64_t logged_error;
    struct log_limit shard_log;
};

struct bridge {
    struct bridge_options o;
    struct list integrations;
    struct list checks;
    struct rest_calls *rest;
    struct timer look_timer;
    bool draining;
    void (*drained)(void *ctx);
    void *drained_ctx;
    struct loop_task drained_task;
    void (*closed)(void *ctx);
    void *closed_ctx;
    struct loop_task closed_task;
};

struct integration *bridge_find(struct bridge *b, struct uuid id);
// Something that bridge_drain() or bridge_close() may be waiting for has ended.
void bridge_maybe_done(struct bridge *b);
// A Kinesis client for this configuration. The provider is the caller's to free after the client.
int bridge_connect(const struct bridge_options *o, const struct integration_config *c,
                   struct credentials_provider **credentials, struct kinesis **kinesis,
                   struct err *e);

void integration_start(struct integration *in);
// Safe in any phase; integration_maybe_stopped() does the rest as things end.
void integration_stop(struct integration *in);
void integration_maybe_stopped(struct integration *in);
// A converter changed: records not yet handed to a worker go through the new script.
void integration_reload_scripts(struct integration *in);
const struct json *integration_doc(const struct integration *in);
struct span integration_name(const struct integration *in);

void uplink_init(struct uplink *up, struct integration *in, void (*settled)(struct uplink *up));
// No work may be out.
void uplink_free_lanes(struct uplink *up);
// Made when it is new.
struct lane *uplink_lane(struct uplink *up, struct span shard_id);
// Takes the batch; acknowledged when durable.
void uplink_take(struct uplink *up, struct shard_batch *b);
// Stops waiting for room in the converters' queue.
void uplink_cancel_wait(struct uplink *up);
// Sends what a record was converted to through the hub. Negative: the conversion failed, or `e` is
// the first reason why a message was refused (the others took effect).
int uplink_apply(struct integration *in, struct hub_run *run, const struct uplink_result *result,
                 int64_t arrival_ms, struct err *e);

// The page under way ends, or has not happened; then integration_maybe_stopped().
void dead_letters_stop(struct integration *in);

// "ACTIVE", ...; *error = text or NULL.
const char *integration_state(const struct integration *in, const char **error);
// Brings rates and the state up to date.
void status_look(struct integration *in);
// The state may have changed: then it is logged.
void status_note_change(struct integration *in);
void status_on_timer(struct timer *t); // look_timer's
// Over all shards.
struct status_sums {
    uint64_t applied;
    size_t shards;         // that have not ended
    int64_t millis_behind; // the most; -1 = not known
    int64_t last_arrival_ms;
    double records_per_second, bytes_per_second;
};
void status_sum(const struct integration *in, struct status_sums *out);

#endif
