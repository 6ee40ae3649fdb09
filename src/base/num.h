// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BASE_NUM_H
#define PENSTOCK_BASE_NUM_H

// Numbers to text and back, locale-free, and overflow-checked size arithmetic.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define NUM_TEXT_MAX 32
#define NUM_PARSE_MAX 511 // characters of a number that is parsed

// Shortest text that reads back as the same double, in JSON's grammar ("22.5", "1e+21"); integral
// values below 1e21 without a point ("22"). `v` must be finite. Returns the length; NUL-terminated.
size_t num_format_double(double v, char out[NUM_TEXT_MAX]);
// The digits of that text for v > 0, of texts as short the one nearest to v, and where the point is
// among them (0: before the first). Returns how many; no zeros stand at the end.
#define NUM_DIGITS_MAX 18
int num_shortest_digits(double v, char digits[NUM_DIGITS_MAX], int *point);
size_t num_format_i64(int64_t v, char out[NUM_TEXT_MAX]);
// JSON's number grammar (RFC 8259 section 6) over all of `s`, at most NUM_PARSE_MAX characters.
// False on anything else. Beyond a double's range: infinity, or zero.
bool num_parse_double(struct span s, double *out);

static inline bool num_add_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}
static inline bool num_mul_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

#endif
