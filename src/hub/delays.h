// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_DELAYS_H
#define PENSTOCK_HUB_DELAYS_H

// Messages that delay nodes hold back. Each is written with the effects of the run that brought it
// (a document of kind STORE_DELAYED), goes on in a run of its own when its time has come, and is
// removed with that run's effects: it survives a restart and goes on once. Loop thread only.

#include "hub/engine.h"

#define DELAYS_NODE_MAX 100000      // of one node
#define DELAYS_BYTES_MAX (64 << 20) // of all of them

struct delays;
struct delayed;

struct delays *delays_new(struct hub *h);
void delays_free(struct delays *d);
// One of the database; before the loop runs.
void delays_load(struct delays *d, struct uuid id, struct span json);
// No message goes on from here on.
void delays_stop(struct delays *d);

// Holds the flow's message back for the node's `Success`. ERR_LIMIT with text: `node_max` wait at
// this node already, or too many bytes at all.
int delays_add(struct delays *d, struct flow *f, const struct rule_node *n, int64_t delay_ms,
               unsigned node_max, struct err *e);

// What the run has added becomes real when its transaction is durable, or is forgotten.
void delays_settle(struct delays *d, struct delayed *added, bool durable);

#endif
