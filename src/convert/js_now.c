// SPDX-License-Identifier: Apache-2.0
#include <time.h>

#include "convert/js_gate.h"

// Alone in its file: tests put another clock in its place.
int64_t js_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
