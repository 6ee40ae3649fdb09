// SPDX-License-Identifier: Apache-2.0
#include "lib/test_split.h"

#include "base/mem.h"
#include "lib/test_clock.h"

static size_t next_piece(int way, size_t left, uint64_t *random)
{
    if (way == TEST_SPLIT_WHOLE) {
        return left;
    }
    if (way == TEST_SPLIT_BYTES) {
        return 1;
    }
    // Small pieces and large ones both: the limit is drawn first.
    uint64_t limit = test_random(random) & 1 ? 8 : left;
    size_t n = 1 + (size_t)test_random_below(random, limit);
    return n < left ? n : left;
}

bool test_split(struct span in, int way, bool (*feed)(void *ctx, struct span piece), void *ctx)
{
    uint64_t random = (uint64_t)way;
    while (in.n > 0) {
        size_t n = next_piece(way, in.n, &random);
        char *copy = mem_alloc(n);
        memcpy(copy, in.p, n);
        bool on = feed(ctx, span_of(copy, n));
        mem_free(copy);
        if (!on) {
            return false;
        }
        in.p += n;
        in.n -= n;
    }
    return true;
}
