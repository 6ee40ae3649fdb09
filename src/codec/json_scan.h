// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_JSON_SCAN_H
#define PENSTOCK_CODEC_JSON_SCAN_H

// Pull scanner over a complete JSON text: no tree, no allocation but for strings that hold escapes.
// Validates as it goes (RFC 8259, nesting up to 64; strings are UTF-8 and hold no lone surrogate; a
// string may hold NUL, written \u0000). For hot paths and foreign input of any size.
//
//   json_scan_init(&s, text, arena);
//   while ((t = json_scan_next(&s)) > JSON_T_END) ...
//
// After JSON_T_KEY the next token is that member's value. An error is sticky.

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

enum json_token {
    JSON_T_ERROR = -1,
    JSON_T_END = 0, // the document is complete
    JSON_T_OBJECT,
    JSON_T_OBJECT_END,
    JSON_T_ARRAY,
    JSON_T_ARRAY_END,
    JSON_T_KEY,    // s.text = unescaped key
    JSON_T_STRING, // s.text = unescaped value
    JSON_T_NUMBER, // s.text = the number as written
    JSON_T_TRUE,
    JSON_T_FALSE,
    JSON_T_NULL,
};

#define JSON_SCAN_DEPTH 64       // nesting allowed unless json_scan.max_depth is changed
#define JSON_SCAN_DEPTH_MOST 128 // what max_depth may be raised to

struct json_scan {
    const char *start, *at, *end;
    const char *token;   // first byte of the value or key returned last
    struct arena *arena; // for strings that need unescaping; NULL leaves them as written
    struct span text;
    const char *error; // constant text, set with JSON_T_ERROR
    int depth;
    int max_depth;
    uint8_t state;
    char stack[JSON_SCAN_DEPTH_MOST];
};

void json_scan_init(struct json_scan *s, struct span text, struct arena *arena);
enum json_token json_scan_next(struct json_scan *s);
// Skips the value that starts at the next token (after JSON_T_KEY, inside an array that has one
// more element, or at the start), checking its grammar, and sets s->text to its raw text. 0, or
// ERR_INVALID with a sticky error, also when there is no value.
int json_scan_skip(struct json_scan *s);
// Raw text of the value whose first token (`JSON_T_OBJECT` or `JSON_T_ARRAY`) was just returned;
// consumes it up to its end. 0 or ERR_INVALID.
int json_scan_raw(struct json_scan *s, struct span *out);
// Fills e with "line L column C: ..." for a sticky error (columns count characters). ERR_INVALID.
int json_scan_error(const struct json_scan *s, struct err *e);

#endif
