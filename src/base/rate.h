// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BASE_RATE_H
#define PENSTOCK_BASE_RATE_H

// How fast a counter grows: an exponentially weighted mean over about RATE_WINDOW_MS. Pure: totals
// and times in. Zero-initialise.

#include <stdbool.h>
#include <stdint.h>

#define RATE_WINDOW_MS 10000
// Samples closer together than this are passed over: their difference says too little.
#define RATE_SAMPLE_MS 500

struct rate {
    int64_t at_ms;
    uint64_t total;
    double per_second;
    bool begun;   // there is a total to compare with
    bool settled; // per_second has a value
};

// The counter's total at this (monotonic) time. A smaller total than before begins anew.
void rate_sample(struct rate *r, int64_t now_ms, uint64_t total);
// Of the samples so far; 0 before there are two.
double rate_per_second(const struct rate *r);

#endif
