// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_SYNTAX_SYNTAX_H
#define PENSTOCK_SYNTAX_SYNTAX_H

// Errors in a script's text, and places in it as its author counts them. Pure; any thread.

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

#define SYNTAX_TEXT_MAX ((size_t)16 * 1024 * 1024) // offsets are 32 bits wide

struct syntax_error {
    uint32_t at; // byte of the text
    char msg[ERR_MSG_MAX];
};

// Both count from 1; columns are characters.
struct syntax_place {
    uint32_t line, column;
};

struct syntax_place syntax_locate(struct span text, uint32_t at);
// Appends the line of the place, then a line with a caret under it. Long lines are cut around it.
void syntax_add_caret(struct buf *out, struct span text, struct syntax_place place);

#endif
