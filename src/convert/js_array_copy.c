// SPDX-License-Identifier: Apache-2.0
#include "convert/js_builtins.h"
#include "convert/js_list.h"

// The methods that change a copy (ECMA-262 23.1.3.33 to 23.1.3.39, 23.2.3.32 to 23.2.3.36). A hole
// is undefined in it.

static duk_ret_t range_error(duk_context *ctx, const char *what)
{
    return duk_error(ctx, DUK_ERR_RANGE_ERROR, "%s", what);
}

// The longest array.
#define LENGTH_MAX 4294967295.0

// Appends elements from..to of `list` to the array on the top, which has n.
static double append(duk_context *ctx, duk_idx_t list, double from, double to, double n)
{
    for (; from < to; from++) {
        (void)duk_get_prop_index(ctx, list, (duk_uarridx_t)from);
        duk_put_prop_index(ctx, -2, (duk_uarridx_t)n++);
    }
    return n;
}

// A method with n arguments: [ argument... this copy ], the copy an array.
static double begin_copy(duk_context *ctx, duk_idx_t n)
{
    double length = js_list_begin(ctx, n);
    if (length > LENGTH_MAX)
        (void)range_error(ctx, "Invalid array length");
    (void)duk_push_array(ctx);
    (void)append(ctx, n, 0, length, 0);
    return length;
}

static void reverse(duk_context *ctx, double n)
{
    duk_idx_t copy = duk_get_top_index(ctx);
    for (double i = 0, k = n - 1; i < k; i++, k--) {
        (void)duk_get_prop_index(ctx, copy, (duk_uarridx_t)i);
        (void)duk_get_prop_index(ctx, copy, (duk_uarridx_t)k);
        duk_put_prop_index(ctx, copy, (duk_uarridx_t)i);
        duk_put_prop_index(ctx, copy, (duk_uarridx_t)k);
    }
}

static duk_ret_t array_to_reversed(duk_context *ctx)
{
    reverse(ctx, begin_copy(ctx, 0));
    return 1;
}

// The order is looked at before anything else.
static void require_order(duk_context *ctx)
{
    duk_set_top(ctx, 1);
    if (!duk_is_undefined(ctx, 0) && !duk_is_callable(ctx, 0))
        (void)duk_error(ctx, DUK_ERR_TYPE_ERROR, "the order must be a function");
}

// [ order this copy ] -> [ copy ], sorted
static duk_ret_t sort_copy(duk_context *ctx, duk_c_function sort)
{
    (void)duk_push_c_function(ctx, sort, 1);
    duk_dup(ctx, 2);
    duk_dup(ctx, 0);
    duk_call_method(ctx, 1);
    return 1;
}

static duk_ret_t array_to_sorted(duk_context *ctx)
{
    require_order(ctx);
    (void)begin_copy(ctx, 1);
    return sort_copy(ctx, js_array_sort);
}

static duk_ret_t array_to_spliced(duk_context *ctx)
{
    duk_idx_t given = duk_get_top(ctx), items = given > 2 ? given - 2 : 0;
    double n = js_list_begin(ctx, items + 2), from = js_list_relative(ctx, 0, n, 0);
    double skip = given == 0 ? 0 : given == 1 ? n - from : js_list_integer(ctx, 1);
    skip = skip < 0 ? 0 : skip > n - from ? n - from : skip;
    if (n - skip + (double)items > LENGTH_MAX)
        return duk_error(ctx, DUK_ERR_TYPE_ERROR, "Invalid array length");
    (void)duk_push_array(ctx);
    double at = append(ctx, items + 2, 0, from, 0);
    for (duk_idx_t i = 0; i < items; i++) {
        duk_dup(ctx, 2 + i);
        duk_put_prop_index(ctx, -2, (duk_uarridx_t)at++);
    }
    (void)append(ctx, items + 2, from + skip, n, at);
    return 1;
}

// Where an index that may count from the end is; throws when it is outside.
static double place(duk_context *ctx, double n)
{
    double i = js_list_integer(ctx, 0);
    i = i < 0 ? n + i : i;
    if (i < 0 || i >= n)
        (void)range_error(ctx, "Invalid index");
    return i;
}

static duk_ret_t array_with(duk_context *ctx)
{
    double i = place(ctx, begin_copy(ctx, 2));
    duk_dup(ctx, 1);
    duk_put_prop_index(ctx, 3, (duk_uarridx_t)i);
    return 1;
}

// Typed arrays ------------------------------------------------------------------------------------

// [ list ] -> [ typed array of the kind of `this` ]
static duk_ret_t as_typed(duk_context *ctx)
{
    duk_push_this(ctx);
    (void)duk_get_prop_string(ctx, -1, "constructor");
    duk_dup(ctx, -3);
    duk_new(ctx, 1);
    return 1;
}

static duk_ret_t typed_to_reversed(duk_context *ctx)
{
    (void)array_to_reversed(ctx);
    return as_typed(ctx);
}

static duk_ret_t typed_to_sorted(duk_context *ctx)
{
    require_order(ctx);
    (void)begin_copy(ctx, 1);
    (void)sort_copy(ctx, js_typed_sort_list);
    return as_typed(ctx);
}

static duk_ret_t typed_with(duk_context *ctx)
{
    duk_set_top(ctx, 2);
    (void)duk_to_number(ctx, 1);
    (void)array_with(ctx);
    return as_typed(ctx);
}

#define ARRAY "Array.prototype"
#define TYPED JS_TYPED_ARRAY ".prototype"

const struct js_builtin js_array_copy_builtins[] = {
    {ARRAY, "toReversed", array_to_reversed, 0},
    {ARRAY, "toSorted", array_to_sorted, 1},
    {ARRAY, "toSpliced", array_to_spliced, 2},
    {ARRAY, "with", array_with, 2},
    {TYPED, "toReversed", typed_to_reversed, 0},
    {TYPED, "toSorted", typed_to_sorted, 1},
    {TYPED, "with", typed_with, 2},
    {NULL, NULL, NULL, 0},
};
