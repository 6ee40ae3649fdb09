// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "convert/js_builtins.h"

// Math of later editions (ECMA-262 21.3.2), and Object.hasOwn.

#define FUNCTION(name, value)                                                                      \
    static duk_ret_t math_##name(duk_context *ctx)                                                 \
    {                                                                                              \
        double x = duk_to_number(ctx, 0);                                                          \
        duk_push_number(ctx, value);                                                               \
        return 1;                                                                                  \
    }

// The C library's is a unit off for some cubes.
static double exact_cbrt(double x)
{
    double t = cbrt(x);
    return t == 0 || !isfinite(t) ? t : t - (t * t * t - x) / (3 * t * t);
}

FUNCTION(cbrt, exact_cbrt(x))
FUNCTION(fround, (double)(float)x)
FUNCTION(expm1, expm1(x))
FUNCTION(log1p, log1p(x))
FUNCTION(sinh, sinh(x))
FUNCTION(cosh, cosh(x))
FUNCTION(tanh, tanh(x))
FUNCTION(asinh, asinh(x))
FUNCTION(acosh, acosh(x))
FUNCTION(atanh, atanh(x))

static duk_ret_t object_has_own(duk_context *ctx)
{
    duk_set_top(ctx, 2);
    if (duk_is_null_or_undefined(ctx, 0))
        return duk_error(ctx, DUK_ERR_TYPE_ERROR, "Cannot convert undefined or null to object");
    (void)duk_to_object(ctx, 0);
    duk_get_global_string(ctx, "Object");
    (void)duk_get_prop_string(ctx, -1, "prototype");
    (void)duk_get_prop_string(ctx, -1, "hasOwnProperty");
    duk_dup(ctx, 0);
    duk_dup(ctx, 1);
    duk_call_method(ctx, 1);
    return 1;
}

const struct js_builtin js_number_builtins[] = {
    {"Math", "cbrt", math_cbrt, 1},          {"Math", "fround", math_fround, 1},
    {"Math", "expm1", math_expm1, 1},        {"Math", "log1p", math_log1p, 1},
    {"Math", "sinh", math_sinh, 1},          {"Math", "cosh", math_cosh, 1},
    {"Math", "tanh", math_tanh, 1},          {"Math", "asinh", math_asinh, 1},
    {"Math", "acosh", math_acosh, 1},        {"Math", "atanh", math_atanh, 1},
    {"Object", "hasOwn", object_has_own, 2}, {NULL, NULL, NULL, 0},
};
