// SPDX-License-Identifier: Apache-2.0
#include "convert/js_builtins.h"

#include <stdio.h>

#include "convert/js_collections.h"
#include "convert/js_error.h"
#include "convert/js_iterate.h"
#include "convert/js_iterators.h"
#include "convert/js_regexp_object.h"

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

// Object ------------------------------------------------------------------------------------------

enum { WANT_KEYS = 1, WANT_VALUES = 2 };

static duk_ret_t object_list(duk_context *ctx, int want)
{
    duk_set_top(ctx, 1);
    require_object(ctx);
    duk_idx_t out = duk_push_array(ctx);
    if (duk_x_list_entries(ctx, 0, out, (want & WANT_KEYS) != 0))
        return 1;
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
    js_iterate_list(ctx, -1);
    duk_idx_t out = duk_push_object(ctx);
    duk_size_t n = duk_get_length(ctx, 0);
    for (duk_size_t i = 0; i < n; i++) {
        (void)duk_get_prop_index(ctx, 0, (duk_uarridx_t)i);
        if (!duk_is_object(ctx, -1))
            return type_error(ctx, "Object.fromEntries: pairs are needed");
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

static duk_ret_t object_descriptors(duk_context *ctx)
{
    duk_set_top(ctx, 1);
    require_object(ctx);
    duk_idx_t out = duk_push_object(ctx);
    duk_enum(ctx, 0,
             DUK_ENUM_OWN_PROPERTIES_ONLY | DUK_ENUM_INCLUDE_NONENUMERABLE |
                 DUK_ENUM_INCLUDE_SYMBOLS | DUK_ENUM_NO_PROXY_BEHAVIOR);
    while (duk_next(ctx, -1, 0)) {
        duk_dup_top(ctx);
        duk_get_prop_desc(ctx, 0, 0);
        duk_put_prop(ctx, out);
    }
    duk_pop(ctx);
    return 1;
}

static duk_ret_t symbol_description(duk_context *ctx)
{
    duk_push_this(ctx);
    if (duk_is_object(ctx, 0)) {
        duk_push_string(ctx, "valueOf");
        duk_call_prop(ctx, 0, 0);
    }
    if (!duk_is_symbol(ctx, -1))
        return type_error(ctx, "Symbol.prototype.description needs a symbol");
    duk_x_push_description(ctx, -1);
    return 1;
}

// Installing --------------------------------------------------------------------------------------

static const struct js_builtin object_builtins[] = {
    {"Object", "entries", object_entries, 1},
    {"Object", "values", object_values, 1},
    {"Object", "fromEntries", object_from_entries, 1},
    {"Object", "assign", object_assign, 2},
    {"Object", "getOwnPropertyDescriptors", object_descriptors, 1},
    {NULL, NULL, NULL, 0},
};

static void push_holder(duk_context *ctx, const char *holder)
{
    if (holder[0] == 0) {
        duk_push_global_object(ctx);
        return;
    }
    if (strncmp(holder, JS_TYPED_ARRAY, strlen(JS_TYPED_ARRAY)) == 0) {
        duk_get_global_string(ctx, "Uint8Array");
        if (strcmp(holder, JS_TYPED_ARRAY ".prototype") == 0)
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

void js_define(duk_context *ctx, duk_uint_t flags)
{
    duk_def_prop(ctx, -3,
                 DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_CONFIGURABLE | DUK_DEFPROP_FORCE | flags);
}

void js_define_getter(duk_context *ctx, const char *name, duk_c_function fn, duk_int_t magic)
{
    char full[40];
    duk_push_string(ctx, name);
    (void)duk_push_c_function(ctx, fn, 0);
    duk_set_magic(ctx, -1, magic);
    snprintf(full, sizeof full, "get %s", name);
    duk_push_string(ctx, "name");
    duk_push_string(ctx, full);
    js_define(ctx, 0);
    duk_def_prop(ctx, -3,
                 DUK_DEFPROP_HAVE_GETTER | DUK_DEFPROP_SET_CONFIGURABLE |
                     DUK_DEFPROP_CLEAR_ENUMERABLE | DUK_DEFPROP_FORCE);
}

void js_define_tag(duk_context *ctx, const char *name)
{
    duk_push_string(ctx, DUK_WELLKNOWN_SYMBOL("Symbol.toStringTag"));
    duk_push_string(ctx, name);
    js_define(ctx, 0);
}

void js_builtins_push_prototype(duk_context *ctx, const char *constructor)
{
    char holder[40];
    snprintf(holder, sizeof holder, "%s.prototype", constructor);
    push_holder(ctx, holder);
}

static bool has_own(duk_context *ctx, const char *name)
{
    duk_push_string(ctx, name);
    duk_get_prop_desc(ctx, -2, 0);
    bool has = !duk_is_undefined(ctx, -1);
    duk_pop(ctx);
    return has;
}

static void install(duk_context *ctx, const struct js_builtin *list)
{
    for (; list->fn; list++) {
        duk_idx_t top = duk_get_top(ctx);
        push_holder(ctx, list->holder);
        if (duk_is_object(ctx, -1) && !has_own(ctx, list->name)) {
            duk_push_string(ctx, list->name);
            (void)duk_push_c_function(ctx, list->fn, DUK_VARARGS);
            duk_push_string(ctx, "length");
            duk_push_int(ctx, list->length);
            duk_def_prop(ctx, -3, DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_FORCE);
            duk_push_string(ctx, "name");
            duk_push_string(ctx, strcmp(list->name, JS_ITERATOR_KEY) == 0 ? "[Symbol.iterator]"
                                                                          : list->name);
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
    duk_idx_t top = duk_get_top(ctx);
    duk_push_global_object(ctx);
    for (const char *const *name = removed; *name; name++)
        (void)duk_del_prop_string(ctx, -1, *name);
    duk_pop(ctx);
    // Duktape's plain buffers, which the language does not have; what is not exact.
    (void)duk_peval_string(ctx, "delete Uint8Array.allocPlain; delete Uint8Array.plainOf;"
                                "delete ArrayBuffer.allocPlain; delete ArrayBuffer.plainOf;"
                                "delete Math.cbrt; delete Number.prototype.toLocaleString; delete "
                                "String.prototype.localeCompare");
    duk_pop(ctx);
    js_builtins_push_prototype(ctx, JS_TYPED_ARRAY);
    js_array_share(ctx, -1);
    duk_pop_n(ctx, duk_get_top(ctx) - top);
    js_iterators_install(ctx);
    js_collections_install(ctx);
    js_regexp_object_install(ctx);
    js_error_install(ctx);
    js_builtins_push_prototype(ctx, "Symbol");
    js_define_getter(ctx, "description", symbol_description, 0);
    duk_pop_n(ctx, duk_get_top(ctx) - top);
    static const struct js_builtin *const lists[] = {
        object_builtins,        js_array_builtins,    js_array_copy_builtins,
        js_clone_builtins,      js_string_builtins,   js_number_builtins,
        js_collection_builtins, js_iterator_builtins, js_helpers};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        install(ctx, lists[i]);
    js_collections_finish(ctx);
}
