// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_APP_DEMO_CHAIN_H
#define PENSTOCK_APP_DEMO_CHAIN_H

// The tutorial's edit of the Root Rule Chain: an integration downlink node, connected to the
// message type switch by "Attributes Updated".

#include "hub/hub.h"

// True when the chain had to be changed: cb runs later. False: it has such a node for the
// integration.
bool demo_chain_connect(struct hub *h, struct uuid integration, registry_saved_fn *cb, void *ctx);

#endif
