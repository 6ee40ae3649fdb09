// SPDX-License-Identifier: Apache-2.0
#include "convert/js_plain.h"

// Whether all of it can be looked at without running script code. Gives up with false beyond the
// limits too: the copy then says what is wrong.
static bool is_plain(duk_context *ctx, const struct duk_x_value *v, unsigned depth, uint32_t *left)
{
    if (v->kind == DUK_X_ODD)
        return false;
    if (v->kind != DUK_X_ARRAY && v->kind != DUK_X_OBJECT)
        return true;
    if (depth == 0 || v->n > *left)
        return false;
    struct duk_x_value key, item;
    if (v->kind == DUK_X_ARRAY) {
        *left -= v->n;
        for (uint32_t i = 0; i < v->n; i++) {
            duk_x_item(ctx, v->object, i, &item);
            if (!is_plain(ctx, &item, depth - 1, left))
                return false;
        }
        return true;
    }
    uint32_t at = 0;
    int rc;
    while ((rc = duk_x_next(ctx, v->object, &at, &key, &item)) > 0) {
        if (*left == 0 || (item.kind == DUK_X_FUNCTION && span_eq(key.s, SPAN("toJSON"))))
            return false;
        --*left;
        if (!is_plain(ctx, &item, depth - 1, left))
            return false;
    }
    return rc == 0;
}

struct copy {
    duk_context *ctx;
    uint32_t left;
};

static void copy_value(struct copy *c, unsigned depth);

static void count_node(struct copy *c)
{
    if (c->left-- == 0)
        (void)duk_error(c->ctx, DUK_ERR_RANGE_ERROR, "the result has more than %d values",
                        JS_PLAIN_NODES);
}

// [ key value ] -> [ key value' ] with toJSON called and wrappers taken off.
static void reduce_value(duk_context *ctx)
{
    if (!duk_is_object(ctx, -1) || duk_is_function(ctx, -1))
        return;
    (void)duk_get_prop_string(ctx, -1, "toJSON");
    if (duk_is_function(ctx, -1)) {
        duk_dup(ctx, -2);
        duk_dup(ctx, -4);
        duk_call_method(ctx, 1);
        duk_replace(ctx, -2);
        if (!duk_is_object(ctx, -1))
            return;
    } else {
        duk_pop(ctx);
    }
    (void)duk_x_unwrap(ctx);
}

// [ array ] -> [ plain array ]
static void copy_array(struct copy *c, unsigned depth)
{
    duk_context *ctx = c->ctx;
    duk_size_t n = duk_get_length(ctx, -1);
    (void)duk_push_array(ctx);
    for (duk_size_t i = 0; i < n; i++) {
        count_node(c);
        duk_push_uint(ctx, (duk_uint_t)i);
        (void)duk_get_prop_index(ctx, -3, (duk_uarridx_t)i);
        copy_value(c, depth);
        // Not put: a setter of Array.prototype would get hold of the copy.
        duk_def_prop(ctx, -3, DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_WEC);
    }
    duk_remove(ctx, -2);
}

// [ object ] -> [ plain object ]
static void copy_object(struct copy *c, unsigned depth)
{
    duk_context *ctx = c->ctx;
    duk_idx_t to = duk_push_bare_object(ctx);
    duk_enum(ctx, -2, DUK_ENUM_OWN_PROPERTIES_ONLY);
    while (duk_next(ctx, -1, 0)) {
        count_node(c);
        duk_dup(ctx, -1);
        duk_dup(ctx, -1);
        (void)duk_get_prop(ctx, to - 1);
        copy_value(c, depth);
        duk_remove(ctx, -2);
        duk_put_prop(ctx, to);
    }
    duk_pop(ctx);
    duk_remove(ctx, -2);
}

// [ key value ] -> [ key plain-value ]
static void copy_value(struct copy *c, unsigned depth)
{
    duk_context *ctx = c->ctx;
    duk_require_stack(ctx, 16);
    reduce_value(ctx);
    if (!duk_is_object(ctx, -1) || duk_is_function(ctx, -1))
        return;
    if (depth == 0)
        (void)duk_error(ctx, DUK_ERR_RANGE_ERROR, "the result is nested deeper than %d levels",
                        JS_PLAIN_DEPTH);
    if (duk_is_array(ctx, -1))
        copy_array(c, depth - 1);
    else
        copy_object(c, depth - 1);
}

void js_plain_make(duk_context *ctx)
{
    struct duk_x_value v;
    duk_x_view(ctx, -1, &v);
    uint32_t left = JS_PLAIN_NODES;
    if (is_plain(ctx, &v, JS_PLAIN_DEPTH, &left) && duk_x_protos_clean(ctx))
        return;
    struct copy c = {ctx, JS_PLAIN_NODES};
    duk_push_string(ctx, "");
    duk_insert(ctx, -2);
    copy_value(&c, JS_PLAIN_DEPTH);
    duk_remove(ctx, -2);
}
