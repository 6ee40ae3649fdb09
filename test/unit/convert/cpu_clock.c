// SPDX-License-Identifier: Apache-2.0
#include "cpu_clock.h"

#include <time.h>

#include "convert/js_gate.h"

static _Atomic int64_t held_ms; // 0: not held

static int64_t cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1 + (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t js_now_ms(void)
{
    int64_t held = atomic_load(&held_ms);
    return held ? held : cpu_ms();
}

void cpu_clock_hold(bool hold)
{
    atomic_store(&held_ms, hold ? cpu_ms() : 0);
}
