// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_LIST_H
#define PENSTOCK_CONVERT_JS_LIST_H

// Lengths and indices as the language takes them. May throw.

#include <math.h>

#include "convert/duk_ext.h"

// ECMA-262 7.1.5 ToIntegerOrInfinity.
static inline double js_list_integer(duk_context *ctx, duk_idx_t at)
{
    double d = duk_is_undefined(ctx, at) ? 0 : duk_to_number(ctx, at);
    return isnan(d) ? 0 : trunc(d);
}

// ECMA-262 7.3.18 LengthOfArrayLike, up to what an index can name here.
static inline double js_list_length(duk_context *ctx, duk_idx_t at)
{
    (void)duk_get_prop_string(ctx, at, "length");
    double n = js_list_integer(ctx, -1);
    duk_pop(ctx);
    return n < 0 ? 0 : n > UINT32_MAX - 1 ? UINT32_MAX - 1 : n;
}

// Leaves `n` arguments and puts `this` behind them; returns its length.
static inline double js_list_begin(duk_context *ctx, duk_idx_t n)
{
    duk_set_top(ctx, n);
    duk_push_this(ctx);
    if (duk_is_null_or_undefined(ctx, n))
        (void)duk_error(ctx, DUK_ERR_TYPE_ERROR, "called on null or undefined");
    (void)duk_to_object(ctx, n);
    return js_list_length(ctx, n);
}

// ECMA-262 7.1.5: a relative index of a list of n, within it.
static inline double js_list_relative(duk_context *ctx, duk_idx_t at, double n, double otherwise)
{
    if (duk_is_undefined(ctx, at))
        return otherwise;
    double i = js_list_integer(ctx, at);
    return i < 0 ? (n + i < 0 ? 0 : n + i) : i > n ? n : i;
}

#endif
