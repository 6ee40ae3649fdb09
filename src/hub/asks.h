// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_ASKS_H
#define PENSTOCK_HUB_ASKS_H

// Messages that someone waits to have answered by a reply node of the rule chain
// (REST_API_REQUEST). The answer is given when what the message did is durable. Internal to hub/.

#include "hub/hub_internal.h"

#define ASKS_MAX 1000 // that wait at once

struct asks;

struct asks *asks_new(struct hub *h);
void asks_free(struct asks *a);
// All that wait are canceled.
void asks_stop(struct asks *a);

// An answer on its way with a run.
struct ask_reply {
    struct ask_reply *next;
    struct uuid id;
    struct span json; // owned
};
// Notes the answer in the run. ERR_NOT_FOUND with text: nobody waits for it, or no longer.
int asks_reply(struct asks *a, struct hub_run *r, struct span id, struct span json, struct err *e);
// Gives the run's answers, or forgets them.
void asks_settle(struct asks *a, struct ask_reply *replies, bool durable);

#endif
