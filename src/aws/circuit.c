// SPDX-License-Identifier: Apache-2.0
#include "aws/circuit.h"

bool circuit_is_open(const struct circuit *c)
{
    return c->failures >= CIRCUIT_FAILURES;
}

bool circuit_enter(struct circuit *c, int64_t now_ms)
{
    if (!circuit_is_open(c))
        return true;
    if (c->probing || now_ms < c->probe_ms)
        return false;
    c->probing = true;
    return true;
}

void circuit_answer(struct circuit *c)
{
    *c = (struct circuit){0};
}

static int64_t wait_ms(unsigned failures)
{
    int64_t ms = CIRCUIT_FIRST_MS;
    for (unsigned i = CIRCUIT_FAILURES; i < failures && ms < CIRCUIT_LONGEST_MS; i++)
        ms *= 2;
    return ms < CIRCUIT_LONGEST_MS ? ms : CIRCUIT_LONGEST_MS;
}

void circuit_fail(struct circuit *c, int64_t now_ms, double unit)
{
    // Calls that went out before it opened are no further news.
    if (circuit_is_open(c) && !c->probing)
        return;
    c->probing = false;
    if (c->failures < UINT32_MAX)
        c->failures++;
    if (circuit_is_open(c))
        c->probe_ms = now_ms + (int64_t)((double)wait_ms(c->failures) * (1 - unit / 2));
}

void circuit_leave(struct circuit *c)
{
    c->probing = false;
}
