// SPDX-License-Identifier: Apache-2.0
#include "stream/budget_hold.h"

static void on_wake(struct budget_waiter *w)
{
    struct budget_hold *h = container_of(w, struct budget_hold, waiter);
    h->held = w->need;
    h->waiting = false;
    h->granted(h);
}

bool budget_hold_take(struct budget_hold *h, size_t n, bool first)
{
    require(h->held == 0 && !h->waiting);
    if (budget_try(h->budget, n, first)) {
        h->held = n;
        return true;
    }
    h->waiting = true;
    h->waiter.wake = on_wake;
    budget_wait(h->budget, &h->waiter, n, first);
    return false;
}

void budget_hold_release(struct budget_hold *h)
{
    size_t n = h->held;
    h->held = 0;
    if (n > 0)
        budget_give(h->budget, n);
}

void budget_hold_stop_waiting(struct budget_hold *h)
{
    if (!h->waiting)
        return;
    budget_cancel(h->budget, &h->waiter);
    h->waiting = false;
}

bool budget_hold_become_first(struct budget_hold *h)
{
    if (!h->waiting || h->waiter.first)
        return false;
    budget_hold_stop_waiting(h);
    return budget_hold_take(h, h->waiter.need, true);
}

void budget_hold_spend(struct budget_hold *h, size_t n)
{
    size_t had = h->held;
    h->held = 0;
    if (n > had)
        budget_force(h->budget, n - had);
    else if (n < had)
        budget_give(h->budget, had - n);
}
