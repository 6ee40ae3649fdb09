// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_COLLATE_H
#define PENSTOCK_CONVERT_JS_COLLATE_H

// The order of texts for people: that of Unicode's root collation (UTS #10, CLDR) for Latin
// letters, punctuation and digits; other alphabets follow in the order of their codes. Letters
// first, then accents, then small before capital. What a character is made of and its case are
// utf8proc's. Pure; any thread. Texts are CESU-8, as the heap holds them.

#include <stdbool.h>

#include "base/span.h"

// What counts beside letters.
enum js_collate_sensitivity {
    JS_COLLATE_VARIANT, // accents, then case
    JS_COLLATE_ACCENT,
    JS_COLLATE_CASE,
    JS_COLLATE_BASE // nothing
};

struct js_collate_options {
    enum js_collate_sensitivity sensitivity;
    bool numeric; // digits count as the number they are
};

// -1, 0, 1
int js_collate(struct span a, struct span b, const struct js_collate_options *o);

#endif
