// SPDX-License-Identifier: Apache-2.0
#include "base/rate.h"

#include <math.h>

void rate_sample(struct rate *r, int64_t now_ms, uint64_t total)
{
    int64_t passed_ms = now_ms - r->at_ms;
    if (!r->begun || total < r->total) {
        *r = (struct rate){.at_ms = now_ms, .total = total, .begun = true};
        return;
    }
    if (passed_ms < RATE_SAMPLE_MS)
        return;
    double now = (double)(total - r->total) * 1000 / (double)passed_ms;
    // The first one counts whole, else a steady rate would seem to climb.
    double weight = r->settled ? 1 - exp(-(double)passed_ms / RATE_WINDOW_MS) : 1;
    r->per_second += weight * (now - r->per_second);
    r->at_ms = now_ms;
    r->total = total;
    r->settled = true;
}

double rate_per_second(const struct rate *r)
{
    return r->per_second;
}
