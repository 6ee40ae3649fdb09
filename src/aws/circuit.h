// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_CIRCUIT_H
#define PENSTOCK_AWS_CIRCUIT_H

// Keeps an endpoint that cannot be reached from being hammered: after some failures in a row that
// gave no answer, calls end at once, but for one now and then that finds out whether it is back.
// Pure: times in, decisions out, monotonic milliseconds. One for each endpoint.

#include <stdbool.h>
#include <stdint.h>

// Failures in a row that open it.
#define CIRCUIT_FAILURES 5
// Between two probes: doubles from the first to the longest, less up to a half at random.
#define CIRCUIT_FIRST_MS 500
#define CIRCUIT_LONGEST_MS 5000

struct circuit {
    unsigned failures; // in a row
    int64_t probe_ms;  // when the next call may go out, while open
    bool probing;      // one is out
};

// Whether a call may go out now; the end of each that does is told with one of the two below.
bool circuit_enter(struct circuit *c, int64_t now_ms);
// An answer came, whatever it says.
void circuit_answer(struct circuit *c);
// No answer came. `unit` in [0,1) is the jitter.
void circuit_fail(struct circuit *c, int64_t now_ms, double unit);
// The probe was given up by us: it says nothing.
void circuit_leave(struct circuit *c);
bool circuit_is_open(const struct circuit *c);

#endif
