// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BRIDGE_BRIDGE_H
#define PENSTOCK_BRIDGE_BRIDGE_H

// Integrations: each ties a stream, an uplink and a downlink converter and the hub together.
// Starts, changes and stops them as their documents change; owns the way of a record from batch to
// commit (uplink.c), the outbox (outbox.c) and the status that people see (status.c). Loop thread
// only.

#include "aws/credentials.h"
#include "aws/kinesis.h"
#include "base/budget.h"
#include "hub/hub.h"
#include "net/http_client.h"

struct bridge;
struct worker_pool;

// How something ended: 0, or an ERR_* code with what is wrong.
typedef void bridge_done_fn(void *ctx, int status, const char *text);

struct bridge_options {
    struct loop *loop;
    struct hub *hub;
    struct http_client *http;
    struct worker_pool *jobs;   // for credential files
    struct budget *budget;      // bytes in flight
    struct span region;         // when an integration names none
    struct span endpoint;       // when an integration names none; empty = AWS
    bool fips, dual_stack;      // kinds of AWS endpoints
    int max_attempts;           // of a call other than GetRecords and PutRecords; 0 = 3
    int64_t poll_ms;            // 0 = 250
    int get_records_per_second; // a shard; 0 = 5
    int64_t put_records_per_second, put_bytes_per_second; // a shard; 0 = no limit
    int64_t downlink_ttl_ms; // older downlinks become dead letters; 0 = never
};

// Takes the integrations in the registry over and becomes the hub's downlink sink. Nothing runs
// yet.
int bridge_new(const struct bridge_options *o, struct bridge **out, struct err *e);
// Starts every enabled integration.
void bridge_start(struct bridge *b);
// Stops reading; cb when every batch that was out is committed and every put in flight has ended.
void bridge_drain(struct bridge *b, void (*cb)(void *ctx), void *ctx);
// Cancels what is left, closes clients, then cb.
void bridge_close(struct bridge *b, void (*cb)(void *ctx), void *ctx);

// Checks the document as POST /api/integration does (type, clientConfiguration, converters exist).
int bridge_validate(struct bridge *b, const struct json *doc, struct err *e);
// Reaches for the stream with the document's credentials; cb once, later: 0, or what is wrong.
// Ended early by bridge_close().
void bridge_check(struct bridge *b, const struct json *doc, bridge_done_fn *cb, void *ctx);
// The same without a bridge, for `penstock check`: loop, http, jobs, region, endpoint are used.
// `credentials` is what was looked at, "" when nothing was.
typedef void bridge_check_alone_fn(void *ctx, int status, const char *text,
                                   const struct credentials_report *credentials);
void bridge_check_alone(const struct bridge_options *o, const struct json *doc,
                        bridge_check_alone_fn *cb, void *ctx);

// Requests to integrations (webhook.c) ------------------------------------------------------------

struct bridge_webhook {
    struct span routing_key;
    struct http_headers headers;
    struct span body;
    bool ok_status; // out: success is 200, not 204
};
// Sends a request's body through the uplink converter of the HTTP integration with this routing
// key. cb once, later: 0 = it took effect, durably; else what the converter or the hub says, and it
// is a dead letter; or ERR_BUSY, ERR_CANCELED: nothing happened. Negative: not started, no
// callback: ERR_NOT_FOUND, ERR_AUTH, ERR_LIMIT, ERR_BUSY, ERR_UNAVAILABLE, ERR_CONFIG. Spans are
// borrowed for the call only.
int bridge_webhook(struct bridge *b, struct bridge_webhook *q, bridge_done_fn *cb, void *ctx,
                   struct err *e);
// Gives {"msg", "metadata", "msgType"} to the downlink converter of the integration with this
// routing key; done when the record is in the outbox, durably. As above; ERR_INVALID: the body.
int bridge_webhook_downlink(struct bridge *b, struct bridge_webhook *q, bridge_done_fn *cb,
                            void *ctx, struct err *e);

// Dead letters (dead_letters.c) -------------------------------------------------------------------
// ERR_NOT_FOUND, ERR_CONFLICT (one replay an integration at a time, which must be running) with
// text: not started, no callback.

// Sends one through the converter again. cb once, later: 0 = it took effect and is gone; else why
// not, and it stays (ERR_NOT_FOUND: there is no such letter; ERR_CANCELED).
int bridge_replay_dead_letter(struct bridge *b, struct uuid integration, int64_t letter,
                              bridge_done_fn *cb, void *ctx, struct err *e);
// All that are there now, oldest first; ends by itself.
int bridge_replay_dead_letters(struct bridge *b, struct uuid integration, struct err *e);
// {"running":false,"total":0,"replayed":0,"failed":0,"lastError":null}; false when it is unknown.
bool bridge_dead_replay_json(struct bridge *b, struct uuid integration, struct buf *out);
void bridge_cancel_dead_letters(struct bridge *b, struct uuid integration);
// Removes one, or all (letter 0). cb when durable.
int bridge_discard_dead_letters(struct bridge *b, struct uuid integration, int64_t letter,
                                void (*cb)(void *ctx, int status), void *ctx, struct err *e);

// Replay (replay.c) -------------------------------------------------------------------------------

// What is read once more: from the beginning, from a time (KINESIS_AT_TIMESTAMP) or from a record
// on (KINESIS_AT_SEQUENCE_NUMBER, with its shard); up to where live reading is now, or an earlier
// record or time. Empty and 0: not given.
struct bridge_replay {
    struct span shard_id; // empty = every shard
    enum kinesis_iterator from;
    struct span from_sequence, until_sequence;
    int64_t from_ms, until_ms;
};
// ERR_INVALID, ERR_CONFLICT (one is running, or the integration is not), ERR_NOT_FOUND (no such
// shard) with text.
int bridge_replay_start(struct bridge *b, struct uuid integration, const struct bridge_replay *q,
                        struct err *e);
void bridge_replay_cancel(struct bridge *b, struct uuid integration);
// {"state":"NONE"}, or the last one and how far it is; false when the integration is unknown.
bool bridge_replay_json(struct bridge *b, struct uuid integration, struct buf *out);

// Status (status.c) -------------------------------------------------------------------------------

// {"state":"ACTIVE","error":null,"credentials":{...},"shards":[...]} of one integration; false when
// it is unknown.
bool bridge_status_json(struct bridge *b, struct uuid integration, struct buf *out);
// "ACTIVE", "STARTING", "STALLED", "FAILED", "DISABLED", "STOPPING"; *error = text or NULL.
const char *bridge_state(struct bridge *b, struct uuid integration, const char **error);
// Prometheus text lines of all integrations.
void bridge_metrics(struct bridge *b, struct buf *out);
// True when no enabled integration is in a failed state.
bool bridge_healthy(struct bridge *b);

#endif
