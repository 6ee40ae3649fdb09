// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_SOURCE_H
#define PENSTOCK_CONVERT_JS_SOURCE_H

// A script made ready for the engine: parsed, its early errors found, lowered to what Duktape
// compiles where it must be, with the way back to the author's lines. Immutable; any thread.

#include "base/span.h"
#include "convert/convert.h"
#include "syntax/functions.h"
#include "syntax/syntax.h"

struct js_source;

// Never NULL: a text that is no script has an error.
struct js_source *js_source_new(enum convert_kind kind, struct span text);
void js_source_free(struct js_source *s);

// 0, or ERR_SCRIPT or ERR_INVALID with what is wrong, for people.
int js_source_status(const struct js_source *s, struct span *error);
// What to compile; the prefix of the helpers' names (syntax/lower.h), empty without any.
struct span js_source_code(const struct js_source *s, struct span *helper_prefix);
// What is to be said of the function whose parameters begin at that byte of the code, or NULL.
const struct syntax_function *js_source_function(const struct js_source *s, uint32_t at);
// The place in the author's text of a byte of the code.
struct syntax_place js_source_locate(const struct js_source *s, uint32_t at);
enum convert_kind js_source_kind(const struct js_source *s);
// The names of the script's arguments; ends with NULL.
const char *const *js_source_formals(const struct js_source *s);
// Whether the script can read its argument number `i` (0: the first).
bool js_source_uses_argument(const struct js_source *s, unsigned i);

#endif
