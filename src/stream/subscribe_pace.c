// SPDX-License-Identifier: Apache-2.0
#include "stream/subscribe_pace.h"

#include "base/err.h"
#include "stream/poll_pace.h"

void subscribe_pace_init(struct subscribe_pace *p, int64_t first_ms, int64_t life_ms)
{
    *p = (struct subscribe_pace){.life_ms = life_ms,
                                 .last_call_ms = first_ms - SUBSCRIBE_PACE_GAP_MS,
                                 .accepted_ms = first_ms - SUBSCRIBE_PACE_ACCEPTED_MS};
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t subscribe_pace_due(const struct subscribe_pace *p)
{
    int64_t due =
        later(p->last_call_ms + SUBSCRIBE_PACE_GAP_MS, p->accepted_ms + SUBSCRIBE_PACE_ACCEPTED_MS);
    return later(due, p->backoff_until_ms);
}

int64_t subscribe_pace_renewal(const struct subscribe_pace *p)
{
    return later(p->renew_ms, subscribe_pace_due(p));
}

int64_t subscribe_pace_backoff(const struct subscribe_pace *p)
{
    return p->backoff_until_ms;
}

void subscribe_pace_call(struct subscribe_pace *p, struct subscribe_past *past, int64_t now_ms)
{
    p->last_call_ms = now_ms;
    *past = (struct subscribe_past){.called_ms = now_ms};
}

void subscribe_pace_open(struct subscribe_pace *p, struct subscribe_past *past, int64_t now_ms,
                         double unit)
{
    int64_t early = (int64_t)((double)(p->life_ms / SUBSCRIBE_PACE_SPREAD) * unit);
    p->accepted_ms = now_ms;
    p->renew_ms = now_ms + p->life_ms - p->life_ms / SUBSCRIBE_PACE_LATEST - early;
    past->accepted = true;
}

void subscribe_pace_event(struct subscribe_pace *p, struct subscribe_past *past)
{
    past->worked = true;
    p->throttles = p->failures = 0;
    p->backoff_until_ms = 0;
}

// The wait after the n-th failure in a row: at least `least`, jitter on top.
static int64_t wait_ms(int64_t least, int64_t most, unsigned n, double unit)
{
    return poll_pace_delay(2 * least, 2 * most, n, unit);
}

void subscribe_pace_end(struct subscribe_pace *p, const struct subscribe_past *past, int64_t now_ms,
                        int status, double unit)
{
    int64_t wait = 0;
    if (status != ERR_BUSY && now_ms - past->called_ms >= SUBSCRIBE_PACE_SETTLED_MS)
        p->in_use = 0;
    if (status == ERR_BUSY && !past->accepted)
        wait = wait_ms(SUBSCRIBE_PACE_REFUSED_MS, SUBSCRIBE_PACE_REFUSED_MS, 1, unit);
    else if (status == ERR_BUSY)
        wait = wait_ms(SUBSCRIBE_PACE_IN_USE_MS, SUBSCRIBE_PACE_IN_USE_MAX_MS, ++p->in_use, unit);
    else if (status == ERR_THROTTLED)
        wait = wait_ms(SUBSCRIBE_PACE_THROTTLE_MS, SUBSCRIBE_PACE_THROTTLE_MAX_MS, ++p->throttles,
                       unit);
    // What worked until now is asked for again at once.
    else if (status != 0 && !past->worked)
        wait =
            wait_ms(SUBSCRIBE_PACE_FAILURE_MS, SUBSCRIBE_PACE_FAILURE_MAX_MS, ++p->failures, unit);
    p->backoff_until_ms = wait > 0 ? now_ms + wait : 0;
}

void subscribe_pace_not_renewed(struct subscribe_pace *p, int64_t now_ms, double unit)
{
    p->renew_ms =
        now_ms + wait_ms(SUBSCRIBE_PACE_RENEW_AGAIN_MS, SUBSCRIBE_PACE_RENEW_AGAIN_MS, 1, unit);
}
