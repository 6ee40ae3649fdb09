// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "base/err.h"

static int64_t read_ms(clockid_t id)
{
    struct timespec t;
    require(clock_gettime(id, &t) == 0);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t system_wall_ms(void *ctx)
{
    (void)ctx;
    return read_ms(CLOCK_REALTIME);
}

static int64_t system_mono_ms(void *ctx)
{
    (void)ctx;
    return read_ms(CLOCK_MONOTONIC);
}

static void system_random(void *ctx, void *p, size_t n)
{
    (void)ctx;
    char *at = p;
    while (n) {
        ssize_t r = getrandom(at, n, 0);
        if (r < 0 && errno == EINTR)
            continue;
        require(r > 0);
        at += r;
        n -= (size_t)r;
    }
}

const struct clock clock_system = {NULL, system_wall_ms, system_mono_ms, system_random};

uint64_t clock_random_u64(const struct clock *c)
{
    uint64_t v;
    c->random(c->ctx, &v, sizeof v);
    return v;
}

double clock_random_unit(const struct clock *c)
{
    return (double)(clock_random_u64(c) >> 11) * 0x1p-53;
}
