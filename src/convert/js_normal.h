// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_NORMAL_H
#define PENSTOCK_CONVERT_JS_NORMAL_H

// Normalization of texts (UAX #15) in UTF-16 units, for the characters of the BMP; others stay as
// they are. Pure; any thread.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

// The units of a text in CESU-8, taken apart; `compatible` as NFKC and NFKD do. Returns their
// number; only counts them for out NULL.
size_t js_normal_decompose(struct span text, bool compatible, uint16_t *out);
// Puts marks in their order. `room` is for n units.
void js_normal_order(uint16_t *units, size_t n, uint16_t *room);
// Joins what can be joined, in place; the new number.
size_t js_normal_compose(uint16_t *units, size_t n);

#endif
