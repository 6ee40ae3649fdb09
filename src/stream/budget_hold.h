// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_BUDGET_HOLD_H
#define PENSTOCK_STREAM_BUDGET_HOLD_H

// What one shard has taken from the byte budget for a reply to come, or waits for. It never waits
// with something in hand: many that each hold a little and want more could block each other for
// ever. Loop thread only; embedded.

#include "base/budget.h"

struct budget_hold {
    struct budget *budget; // set by the owner, with granted
    // What was waited for is held now. Runs inside somebody's budget_give(): only take note.
    void (*granted)(struct budget_hold *h);
    size_t held;
    bool waiting;
    struct budget_waiter waiter;
};

// Nothing is held or waited for before. True: n bytes are held; false: granted() will run.
// `first`: the owner holds nothing else and may use what the budget keeps for such.
bool budget_hold_take(struct budget_hold *h, size_t n, bool first);
void budget_hold_release(struct budget_hold *h);
void budget_hold_stop_waiting(struct budget_hold *h);
// The owner, which waits, holds nothing else any more. True: what it waited for is held now, and
// granted() will not run.
bool budget_hold_become_first(struct budget_hold *h);
// The reply is there and takes n bytes, whatever was held. These are now for the owner to give
// back.
void budget_hold_spend(struct budget_hold *h, size_t n);

#endif
