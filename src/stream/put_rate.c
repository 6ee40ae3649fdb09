// SPDX-License-Identifier: Apache-2.0
#include "stream/put_rate.h"

#define BURST_S 0.25
#define WINDOW_MS 1000
// Calls under way when the shard began to throttle tell nothing new.
#define LOWER_GAP_MS 200
#define LOWER 0.7
#define RAISE 1.5               // a second
#define NO_LIMIT_FROM 1000000.0 // without a limit, a rate so high is none

void put_rate_init(struct put_rate *r, double limit, double byte_limit, int64_t now_ms)
{
    *r = (struct put_rate){.limit = limit,
                           .byte_limit = byte_limit,
                           .rate = limit,
                           .tokens = limit * BURST_S,
                           .bytes = byte_limit * BURST_S,
                           .at_ms = now_ms,
                           .taken_from_ms = now_ms,
                           .lowered_ms = INT64_MIN / 2,
                           .raised_ms = now_ms};
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

static void count(struct put_rate *r, double records, int64_t now_ms)
{
    int64_t elapsed = now_ms - r->taken_from_ms;
    if (elapsed >= WINDOW_MS) {
        r->before = r->taken * 1000 / (double)elapsed;
        r->taken = 0;
        r->taken_from_ms = now_ms;
    }
    r->taken += records;
}

static void raise(struct put_rate *r, int64_t now_ms)
{
    double seconds = (double)(now_ms - r->raised_ms) / 1000;
    r->raised_ms = now_ms;
    if (r->rate == r->limit)
        return;
    r->rate *= 1 + (RAISE - 1) * (seconds < 1 ? seconds : 1);
    if (r->limit > 0 && r->rate > r->limit)
        r->rate = r->limit;
    if (r->limit == 0 && r->rate >= NO_LIMIT_FROM)
        r->rate = 0;
}

void put_rate_accept(struct put_rate *r, double records, int64_t now_ms)
{
    count(r, records, now_ms);
    if (now_ms - r->lowered_ms >= LOWER_GAP_MS)
        raise(r, now_ms);
}

void put_rate_throttle(struct put_rate *r, int64_t now_ms)
{
    if (now_ms - r->lowered_ms < LOWER_GAP_MS)
        return;
    count(r, 0, now_ms);
    double lately = r->taken > r->before ? r->taken : r->before;
    double from = r->rate > 0 && r->rate < lately ? r->rate : lately;
    r->lowered_ms = r->raised_ms = now_ms;
    r->rate = from * LOWER > PUT_RATE_MIN ? from * LOWER : PUT_RATE_MIN;
    if (r->limit > 0 && r->rate > r->limit)
        r->rate = r->limit;
    if (r->tokens > r->rate * BURST_S)
        r->tokens = r->rate * BURST_S;
}
