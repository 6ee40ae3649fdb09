// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_LIB_TEST_SPLIT_H
#define PENSTOCK_TEST_LIB_TEST_SPLIT_H

// Feeds one input to a codec in three ways: whole, byte by byte, and in random pieces. Each piece
// is in memory of its own size, so that a sanitizer sees a read beyond it.

#include "base/span.h"

enum { TEST_SPLIT_WHOLE, TEST_SPLIT_BYTES, TEST_SPLIT_RANDOM_FIRST };

// How many ways there are: the two above and some seeds.
#define TEST_SPLITS 18

// Calls feed() for each piece of `in` in order; stops early when it returns false. False then.
bool test_split(struct span in, int way, bool (*feed)(void *ctx, struct span piece), void *ctx);

#endif
