// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_AGGREGATE_H
#define PENSTOCK_STORE_AGGREGATE_H

// Aggregation of points into buckets as the hub does it (facts/hub.md section 3.4): buckets of
// `interval` from `start` on, the last one cut at `end`; a bucket's time is its middle; buckets
// without a value are left out. Points come in ascending time within [start, end). Pure.
//
// COUNT counts values of every type. SUM, AVG, MIN, MAX look at numbers; a result is an integer
// when all numbers of the bucket were, else a double (AVG always a double; a sum beyond 64 bits
// becomes a double). MIN and MAX of a bucket without numbers compare its strings by bytes.

#include "store/store.h"

struct aggregate {
    enum store_agg agg;
    int64_t start, end, interval;
    uint64_t bucket;
    uint64_t n, n_long, n_double; // in the bucket so far
    __int128 long_sum;
    double double_sum;
    int64_t long_best;
    double double_best;
    struct buf text_best, text_out;
    bool has_text;
};

// interval > 0, start < end.
void aggregate_init(struct aggregate *a, enum store_agg agg, int64_t start, int64_t end,
                    int64_t interval);
// True when the bucket before is complete and *out is its result; the span of a string in it is
// valid until the next call.
bool aggregate_add(struct aggregate *a, const struct store_point *p, struct store_point *out);
bool aggregate_finish(struct aggregate *a, struct store_point *out);
void aggregate_free(struct aggregate *a);

#endif
