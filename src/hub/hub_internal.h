// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_HUB_INTERNAL_H
#define PENSTOCK_HUB_HUB_INTERNAL_H

// What the files of hub/ share. Not for other layers.

#include "base/log.h"
#include "hub/hub.h"

#define HUB_NAME_MAX_BYTES 255
#define HUB_DEFAULT_PROFILE "default"

struct chain_runtime;

struct hub {
    struct hub_options o;
    struct registry *registry;
    struct uuid tenant;
    struct uuid root_id;
    struct uuid next_root_id;   // on its way to be it; null = none
    struct chain_runtime *root; // compiled root chain, or NULL
    unsigned profile_chains;    // device profiles with a chain of their own
    unsigned value_readers;     // nodes that read what is stored (run_writes.h)
    struct value_reads *reads;
    struct delays *delays;
    struct events *events;
    struct asks *asks;
    struct tokens *tokens;
    struct rpcs *rpcs;
    struct polls *polls;
    struct hub_downlink_sink sink;
    struct hub_rest_sink rest_sink;
    struct hub_rpc_sink rpc_sink;
    struct hub_stats stats;
    struct log_limit failure_log, script_log;
};

// One pending node of the run has ended.
void run_release(struct hub_run *r);
// The device, or asset, that there is; NULL also for one that was made in vain.
struct store_device *hub_device_named(struct hub *h, struct span name, bool is_asset);
// Makes it, with the run's effects: there must be none.
struct store_device *run_make_device(struct hub_run *r, struct span name, struct span type,
                                     struct span label, bool is_asset);

// The profile of that name ("default" for none), made when it is new.
struct uuid hub_profile_for(struct hub *h, struct span type);
// ERR_INVALID with text when `name` cannot be a device's.
int hub_check_device_name(struct span name, struct err *e);
// The message with all that it refers to in the run's arena.
const struct hub_msg *hub_msg_hold(struct hub_run *r, const struct hub_msg *m);
// A copy to change, with its whole metadata.
struct hub_msg *hub_msg_edit(struct hub_run *r, const struct hub_msg *m);
// Spans in the run's arena, or longer.
void hub_msg_set_json(struct hub_msg *m, struct span json);
void hub_msg_set_type(struct hub_run *r, struct hub_msg *m, struct span name);
void hub_msg_set_all(struct hub_run *r, struct hub_msg *m, struct convert_pairs pairs);
void hub_msg_unset(struct hub_run *r, struct hub_msg *m, struct span key);
struct convert_pairs hub_pairs_copy(struct arena *a, struct convert_pairs pairs);
// "ATTRIBUTES_UPDATED", or the type's own name.
struct span hub_msg_type_name(const struct hub_msg *m);
// What a script gets of the message, in the run's arena.
struct downlink_input hub_msg_input(struct hub_run *r, const struct hub_msg *m);
// 0 when there is no such scope.
enum store_scope hub_scope_of(struct span name);

// The documents of a new database; returns the text of the default Root Rule Chain's metadata.
const char *hub_default_chain_metadata(void);

#endif
