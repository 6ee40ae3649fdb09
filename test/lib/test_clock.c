// SPDX-License-Identifier: Apache-2.0
#include "lib/test_clock.h"

#include <string.h>

// Steele, Lea, Flood: "Fast splittable pseudorandom number generators", the 64-bit mixer.
uint64_t test_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t test_random_below(uint64_t *state, uint64_t below)
{
    return test_random(state) % below;
}

static int64_t wall_ms(void *ctx)
{
    return ((struct test_clock *)ctx)->wall_ms;
}

static int64_t mono_ms(void *ctx)
{
    return ((struct test_clock *)ctx)->mono_ms;
}

static void random_bytes(void *ctx, void *p, size_t n)
{
    struct test_clock *c = ctx;
    for (char *at = p; n > 0;) {
        uint64_t v = test_random(&c->random_state);
        size_t part = n < sizeof v ? n : sizeof v;
        memcpy(at, &v, part);
        at += part;
        n -= part;
    }
}

void test_clock_init(struct test_clock *c, uint64_t seed)
{
    *c = (struct test_clock){.clock = {c, wall_ms, mono_ms, random_bytes},
                             .wall_ms = TEST_CLOCK_WALL_MS,
                             .mono_ms = TEST_CLOCK_MONO_MS,
                             .random_state = seed};
}

void test_clock_advance(struct test_clock *c, int64_t ms)
{
    c->wall_ms += ms;
    c->mono_ms += ms;
}

void test_clock_jump(struct test_clock *c, int64_t ms)
{
    c->wall_ms += ms;
}
