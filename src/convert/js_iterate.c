// SPDX-License-Identifier: Apache-2.0
#include "convert/js_iterate.h"

// Of a list that an iterator fills.
#define ITERATOR DUK_HIDDEN_SYMBOL("iterator")
#define NEXT DUK_HIDDEN_SYMBOL("next")

// The length of the character at `p`: a code point, which may be two surrogates (CESU-8).
static size_t character_length(const unsigned char *p, size_t n)
{
    size_t first = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : 3;
    bool high = first == 3 && n >= 6 && p[0] == 0xed && (p[1] & 0xf0) == 0xa0;
    bool low = high && p[3] == 0xed && (p[4] & 0xf0) == 0xb0;
    return low ? 6 : first < n ? first : n;
}

// [ string ] -> [ array of its characters ]
static void split(duk_context *ctx)
{
    duk_size_t n;
    const unsigned char *p = (const unsigned char *)duk_get_lstring(ctx, -1, &n);
    duk_uarridx_t i = 0;
    duk_idx_t out = duk_push_array(ctx);
    for (size_t at = 0; at < n; i++) {
        size_t length = character_length(p + at, n - at);
        duk_push_lstring(ctx, (const char *)p + at, length);
        duk_put_prop_index(ctx, out, i);
        at += length;
    }
    duk_remove(ctx, -2);
}

static void fail_iterable(duk_context *ctx)
{
    duk_require_stack(ctx, 2);
    duk_dup_top(ctx);
    const char *what = duk_is_object(ctx, -1) ? "the object" : duk_safe_to_string(ctx, -1);
    (void)duk_error(ctx, DUK_ERR_TYPE_ERROR, "%s is not iterable", what);
}

// [ value ] -> [ iterator ]
static void open_iterator(duk_context *ctx)
{
    if (duk_is_null_or_undefined(ctx, -1))
        fail_iterable(ctx);
    duk_dup_top(ctx);
    (void)duk_get_prop_string(ctx, -1, JS_ITERATOR_KEY);
    if (!duk_is_callable(ctx, -1)) {
        duk_pop_2(ctx);
        fail_iterable(ctx);
    }
    duk_insert(ctx, -2);
    duk_call_method(ctx, 0);
    if (!duk_is_object(ctx, -1))
        (void)duk_error(ctx, DUK_ERR_TYPE_ERROR, "what the iterator method returned is no object");
    duk_remove(ctx, -2);
}

// [ iterator next ] -> [ iterator next value ], or the same and false at the end.
static bool step(duk_context *ctx)
{
    duk_dup(ctx, -1);
    duk_dup(ctx, -3);
    duk_call_method(ctx, 0);
    if (!duk_is_object(ctx, -1))
        (void)duk_error(ctx, DUK_ERR_TYPE_ERROR, "what the iterator returned is no object");
    (void)duk_get_prop_string(ctx, -1, "done");
    if (duk_to_boolean(ctx, -1)) {
        duk_pop_2(ctx);
        return false;
    }
    (void)duk_get_prop_string(ctx, -2, "value");
    duk_replace(ctx, -3);
    duk_pop(ctx);
    return true;
}

// What can be walked by index as it is.
static bool is_list(duk_context *ctx)
{
    return duk_is_array(ctx, -1) || duk_is_buffer_data(ctx, -1) || duk_x_is_arguments(ctx, -1);
}

static bool is_text(duk_context *ctx)
{
    if (duk_is_string(ctx, -1) && !duk_is_symbol(ctx, -1))
        return true;
    return duk_x_is_string_object(ctx, -1) && duk_x_unwrap(ctx);
}

void js_iterate_begin(duk_context *ctx)
{
    if (is_list(ctx))
        return;
    if (is_text(ctx)) {
        split(ctx);
        return;
    }
    open_iterator(ctx);
    (void)duk_get_prop_string(ctx, -1, "next");
    (void)duk_push_array(ctx);
    duk_insert(ctx, -3);
    duk_put_prop_string(ctx, -3, NEXT);
    duk_put_prop_string(ctx, -2, ITERATOR);
}

bool js_iterate_more(duk_context *ctx, duk_idx_t list)
{
    list = duk_normalize_index(ctx, list);
    if (!duk_is_array(ctx, list) || !duk_get_prop_string(ctx, list, ITERATOR))
        return false;
    (void)duk_get_prop_string(ctx, list, NEXT);
    if (!step(ctx))
        return false;
    duk_uarridx_t n = (duk_uarridx_t)duk_get_length(ctx, list);
    duk_put_prop_index(ctx, list, n);
    // Its turn is over.
    if (n > 0)
        (void)duk_del_prop_index(ctx, list, n - 1);
    return true;
}

// [ iterator ] -> [ ], as ECMA-262 7.4.8 without an error.
static void close_iterator(duk_context *ctx)
{
    (void)duk_get_prop_string(ctx, -1, "return");
    if (!duk_is_null_or_undefined(ctx, -1)) {
        duk_dup(ctx, -2);
        duk_call_method(ctx, 0);
        if (!duk_is_object(ctx, -1))
            (void)duk_error(ctx, DUK_ERR_TYPE_ERROR,
                            "what the iterator's return gave is no object");
    }
    duk_pop_2(ctx);
}

static duk_ret_t close_quietly(duk_context *ctx, void *udata)
{
    (void)udata;
    close_iterator(ctx);
    return 0;
}

void js_iterate_close(duk_context *ctx, duk_idx_t list, bool thrown)
{
    list = duk_normalize_index(ctx, list);
    if (!duk_is_array(ctx, list) || !duk_get_prop_string(ctx, list, ITERATOR))
        return;
    if (!thrown) {
        close_iterator(ctx);
        return;
    }
    (void)duk_safe_call(ctx, close_quietly, NULL, 1, 1);
    duk_pop(ctx);
}

void js_iterate_list(duk_context *ctx, duk_int_t n)
{
    if (is_list(ctx))
        return;
    if (is_text(ctx)) {
        split(ctx);
        return;
    }
    open_iterator(ctx);
    duk_idx_t out = duk_push_array(ctx);
    duk_insert(ctx, out - 1);
    out--;
    (void)duk_get_prop_string(ctx, -1, "next");
    bool more = true;
    for (duk_uarridx_t i = 0; n < 0 || i < (duk_uarridx_t)n; i++) {
        more = step(ctx);
        if (!more)
            break;
        duk_put_prop_index(ctx, out, i);
    }
    if (more) {
        duk_pop(ctx);
        close_iterator(ctx);
    }
    duk_set_top(ctx, out + 1);
}

duk_idx_t js_iterate_unpack(duk_context *ctx)
{
    duk_idx_t n = (duk_idx_t)duk_get_length(ctx, -1), list = duk_get_top_index(ctx);
    if (n > JS_ARGUMENTS_MAX)
        (void)duk_error(ctx, DUK_ERR_RANGE_ERROR, "more than %d arguments", JS_ARGUMENTS_MAX);
    duk_require_stack(ctx, n + 2);
    for (duk_idx_t i = 0; i < n; i++)
        (void)duk_get_prop_index(ctx, list, (duk_uarridx_t)i);
    duk_remove(ctx, list);
    return n;
}

void js_iterate_call(duk_context *ctx)
{
    if (duk_x_apply_list(ctx))
        return;
    duk_call_method(ctx, js_iterate_unpack(ctx));
}
