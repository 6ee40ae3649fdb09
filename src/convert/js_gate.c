// SPDX-License-Identifier: Apache-2.0
#include "convert/js_gate.h"

uint64_t js_gate_enter(struct js_gate *g, int64_t now_ms)
{
    uint64_t run = (atomic_load_explicit(&g->word, memory_order_relaxed) >> 2) + 1;
    atomic_store_explicit(&g->since_ms, now_ms, memory_order_relaxed);
    // Releases what this thread wrote for its caller so far to whoever gives up on the run.
    atomic_store_explicit(&g->word, run << 2 | GATE_SCRIPT, memory_order_release);
    return run;
}

bool js_gate_leave(struct js_gate *g, uint64_t run)
{
    uint64_t inside = run << 2 | GATE_SCRIPT;
    return atomic_compare_exchange_strong_explicit(&g->word, &inside, run << 2 | GATE_OUTSIDE,
                                                   memory_order_acq_rel, memory_order_acquire);
}

bool js_gate_give_up(struct js_gate *g, int64_t ms)
{
    // The number of the run in the word makes sure that the time read is that of the same run.
    uint64_t word = atomic_load_explicit(&g->word, memory_order_acquire);
    if ((word & 3) != GATE_SCRIPT || js_now_ms() - atomic_load(&g->since_ms) <= ms)
        return false;
    return atomic_compare_exchange_strong(&g->word, &word, (word & ~(uint64_t)3) | GATE_LOST);
}
