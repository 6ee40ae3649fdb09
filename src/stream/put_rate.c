// SPDX-License-Identifier: Apache-2.0
#include "stream/put_rate.h"

#define BURST_S 0.25
// A shard counts by seconds: less would show it taking all, then nothing.
#define WINDOW_MS 1000
#define LOWER_BELOW 0.6 // share that was taken; above it a lower rate costs more than it spares
#define BLOCKED 0.3     // below this lowering is right in any case
#define HELPED 0.1      // share gained
#define HOLD_WINDOWS 10
#define RAISE_ABOVE 0.9
#define OVER_TAKEN 1.1
// Near what the shard refused last, the rate rises little; the longer all goes well, the more.
#define STEP_MIN 0.02
#define STEP_MAX 1.0
// What a shard takes that took nothing before is not known: it is found out quickly.
#define STEP_BLOCKED 7.0
#define NO_LIMIT_FROM 1000000.0 // without a limit, a rate so high is none

void put_rate_init(struct put_rate *r, double limit, double byte_limit, int64_t now_ms)
{
    *r = (struct put_rate){.limit = limit,
                           .byte_limit = byte_limit,
                           .rate = limit,
                           .tokens = limit * BURST_S,
                           .bytes = byte_limit * BURST_S,
                           .at_ms = now_ms,
                           .from_ms = now_ms,
                           .step = STEP_MAX};
    if (r->tokens < 1)
        r->tokens = 1;
}

static double fill(double tokens, double rate, double seconds)
{
    double most = rate * BURST_S < 1 ? 1 : rate * BURST_S;
    tokens += rate * seconds;
    return tokens < most ? tokens : most;
}

// Rounded up, so that the time it gives is never a hair too early.
static int64_t wait_ms(double missing, double rate)
{
    return (int64_t)(missing / rate * 1000) + 1;
}

int64_t put_rate_due(struct put_rate *r, int64_t now_ms)
{
    double seconds = (double)(now_ms - r->at_ms) / 1000;
    int64_t wait = 0;
    r->at_ms = now_ms;
    if (r->rate > 0) {
        r->tokens = fill(r->tokens, r->rate, seconds);
        if (r->tokens < 1)
            wait = wait_ms(1 - r->tokens, r->rate);
    }
    if (r->byte_limit > 0) {
        r->bytes = fill(r->bytes, r->byte_limit, seconds);
        int64_t for_bytes = r->bytes < 1 ? wait_ms(1 - r->bytes, r->byte_limit) : 0;
        wait = for_bytes > wait ? for_bytes : wait;
    }
    return now_ms + wait;
}

void put_rate_send(struct put_rate *r, double records, size_t bytes)
{
    r->tokens -= r->rate > 0 ? records : 0;
    r->bytes -= r->byte_limit > 0 ? (double)bytes : 0;
}

static void raise(struct put_rate *r)
{
    r->rate *= 1 + r->step;
    if (r->step < STEP_MAX)
        r->step = r->step * 2 < STEP_MAX ? r->step * 2 : STEP_MAX;
    if (r->limit == 0 && r->rate >= NO_LIMIT_FROM)
        r->rate = 0;
}

static void lower(struct put_rate *r, double seconds, double share)
{
    double rate = r->taken / seconds * OVER_TAKEN;
    r->step = rate < PUT_RATE_MIN ? STEP_BLOCKED : STEP_MIN;
    r->lowered = true;
    r->before_rate = r->rate;
    r->before_share = share;
    if (rate < PUT_RATE_MIN)
        rate = PUT_RATE_MIN;
    // What was sent before the rate was lowered last may still come back.
    if (r->rate == 0 || rate < r->rate)
        r->rate = rate;
    if (r->tokens > r->rate * BURST_S)
        r->tokens = r->rate * BURST_S;
}

static void look_back(struct put_rate *r, int64_t now_ms)
{
    int64_t elapsed = now_ms - r->from_ms;
    if (elapsed < WINDOW_MS)
        return;
    double seconds = (double)elapsed / 1000, share = r->taken / (r->taken + r->refused);
    r->hold -= r->hold > 0;
    if (r->lowered && share >= BLOCKED && share < r->before_share + HELPED) {
        r->rate = r->before_rate;
        r->hold = HOLD_WINDOWS;
        r->lowered = false;
    } else if (share < LOWER_BELOW && (r->hold == 0 || share < BLOCKED)) {
        lower(r, seconds, share);
    } else {
        r->lowered = false;
        if (share > RAISE_ABOVE || r->step > STEP_MAX)
            raise(r);
    }
    if (r->limit > 0 && r->rate > r->limit)
        r->rate = r->limit;
    r->taken = r->refused = 0;
    r->from_ms = now_ms;
}

void put_rate_accept(struct put_rate *r, double records, int64_t now_ms)
{
    r->taken += records;
    look_back(r, now_ms);
}

void put_rate_throttle(struct put_rate *r, int64_t now_ms)
{
    r->refused++;
    look_back(r, now_ms);
}
