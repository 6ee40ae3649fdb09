// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "convert/js_builtins.h"
#include "convert/js_locale.h"

// Math of later editions (ECMA-262 21.3.2), Object.hasOwn and numbers for people.

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

// Number.prototype.toLocaleString
// ------------------------------------------------------------------

// ECMA-402 9.2.12: the option of that name, or what stands for it.
static int option(duk_context *ctx, const char *name, int least, int most, int otherwise)
{
    (void)duk_get_prop_string(ctx, 1, name);
    bool given = !duk_is_undefined(ctx, -1);
    double d = given ? duk_to_number(ctx, -1) : otherwise;
    duk_pop(ctx);
    if (given && !(d >= least && d <= most))
        (void)duk_error(ctx, DUK_ERR_RANGE_ERROR, "%s value is out of range.", name);
    return (int)floor(d);
}

static bool option_is(duk_context *ctx, const char *name, const char *value)
{
    (void)duk_get_prop_string(ctx, 1, name);
    bool is = duk_is_string(ctx, -1) && strcmp(duk_get_string(ctx, -1), value) == 0;
    duk_pop(ctx);
    return is;
}

// ECMA-402 15.1.3.
static void read_digits(duk_context *ctx, struct js_number_format *f)
{
    f->min_integer = option(ctx, "minimumIntegerDigits", 1, 21, 1);
    int least = option(ctx, "minimumFractionDigits", 0, 20, -1);
    int most = option(ctx, "maximumFractionDigits", 0, 20, -1), standard = f->percent ? 0 : 3;
    if (least >= 0 && most >= 0 && least > most)
        (void)duk_error(ctx, DUK_ERR_RANGE_ERROR, "maximumFractionDigits value is out of range.");
    f->min_fraction = least < 0 ? 0 : least;
    f->max_fraction = most >= 0 ? most : least > standard ? least : standard;
    int min_significant = option(ctx, "minimumSignificantDigits", 1, 21, 0);
    int max_significant =
        option(ctx, "maximumSignificantDigits", min_significant > 0 ? min_significant : 1, 21, 0);
    if (min_significant > 0 || max_significant > 0) {
        f->min_significant = min_significant > 0 ? min_significant : 1;
        f->max_significant = max_significant > 0 ? max_significant : 21;
    }
}

static void read_format(duk_context *ctx, struct js_number_format *f)
{
    (void)duk_get_prop_string(ctx, 1, "style");
    f->percent = option_is(ctx, "style", "percent");
    if (!duk_is_undefined(ctx, -1) && !f->percent && !option_is(ctx, "style", "decimal"))
        (void)duk_error(ctx, DUK_ERR_RANGE_ERROR, "style %s is not supported",
                        duk_safe_to_string(ctx, -1));
    (void)duk_get_prop_string(ctx, 1, "useGrouping");
    if (!duk_is_undefined(ctx, -1) && !duk_to_boolean(ctx, -1))
        f->grouped_from = 0;
    else if (option_is(ctx, "useGrouping", "min2"))
        f->grouped_from = 5;
    duk_pop_2(ctx);
    read_digits(ctx, f);
}

static duk_ret_t number_to_locale(duk_context *ctx)
{
    char text[JS_LOCALE_NUMBER_MAX];
    struct js_number_format f = {.min_integer = 1, .max_fraction = 3, .grouped_from = 4};
    duk_set_top(ctx, 2);
    if (!duk_is_undefined(ctx, 1)) {
        if (duk_is_null(ctx, 1))
            return duk_error(ctx, DUK_ERR_TYPE_ERROR, "Cannot convert undefined or null to object");
        (void)duk_to_object(ctx, 1);
        read_format(ctx, &f);
    }
    js_builtins_push_prototype(ctx, "Number");
    (void)duk_get_prop_string(ctx, -1, "valueOf");
    duk_push_this(ctx);
    duk_call_method(ctx, 0);
    duk_push_lstring(ctx, text, js_locale_number(duk_get_number(ctx, -1), &f, text));
    return 1;
}

const struct js_builtin js_number_builtins[] = {
    {"Number.prototype", "toLocaleString", number_to_locale, 0},
    {"Math", "cbrt", math_cbrt, 1},
    {"Math", "fround", math_fround, 1},
    {"Math", "expm1", math_expm1, 1},
    {"Math", "log1p", math_log1p, 1},
    {"Math", "sinh", math_sinh, 1},
    {"Math", "cosh", math_cosh, 1},
    {"Math", "tanh", math_tanh, 1},
    {"Math", "asinh", math_asinh, 1},
    {"Math", "acosh", math_acosh, 1},
    {"Math", "atanh", math_atanh, 1},
    {"Object", "hasOwn", object_has_own, 2},
    {NULL, NULL, NULL, 0},
};
