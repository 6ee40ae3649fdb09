// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_HUB_H
#define PENSTOCK_HUB_HUB_H

// The IoT hub: devices made on first sight, telemetry, attributes, the rule chain, and what it sets
// off. Sits on the store and the converter pool; knows nothing of Kinesis or HTTP. Loop thread
// only.

#include "codec/json_out.h"
#include "convert/convert.h"
#include "hub/events.h"
#include "hub/registry.h"
#include "hub/rule_chain.h"
#include "hub/secrets.h"

struct hub;
struct ask_reply;
struct delayed;
struct flow_frame;
struct made_device;
struct run_writes;
struct shared_changes;

// A message on its way through the rule chain. Memory: the run's arena (or longer).
struct hub_msg {
    enum rule_msg_type type;
    struct span custom_type; // RULE_MSG_OTHER
    struct store_device *originator;
    int64_t ts_ms;
    // Metadata beside what hub_msg_metadata() derives from the originator and the data; or all of
    // it, once a node has changed it.
    struct convert_pairs metadata;
    bool whole_metadata;
    bool held; // all that it names lies in the run's arena
    // Data: one telemetry group, or attributes, or JSON text. hub_msg_json() makes text on demand.
    const struct kv_group *telemetry;
    const struct kv *attributes;
    uint32_t n_attributes;
    enum store_scope scope; // of attributes; 0 = does not apply
    struct span json;
};

#define HUB_RUN_OUTBOX_MAX 4

// A run: some messages, their effects in one transaction, perhaps waiting for scripts meanwhile.
struct hub_run {
    void *data;                      // the owner's
    void (*done)(struct hub_run *r); // when hub_run_finish() returned false: once, later
    struct hub *hub;
    struct store_txn *txn;
    struct arena arena;
    unsigned pending;
    bool finishing;
    struct flow_frame *frames;             // the engine's
    struct run_writes *writes;             // what nodes of the run may read again; NULL = nothing
    struct made_device *made;              // devices that are new with it
    struct delayed *delayed;               // messages that delay nodes of the run hold back
    struct ask_reply *replies;             // answers that reply nodes of the run give
    struct shared_changes *shared_changes; // what devices that wait are told of; NULL = nothing
    bool replay;
    // Something was stopped with the program on its way down: abort it, nothing of it happened.
    bool canceled;
    unsigned failures; // messages that ended in a node's unconnected Failure
    bool refused;      // by the sink: a downlink that the outbox had no room for
    // Integrations that got outbox rows in txn; more than fit: all are told.
    struct uuid outbox[HUB_RUN_OUTBOX_MAX];
    unsigned n_outbox;
};

void hub_run_begin(struct hub *h, struct hub_run *r);
// Right after begin: the messages have taken effect before. What leaves the hub (downlinks, calls
// to others) is not done again, as if it had succeeded, and newer attributes stay.
void hub_run_set_replay(struct hub_run *r);
// Sends a message into the root chain.
void hub_run_message(struct hub_run *r, const struct hub_msg *m);
// No more messages. True: all is done now. False: r->done() will run.
bool hub_run_finish(struct hub_run *r);
// Commits the run's transaction and frees its arena; tells the bridge of new outbox rows when
// durable.
void hub_run_commit(struct hub_run *r, void (*cb)(void *ctx, int status), void *ctx);
// What the messages did so far does not happen; the run goes on.
void hub_run_drop_effects(struct hub_run *r);
// Drops everything (nothing happened).
void hub_run_abort(struct hub_run *r);
// The message's data as JSON text, in the run's arena.
struct span hub_msg_json(struct hub_run *r, const struct hub_msg *m);
// deviceName, deviceType, ts or scope, then the message's own, in the run's arena.
struct convert_pairs hub_msg_metadata(struct hub_run *r, const struct hub_msg *m);
// One of them; without p when there is none.
struct span hub_msg_get(struct hub_run *r, const struct hub_msg *m, struct span key);
// Notes that an outbox row for `integration` went into r->txn.
void hub_run_outbox(struct hub_run *r, struct uuid integration);

// What the integration downlink node needs from the bridge.
struct hub_downlink_request {
    void *data; // the hub's
    // Exactly once, never inside submit. The rows are in run->txn by then. ERR_BUSY: the outbox is
    // full; run->refused is set.
    void (*done)(struct hub_downlink_request *q, int status, const char *error);
    struct hub_run *run;
    struct uuid integration;
    struct downlink_input input; // in the run's arena
    struct list link;            // the sink's
};
struct hub_downlink_sink {
    void *ctx;
    // Negative = failed at once (no such integration, disabled, no downlink converter), with text.
    int (*submit)(void *ctx, struct hub_downlink_request *q, struct err *e);
    // Rows of these integrations are durable; n == 0: of any.
    void (*queued)(void *ctx, const struct uuid *integrations, size_t n);
};

// What a request to the outside brings back for the message: in the run's arena.
struct hub_answer {
    struct span json;              // the data from here on; without p: unchanged
    struct convert_pairs metadata; // set beside what is there
};

// What the REST API call node needs from the bridge. Patterns are filled in by the hub.
struct hub_rest_config {
    struct span method;        // "POST"
    int64_t read_timeout_ms;   // 0 = the sink's own limit
    uint32_t max_parallel;     // requests of one node under way; 0 = the sink's own limit
    uint32_t max_buffer_bytes; // of an answer's body
    bool plain_text;           // parseToPlainText: a body that is a JSON string goes unquoted
    bool basic;                // credentials
    struct span username;      // of `basic`
};
struct hub_rest_request {
    void *data; // the hub's
    // Exactly once, never inside submit; `answer` is set by then, of a failure too where there is
    // something to say (status, statusCode, statusReason, error). ERR_CANCELED: the program stops.
    void (*done)(struct hub_rest_request *q, int status, const char *error);
    struct hub_run *run;
    const struct hub_rest_config *config; // lives until done
    const void *node;                     // the same for all requests of one node
    struct arena secret;                  // for what may hold secrets; the hub wipes it when done
    struct span url;                      // with the query parameters; in that arena, as:
    struct convert_pairs headers;
    struct span password; // of `basic`
    struct span body;     // without p: none
    struct hub_answer answer;
    void *internal; // the sink's
};
struct hub_rest_sink {
    void *ctx;
    // Negative = failed at once, with text.
    int (*submit)(void *ctx, struct hub_rest_request *q, struct err *e);
};

// What the RPC call request node needs: a call to the message's device. Same rules as
// hub_rest_request.
struct hub_rpc_request {
    void *data;
    void (*done)(struct hub_rpc_request *q, int status, const char *error);
    struct hub_run *run;
    struct store_device *device;
    int64_t timeout_ms;
    struct span json;              // {"method":..., "params":...}, as it came
    struct convert_pairs metadata; // requestUUID, oneway, expirationTime, ... as given
    struct hub_answer answer;      // json: what the device replied
    void *internal;
};
struct hub_rpc_sink {
    void *ctx;
    int (*submit)(void *ctx, struct hub_rpc_request *q, struct err *e);
};

struct hub_options {
    struct loop *loop;
    struct store *store;
    struct convert_pool *convert;
    bool cast_strings;
    struct secrets *secrets; // NULL: documents are kept in clear, and no device may have a token
};

// Loads the registry, makes what a new database lacks (tenant, default profile, Root Rule Chain of
// facts/hub.md section 4.5), compiles chains. Before the loop runs.
int hub_new(const struct hub_options *o, struct hub **out, struct err *e);
// Nothing starts by itself from here on (delayed messages): the loop can end.
void hub_stop(struct hub *h);
// Calls of devices end now: messages that wait for replies hold nothing up any more.
void hub_stop_calls(struct hub *h);
void hub_free(struct hub *h);
void hub_set_sink(struct hub *h, const struct hub_downlink_sink *sink);
void hub_set_rest_sink(struct hub *h, const struct hub_rest_sink *sink);
void hub_set_rpc_sink(struct hub *h, const struct hub_rpc_sink *sink);
struct registry *hub_registry(struct hub *h);
struct store *hub_store(struct hub *h);
struct secrets *hub_secrets(struct hub *h);
struct loop *hub_loop(struct hub *h);
struct convert_pool *hub_convert(struct hub *h);
struct uuid hub_tenant(const struct hub *h);
bool hub_cast_strings(const struct hub *h);
struct events *hub_events(struct hub *h);
// The chain that messages start in; NULL when there is none.
struct entity *hub_root_chain(struct hub *h);
// It is, or is on its way to be: it must stay.
bool hub_is_root_chain(const struct hub *h, const struct entity *e);
// Makes `e` the root chain. cb as registry_save(). Negative: refused, since it is being changed or
// removed; cb does not run.
int hub_set_root_chain(struct hub *h, struct entity *e, registry_saved_fn *cb, void *ctx,
                       struct err *err);
// Saves a rule chain's own document; its metadata stays. Takes `doc`.
void hub_save_chain(struct hub *h, struct json *doc, registry_saved_fn *cb, void *ctx);
// Saves {ruleChainId, nodes, connections, ...}: stored within the rule chain's document (member
// "metadata", which REST shows by its own call). Negative: refused (unknown chain, does not
// compile), `metadata` stays the caller's and cb does not run; else `metadata` is taken.
int hub_save_chain_metadata(struct hub *h, struct json *metadata, registry_saved_fn *cb, void *ctx,
                            struct err *e);

// The device or asset for an uplink message: found by name, else made (profile too) when allowed.
// NULL with e: ERR_NOT_FOUND ("device X does not exist and allowCreateDevicesOrAssets is off").
struct store_device *hub_resolve_device(struct hub_run *r, const struct uplink_msg *m,
                                        bool allow_create, struct err *e);
// Applies one converted message: resolves the device, sends POST_TELEMETRY_REQUEST for each group
// and POST_ATTRIBUTES_REQUEST through the chain. update_only: keys stored only when their value
// differs.
struct hub_uplink_options {
    int64_t arrival_ms; // time of values without one
    bool allow_create;
    struct span integration_name;
    const struct span *update_only;
    size_t n_update_only;
};
int hub_apply_uplink(struct hub_run *r, const struct uplink_msg *m,
                     const struct hub_uplink_options *o, struct err *e);

// Who changed something by REST: goes into the message's metadata.
struct hub_user {
    struct uuid id;
    struct span name, email;
};
// Saves and sends ATTRIBUTES_UPDATED through the chain, all in one transaction; cb when durable.
// ERR_BUSY, here and below: a downlink of it found no room in the outbox and the chain has no way
// for that (Failure); nothing was saved.
void hub_save_attributes(struct hub *h, struct store_device *d, enum store_scope scope,
                         const struct kv *kv, size_t n, const struct hub_user *user,
                         void (*cb)(void *ctx, int status), void *ctx);
void hub_delete_attributes(struct hub *h, struct store_device *d, enum store_scope scope,
                           const struct span *keys, size_t n, const struct hub_user *user,
                           void (*cb)(void *ctx, int status), void *ctx);
// Saves and sends TIMESERIES_UPDATED.
void hub_save_telemetry(struct hub *h, struct store_device *d, const struct kv_group *groups,
                        size_t n, const struct hub_user *user, void (*cb)(void *ctx, int status),
                        void *ctx);
// What a device posts itself: POST_TELEMETRY_REQUEST for each group, POST_ATTRIBUTES_REQUEST; the
// chain saves it.
void hub_post_telemetry(struct hub *h, struct store_device *d, const struct kv_group *groups,
                        size_t n, void (*cb)(void *ctx, int status), void *ctx);
void hub_post_attributes(struct hub *h, struct store_device *d, const struct kv *kv, size_t n,
                         void (*cb)(void *ctx, int status), void *ctx);
// Makes a device by REST, with an access token unless it is empty. NULL with e (ERR_EXISTS,
// ERR_INVALID); cb when durable.
struct store_device *hub_create_device(struct hub *h, struct span name, struct span type,
                                       struct span label, struct span token,
                                       const struct hub_user *user,
                                       void (*cb)(void *ctx, int status), void *ctx, struct err *e);
// Sends ENTITY_UPDATED and changes both (`type` names the profile); cb when durable. Negative:
// refused, no cb.
int hub_update_device(struct hub *h, struct store_device *d, struct span type, struct span label,
                      const struct hub_user *user, void (*cb)(void *ctx, int status), void *ctx,
                      struct err *e);
// Sends ENTITY_DELETED and deletes the device with its attributes and telemetry; its name is free
// then. Out of sight at once, cb when durable; ERR_BUSY: refused, and it is there again.
void hub_delete_device(struct hub *h, struct store_device *d, const struct hub_user *user,
                       void (*cb)(void *ctx, int status), void *ctx);
// What people may see: a device whose row is durable, else NULL.
struct store_device *hub_find_device(struct hub *h, struct span name);
struct store_device *hub_find_device_id(struct hub *h, struct uuid id);
// Name of the device's profile ("default" when it is gone).
struct span hub_profile_name(struct hub *h, struct uuid profile);
// The hub's Device JSON of a row of STORE_READ_DEVICES, or of a device of the directory.
void hub_write_device(struct hub *h, const struct store_device_out *d, struct json_out *j);
struct store_device_out hub_device_out(const struct store_device *d);

// Telemetry JSON of facts/hub.md sections 2.2 and 3.4: flat object, {ts, values}, arrays of either.
// Pure. null values are an error ("Can't parse value: null"). ts_ms 0 in a group = not given.
int hub_parse_telemetry(struct span json, bool cast, struct arena *a, struct kv_group **groups,
                        size_t *n, struct err *e);
// The same of a device's own, whose null values are left out.
int hub_parse_device_telemetry(struct span json, bool cast, struct arena *a,
                               struct kv_group **groups, size_t *n, struct err *e);
// A flat object.
int hub_parse_attributes(struct span json, bool cast, struct arena *a, struct kv **kv, size_t *n,
                         struct err *e);
int hub_parse_device_attributes(struct span json, bool cast, struct arena *a, struct kv **kv,
                                size_t *n, struct err *e);

// Sends REST_API_REQUEST into the rule chain and waits for a reply node to answer it.
// Caller-owned.
struct hub_ask {
    void *data;
    // Once, later: 0 and the answer, which lives during the call; ERR_TIMEOUT; ERR_CANCELED.
    void (*done)(struct hub_ask *q, int status, struct span json);
    // The hub's.
    struct hub *hub;
    struct uuid id;
    struct timer timer;
};
// `d` may be NULL. Negative: not sent, no callback (ERR_BUSY: too many wait).
int hub_ask_chain(struct hub *h, struct hub_ask *q, struct store_device *d, struct span json,
                  int64_t timeout_ms, struct err *e);

// The same of a device's call: TO_SERVER_RPC_REQUEST.
int hub_ask_server(struct hub *h, struct hub_ask *q, struct store_device *d, struct span json,
                   int64_t timeout_ms, struct err *e);

struct hub_stats {
    uint64_t messages, telemetry_points, attributes, devices_created, node_failures, scripts_logged;
};
void hub_get_stats(const struct hub *h, struct hub_stats *out);

#endif
