// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_ITERATE_H
#define PENSTOCK_CONVERT_JS_ITERATE_H

// Iteration of arrays, strings and whatever has a method [Symbol.iterator] (ECMA-262 7.4). Arrays,
// typed arrays and arguments are walked by index. All may throw.

#include "convert/duk_ext.h"

#define JS_ARGUMENTS_MAX 500000 // of one call

// The key of a value's method that makes an iterator.
#define JS_ITERATOR_KEY DUK_WELLKNOWN_SYMBOL("Symbol.iterator")

// [ value ] -> [ list ]: what to walk by index. When the end is reached, js_iterate_more() says
// whether another element has come; the one before it is forgotten then.
void js_iterate_begin(duk_context *ctx);
bool js_iterate_more(duk_context *ctx, duk_idx_t list);
// Nobody wants more of the list: its iterator may clean up. `thrown`: because of an error, which
// hides those of the iterator.
void js_iterate_close(duk_context *ctx, duk_idx_t list, bool thrown);

// [ value ] -> [ list ] with at least its first n elements, or all for n < 0. May be the value
// itself: not to be changed.
void js_iterate_list(duk_context *ctx, duk_int_t n);

// [ list ] -> [ element... ]; how many.
duk_idx_t js_iterate_unpack(duk_context *ctx);
// [ function this list ] -> [ result ]
void js_iterate_call(duk_context *ctx);

#endif
