// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_REGEXP_H
#define PENSTOCK_CONVERT_JS_REGEXP_H

// Patterns of regular expressions as the language has them (ECMA-262 22.2.1, Annex B.1.2), written
// as Duktape's compiler reads them: names become numbers, code points beyond the BMP characters of
// four bytes, forms that only older scripts use the plain ones. Pure; any thread. Texts are CESU-8,
// as the heap holds them.

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

// The first three as Duktape numbers them.
enum js_regexp_flag {
    JS_REGEXP_GLOBAL = 1,
    JS_REGEXP_IGNORE_CASE = 2,
    JS_REGEXP_MULTILINE = 4,
    JS_REGEXP_DOT_ALL = 8,
    JS_REGEXP_UNICODE = 16,
    JS_REGEXP_STICKY = 32,
    JS_REGEXP_INDICES = 64
};

#define JS_REGEXP_NAMED_MAX 200 // groups that have names
#define JS_REGEXP_NAME_MAX 255  // bytes of a name
#define JS_REGEXP_GROUPS_MAX 65535

// What is written; `n` counts also what found no room, so that a first call without any tells how
// much is needed.
struct js_regexp_text {
    char *p;
    size_t n, room;
};

// The bits of "gimsuyd", each once; -1 for anything else.
int js_regexp_flags(struct span text);

// These return NULL or what is wrong with the pattern.
// The names of groups, to be read by js_regexp_next_name().
const char *js_regexp_names(struct span pattern, struct js_regexp_text *out);
const char *js_regexp_translate(struct span pattern, int flags, struct span names,
                                struct js_regexp_text *out);

struct js_regexp_name {
    unsigned group;
    struct span text;
};

// Takes one name off the front; false when there is none.
bool js_regexp_next_name(struct span *names, struct js_regexp_name *out);

// The pattern as `source` has it: what could stand between slashes.
void js_regexp_source(struct span pattern, struct js_regexp_text *out);

#endif
