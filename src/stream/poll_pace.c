// SPDX-License-Identifier: Apache-2.0
#include "stream/poll_pace.h"

#include "base/err.h"

#define SECOND_MS 1000
// A success takes one in so many of the distance away.
#define GAP_SHRINKS 32
#define GAP_MIN_MS 20

void poll_pace_init(struct poll_pace *p, int calls_per_second, int64_t poll_ms, int64_t first_ms)
{
    int64_t rate = calls_per_second > 0 ? calls_per_second : POLL_PACE_CALLS_PER_SECOND;
    *p = (struct poll_pace){.idle_until_ms = first_ms};
    if (rate <= POLL_PACE_RING) {
        p->slots = (unsigned)rate;
        p->window_ms = SECOND_MS + POLL_PACE_MARGIN_MS;
    } else {
        // The same rate over a shorter window: only local endpoints allow that many.
        p->slots = POLL_PACE_RING;
        p->window_ms = SECOND_MS * POLL_PACE_RING / rate;
    }
    int64_t least_ms = SECOND_MS / rate;
    p->poll_ms = poll_ms > 0 ? poll_ms : POLL_PACE_POLL_MS;
    if (p->poll_ms < least_ms)
        p->poll_ms = least_ms;
    for (unsigned i = 0; i < p->slots; i++)
        p->calls[i] = INT64_MIN / 2;
}

int64_t poll_pace_due(const struct poll_pace *p)
{
    int64_t due = p->calls[p->at] + p->window_ms;
    if (due < p->idle_until_ms)
        due = p->idle_until_ms;
    if (due < p->backoff_until_ms)
        due = p->backoff_until_ms;
    if (p->gap_ms > 0 && due < p->last_call_ms + p->gap_ms)
        due = p->last_call_ms + p->gap_ms;
    return due;
}

int64_t poll_pace_backoff(const struct poll_pace *p)
{
    return p->backoff_until_ms;
}

void poll_pace_call(struct poll_pace *p, int64_t now_ms)
{
    p->calls[p->at] = now_ms;
    p->at = (p->at + 1) % p->slots;
    p->last_call_ms = now_ms;
}

// What the limit asks for anyway.
static int64_t least_gap(const struct poll_pace *p)
{
    int64_t gap = p->window_ms / p->slots;
    return gap > GAP_MIN_MS ? gap : GAP_MIN_MS;
}

void poll_pace_succeed(struct poll_pace *p, bool more)
{
    p->idle_until_ms = p->last_call_ms + (more ? 0 : p->poll_ms);
    p->backoff_until_ms = 0;
    p->throttles = p->failures = 0;
    p->gap_ms -= p->gap_ms / GAP_SHRINKS + 1;
    if (p->gap_ms < least_gap(p))
        p->gap_ms = 0;
}

int64_t poll_pace_delay(int64_t base_ms, int64_t max_ms, unsigned attempt, double unit)
{
    require(base_ms > 0 && attempt > 0);
    int64_t delay = base_ms;
    for (unsigned i = 1; i < attempt && delay < max_ms; i++)
        delay *= 2;
    if (delay > max_ms)
        delay = max_ms;
    return delay - delay / 2 + (int64_t)(unit * (double)(delay / 2));
}

void poll_pace_throttle(struct poll_pace *p, int64_t now_ms, double unit)
{
    // Others read this shard too; the whole first second is waited, jitter comes on top.
    p->throttles++;
    int64_t gap = p->gap_ms > 0 ? p->gap_ms : least_gap(p);
    p->gap_ms = gap + gap / 2 < POLL_PACE_GAP_MAX_MS ? gap + gap / 2 : POLL_PACE_GAP_MAX_MS;
    p->backoff_until_ms = now_ms + poll_pace_delay(2 * (int64_t)POLL_PACE_THROTTLE_MS,
                                                   POLL_PACE_THROTTLE_MAX_MS, p->throttles, unit);
}

void poll_pace_fail(struct poll_pace *p, int64_t now_ms, double unit)
{
    p->failures++;
    p->backoff_until_ms =
        now_ms + poll_pace_delay(POLL_PACE_FAILURE_MS, POLL_PACE_FAILURE_MAX_MS, p->failures, unit);
}
