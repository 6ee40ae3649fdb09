// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BASE_BUDGET_H
#define PENSTOCK_BASE_BUDGET_H

// One byte budget for everything in flight (DESIGN section 3, back-pressure). Loop thread only.
//
// A fetch takes an estimate before it is issued and corrects it when the reply's true size is
// known. `reserve` bytes are kept for takers that hold nothing yet ("first"), so that progress
// never stops: a taker that has nothing in flight may take from the reserve, every other may not.

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"

struct budget {
    size_t limit;
    size_t reserve;
    size_t used;
    size_t peak;
    struct list waiters;
};

struct budget_waiter {
    struct list link;
    size_t need;
    bool first;
    void (*wake)(struct budget_waiter *w); // runs once, after which the waiter is off the list
};

// reserve < limit.
void budget_init(struct budget *b, size_t limit, size_t reserve);
// Takes `n` or nothing; nothing also while someone waits who is served before this taker.
bool budget_try(struct budget *b, size_t n, bool first);
// Takes `n` whatever the limit: for memory that is already spent (a reply larger than estimated).
void budget_force(struct budget *b, size_t n);
void budget_give(struct budget *b, size_t n);
// Waits in order of arrival, those that may use the reserve passing the others; only after
// budget_try() said no. The bytes are already taken for the waiter when wake() runs, from
// inside budget_give(). The waiter must be unlinked; budget_cancel() takes it off the list (takes
// nothing).
void budget_wait(struct budget *b, struct budget_waiter *w, size_t need, bool first);
void budget_cancel(struct budget *b, struct budget_waiter *w);

#endif
