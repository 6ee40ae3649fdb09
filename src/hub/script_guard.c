// SPDX-License-Identifier: Apache-2.0
#include "hub/script_guard.h"

static void give_back(struct script_guard *g, int64_t now_ms)
{
    while (g->used && now_ms - g->since_ms >= SCRIPT_CREDIT_MS) {
        g->used--;
        g->since_ms += SCRIPT_CREDIT_MS;
    }
}

unsigned script_guard_allow(struct script_guard *g, int64_t now_ms)
{
    give_back(g, now_ms);
    if (g->used >= SCRIPT_CREDITS)
        return 0;
    if (!g->batch)
        g->batch = SCRIPT_BATCH_MAX;
    return g->batch;
}

void script_guard_ran(struct script_guard *g, bool timed_out, int64_t now_ms)
{
    give_back(g, now_ms);
    if (!timed_out) {
        g->batch = g->batch * 2 < SCRIPT_BATCH_MAX ? g->batch * 2 : SCRIPT_BATCH_MAX;
        return;
    }
    if (g->used++ == 0)
        g->since_ms = now_ms;
    g->batch = 1;
}

int64_t script_guard_wait_ms(const struct script_guard *g, int64_t now_ms)
{
    int64_t left = g->since_ms + SCRIPT_CREDIT_MS - now_ms;
    return g->used < SCRIPT_CREDITS || left < 0 ? 0 : left;
}
