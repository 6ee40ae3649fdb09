// SPDX-License-Identifier: Apache-2.0
#include "base/budget.h"

void budget_init(struct budget *b, size_t limit, size_t reserve)
{
    require(reserve < limit);
    *b = (struct budget){.limit = limit, .reserve = reserve};
    list_init(&b->waiters);
}

static bool fits(const struct budget *b, size_t n, bool first)
{
    size_t limit = first ? b->limit : b->limit - b->reserve;
    if (b->used == 0)
        return true; // one taker larger than all of it must still get through
    return b->used <= limit && n <= limit - b->used;
}

void budget_force(struct budget *b, size_t n)
{
    b->used += n;
    if (b->used > b->peak)
        b->peak = b->used;
}

// Who may only use the common part comes after all who wait; the first come after their like.
static bool someone_ahead(const struct budget *b, bool first)
{
    list_for(it, &b->waiters)
    {
        if (!first || container_of(it, struct budget_waiter, link)->first) {
            return true;
        }
    }
    return false;
}

bool budget_try(struct budget *b, size_t n, bool first)
{
    if (someone_ahead(b, first) || !fits(b, n, first)) {
        return false;
    }
    budget_force(b, n);
    return true;
}

void budget_give(struct budget *b, size_t n)
{
    require(n <= b->used);
    b->used -= n;
    bool blocked = false; // one that may not use the reserve waits, so do those like it behind
    for (struct list *it = b->waiters.next; it != &b->waiters;) {
        struct budget_waiter *w = container_of(it, struct budget_waiter, link);
        it = it->next;
        if (blocked && !w->first)
            continue;
        if (!fits(b, w->need, w->first)) {
            if (w->first)
                break;
            blocked = true;
            continue;
        }
        list_remove(&w->link);
        budget_force(b, w->need);
        w->wake(w);
        // wake() may have changed the list: start over.
        it = b->waiters.next;
        blocked = false;
    }
}

void budget_wait(struct budget *b, struct budget_waiter *w, size_t need, bool first)
{
    w->need = need;
    w->first = first;
    list_push(&b->waiters, &w->link);
}

void budget_cancel(struct budget *b, struct budget_waiter *w)
{
    (void)b;
    list_remove(&w->link);
}
