// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "convert/js_builtins.h"
#include "convert/js_collections.h"
#include "convert/js_list.h"

// structuredClone (HTML 2.7.3 to 2.7.5, without transfer): data of any shape, cycles and what is
// met twice included. What is no data, a function or a symbol, makes a DataCloneError.

#define CLONE_DEPTH_MAX 400

struct clone {
    duk_context *ctx;
    duk_idx_t copies;    // by the address of what they are copies of
    duk_idx_t originals; // an array that keeps these addresses theirs
    int depth;
};

static void clone_value(struct clone *c);

// [ value ]
static void refuse(struct clone *c)
{
    duk_context *ctx = c->ctx;
    if (duk_is_object(ctx, -1) && !duk_is_function(ctx, -1))
        duk_push_string(ctx, "#<Object>");
    else
        (void)duk_safe_to_string(ctx, -1);
    duk_push_error_object(ctx, DUK_ERR_ERROR, "%s could not be cloned.", duk_get_string(ctx, -1));
    duk_push_string(ctx, "name");
    duk_push_string(ctx, "DataCloneError");
    js_define(ctx, DUK_DEFPROP_SET_WRITABLE);
    duk_push_string(ctx, "code");
    duk_push_int(ctx, 25);
    js_define(ctx, DUK_DEFPROP_SET_WRITABLE);
    (void)duk_throw(ctx);
}

static void address_of(struct clone *c, duk_idx_t original, char out[24])
{
    snprintf(out, 24, "%p", duk_get_heapptr(c->ctx, original));
}

// [ original ... copy ] -> the same; before what is inside is copied.
static void remember(struct clone *c, duk_idx_t original)
{
    char address[24];
    address_of(c, original, address);
    duk_dup_top(c->ctx);
    duk_put_prop_string(c->ctx, c->copies, address);
    duk_dup(c->ctx, original);
    duk_put_prop_index(c->ctx, c->originals, (duk_uarridx_t)duk_get_length(c->ctx, c->originals));
}

// [ original ] -> [ original, its own enumerable members copied to the object `to` ]
static void clone_members(struct clone *c, duk_idx_t to)
{
    duk_context *ctx = c->ctx;
    duk_enum(ctx, -1, DUK_ENUM_OWN_PROPERTIES_ONLY);
    while (duk_next(ctx, -1, 1)) {
        clone_value(c);
        duk_def_prop(ctx, to, DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_WEC | DUK_DEFPROP_FORCE);
    }
    duk_pop(ctx);
}

// [ original copy ] -> the same, the copy filled.
static void clone_into(struct clone *c)
{
    duk_idx_t copy = duk_get_top_index(c->ctx);
    remember(c, copy - 1);
    duk_dup(c->ctx, copy - 1);
    clone_members(c, copy);
    duk_pop(c->ctx);
}

// Kinds of objects --------------------------------------------------------------------------------

// [ original ] -> [ original copy ] of a constructor for which the arguments are on the top.
static void construct(duk_context *ctx, const char *constructor, duk_idx_t arguments)
{
    duk_get_global_string(ctx, constructor);
    duk_insert(ctx, -1 - arguments);
    duk_new(ctx, arguments);
}

static void clone_collection(struct clone *c, bool map)
{
    duk_context *ctx = c->ctx;
    duk_idx_t original = duk_get_top_index(ctx);
    construct(ctx, map ? "Map" : "Set", 0);
    remember(c, original);
    // As it is when its turn comes: a getter inside may change it.
    duk_idx_t list = duk_push_array(ctx);
    duk_uarridx_t n = 0;
    for (double at = 0; js_collection_next(ctx, original, &at); n += 2) {
        duk_put_prop_index(ctx, list, n + 1);
        duk_put_prop_index(ctx, list, n);
    }
    for (duk_uarridx_t i = 0; i < n; i += 2) {
        duk_push_string(ctx, map ? "set" : "add");
        (void)duk_get_prop_index(ctx, list, i);
        clone_value(c);
        if (map) {
            (void)duk_get_prop_index(ctx, list, i + 1);
            clone_value(c);
        }
        duk_call_prop(ctx, original + 1, map ? 2 : 1);
        duk_pop(ctx);
    }
    duk_pop(ctx);
}

// Not by the constructor: a script may have put another in its place, and its buffer another size.
static void clone_buffer(struct clone *c)
{
    duk_context *ctx = c->ctx;
    duk_size_t n;
    const void *from = duk_get_buffer_data(ctx, -1, &n);
    void *to = duk_push_fixed_buffer(ctx, n);
    if (n > 0)
        memcpy(to, from, n);
    duk_push_buffer_object(ctx, -1, 0, n, DUK_BUFOBJ_ARRAYBUFFER);
    duk_remove(ctx, -2);
    remember(c, duk_get_top_index(ctx) - 1);
}

// Typed arrays and DataView stay views of one buffer where they were.
static void clone_view(struct clone *c, const char *constructor)
{
    duk_context *ctx = c->ctx;
    duk_idx_t original = duk_get_top_index(ctx);
    bool plain = strcmp(constructor, "DataView") == 0;
    (void)duk_get_prop_string(ctx, original, "buffer");
    clone_value(c);
    (void)duk_get_prop_string(ctx, original, "byteOffset");
    (void)duk_get_prop_string(ctx, original, plain ? "byteLength" : "length");
    construct(ctx, constructor, 3);
    remember(c, original);
}

static void put_own(struct clone *c, const char *name)
{
    duk_context *ctx = c->ctx;
    (void)duk_get_prop_string(ctx, -2, name);
    if (!duk_is_undefined(ctx, -1))
        (void)duk_to_string(ctx, -1);
    duk_push_string(ctx, name);
    duk_insert(ctx, -2);
    js_define(ctx, DUK_DEFPROP_SET_WRITABLE);
}

// Name and message; the name becomes one of the language's own.
static void clone_error(struct clone *c)
{
    static const char *const names[] = {"EvalError",   "RangeError", "ReferenceError",
                                        "SyntaxError", "TypeError",  "URIError"};
    duk_context *ctx = c->ctx;
    const char *constructor = "Error";
    (void)duk_get_prop_string(ctx, -1, "name");
    const char *name = duk_safe_to_string(ctx, -1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            constructor = names[i];
    duk_pop(ctx);
    construct(ctx, constructor, 0);
    remember(c, duk_get_top_index(ctx) - 1);
    if (duk_has_prop_string(ctx, -2, "message"))
        put_own(c, "message");
}

static void clone_wrapper(struct clone *c, const char *constructor)
{
    duk_dup_top(c->ctx);
    duk_push_string(c->ctx, "valueOf");
    duk_call_prop(c->ctx, -2, 0);
    duk_remove(c->ctx, -2);
    construct(c->ctx, constructor, 1);
    remember(c, duk_get_top_index(c->ctx) - 1);
}

static void clone_regexp(struct clone *c)
{
    duk_dup_top(c->ctx);
    construct(c->ctx, "RegExp", 1);
    remember(c, duk_get_top_index(c->ctx) - 1);
}

static void clone_array(struct clone *c)
{
    duk_idx_t copy = duk_push_array(c->ctx);
    duk_set_length(c->ctx, copy, duk_get_length(c->ctx, copy - 1));
    clone_into(c);
}

// [ object ] -> [ object copy ]
static void clone_object(struct clone *c)
{
    duk_context *ctx = c->ctx;
    const char *class = duk_x_class_of(ctx, -1);
    if (duk_is_function(ctx, -1) || duk_x_is_proxy(ctx, -1))
        refuse(c);
    else if (duk_is_array(ctx, -1))
        clone_array(c);
    else if (js_collection_is(ctx, -1))
        clone_collection(c, js_collection_is_map(ctx, -1));
    else if (strcmp(class, "ArrayBuffer") == 0)
        clone_buffer(c);
    else if (duk_is_buffer_data(ctx, -1))
        clone_view(c, class);
    else if (strcmp(class, "Error") == 0)
        clone_error(c);
    else if (strcmp(class, "RegExp") == 0)
        clone_regexp(c);
    else if (strcmp(class, "Date") == 0 || strcmp(class, "Boolean") == 0 ||
             strcmp(class, "Number") == 0 || strcmp(class, "String") == 0)
        clone_wrapper(c, class);
    else if (strcmp(class, "Symbol") == 0)
        refuse(c);
    else {
        duk_push_object(ctx);
        clone_into(c);
    }
}

// [ value ] -> [ copy ]
static void clone_value(struct clone *c)
{
    duk_context *ctx = c->ctx;
    char address[24];
    if (duk_is_symbol(ctx, -1))
        refuse(c);
    if (!duk_is_object(ctx, -1))
        return;
    address_of(c, -1, address);
    duk_require_stack(ctx, 12);
    if (!duk_get_prop_string(ctx, c->copies, address)) {
        duk_pop(ctx);
        if (c->depth++ > CLONE_DEPTH_MAX)
            (void)duk_error(ctx, DUK_ERR_RANGE_ERROR, "Maximum call stack size exceeded");
        clone_object(c);
        c->depth--;
    }
    duk_remove(ctx, -2);
}

static duk_ret_t structured_clone(duk_context *ctx)
{
    if (duk_get_top(ctx) == 0)
        return duk_error(ctx, DUK_ERR_TYPE_ERROR, "The \"value\" argument must be specified");
    duk_set_top(ctx, 1);
    struct clone c = {.ctx = ctx};
    c.copies = duk_push_bare_object(ctx);
    c.originals = duk_push_array(ctx);
    duk_dup(ctx, 0);
    clone_value(&c);
    return 1;
}

const struct js_builtin js_clone_builtins[] = {
    {"", "structuredClone", structured_clone, 1},
    {NULL, NULL, NULL, 0},
};
