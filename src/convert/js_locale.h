// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_LOCALE_H
#define PENSTOCK_CONVERT_JS_LOCALE_H

// Numbers as en-US writes them (ECMA-402 15.5, CLDR's pattern "#,##0.###"). Pure; any thread.

#include <stdbool.h>
#include <stddef.h>

struct js_number_format {
    int min_integer;                      // 1 to 21 digits
    int min_fraction, max_fraction;       // 0 to 20
    int min_significant, max_significant; // 1 to 21; 0: the fraction's count
    int grouped_from;                     // digits; 0: no groups
    bool percent;
};

#define JS_LOCALE_NUMBER_MAX 512

// UTF-8; returns its length. Rounds the shortest digits of `v` half away from zero.
size_t js_locale_number(double v, const struct js_number_format *f, char out[JS_LOCALE_NUMBER_MAX]);

#endif
