// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_TEXT_H
#define PENSTOCK_CONVERT_JS_TEXT_H

// Text across the border of a JavaScript heap. Outside it is UTF-8 (RFC 3629). Duktape holds
// CESU-8: each UTF-16 surrogate as three bytes of its own, and it takes bytes that are no text for
// symbols; so both ways are conversions. What is no text becomes U+FFFD. Any thread.

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"

bool js_text_is_ascii(struct span s);
// The character at s[*i], *i < s.n, and *i after it. Takes surrogates as they are. Of bytes that
// are no character, one is taken and U+FFFD returned.
uint32_t js_text_next(struct span s, size_t *i);
// At most JS_TEXT_IN_MAX(in.n) bytes of CESU-8 from UTF-8; returns their number.
#define JS_TEXT_IN_MAX(n) ((n) * 3)
size_t js_text_in(char *out, struct span utf8);
// At most 3 * cesu8.n bytes of UTF-8 from a string of the heap: surrogate pairs become one
// character, a
// lone surrogate U+FFFD.
size_t js_text_out(char *out, struct span cesu8);
struct span js_text_out_arena(struct arena *a, struct span cesu8);
void js_text_out_buf(struct buf *out, struct span cesu8);
// UTF-16 length of a string of the heap, as `length` in a script.
size_t js_text_units(struct span cesu8);

#endif
