// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_BUILTINS_H
#define PENSTOCK_CONVERT_JS_BUILTINS_H

// What a script finds in its global object: plain JavaScript, minus what is Duktape's own, plus the
// built-ins of later editions that converters use (js_array.c, js_string.c, js_collections.c, ...)
// and the hub's helpers (js_helpers.c). All of them are non-enumerable, writable and configurable,
// as built-ins are. A script's own declarations win.

#include "convert/duk_ext.h"

struct js_builtin {
    const char *holder; // "Array.prototype"; "" is the global object
    const char *name;
    duk_c_function fn;
    duk_idx_t length; // the function's `length`; it takes any number of arguments
};

// The holder of what all kinds of typed arrays inherit.
#define JS_TYPED_ARRAY "%TypedArray%"

// Each ends with fn NULL.
extern const struct js_builtin js_helpers[];
extern const struct js_builtin js_array_builtins[];
extern const struct js_builtin js_array_copy_builtins[];
extern const struct js_builtin js_clone_builtins[];
extern const struct js_builtin js_string_builtins[];
extern const struct js_builtin js_number_builtins[];
extern const struct js_builtin js_collection_builtins[];
extern const struct js_builtin js_iterator_builtins[];

// Lets typed arrays have the methods of arrays that do for them as they are.
void js_array_share(duk_context *ctx, duk_idx_t typed_prototype);

// Array.prototype.sort, and the one of typed arrays for what holds numbers.
duk_ret_t js_array_sort(duk_context *ctx);
duk_ret_t js_typed_sort_list(duk_context *ctx);

// [ ] -> [ ... prototype ] of "Array", "Map", ..., JS_TYPED_ARRAY.
void js_builtins_push_prototype(duk_context *ctx, const char *constructor);

// [ object key value ] -> [ object ]: configurable, not enumerable, and what `flags` add.
void js_define(duk_context *ctx, duk_uint_t flags);
// [ object ] -> [ object ]
void js_define_getter(duk_context *ctx, const char *name, duk_c_function fn, duk_int_t magic);
// [ prototype ] -> [ prototype ]: Object.prototype.toString says [object NAME].
void js_define_tag(duk_context *ctx, const char *name);

// Those that are not there yet. Throws when out of memory.
void js_builtins_install(duk_context *ctx);

#endif
