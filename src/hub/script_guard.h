// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_SCRIPT_GUARD_H
#define PENSTOCK_HUB_SCRIPT_GUARD_H

// How much of the converter pool one rule script may take. Pure.
//
// A run that ends in time costs nothing. One that runs into its time limit costs a credit; a script
// has three, and gets one back every ten seconds. Without a credit it is suspended: its messages
// fail at once, with the reason, until the next credit. So a script that loops for ever takes a
// tenth of one worker at most (at the usual limit of a second), whoever else needs that worker.
//
// Messages go to a worker in batches that end at the first time-out; after one they are small and
// grow again.

#include <stdbool.h>
#include <stdint.h>

#define SCRIPT_CREDITS 3
#define SCRIPT_CREDIT_MS 10000
#define SCRIPT_BATCH_MAX 256

struct script_guard {
    unsigned used;    // credits
    int64_t since_ms; // when the first of them was used, or the last one came back
    unsigned batch;   // messages of the next batch; 0 = not begun yet
};

// How many messages the script may be given now; 0 = suspended.
unsigned script_guard_allow(struct script_guard *g, int64_t now_ms);
// A batch has ended.
void script_guard_ran(struct script_guard *g, bool timed_out, int64_t now_ms);
// Until the next credit.
int64_t script_guard_wait_ms(const struct script_guard *g, int64_t now_ms);

#endif
