// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BASE_CLOCK_H
#define PENSTOCK_BASE_CLOCK_H

// Time and randomness come in through this table, so that tests stand in for both.
// The default table is the system's; any thread may use it.

#include <stddef.h>
#include <stdint.h>

struct clock {
    void *ctx;
    // Milliseconds since the Unix epoch, may jump.
    int64_t (*wall_ms)(void *ctx);
    // Milliseconds of a clock that never jumps back.
    int64_t (*mono_ms)(void *ctx);
    // Fills with cryptographically strong random bytes.
    void (*random)(void *ctx, void *p, size_t n);
};

extern const struct clock clock_system;

// Uniform in [0, 1).
double clock_random_unit(const struct clock *c);
uint64_t clock_random_u64(const struct clock *c);

#endif
