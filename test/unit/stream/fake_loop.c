// SPDX-License-Identifier: Apache-2.0
#include "fake_loop.h"

#include "base/mem.h"

void fake_loop_init(struct loop *l, uint64_t seed)
{
    *l = (struct loop){.random_state = seed};
    test_clock_init(&l->clock, seed);
    list_init(&l->tasks);
}

void fake_loop_deinit(struct loop *l)
{
    require(l->n == 0 && list_empty(&l->tasks));
    mem_free(l->timers);
}

static bool run_tasks(struct loop *l)
{
    struct list now, *it;
    bool any = false;
    list_init(&now);
    list_move_all(&now, &l->tasks);
    while ((it = list_pop(&now))) {
        struct loop_task *t = container_of(it, struct loop_task, link);
        any = true;
        t->run(t);
    }
    return any;
}

static struct timer *first_due(struct loop *l, int64_t limit_ms)
{
    struct timer *best = NULL;
    uint64_t same = 0;
    for (size_t i = 0; i < l->n; i++) {
        struct timer *t = l->timers[i];
        if (t->due_ms > limit_ms || (best && t->due_ms > best->due_ms))
            continue;
        if (!best || t->due_ms < best->due_ms) {
            best = t;
            same = 1;
        } else if (!l->shuffle) {
            if (t->order < best->order)
                best = t;
        } else if (test_random_below(&l->random_state, ++same) == 0) {
            best = t;
        }
    }
    return best;
}

static void run(struct loop *l, const bool *stop, int64_t ms)
{
    int64_t limit = l->clock.mono_ms + ms;
    while (!(stop && *stop)) {
        if (run_tasks(l))
            continue;
        struct timer *t = first_due(l, limit);
        if (!t)
            break;
        if (t->due_ms > l->clock.mono_ms)
            test_clock_advance(&l->clock, t->due_ms - l->clock.mono_ms);
        timer_stop(t);
        t->fire(t);
    }
    if (!(stop && *stop) && limit > l->clock.mono_ms)
        test_clock_advance(&l->clock, limit - l->clock.mono_ms);
}

void fake_loop_run(struct loop *l, int64_t ms)
{
    run(l, NULL, ms);
}

bool fake_loop_run_until(struct loop *l, const bool *stop, int64_t ms)
{
    run(l, stop, ms);
    return *stop;
}

const struct clock *loop_clock(const struct loop *l)
{
    return &l->clock.clock;
}

int64_t loop_now_ms(const struct loop *l)
{
    return l->clock.mono_ms;
}

int64_t loop_wall_ms(const struct loop *l)
{
    return l->clock.wall_ms;
}

void loop_post(struct loop *l, struct loop_task *t)
{
    list_push(&l->tasks, &t->link);
}

void loop_unpost(struct loop_task *t)
{
    list_remove(&t->link);
}

void timer_start(struct loop *l, struct timer *t, int64_t after_ms)
{
    static uint64_t order;
    require(t->fire);
    timer_stop(t);
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 64;
        l->timers = mem_realloc(l->timers, l->cap * sizeof(*l->timers));
    }
    t->loop = l;
    t->due_ms = l->clock.mono_ms + (after_ms > 0 ? after_ms : 0);
    t->order = order++;
    l->timers[l->n++] = t;
    t->at = (uint32_t)l->n;
}

void timer_stop(struct timer *t)
{
    if (!t->at)
        return;
    struct loop *l = t->loop;
    size_t i = t->at - 1;
    l->timers[i] = l->timers[--l->n];
    l->timers[i]->at = (uint32_t)i + 1;
    t->at = 0;
}
