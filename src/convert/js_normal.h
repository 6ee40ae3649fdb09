// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_NORMAL_H
#define PENSTOCK_CONVERT_JS_NORMAL_H

// Normalization of texts (UAX #15). Unicode's data is utf8proc's; the steps are taken one by one,
// since its own ordering of marks takes the square of their number. Pure; any thread.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

// The characters of a text in CESU-8, taken apart; `compatible` as NFKC and NFKD do. Half a pair
// stays. Returns their number; only counts them for out NULL.
size_t js_normal_decompose(struct span text, bool compatible, int32_t *out);
// Puts marks in their order. `room` is for n characters.
void js_normal_order(int32_t *text, size_t n, int32_t *room);
// Joins what can be joined, in place; the new number.
size_t js_normal_compose(int32_t *text, size_t n);

#endif
