// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_BUILTINS_H
#define PENSTOCK_CONVERT_JS_BUILTINS_H

// What a script finds in its global object: plain JavaScript, minus what is Duktape's own, plus the
// built-ins of later editions that converters use (js_builtins.c) and the hub's helpers
// (js_helpers.c). All of them are non-enumerable, writable and configurable, as built-ins are. A
// script's own declarations win.

#include "convert/duk_ext.h"

struct js_builtin {
    const char *holder; // "Array.prototype"; "" is the global object
    const char *name;
    duk_c_function fn;
    duk_idx_t length; // the function's `length`; it takes any number of arguments
};

extern const struct js_builtin js_helpers[]; // ends with fn NULL

// Those that are not there yet. Throws when out of memory.
void js_builtins_install(duk_context *ctx);

#endif
