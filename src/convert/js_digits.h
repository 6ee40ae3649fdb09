// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_DIGITS_H
#define PENSTOCK_CONVERT_JS_DIGITS_H

// Numbers of scripts to text and back, to the last digit as V8 has them. Pure; any thread.

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

#define JS_DIGITS_TEXT_MAX 32
#define JS_DIGITS_RADIX_MAX 2240 // 1024 digits before the point, 1074 behind it, and room

// The shortest digits that read back as the same number, of these those nearest to it, laid out as
// Number::toString (ECMA-262 6.1.6.1.20) or toExponential does it. `v` is finite and not zero.
// Return the length; nothing is terminated.
size_t js_digits_text(double v, bool exponential, char out[JS_DIGITS_TEXT_MAX]);
// In a radix from 2 to 36. What the language leaves open is as in V8: as many digits behind the
// point as tell the number from the next one, zeros where an integer has no digits left.
size_t js_digits_in_radix(double v, int radix, char out[JS_DIGITS_RADIX_MAX]);

// The number of a text whose characters have been looked at: digits of the radix; for 10 a fraction
// and an exponent, too, which may be empty. False when it is too long to be exact.
bool js_digits_read(struct span text, int radix, double *out);

#endif
