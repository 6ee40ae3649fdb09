// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_HUB_INTERNAL_H
#define PENSTOCK_HUB_HUB_INTERNAL_H

// What the files of hub/ share. Not for other layers.

#include "base/log.h"
#include "hub/hub.h"

#define HUB_NAME_MAX_BYTES 255
#define HUB_DEFAULT_PROFILE "default"

// A compiled chain that runs may hold on to while it is being replaced.
struct chain_runtime {
    struct rule_chain *chain;
    unsigned refs;
};

struct hub {
    struct hub_options o;
    struct registry *registry;
    struct uuid tenant;
    struct uuid root_id;
    struct chain_runtime *root; // compiled root chain, or NULL
    struct hub_downlink_sink sink;
    struct hub_stats stats;
    struct log_limit failure_log, script_log;
};

struct chain_runtime *chain_ref(struct chain_runtime *c);
void chain_unref(struct chain_runtime *c);
// Compiles the root chain's document again (it changed, or another chain is root now).
void hub_load_root(struct hub *h);

// The profile of that name ("default" for none), made when it is new.
struct uuid hub_profile_for(struct hub *h, struct span type);
// ERR_INVALID with text when `name` cannot be a device's.
int hub_check_device_name(struct span name, struct err *e);
// Copy with all that it refers to.
struct hub_msg *hub_msg_copy(struct arena *a, const struct hub_msg *m);

// The documents of a new database; returns the text of the default Root Rule Chain's metadata.
const char *hub_default_chain_metadata(void);

#endif
