// SPDX-License-Identifier: Apache-2.0
#include "convert/js_builtins.h"

// Duktape's own, and what reaches outside a converter's one run.
static const char *const removed[] = {"Duktape", "CBOR", "Buffer", "performance", NULL};

static duk_ret_t type_error(duk_context *ctx, const char *what)
{
    return duk_error(ctx, DUK_ERR_TYPE_ERROR, "%s", what);
}

// ECMA-262 7.1.18 ToObject of the first argument.
static void require_object(duk_context *ctx)
{
    if (duk_is_null_or_undefined(ctx, 0))
        (void)type_error(ctx, "null and undefined are no objects");
    (void)duk_to_object(ctx, 0);
}

// ECMA-262 7.1.5 ToIntegerOrInfinity of an argument, 0 when it is not there.
static double integer_argument(duk_context *ctx, duk_idx_t i)
{
    return i >= duk_get_top(ctx) || duk_is_undefined(ctx, i) ? 0 : duk_to_int(ctx, i);
}

// Object ------------------------------------------------------------------------------------------

enum { WANT_KEYS = 1, WANT_VALUES = 2 };

static duk_ret_t object_list(duk_context *ctx, int want)
{
    duk_set_top(ctx, 1);
    require_object(ctx);
    duk_idx_t out = duk_push_array(ctx);
    duk_enum(ctx, 0, DUK_ENUM_OWN_PROPERTIES_ONLY);
    duk_uarridx_t n = 0;
    while (duk_next(ctx, -1, 1)) {
        if (want & WANT_KEYS) {
            duk_idx_t pair = duk_push_array(ctx);
            duk_pull(ctx, -3);
            duk_put_prop_index(ctx, pair - 1, 0);
            duk_pull(ctx, -2);
            duk_put_prop_index(ctx, -2, 1);
        } else {
            duk_remove(ctx, -2);
        }
        duk_put_prop_index(ctx, out, n++);
    }
    duk_pop(ctx);
    return 1;
}

static duk_ret_t object_entries(duk_context *ctx)
{
    return object_list(ctx, WANT_KEYS | WANT_VALUES);
}

static duk_ret_t object_values(duk_context *ctx)
{
    return object_list(ctx, WANT_VALUES);
}

static duk_ret_t object_from_entries(duk_context *ctx)
{
    duk_set_top(ctx, 1);
    if (!duk_is_array(ctx, 0))
        return type_error(ctx, "Object.fromEntries: an array of pairs is needed");
    duk_idx_t out = duk_push_object(ctx);
    duk_size_t n = duk_get_length(ctx, 0);
    for (duk_size_t i = 0; i < n; i++) {
        (void)duk_get_prop_index(ctx, 0, (duk_uarridx_t)i);
        if (!duk_is_object(ctx, -1))
            return type_error(ctx, "Object.fromEntries: an array of pairs is needed");
        (void)duk_get_prop_index(ctx, -1, 0);
        (void)duk_get_prop_index(ctx, -2, 1);
        duk_put_prop(ctx, out);
        duk_pop(ctx);
    }
    return 1;
}

static duk_ret_t object_assign(duk_context *ctx)
{
    duk_idx_t n = duk_get_top(ctx);
    if (n == 0)
        duk_push_undefined(ctx);
    require_object(ctx);
    for (duk_idx_t i = 1; i < n; i++) {
        if (duk_is_null_or_undefined(ctx, i))
            continue;
        (void)duk_to_object(ctx, i);
        duk_enum(ctx, i, DUK_ENUM_OWN_PROPERTIES_ONLY);
        while (duk_next(ctx, -1, 1))
            duk_put_prop(ctx, 0);
        duk_pop(ctx);
    }
    duk_dup(ctx, 0);
    return 1;
}

// Array -------------------------------------------------------------------------------------------

// ECMA-262 23.1.3.16: like indexOf, but finds NaN and takes holes for undefined.
static duk_ret_t array_includes(duk_context *ctx)
{
    double from = integer_argument(ctx, 1);
    duk_set_top(ctx, 1);
    duk_push_this(ctx);
    (void)duk_to_object(ctx, 1);
    double n = (double)duk_get_length(ctx, 1);
    double i = from >= 0 ? from : n + from < 0 ? 0 : n + from;
    for (; i < n; i++) {
        (void)duk_get_prop_index(ctx, 1, (duk_uarridx_t)i);
        // SameValueZero: SameValue but for the zeros.
        if (duk_samevalue(ctx, 0, -1) || duk_strict_equals(ctx, 0, -1)) {
            duk_push_true(ctx);
            return 1;
        }
        duk_pop(ctx);
    }
    duk_push_false(ctx);
    return 1;
}

// ECMA-262 23.1.3.24, for arrays and typed arrays alike.
static duk_ret_t array_reduce(duk_context *ctx)
{
    bool seeded = duk_get_top(ctx) > 1;
    duk_set_top(ctx, 2);
    if (!duk_is_function(ctx, 0))
        return type_error(ctx, "reduce: the first argument is no function");
    duk_push_this(ctx);
    duk_size_t n = duk_get_length(ctx, 2), i = 0;
    if (!seeded) {
        if (n == 0)
            return type_error(ctx, "reduce of an empty array with no initial value");
        (void)duk_get_prop_index(ctx, 2, (duk_uarridx_t)i++);
        duk_replace(ctx, 1);
    }
    for (; i < n; i++) {
        duk_dup(ctx, 0);
        duk_dup(ctx, 1);
        (void)duk_get_prop_index(ctx, 2, (duk_uarridx_t)i);
        duk_push_uint(ctx, (duk_uint_t)i);
        duk_dup(ctx, 2);
        duk_call(ctx, 4);
        duk_replace(ctx, 1);
    }
    duk_dup(ctx, 1);
    return 1;
}

// ECMA-262 23.2.2.1 without iterators, which Duktape has none of: new this(source.map(fn)).
static duk_ret_t typed_array_from(duk_context *ctx)
{
    duk_set_top(ctx, 3);
    bool mapped = !duk_is_undefined(ctx, 1);
    if (mapped && !duk_is_function(ctx, 1))
        return type_error(ctx, "from: the second argument is no function");
    (void)duk_to_object(ctx, 0);
    duk_size_t n = duk_get_length(ctx, 0);
    duk_push_this(ctx);
    duk_idx_t list = duk_push_array(ctx);
    for (duk_size_t i = 0; i < n; i++) {
        if (mapped) {
            duk_dup(ctx, 1);
            duk_dup(ctx, 2);
            (void)duk_get_prop_index(ctx, 0, (duk_uarridx_t)i);
            duk_push_uint(ctx, (duk_uint_t)i);
            duk_call_method(ctx, 2);
        } else {
            (void)duk_get_prop_index(ctx, 0, (duk_uarridx_t)i);
        }
        duk_put_prop_index(ctx, list, (duk_uarridx_t)i);
    }
    duk_new(ctx, 1);
    return 1;
}

// Installing --------------------------------------------------------------------------------------

#define TYPED_ARRAY "%TypedArray%"
#define TYPED_ARRAY_PROTOTYPE "%TypedArray%.prototype"

static const struct js_builtin language[] = {
    {"Object", "entries", object_entries, 1},           {"Object", "values", object_values, 1},
    {"Object", "fromEntries", object_from_entries, 1},  {"Object", "assign", object_assign, 2},
    {"Array.prototype", "includes", array_includes, 1}, {TYPED_ARRAY, "from", typed_array_from, 1},
    {TYPED_ARRAY_PROTOTYPE, "reduce", array_reduce, 1}, {NULL, NULL, NULL, 0},
};

static void push_holder(duk_context *ctx, const char *holder)
{
    if (holder[0] == 0) {
        duk_push_global_object(ctx);
        return;
    }
    if (strncmp(holder, TYPED_ARRAY, strlen(TYPED_ARRAY)) == 0) {
        duk_get_global_string(ctx, "Uint8Array");
        if (strcmp(holder, TYPED_ARRAY_PROTOTYPE) == 0)
            (void)duk_get_prop_string(ctx, -1, "prototype");
        duk_get_prototype(ctx, -1);
        return;
    }
    const char *dot = strchr(holder, '.');
    duk_push_global_object(ctx);
    duk_push_lstring(ctx, holder, dot ? (size_t)(dot - holder) : strlen(holder));
    (void)duk_get_prop(ctx, -2);
    if (dot)
        (void)duk_get_prop_string(ctx, -1, dot + 1);
}

static void install(duk_context *ctx, const struct js_builtin *list)
{
    for (; list->fn; list++) {
        duk_idx_t top = duk_get_top(ctx);
        push_holder(ctx, list->holder);
        if (duk_is_object(ctx, -1) && !duk_has_prop_string(ctx, -1, list->name)) {
            duk_push_string(ctx, list->name);
            (void)duk_push_c_function(ctx, list->fn, DUK_VARARGS);
            duk_push_string(ctx, "length");
            duk_push_int(ctx, list->length);
            duk_def_prop(ctx, -3, DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_FORCE);
            duk_push_string(ctx, "name");
            duk_push_string(ctx, list->name);
            duk_def_prop(ctx, -3,
                         DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_CONFIGURABLE | DUK_DEFPROP_FORCE);
            duk_def_prop(ctx, -3,
                         DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_WRITABLE |
                             DUK_DEFPROP_SET_CONFIGURABLE);
        }
        duk_set_top(ctx, top);
    }
}

void js_builtins_install(duk_context *ctx)
{
    duk_push_global_object(ctx);
    for (const char *const *name = removed; *name; name++)
        (void)duk_del_prop_string(ctx, -1, *name);
    duk_pop(ctx);
    // Duktape's plain buffers, which the language does not have.
    (void)duk_peval_string(ctx, "delete Uint8Array.allocPlain; delete Uint8Array.plainOf;"
                                "delete ArrayBuffer.allocPlain; delete ArrayBuffer.plainOf");
    duk_pop(ctx);
    install(ctx, language);
    install(ctx, js_helpers);
}
