// SPDX-License-Identifier: Apache-2.0
#include "stream/subscribe_pace.h"

#include "base/err.h"
#include "stream/poll_pace.h"

void subscribe_pace_init(struct subscribe_pace *p, int64_t first_ms)
{
    *p = (struct subscribe_pace){.last_call_ms = first_ms - SUBSCRIBE_PACE_GAP_MS,
                                 .accepted_ms = first_ms - SUBSCRIBE_PACE_ACCEPTED_MS};
}

int64_t subscribe_pace_due(const struct subscribe_pace *p)
{
    int64_t due = p->last_call_ms + SUBSCRIBE_PACE_GAP_MS;
    if (due < p->accepted_ms + SUBSCRIBE_PACE_ACCEPTED_MS)
        due = p->accepted_ms + SUBSCRIBE_PACE_ACCEPTED_MS;
    return due > p->backoff_until_ms ? due : p->backoff_until_ms;
}

int64_t subscribe_pace_backoff(const struct subscribe_pace *p)
{
    return p->backoff_until_ms;
}

void subscribe_pace_call(struct subscribe_pace *p, int64_t now_ms)
{
    p->last_call_ms = now_ms;
    p->accepted = p->worked = false;
}

void subscribe_pace_open(struct subscribe_pace *p, int64_t now_ms)
{
    p->accepted_ms = now_ms;
    p->accepted = true;
}

void subscribe_pace_event(struct subscribe_pace *p)
{
    p->worked = true;
    p->throttles = p->failures = 0;
    p->backoff_until_ms = 0;
}

// The wait after the n-th failure in a row: at least `least`, jitter on top.
static int64_t wait_ms(int64_t least, int64_t most, unsigned n, double unit)
{
    return poll_pace_delay(2 * least, 2 * most, n, unit);
}

void subscribe_pace_end(struct subscribe_pace *p, int64_t now_ms, int status, double unit)
{
    int64_t wait = 0;
    if (status != ERR_BUSY && now_ms - p->last_call_ms >= SUBSCRIBE_PACE_SETTLED_MS)
        p->in_use = 0;
    if (status == ERR_BUSY && !p->accepted)
        wait = wait_ms(SUBSCRIBE_PACE_REFUSED_MS, SUBSCRIBE_PACE_REFUSED_MS, 1, unit);
    else if (status == ERR_BUSY)
        wait = wait_ms(SUBSCRIBE_PACE_IN_USE_MS, SUBSCRIBE_PACE_IN_USE_MAX_MS, ++p->in_use, unit);
    else if (status == ERR_THROTTLED)
        wait = wait_ms(SUBSCRIBE_PACE_THROTTLE_MS, SUBSCRIBE_PACE_THROTTLE_MAX_MS, ++p->throttles,
                       unit);
    // What worked until now is asked for again at once.
    else if (status != 0 && !p->worked)
        wait =
            wait_ms(SUBSCRIBE_PACE_FAILURE_MS, SUBSCRIBE_PACE_FAILURE_MAX_MS, ++p->failures, unit);
    p->backoff_until_ms = wait > 0 ? now_ms + wait : 0;
}
