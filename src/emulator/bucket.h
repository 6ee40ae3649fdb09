// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_BUCKET_H
#define PENSTOCK_EMULATOR_BUCKET_H

// Token buckets for the service's throughput limits. Zero-initialise: a new bucket is full. Pure.

#include <stdbool.h>
#include <stdint.h>

struct emu_bucket {
    double tokens;
    int64_t at_ms;
    bool started;
};

// Fills up to `rate` tokens (one second's worth) at `rate` a second.
static inline void emu_bucket_refill(struct emu_bucket *b, double rate, int64_t mono_ms)
{
    double gained = b->started ? (double)(mono_ms - b->at_ms) * rate / 1000 : rate;
    b->tokens += gained > 0 ? gained : 0;
    if (b->tokens > rate)
        b->tokens = rate;
    b->at_ms = mono_ms;
    b->started = true;
}

// Takes n tokens or none.
static inline bool emu_bucket_take(struct emu_bucket *b, double rate, int64_t mono_ms, double n)
{
    emu_bucket_refill(b, rate, mono_ms);
    if (b->tokens < n)
        return false;
    b->tokens -= n;
    return true;
}

// For costs known only afterwards: open while any token is left, then emu_bucket_owe() may go below
// 0.
static inline bool emu_bucket_open(struct emu_bucket *b, double rate, int64_t mono_ms)
{
    emu_bucket_refill(b, rate, mono_ms);
    return b->tokens > 0;
}

static inline void emu_bucket_owe(struct emu_bucket *b, double n)
{
    b->tokens -= n;
}

#endif
