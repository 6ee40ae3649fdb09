// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_PUT_RATE_H
#define PENSTOCK_STREAM_PUT_RATE_H

// How many records a shard may be sent. Pure; monotonic milliseconds.
//
// A shard takes a number of records and bytes a second (facts/kcl.md section 3.2); what it may be
// sent runs into a bucket of a quarter of a second's worth. When much is throttled the rate becomes
// a little more than what the shard has taken; when nearly all is taken it rises again, up to the
// limit; quickly when the shard had taken nothing. When lowering did not help it is taken back: a
// shard that refuses a part of whatever comes is not starved.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PUT_RATE_MIN 5.0 // records a second, however much it throttles

struct put_rate {
    double limit;          // records a second; 0 = none
    double byte_limit;     // bytes a second; 0 = none
    double rate;           // now; 0 = as many as there are
    double tokens, bytes;  // may be sent now; below zero after a large record
    int64_t at_ms;         // of the tokens
    double taken, refused; // since from_ms
    int64_t from_ms;
    double step; // how much the next rise is, of the rate
    // Before the rate was lowered, a window ago.
    bool lowered;
    double before_rate, before_share;
    int hold; // windows that lowering is not tried again
};

void put_rate_init(struct put_rate *r, double limit, double byte_limit, int64_t now_ms);
// When the next record may be sent: now_ms, or later.
int64_t put_rate_due(struct put_rate *r, int64_t now_ms);
// After put_rate_due() has said now. A record is never too large.
void put_rate_send(struct put_rate *r, double records, size_t bytes);
// What became of it.
void put_rate_accept(struct put_rate *r, double records, int64_t now_ms);
void put_rate_throttle(struct put_rate *r, int64_t now_ms);

#endif
