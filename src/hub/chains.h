// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_CHAINS_H
#define PENSTOCK_HUB_CHAINS_H

// The compiled rule chains: every chain of the registry, the root, and the chains that device
// profiles name (facts/hub.md section 4.4). Internal to hub/.

#include "hub/hub_internal.h"

// A compiled chain that runs may hold on to while it is being replaced.
struct chain_runtime {
    struct hub *hub;
    struct uuid id;
    struct rule_chain *chain;
    unsigned refs;
};

struct chain_runtime *chain_ref(struct chain_runtime *c);
void chain_unref(struct chain_runtime *c);

// Compiles all and follows their changes from here on; hub->root_id is set.
void chains_open(struct hub *h);
void chains_close(struct hub *h);
void chains_set_root(struct hub *h, struct uuid id);

// NULL: there is none, or it cannot run.
struct chain_runtime *hub_chain(struct hub *h, struct uuid id);
// That of the device's profile; NULL when it names none.
struct chain_runtime *hub_profile_chain(struct hub *h, const struct store_device *d);
static inline struct chain_runtime *hub_start_chain(struct hub *h, const struct store_device *d)
{
    struct chain_runtime *own = h->profile_chains ? hub_profile_chain(h, d) : NULL;
    return own ? own : h->root;
}

#endif
