// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_ITERATORS_H
#define PENSTOCK_CONVERT_JS_ITERATORS_H

#include "convert/js_builtins.h"

enum js_want { JS_WANT_KEYS, JS_WANT_VALUES, JS_WANT_ENTRIES };

// [ list or collection ] -> [ the same, iterator ]; returns 1.
duk_ret_t js_iterator_new(duk_context *ctx, enum js_want want);

// The prototype of all iterators; before the first of them. The methods that make them are
// js_iterator_builtins.
void js_iterators_install(duk_context *ctx);

#endif
