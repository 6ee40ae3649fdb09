// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_SCRIPT_QUEUE_H
#define PENSTOCK_HUB_SCRIPT_QUEUE_H

// The messages that wait for one rule node's script. Those of one loop turn go to the converter
// pool as one job, in order, and one job at a time: a node never takes more than one worker, and
// script_guard.h bounds what a script that hangs takes of that. Loop thread only.
//
// A queue belongs to its compiled chain. Who waits holds a flow, which keeps the chain.

#include "hub/engine.h"

struct script_queue;

struct script_wait {
    struct list link;
    struct flow *flow; // held
    const struct rule_node *node;
    struct downlink_input input; // in the run's arena
    // Once, later. `r` and what it names live until it returns.
    void (*done)(struct script_wait *w, const struct rule_result *r);
};

struct script_queue *script_queue_new(struct hub *h, enum convert_kind kind, struct span name,
                                      struct span text);
// Nobody waits any more.
void script_queue_free(struct script_queue *q);
void script_queue_add(struct script_queue *q, struct script_wait *w);

#endif
