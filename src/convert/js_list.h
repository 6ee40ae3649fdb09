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

#endif
