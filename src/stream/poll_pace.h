// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_POLL_PACE_H
#define PENSTOCK_STREAM_POLL_PACE_H

// When the next GetRecords of one shard is due. Pure: times in, times out, monotonic milliseconds.
//
// A shard allows 5 calls in any second (facts/wire.md section 4). Calls that find more to read
// follow each other at once as long as that holds, so that a burst catches up quickly; calls that
// find nothing more are `poll_ms` apart; throttling and failures push the next call into the
// future. A shard that throttles is read by others too: calls keep a distance that each throttling
// makes larger and each success a little smaller, so that they come to what is left for them.

#include <stdbool.h>
#include <stdint.h>

#define POLL_PACE_CALLS_PER_SECOND 5
#define POLL_PACE_POLL_MS 250
// Calls remembered: up to this many a second are counted exactly.
#define POLL_PACE_RING 16
// A second is measured this much longer, because the service measures at its end of a network.
#define POLL_PACE_MARGIN_MS 10
#define POLL_PACE_GAP_MAX_MS 2000
#define POLL_PACE_THROTTLE_MS 1000 // least wait after throttling
#define POLL_PACE_THROTTLE_MAX_MS 10000
#define POLL_PACE_FAILURE_MS 100
#define POLL_PACE_FAILURE_MAX_MS 20000

struct poll_pace {
    int64_t poll_ms;
    int64_t window_ms; // at most `slots` calls in any window
    unsigned slots;
    unsigned at;
    int64_t calls[POLL_PACE_RING]; // start of each of the last `slots` calls
    int64_t idle_until_ms;
    int64_t backoff_until_ms;
    int64_t last_call_ms;
    int64_t gap_ms;     // distance learnt from throttling; 0 = none
    unsigned throttles; // in a row
    unsigned failures;  // in a row
};

// calls_per_second 0 = 5; poll_ms 0 = 250, never below what calls_per_second allows.
// The first call is due at first_ms.
void poll_pace_init(struct poll_pace *p, int calls_per_second, int64_t poll_ms, int64_t first_ms);
// When the next call may start; a time in the past means now.
int64_t poll_pace_due(const struct poll_pace *p);
// When the wait imposed by throttling and failures ends; calls other than GetRecords keep it too.
int64_t poll_pace_backoff(const struct poll_pace *p);
// A call starts now.
void poll_pace_call(struct poll_pace *p, int64_t now_ms);
// The call succeeded; `more` = there is more to read at once.
void poll_pace_succeed(struct poll_pace *p, bool more);
// `unit` in [0,1) is the jitter.
void poll_pace_throttle(struct poll_pace *p, int64_t now_ms, double unit);
void poll_pace_fail(struct poll_pace *p, int64_t now_ms, double unit);

// Half of an exponentially growing delay, plus a random part of the other half.
// `attempt` counts from 1.
int64_t poll_pace_delay(int64_t base_ms, int64_t max_ms, unsigned attempt, double unit);

#endif
