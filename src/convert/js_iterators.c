// SPDX-License-Identifier: Apache-2.0
#include "convert/js_iterators.h"

#include "convert/js_collections.h"
#include "convert/js_iterate.h"
#include "convert/js_list.h"

// Iterators as objects with next() (ECMA-262 23.1.5, 24.1.5, 24.2.5): of arrays, typed arrays,
// strings, Map and Set. They look at what they walk as it is at each step.

#define PROTOTYPE "listIterator" // in the heap's stash
#define LIST DUK_HIDDEN_SYMBOL("list")
#define AT DUK_HIDDEN_SYMBOL("at")
#define WANT DUK_HIDDEN_SYMBOL("want")

// [ ... of ] -> [ ... iterator ]
duk_ret_t js_iterator_new(duk_context *ctx, enum js_want want)
{
    duk_push_object(ctx);
    duk_push_heap_stash(ctx);
    (void)duk_get_prop_string(ctx, -1, PROTOTYPE);
    duk_remove(ctx, -2);
    duk_set_prototype(ctx, -2);
    duk_dup(ctx, -2);
    duk_put_prop_string(ctx, -2, LIST);
    duk_push_int(ctx, 0);
    duk_put_prop_string(ctx, -2, AT);
    duk_push_int(ctx, want);
    duk_put_prop_string(ctx, -2, WANT);
    return 1;
}

// The next element of the array-like at `of`; pushes index and value.
static bool next_element(duk_context *ctx, duk_idx_t of, double *at)
{
    if (*at >= js_list_length(ctx, of))
        return false;
    duk_push_number(ctx, *at);
    (void)duk_get_prop_index(ctx, of, (duk_uarridx_t)*at);
    ++*at;
    return true;
}

// [ key value ] -> [ what is wanted of them ]
static void choose(duk_context *ctx, enum js_want want)
{
    if (want == JS_WANT_ENTRIES) {
        duk_idx_t pair = duk_push_array(ctx);
        duk_pull(ctx, -3);
        duk_put_prop_index(ctx, pair - 1, 0);
        duk_pull(ctx, -2);
        duk_put_prop_index(ctx, pair - 2, 1);
    } else if (want == JS_WANT_KEYS) {
        duk_pop(ctx);
    } else {
        duk_remove(ctx, -2);
    }
}

static duk_ret_t iterator_next(duk_context *ctx)
{
    duk_set_top(ctx, 0);
    duk_push_this(ctx);
    if (!duk_is_object(ctx, 0) || !duk_get_prop_string(ctx, 0, AT))
        return duk_error(ctx, DUK_ERR_TYPE_ERROR, "next called on another object");
    double at = duk_get_number(ctx, 1);
    (void)duk_get_prop_string(ctx, 0, WANT);
    enum js_want want = (enum js_want)duk_get_int(ctx, 2);
    (void)duk_get_prop_string(ctx, 0, LIST);
    duk_push_object(ctx);
    bool collection = js_collection_is(ctx, 3);
    // At the end it forgets what it walked (ECMA-262 23.1.5.2.1), and stays at the end.
    bool more = !duk_is_undefined(ctx, 3) &&
                (collection ? js_collection_next(ctx, 3, &at) : next_element(ctx, 3, &at));
    if (more)
        choose(ctx, want);
    else
        duk_push_undefined(ctx);
    duk_put_prop_string(ctx, 4, "value");
    duk_push_boolean(ctx, !more);
    duk_put_prop_string(ctx, 4, "done");
    duk_push_number(ctx, at);
    duk_put_prop_string(ctx, 0, AT);
    if (!more) {
        duk_push_undefined(ctx);
        duk_put_prop_string(ctx, 0, LIST);
    }
    return 1;
}

static duk_ret_t iterator_self(duk_context *ctx)
{
    duk_push_this(ctx);
    return 1;
}

static duk_ret_t list_iterate(duk_context *ctx, enum js_want want)
{
    duk_push_this(ctx);
    (void)duk_to_object(ctx, -1);
    return js_iterator_new(ctx, want);
}

static duk_ret_t list_keys(duk_context *ctx)
{
    return list_iterate(ctx, JS_WANT_KEYS);
}

static duk_ret_t list_values(duk_context *ctx)
{
    return list_iterate(ctx, JS_WANT_VALUES);
}

static duk_ret_t list_entries(duk_context *ctx)
{
    return list_iterate(ctx, JS_WANT_ENTRIES);
}

static duk_ret_t string_values(duk_context *ctx)
{
    duk_push_this(ctx);
    (void)duk_to_string(ctx, -1);
    js_iterate_list(ctx, -1);
    return js_iterator_new(ctx, JS_WANT_VALUES);
}

#define TYPED JS_TYPED_ARRAY ".prototype"

const struct js_builtin js_iterator_builtins[] = {
    {"Array.prototype", "keys", list_keys, 0},
    {"Array.prototype", "values", list_values, 0},
    {"Array.prototype", "entries", list_entries, 0},
    {TYPED, "keys", list_keys, 0},
    {TYPED, "values", list_values, 0},
    {TYPED, "entries", list_entries, 0},
    {"String.prototype", JS_ITERATOR_KEY, string_values, 0},
    {NULL, NULL, NULL, 0},
};

void js_iterators_install(duk_context *ctx)
{
    duk_push_heap_stash(ctx);
    duk_push_object(ctx);
    duk_push_string(ctx, "next");
    (void)duk_push_c_function(ctx, iterator_next, DUK_VARARGS);
    js_define(ctx, DUK_DEFPROP_SET_WRITABLE);
    duk_push_string(ctx, JS_ITERATOR_KEY);
    (void)duk_push_c_function(ctx, iterator_self, 0);
    js_define(ctx, DUK_DEFPROP_SET_WRITABLE);
    js_define_tag(ctx, "Array Iterator");
    duk_put_prop_string(ctx, -2, PROTOTYPE);
    duk_pop(ctx);
}
