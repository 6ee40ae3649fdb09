// SPDX-License-Identifier: Apache-2.0
#include "convert/js_builtins.h"
#include "convert/js_iterate.h"
#include "convert/js_list.h"

// Methods of arrays and typed arrays that Duktape lacks. Generic, as the language has them: `this`
// is anything with a length. Loops end by the engine's own time limit: it looks at the clock in
// property accesses.

#define FLAT_DEPTH_MAX 200

static void require_callback(duk_context *ctx)
{
    if (duk_is_callable(ctx, 0))
        return;
    duk_dup(ctx, 0);
    (void)duk_error(ctx, DUK_ERR_TYPE_ERROR, "%s is not a function", duk_safe_to_string(ctx, -1));
}

static void get(duk_context *ctx, duk_idx_t list, double i)
{
    (void)duk_get_prop_index(ctx, list, (duk_uarridx_t)i);
}

// [ fn thisArg this ] -> [ fn thisArg this value result ] of fn(value, i, this).
static void call_back(duk_context *ctx, double i)
{
    get(ctx, 2, i);
    duk_dup(ctx, 0);
    duk_dup(ctx, 1);
    duk_dup(ctx, -3);
    duk_push_number(ctx, i);
    duk_dup(ctx, 2);
    duk_call_method(ctx, 3);
}

// Finding -----------------------------------------------------------------------------------------

static duk_ret_t find(duk_context *ctx, bool last, bool want_index)
{
    double n = js_list_begin(ctx, 2);
    require_callback(ctx);
    for (double k = 0; k < n; k++) {
        double i = last ? n - 1 - k : k;
        call_back(ctx, i);
        if (duk_to_boolean(ctx, -1)) {
            duk_pop(ctx);
            if (want_index)
                duk_push_number(ctx, i);
            return 1;
        }
        duk_pop_2(ctx);
    }
    if (!want_index)
        return 0;
    duk_push_int(ctx, -1);
    return 1;
}

static duk_ret_t array_find(duk_context *ctx)
{
    return find(ctx, false, false);
}

static duk_ret_t array_find_index(duk_context *ctx)
{
    return find(ctx, false, true);
}

static duk_ret_t array_find_last(duk_context *ctx)
{
    return find(ctx, true, false);
}

static duk_ret_t array_find_last_index(duk_context *ctx)
{
    return find(ctx, true, true);
}

// ECMA-262 23.1.3.16: like indexOf, but finds NaN and takes holes for undefined.
static duk_ret_t array_includes(duk_context *ctx)
{
    double n = js_list_begin(ctx, 2);
    for (double i = js_list_relative(ctx, 1, n, 0); i < n; i++) {
        get(ctx, 2, i);
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

static duk_ret_t array_at(duk_context *ctx)
{
    double n = js_list_begin(ctx, 1);
    double i = js_list_integer(ctx, 0);
    i = i < 0 ? n + i : i;
    if (i < 0 || i >= n)
        return 0;
    get(ctx, 1, i);
    return 1;
}

// Changing ----------------------------------------------------------------------------------------

static duk_ret_t array_fill(duk_context *ctx)
{
    double n = js_list_begin(ctx, 3);
    double from = js_list_relative(ctx, 1, n, 0), to = js_list_relative(ctx, 2, n, n);
    for (double i = from; i < to; i++) {
        duk_dup(ctx, 0);
        duk_put_prop_index(ctx, 3, (duk_uarridx_t)i);
    }
    return 1;
}

// ECMA-262 23.1.3.4.
static duk_ret_t array_copy_within(duk_context *ctx)
{
    double n = js_list_begin(ctx, 3);
    double to = js_list_relative(ctx, 0, n, 0), from = js_list_relative(ctx, 1, n, 0);
    double count = js_list_relative(ctx, 2, n, n) - from;
    if (count > n - to)
        count = n - to;
    bool backwards = from < to;
    for (double k = 0; k < count; k++) {
        double i = backwards ? count - 1 - k : k;
        if (duk_has_prop_index(ctx, 3, (duk_uarridx_t)(from + i))) {
            get(ctx, 3, from + i);
            duk_put_prop_index(ctx, 3, (duk_uarridx_t)(to + i));
        } else {
            (void)duk_del_prop_index(ctx, 3, (duk_uarridx_t)(to + i));
        }
    }
    return 1;
}

// Flattening --------------------------------------------------------------------------------------

// Appends the elements of the array on the top to the array `out`, those of arrays in it down to
// `depth`.
static void flatten(duk_context *ctx, duk_idx_t out, double depth, int level)
{
    duk_idx_t list = duk_get_top_index(ctx);
    double n = js_list_length(ctx, list);
    if (level > FLAT_DEPTH_MAX)
        (void)duk_error(ctx, DUK_ERR_RANGE_ERROR, "Maximum call stack size exceeded");
    duk_require_stack(ctx, 4);
    for (double i = 0; i < n; i++) {
        if (!duk_get_prop_index(ctx, list, (duk_uarridx_t)i) &&
            !duk_has_prop_index(ctx, list, (duk_uarridx_t)i)) {
            duk_pop(ctx);
            continue;
        }
        if (depth >= 1 && duk_is_array(ctx, -1)) {
            flatten(ctx, out, depth - 1, level + 1);
            duk_pop(ctx);
        } else {
            duk_put_prop_index(ctx, out, (duk_uarridx_t)duk_get_length(ctx, out));
        }
    }
}

static duk_ret_t array_flat(duk_context *ctx)
{
    (void)js_list_begin(ctx, 1);
    double depth = duk_is_undefined(ctx, 0) ? 1 : js_list_integer(ctx, 0);
    duk_idx_t out = duk_push_array(ctx);
    duk_dup(ctx, 1);
    flatten(ctx, out, depth, 0);
    duk_pop(ctx);
    return 1;
}

static duk_ret_t array_flat_map(duk_context *ctx)
{
    double n = js_list_begin(ctx, 2);
    require_callback(ctx);
    duk_idx_t out = duk_push_array(ctx);
    for (double i = 0; i < n; i++) {
        if (!duk_has_prop_index(ctx, 2, (duk_uarridx_t)i))
            continue;
        call_back(ctx, i);
        if (duk_is_array(ctx, -1))
            flatten(ctx, out, 0, 0);
        else {
            duk_dup_top(ctx);
            duk_put_prop_index(ctx, out, (duk_uarridx_t)duk_get_length(ctx, out));
        }
        duk_pop_2(ctx);
    }
    return 1;
}

// Making ------------------------------------------------------------------------------------------

// [ items ] -> [ list ]: what can be walked by index.
static void to_list(duk_context *ctx)
{
    if (duk_is_null_or_undefined(ctx, -1))
        (void)duk_error(ctx, DUK_ERR_TYPE_ERROR, "%s is not iterable",
                        duk_is_null(ctx, -1) ? "null" : "undefined");
    if (!duk_is_string(ctx, -1))
        (void)duk_to_object(ctx, -1);
    if (duk_is_string(ctx, -1) || duk_has_prop_string(ctx, -1, JS_ITERATOR_KEY))
        js_iterate_list(ctx, -1);
}

// [ items fn thisArg ] -> [ items fn thisArg list array ], each element by fn(value, i) if it is
// there.
static void make_array(duk_context *ctx)
{
    duk_set_top(ctx, 3);
    bool mapped = !duk_is_undefined(ctx, 1);
    if (mapped && !duk_is_callable(ctx, 1))
        (void)duk_error(ctx, DUK_ERR_TYPE_ERROR, "the mapping is not a function");
    duk_dup(ctx, 0);
    to_list(ctx);
    double n = js_list_length(ctx, 3);
    duk_idx_t out = duk_push_array(ctx);
    for (double i = 0; i < n; i++) {
        if (mapped) {
            duk_dup(ctx, 1);
            duk_dup(ctx, 2);
            get(ctx, 3, i);
            duk_push_number(ctx, i);
            duk_call_method(ctx, 2);
        } else {
            get(ctx, 3, i);
        }
        duk_put_prop_index(ctx, out, (duk_uarridx_t)i);
    }
}

static duk_ret_t array_from(duk_context *ctx)
{
    make_array(ctx);
    return 1;
}

static duk_ret_t array_of(duk_context *ctx)
{
    duk_idx_t n = duk_get_top(ctx), out = duk_push_array(ctx);
    for (duk_idx_t i = 0; i < n; i++) {
        duk_dup(ctx, i);
        duk_put_prop_index(ctx, out, (duk_uarridx_t)i);
    }
    return 1;
}

// Typed arrays ------------------------------------------------------------------------------------

// [ ... list ] -> [ ... typed ]: a typed array of the kind of `this`, or of the constructor `this`.
static duk_ret_t as_typed(duk_context *ctx, bool constructor)
{
    duk_push_this(ctx);
    if (!constructor)
        (void)duk_get_prop_string(ctx, -1, "constructor");
    duk_dup(ctx, constructor ? -2 : -3);
    duk_new(ctx, 1);
    return 1;
}

static duk_ret_t typed_from(duk_context *ctx)
{
    make_array(ctx);
    return as_typed(ctx, true);
}

static duk_ret_t typed_of(duk_context *ctx)
{
    (void)array_of(ctx);
    return as_typed(ctx, true);
}

static duk_ret_t typed_slice(duk_context *ctx)
{
    double n = js_list_begin(ctx, 2);
    double from = js_list_relative(ctx, 0, n, 0), to = js_list_relative(ctx, 1, n, n);
    duk_idx_t out = duk_push_array(ctx);
    for (double i = from; i < to; i++) {
        get(ctx, 2, i);
        duk_put_prop_index(ctx, out, (duk_uarridx_t)(i - from));
    }
    return as_typed(ctx, false);
}

static duk_ret_t typed_map(duk_context *ctx)
{
    double n = js_list_begin(ctx, 2);
    require_callback(ctx);
    duk_idx_t out = duk_push_array(ctx);
    for (double i = 0; i < n; i++) {
        call_back(ctx, i);
        duk_put_prop_index(ctx, out, (duk_uarridx_t)i);
        duk_pop(ctx);
    }
    return as_typed(ctx, false);
}

static duk_ret_t typed_filter(duk_context *ctx)
{
    double n = js_list_begin(ctx, 2);
    require_callback(ctx);
    duk_idx_t out = duk_push_array(ctx);
    for (double i = 0; i < n; i++) {
        call_back(ctx, i);
        bool keep = duk_to_boolean(ctx, -1);
        duk_pop(ctx);
        if (keep)
            duk_put_prop_index(ctx, out, (duk_uarridx_t)duk_get_length(ctx, out));
        else
            duk_pop(ctx);
    }
    return as_typed(ctx, false);
}

// The methods of Array.prototype that do for typed arrays as they are.
static const char *const shared[] = {"forEach", "indexOf", "lastIndexOf", "join",        "every",
                                     "some",    "reverse", "reduce",      "reduceRight", NULL};

// Sorting
// ------------------------------------------------------------------------------------------ A
// merge sort: stable, as the language asks (ECMA-262 23.1.3.30). Value stack: order, object, two
// lists to merge from and to.

static bool is_text_after(duk_context *ctx)
{
    duk_size_t n, m;
    const char *a = duk_to_lstring(ctx, -2, &n), *b = duk_to_lstring(ctx, -1, &m);
    duk_x_charge(ctx, n < m ? n : m);
    int c = memcmp(a, b, n < m ? n : m);
    return c != 0 ? c > 0 : n > m;
}

// Whether element i of the list must stand behind element k.
static bool is_after(duk_context *ctx, duk_idx_t list, duk_uarridx_t i, duk_uarridx_t k)
{
    bool by_text = duk_is_undefined(ctx, 0), after;
    if (!by_text) {
        duk_dup(ctx, 0);
        duk_push_undefined(ctx);
    }
    // The later element first, as V8 does it: an order that says true or false changes nothing.
    (void)duk_get_prop_index(ctx, list, by_text ? i : k);
    (void)duk_get_prop_index(ctx, list, by_text ? k : i);
    if (by_text) {
        after = is_text_after(ctx);
        duk_pop_2(ctx);
        return after;
    }
    duk_call_method(ctx, 2);
    after = duk_to_number(ctx, -1) < 0;
    duk_pop(ctx);
    return after;
}

static void merge(duk_context *ctx, duk_idx_t from, duk_uarridx_t at, duk_uarridx_t middle,
                  duk_uarridx_t end)
{
    duk_idx_t to = from == 2 ? 3 : 2;
    duk_uarridx_t i = at, k = middle;
    for (; at < end; at++) {
        bool second = i >= middle || (k < end && is_after(ctx, from, i, k));
        (void)duk_get_prop_index(ctx, from, second ? k++ : i++);
        (void)duk_put_prop_index(ctx, to, at);
    }
}

// Where the sorted list is.
static duk_idx_t sort_list(duk_context *ctx, duk_uarridx_t n)
{
    duk_idx_t from = 2;
    for (duk_uarridx_t width = 1; width < n; width *= 2, from = from == 2 ? 3 : 2) {
        for (duk_uarridx_t at = 0; at < n; at += 2 * width) {
            duk_uarridx_t left = n - at;
            merge(ctx, from, at, at + (left < width ? left : width),
                  at + (left < 2 * width ? left : 2 * width));
        }
    }
    return from;
}

duk_ret_t js_array_sort(duk_context *ctx)
{
    duk_set_top(ctx, 1);
    if (!duk_is_undefined(ctx, 0) && !duk_is_callable(ctx, 0))
        return duk_error(ctx, DUK_ERR_TYPE_ERROR, "the order must be a function");
    duk_push_this(ctx);
    (void)duk_to_object(ctx, 1);
    duk_uarridx_t length = (duk_uarridx_t)duk_get_length(ctx, 1), n = 0, there = 0, i = 0;
    duk_push_array(ctx);
    duk_push_array(ctx);
    for (; i < length; i++) {
        if (!duk_has_prop_index(ctx, 1, i))
            continue;
        there++;
        (void)duk_get_prop_index(ctx, 1, i);
        if (duk_is_undefined(ctx, -1))
            duk_pop(ctx);
        else
            (void)duk_put_prop_index(ctx, 2, n++);
    }
    duk_idx_t list = sort_list(ctx, n);
    for (i = 0; i < length; i++) {
        if (i < n)
            (void)duk_get_prop_index(ctx, list, i);
        else
            duk_push_undefined(ctx);
        if (i < there)
            (void)duk_put_prop_index(ctx, 1, i);
        else
            duk_pop(ctx);
        if (i >= there)
            (void)duk_del_prop_index(ctx, 1, i);
    }
    duk_dup(ctx, 1);
    return 1;
}

// A typed array sorts by number where no order is given (ECMA-262 23.2.3.29).
static duk_ret_t ascending(duk_context *ctx)
{
    double a = duk_to_number(ctx, 0), b = duk_to_number(ctx, 1);
    int none = (a != a) - (b != b); // NaN stands last
    duk_push_int(ctx, none != 0 ? none : a < b ? -1 : a > b);
    return 1;
}

duk_ret_t js_typed_sort_list(duk_context *ctx)
{
    duk_set_top(ctx, 1);
    (void)duk_push_c_function(ctx, js_array_sort, 1);
    duk_push_this(ctx);
    if (duk_is_undefined(ctx, 0))
        (void)duk_push_c_function(ctx, ascending, 2);
    else
        duk_dup(ctx, 0);
    duk_call_method(ctx, 1);
    duk_push_this(ctx);
    return 1;
}

void js_array_share(duk_context *ctx, duk_idx_t typed_prototype)
{
    typed_prototype = duk_normalize_index(ctx, typed_prototype);
    duk_get_global_string(ctx, "Array");
    (void)duk_get_prop_string(ctx, -1, "prototype");
    for (const char *const *name = shared; *name; name++) {
        duk_push_string(ctx, *name);
        (void)duk_get_prop_string(ctx, -2, *name);
        duk_def_prop(ctx, typed_prototype,
                     DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_WRITABLE |
                         DUK_DEFPROP_SET_CONFIGURABLE | DUK_DEFPROP_FORCE);
    }
    duk_push_string(ctx, "sort");
    (void)duk_push_c_function(ctx, js_array_sort, 1);
    duk_push_string(ctx, "name");
    duk_push_string(ctx, "sort");
    duk_def_prop(ctx, -3,
                 DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_CONFIGURABLE | DUK_DEFPROP_FORCE);
    duk_def_prop(ctx, -3,
                 DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_WRITABLE | DUK_DEFPROP_SET_CONFIGURABLE |
                     DUK_DEFPROP_FORCE);
    duk_pop_2(ctx);
}

#define ARRAY "Array.prototype"
#define TYPED JS_TYPED_ARRAY ".prototype"

const struct js_builtin js_array_builtins[] = {
    {"Array", "from", array_from, 1},
    {"Array", "of", array_of, 0},
    {ARRAY, "at", array_at, 1},
    {ARRAY, "copyWithin", array_copy_within, 2},
    {ARRAY, "fill", array_fill, 1},
    {ARRAY, "find", array_find, 1},
    {ARRAY, "findIndex", array_find_index, 1},
    {ARRAY, "findLast", array_find_last, 1},
    {ARRAY, "findLastIndex", array_find_last_index, 1},
    {ARRAY, "flat", array_flat, 0},
    {ARRAY, "flatMap", array_flat_map, 1},
    {ARRAY, "includes", array_includes, 1},
    {JS_TYPED_ARRAY, "from", typed_from, 1},
    {JS_TYPED_ARRAY, "of", typed_of, 0},
    {TYPED, "at", array_at, 1},
    {TYPED, "copyWithin", array_copy_within, 2},
    {TYPED, "fill", array_fill, 1},
    {TYPED, "filter", typed_filter, 1},
    {TYPED, "find", array_find, 1},
    {TYPED, "findIndex", array_find_index, 1},
    {TYPED, "findLast", array_find_last, 1},
    {TYPED, "findLastIndex", array_find_last_index, 1},
    {TYPED, "includes", array_includes, 1},
    {TYPED, "map", typed_map, 1},
    {TYPED, "slice", typed_slice, 2},
    {TYPED, "sort", js_typed_sort_list, 1},
    {NULL, NULL, NULL, 0},
};
