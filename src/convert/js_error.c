// SPDX-License-Identifier: Apache-2.0
#include "convert/js_error.h"

#include "convert/js_iterate.h"
#include "convert/js_list.h"

// ECMA-262 20.5.7.1: (errors, message, options)
static duk_ret_t aggregate_construct(duk_context *ctx)
{
    bool constructs = duk_is_constructor_call(ctx);
    duk_set_top(ctx, 3);
    duk_get_global_string(ctx, "Error");
    duk_dup(ctx, 1);
    duk_dup(ctx, 2);
    duk_new(ctx, 2); // [ errors message options error ]
    if (constructs) {
        duk_push_this(ctx);
        duk_get_prototype(ctx, -1);
        duk_remove(ctx, -2);
    } else {
        duk_push_current_function(ctx);
        (void)duk_get_prop_string(ctx, -1, "prototype");
        duk_remove(ctx, -2);
    }
    duk_set_prototype(ctx, 3);
    duk_push_string(ctx, "errors");
    duk_dup(ctx, 0);
    js_iterate_list(ctx, -1);
    duk_idx_t list = duk_get_top_index(ctx), out = duk_push_array(ctx);
    double n = js_list_length(ctx, list);
    for (double i = 0; i < n; i++) {
        (void)duk_get_prop_index(ctx, list, (duk_uarridx_t)i);
        duk_put_prop_index(ctx, out, (duk_uarridx_t)i);
    }
    duk_remove(ctx, list);
    js_define(ctx, DUK_DEFPROP_SET_WRITABLE);
    return 1;
}

// [ object ] -> [ object ]
static void define_text(duk_context *ctx, const char *name, const char *value, duk_uint_t flags)
{
    duk_push_string(ctx, name);
    duk_push_string(ctx, value);
    js_define(ctx, flags);
}

static void install_aggregate(duk_context *ctx)
{
    duk_push_global_object(ctx);
    duk_push_string(ctx, "AggregateError");
    duk_idx_t constructor = duk_push_c_function(ctx, aggregate_construct, DUK_VARARGS);
    duk_get_global_string(ctx, "Error");
    duk_set_prototype(ctx, constructor);
    define_text(ctx, "name", "AggregateError", 0);
    duk_push_string(ctx, "length");
    duk_push_int(ctx, 2);
    js_define(ctx, 0);
    duk_push_string(ctx, "prototype");
    duk_idx_t prototype = duk_push_object(ctx);
    js_builtins_push_prototype(ctx, "Error");
    duk_set_prototype(ctx, prototype);
    duk_set_top(ctx, prototype + 1);
    duk_push_string(ctx, "constructor");
    duk_dup(ctx, constructor);
    js_define(ctx, DUK_DEFPROP_SET_WRITABLE);
    define_text(ctx, "name", "AggregateError", DUK_DEFPROP_SET_WRITABLE);
    define_text(ctx, "message", "", DUK_DEFPROP_SET_WRITABLE);
    duk_def_prop(ctx, constructor, DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_FORCE);
    js_define(ctx, DUK_DEFPROP_SET_WRITABLE);
}

void js_error_install(duk_context *ctx)
{
    static const char *const names[] = {"Error",       "EvalError", "RangeError", "ReferenceError",
                                        "SyntaxError", "TypeError", "URIError"};
    duk_idx_t top = duk_get_top(ctx);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        duk_get_global_string(ctx, names[i]);
        duk_x_take_arguments(ctx, 2);
        duk_pop(ctx);
    }
    install_aggregate(ctx);
    duk_set_top(ctx, top);
}
