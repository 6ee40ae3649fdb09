// SPDX-License-Identifier: Apache-2.0
#include "convert/js_syntax.h"

#include "convert/js_class.h"
#include "convert/js_iterate.h"
#include "syntax/lower.h"

static duk_ret_t fail(duk_context *ctx, const char *what)
{
    return duk_error(ctx, DUK_ERR_TYPE_ERROR, "%s", what);
}

// Iteration ---------------------------------------------------------------------------------------

static duk_ret_t helper_iter(duk_context *ctx)
{
    duk_set_top(ctx, 1);
    js_iterate_begin(ctx);
    return 1;
}

static duk_ret_t helper_more(duk_context *ctx)
{
    duk_push_boolean(ctx, js_iterate_more(ctx, 0));
    return 1;
}

static duk_ret_t helper_close(duk_context *ctx)
{
    js_iterate_close(ctx, 0, duk_get_int(ctx, 1) == 0);
    return 0;
}

static duk_ret_t helper_list(duk_context *ctx)
{
    duk_int_t n = duk_get_int(ctx, 1);
    duk_set_top(ctx, 1);
    js_iterate_list(ctx, n);
    return 1;
}

static duk_ret_t helper_rest(duk_context *ctx)
{
    duk_uarridx_t from = (duk_uarridx_t)duk_get_uint(ctx, 1);
    duk_uarridx_t n = (duk_uarridx_t)duk_get_length(ctx, 0), to = 0;
    (void)duk_push_array(ctx);
    for (; from < n; from++) {
        (void)duk_get_prop_index(ctx, 0, from);
        duk_put_prop_index(ctx, -2, to++);
    }
    return 1;
}

// [ kind value ... ] -> [ array ]
static duk_ret_t helper_spread(duk_context *ctx)
{
    duk_idx_t n = duk_get_top(ctx);
    duk_idx_t out = duk_push_array(ctx);
    duk_uarridx_t to = 0;
    for (duk_idx_t i = 0; i + 1 < n; i += 2) {
        duk_int_t kind = duk_get_int(ctx, i);
        if (kind == 2) {
            to++;
            continue;
        }
        duk_dup(ctx, i + 1);
        if (kind == 0) {
            duk_put_prop_index(ctx, out, to++);
            continue;
        }
        js_iterate_list(ctx, -1);
        duk_uarridx_t count = (duk_uarridx_t)duk_get_length(ctx, -1);
        for (duk_uarridx_t k = 0; k < count; k++) {
            (void)duk_get_prop_index(ctx, -1, k);
            duk_put_prop_index(ctx, out, to++);
        }
        duk_pop(ctx);
    }
    duk_set_length(ctx, out, to);
    return 1;
}

// Objects -----------------------------------------------------------------------------------------

#define OWN (DUK_ENUM_OWN_PROPERTIES_ONLY | DUK_ENUM_INCLUDE_SYMBOLS)

static bool is_key_of(duk_context *ctx, duk_idx_t key, duk_idx_t first, duk_idx_t end)
{
    for (duk_idx_t i = first; i < end; i++) {
        if (duk_strict_equals(ctx, key, i))
            return true;
    }
    return false;
}

// ECMA-262 7.3.25 CopyDataProperties.
static duk_ret_t helper_others(duk_context *ctx)
{
    duk_idx_t n = duk_get_top(ctx);
    for (duk_idx_t i = 1; i < n; i++) {
        if (!duk_is_symbol(ctx, i))
            (void)duk_to_string(ctx, i);
    }
    (void)duk_to_object(ctx, 0);
    duk_idx_t out = duk_push_object(ctx);
    if (duk_x_copy_properties(ctx, out, 0, 1, n))
        return 1;
    duk_enum(ctx, 0, OWN);
    while (duk_next(ctx, -1, 0)) {
        if (is_key_of(ctx, duk_get_top_index(ctx), 1, n)) {
            duk_pop(ctx);
            continue;
        }
        duk_dup_top(ctx);
        (void)duk_get_prop(ctx, 0);
        duk_def_prop(ctx, out, DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_WEC);
    }
    duk_pop(ctx);
    return 1;
}

// [ ... enum key ] of object 1 -> [ ... enum ]; the property with its accessors into object 0.
static void copy_literal_property(duk_context *ctx)
{
    duk_idx_t key = duk_get_top_index(ctx);
    duk_dup(ctx, key);
    duk_get_prop_desc(ctx, 1, 0);
    bool get = duk_get_prop_string(ctx, -1, "get"), set = duk_get_prop_string(ctx, -2, "set");
    if (get || set) {
        duk_remove(ctx, -3); // [ key get set ]
        duk_uint_t flags = DUK_DEFPROP_SET_ENUMERABLE | DUK_DEFPROP_SET_CONFIGURABLE |
                           (duk_is_undefined(ctx, -2) ? 0 : DUK_DEFPROP_HAVE_GETTER) |
                           (duk_is_undefined(ctx, -1) ? 0 : DUK_DEFPROP_HAVE_SETTER);
        if (duk_is_undefined(ctx, -1))
            duk_pop(ctx);
        else if (duk_is_undefined(ctx, -2))
            duk_remove(ctx, -2);
        duk_def_prop(ctx, 0, flags);
        return;
    }
    duk_set_top(ctx, key + 1);
    duk_dup(ctx, key);
    (void)duk_get_prop(ctx, 1);
    duk_def_prop(ctx, 0, DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_WEC);
}

// [kind, key, function] of object 1 into object 0. An accessor's other half stays.
static duk_ret_t mix_accessor(duk_context *ctx)
{
    (void)duk_get_prop_index(ctx, 1, 0);
    bool getter = duk_get_int(ctx, -1) == LOWER_GETTER;
    (void)duk_get_prop_index(ctx, 1, 1);
    (void)duk_get_prop_index(ctx, 1, 2);
    duk_def_prop(ctx, 0,
                 DUK_DEFPROP_SET_ENUMERABLE | DUK_DEFPROP_SET_CONFIGURABLE |
                     (getter ? DUK_DEFPROP_HAVE_GETTER : DUK_DEFPROP_HAVE_SETTER));
    duk_set_top(ctx, 1);
    return 1;
}

// (to, from, what)
static duk_ret_t helper_mix(duk_context *ctx)
{
    duk_int_t what = duk_get_int(ctx, 2);
    bool literal = what == LOWER_LITERAL;
    duk_set_top(ctx, 2);
    if (what == LOWER_PROTOTYPE) {
        bool none = duk_is_null(ctx, 1);
        if (none)
            duk_push_undefined(ctx);
        if (none || duk_is_object(ctx, 1))
            duk_set_prototype(ctx, 0);
        duk_set_top(ctx, 1);
        return 1;
    }
    if (what == LOWER_ACCESSOR)
        return mix_accessor(ctx);
    if (duk_is_null_or_undefined(ctx, 1)) {
        duk_pop(ctx);
        return 1;
    }
    (void)duk_to_object(ctx, 1);
    if (duk_x_copy_properties(ctx, 0, 1, 0, 0)) {
        duk_pop(ctx);
        return 1;
    }
    duk_enum(ctx, 1, OWN);
    while (duk_next(ctx, 2, literal ? 0 : 1)) {
        if (literal)
            copy_literal_property(ctx);
        else
            duk_def_prop(ctx, 0, DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_WEC);
    }
    duk_dup(ctx, 0);
    return 1;
}

static duk_ret_t helper_object(duk_context *ctx)
{
    duk_set_top(ctx, 1);
    if (duk_is_null_or_undefined(ctx, 0))
        return duk_error(ctx, DUK_ERR_TYPE_ERROR, "cannot destructure %s",
                         duk_is_null(ctx, 0) ? "null" : "undefined");
    return 1;
}

// Calls -------------------------------------------------------------------------------------------

// (f, this, list)
static duk_ret_t helper_apply(duk_context *ctx)
{
    duk_set_top(ctx, 3);
    if (!duk_is_callable(ctx, 0))
        return duk_error(ctx, DUK_ERR_TYPE_ERROR, "%s not callable", duk_safe_to_string(ctx, 0));
    js_iterate_call(ctx);
    return 1;
}

static duk_ret_t helper_call(duk_context *ctx)
{
    duk_idx_t n = duk_get_top(ctx);
    if (!duk_is_callable(ctx, 0))
        return duk_error(ctx, DUK_ERR_TYPE_ERROR, "%s not callable", duk_safe_to_string(ctx, 0));
    duk_call_method(ctx, n - 2);
    return 1;
}

static duk_ret_t helper_make(duk_context *ctx)
{
    duk_set_top(ctx, 2);
    if (!duk_is_constructable(ctx, 0))
        return duk_error(ctx, DUK_ERR_TYPE_ERROR, "%s not constructable",
                         duk_safe_to_string(ctx, 0));
    duk_new(ctx, js_iterate_unpack(ctx));
    return 1;
}

// Templates ---------------------------------------------------------------------------------------

static duk_ret_t helper_text(duk_context *ctx)
{
    duk_idx_t n = duk_get_top(ctx);
    for (duk_idx_t i = 0; i < n; i++)
        (void)duk_to_string(ctx, i);
    duk_concat(ctx, n);
    return 1;
}

// (raw, cooked...)
static duk_ret_t helper_site(duk_context *ctx)
{
    duk_idx_t n = duk_get_top(ctx);
    duk_idx_t out = duk_push_array(ctx);
    for (duk_idx_t i = 1; i < n; i++) {
        duk_dup(ctx, i);
        duk_put_prop_index(ctx, out, (duk_uarridx_t)(i - 1));
    }
    duk_freeze(ctx, 0);
    duk_push_string(ctx, "raw");
    duk_dup(ctx, 0);
    duk_def_prop(ctx, out, DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_CLEAR_WEC);
    duk_freeze(ctx, out);
    return 1;
}

// Variables ---------------------------------------------------------------------------------------

static duk_ret_t helper_fixed(duk_context *ctx)
{
    return fail(ctx, "Assignment to constant variable.");
}

static duk_ret_t helper_dead(duk_context *ctx)
{
    return duk_error(ctx, DUK_ERR_REFERENCE_ERROR, "Cannot access '%s' before initialization",
                     duk_safe_to_string(ctx, 0));
}

static duk_ret_t helper_unset(duk_context *ctx)
{
    (void)ctx;
    return 0;
}

// -------------------------------------------------------------------------------------------------

#define helper_class js_class_make
#define helper_statics js_class_statics
#define helper_fields js_class_fields
#define helper_needs_new js_class_needs_new
#define helper_super js_class_super
#define helper_once js_class_once
#define helper_no_delete js_class_no_delete
#define helper_super_get js_class_super_get
#define helper_super_set js_class_super_set
#define helper_super_call js_class_super_call
#define helper_super_list js_class_super_list
#define helper_no_this js_class_no_this
#define helper_result js_class_result

duk_c_function js_syntax_helper(struct span name)
{
    static const struct {
        const char *name;
        duk_c_function fn;
    } helpers[] = {
#define HELPER(n) {#n, helper_##n},
        LOWER_HELPERS(HELPER)
#undef HELPER
    };
    for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++) {
        if (span_is(name, helpers[i].name))
            return helpers[i].fn;
    }
    return NULL;
}
