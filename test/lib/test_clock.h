// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_LIB_TEST_CLOCK_H
#define PENSTOCK_TEST_LIB_TEST_CLOCK_H

// A clock that stands still until it is told to move, and random bytes that repeat with their seed.

#include "base/clock.h"

struct test_clock {
    struct clock clock; // hand out a pointer to this; the test_clock must not move in memory
    int64_t wall_ms;
    int64_t mono_ms;
    uint64_t random_state;
};

#define TEST_CLOCK_WALL_MS 1754611200125 // 2025-08-08T00:00:00.125Z
#define TEST_CLOCK_MONO_MS 1000

void test_clock_init(struct test_clock *c, uint64_t seed);
// Moves both times.
void test_clock_advance(struct test_clock *c, int64_t ms);
// Moves the wall clock only, as when it is set by hand; may go back.
void test_clock_jump(struct test_clock *c, int64_t ms);

// The generator alone, for tests that need numbers: splitmix64.
uint64_t test_random(uint64_t *state);
// Uniform in [0, below).
uint64_t test_random_below(uint64_t *state, uint64_t below);

#endif
