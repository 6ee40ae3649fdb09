// SPDX-License-Identifier: Apache-2.0
#include "convert/js_class.h"

#include "convert/js_iterate.h"
#include "syntax/lower.h"

static duk_ret_t type_error(duk_context *ctx, const char *what)
{
    return duk_error(ctx, DUK_ERR_TYPE_ERROR, "%s", what);
}

// Making ------------------------------------------------------------------------------------------

// Pushes kind, key and function of member i; the kind.
static unsigned push_member(duk_context *ctx, duk_idx_t members, duk_uarridx_t i)
{
    (void)duk_get_prop_index(ctx, members, i * 3);
    (void)duk_get_prop_index(ctx, members, i * 3 + 1);
    (void)duk_get_prop_index(ctx, members, i * 3 + 2);
    return duk_get_uint(ctx, -3);
}

static duk_uarridx_t count_members(duk_context *ctx, duk_idx_t members)
{
    return (duk_uarridx_t)(duk_get_length(ctx, members) / 3);
}

static void push_constructor(duk_context *ctx, duk_idx_t members)
{
    duk_uarridx_t n = count_members(ctx, members);
    for (duk_uarridx_t i = 0; i < n; i++) {
        duk_idx_t top = duk_get_top(ctx);
        if (push_member(ctx, members, i) == LOWER_CONSTRUCTOR) {
            duk_replace(ctx, top);
            duk_set_top(ctx, top + 1);
            return;
        }
        duk_set_top(ctx, top);
    }
    duk_push_undefined(ctx);
}

// The base of the class at `constructor`, whose prototype is at `prototype`.
static void inherit(duk_context *ctx, duk_idx_t base, duk_idx_t constructor, duk_idx_t prototype)
{
    if (duk_is_null(ctx, base)) {
        duk_push_undefined(ctx);
        duk_set_prototype(ctx, prototype);
        return;
    }
    if (!duk_is_constructable(ctx, base))
        (void)duk_error(ctx, DUK_ERR_TYPE_ERROR,
                        "Class extends value %s is not a constructor or null",
                        duk_is_object(ctx, base) ? "#<Object>" : duk_safe_to_string(ctx, base));
    (void)duk_get_prop_string(ctx, base, "prototype");
    if (!duk_is_object(ctx, -1) && !duk_is_null(ctx, -1))
        (void)type_error(ctx, "the class to extend has a prototype that is no object");
    if (duk_is_null(ctx, -1)) {
        duk_pop(ctx);
        duk_push_undefined(ctx);
    }
    duk_set_prototype(ctx, prototype);
    duk_dup(ctx, base);
    duk_set_prototype(ctx, constructor);
}

// [ key function ] -> [ ]
static void define_member(duk_context *ctx, duk_idx_t to, unsigned kind)
{
    duk_uint_t flags = DUK_DEFPROP_SET_CONFIGURABLE | DUK_DEFPROP_CLEAR_ENUMERABLE;
    switch (kind & ~(unsigned)LOWER_STATIC) {
    case LOWER_METHOD:
        duk_def_prop(ctx, to,
                     flags | DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_WRITABLE | DUK_DEFPROP_FORCE);
        break;
    case LOWER_GETTER:
        duk_def_prop(ctx, to, flags | DUK_DEFPROP_HAVE_GETTER | DUK_DEFPROP_FORCE);
        break;
    case LOWER_SETTER:
        duk_def_prop(ctx, to, flags | DUK_DEFPROP_HAVE_SETTER | DUK_DEFPROP_FORCE);
        break;
    default:
        duk_pop_2(ctx);
        break;
    }
}

// (members, base?)
duk_ret_t js_class_make(duk_context *ctx)
{
    bool extends = duk_get_top(ctx) > 1;
    duk_set_top(ctx, 2);
    push_constructor(ctx, 0);
    (void)duk_get_prop_string(ctx, 2, "prototype");
    if (extends)
        inherit(ctx, 1, 2, 3);
    duk_uarridx_t n = count_members(ctx, 0);
    for (duk_uarridx_t i = 0; i < n; i++) {
        unsigned kind = push_member(ctx, 0, i);
        define_member(ctx, kind & LOWER_STATIC ? 2 : 3, kind);
        duk_set_top(ctx, 4);
    }
    duk_push_string(ctx, "prototype");
    duk_def_prop(ctx, 2, DUK_DEFPROP_CLEAR_WEC);
    duk_pop(ctx);
    return 1;
}

// [ kind key function ] -> [ ]: the value of the function, called on the object, as its property.
static void set_field(duk_context *ctx, duk_idx_t object)
{
    duk_dup(ctx, object);
    if (duk_is_callable(ctx, -2)) {
        duk_call_method(ctx, 0);
    } else {
        duk_pop_2(ctx);
        duk_push_undefined(ctx);
    }
    duk_def_prop(ctx, object, DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_SET_WEC | DUK_DEFPROP_FORCE);
    duk_pop(ctx);
}

static duk_ret_t set_fields(duk_context *ctx, unsigned wanted)
{
    duk_set_top(ctx, 2);
    duk_uarridx_t n = count_members(ctx, 0);
    for (duk_uarridx_t i = 0; i < n; i++) {
        unsigned kind = push_member(ctx, 0, i);
        if (kind == wanted) {
            set_field(ctx, 1);
        } else if ((wanted & LOWER_STATIC) && kind == (LOWER_BLOCK | LOWER_STATIC)) {
            duk_dup(ctx, 1);
            duk_call_method(ctx, 0);
        }
        duk_set_top(ctx, 2);
    }
    return 1;
}

duk_ret_t js_class_statics(duk_context *ctx)
{
    return set_fields(ctx, LOWER_FIELD | LOWER_STATIC);
}

duk_ret_t js_class_fields(duk_context *ctx)
{
    return set_fields(ctx, LOWER_FIELD);
}

// Constructing ------------------------------------------------------------------------------------

// (this, class)
duk_ret_t js_class_needs_new(duk_context *ctx)
{
    if (duk_is_object(ctx, 0) && duk_instanceof(ctx, 0, 1))
        return 0;
    (void)duk_get_prop_string(ctx, 1, "name");
    return duk_error(ctx, DUK_ERR_TYPE_ERROR,
                     "Class constructor %s cannot be invoked without 'new'",
                     duk_safe_to_string(ctx, -1));
}

// (base, this, list). A base in C makes its object itself; the class of it is that of `this`.
duk_ret_t js_class_super(duk_context *ctx)
{
    duk_set_top(ctx, 3);
    if (!duk_is_constructable(ctx, 0))
        return duk_error(ctx, DUK_ERR_TYPE_ERROR, "Super constructor %s is not a constructor",
                         duk_safe_to_string(ctx, 0));
    if (duk_is_c_function(ctx, 0)) {
        duk_dup(ctx, 1);
        duk_insert(ctx, 0);
        duk_remove(ctx, 2); // [ this base list ]
        duk_new(ctx, js_iterate_unpack(ctx));
        duk_get_prototype(ctx, 0);
        duk_set_prototype(ctx, 1);
        return 1;
    }
    duk_dup(ctx, 1);
    duk_insert(ctx, 0);
    js_iterate_call(ctx); // [ this result ]
    if (!duk_is_object(ctx, 1))
        duk_pop(ctx);
    return 1;
}

// (object, this)
duk_ret_t js_class_once(duk_context *ctx)
{
    duk_set_top(ctx, 2);
    if (!duk_is_undefined(ctx, 1))
        return duk_error(ctx, DUK_ERR_REFERENCE_ERROR, "Super constructor may only be called once");
    duk_pop(ctx);
    return 1;
}

duk_ret_t js_class_no_delete(duk_context *ctx)
{
    return duk_error(ctx, DUK_ERR_REFERENCE_ERROR, "Unsupported reference to 'super'");
}

duk_ret_t js_class_no_this(duk_context *ctx)
{
    return duk_error(ctx, DUK_ERR_REFERENCE_ERROR,
                     "Must call super constructor in derived class before accessing 'this' or "
                     "returning from derived constructor");
}

// (value, this)
duk_ret_t js_class_result(duk_context *ctx)
{
    duk_set_top(ctx, 2);
    if (duk_is_object(ctx, 0)) {
        duk_pop(ctx);
        return 1;
    }
    if (!duk_is_undefined(ctx, 0))
        return type_error(ctx, "Derived constructors may only return object or undefined");
    return duk_is_undefined(ctx, 1) ? js_class_no_this(ctx) : 1;
}

// super.name --------------------------------------------------------------------------------------

// Pushes the descriptor of the key in the object's bases, or undefined.
static void push_inherited(duk_context *ctx, duk_idx_t home, duk_idx_t key)
{
    if (!duk_is_symbol(ctx, key))
        (void)duk_to_string(ctx, key);
    duk_get_prototype(ctx, home);
    while (duk_is_object(ctx, -1)) {
        duk_dup(ctx, key);
        duk_get_prop_desc(ctx, -2, 0);
        if (duk_is_object(ctx, -1)) {
            duk_remove(ctx, -2);
            return;
        }
        duk_pop(ctx);
        duk_get_prototype(ctx, -1);
        duk_remove(ctx, -2);
    }
}

// Pushes the value that `this` sees.
static void push_super(duk_context *ctx, duk_idx_t home, duk_idx_t key, duk_idx_t self)
{
    push_inherited(ctx, home, key);
    if (!duk_is_object(ctx, -1))
        return;
    if (duk_has_prop_string(ctx, -1, "get")) {
        (void)duk_get_prop_string(ctx, -1, "get");
        if (duk_is_callable(ctx, -1)) {
            duk_dup(ctx, self);
            duk_call_method(ctx, 0);
        }
    } else {
        (void)duk_get_prop_string(ctx, -1, "value");
    }
    duk_remove(ctx, -2);
}

// (home, key, this)
duk_ret_t js_class_super_get(duk_context *ctx)
{
    duk_set_top(ctx, 3);
    push_super(ctx, 0, 1, 2);
    return 1;
}

// (home, key, value, this)
duk_ret_t js_class_super_set(duk_context *ctx)
{
    duk_set_top(ctx, 4);
    push_inherited(ctx, 0, 1);
    bool setter =
        duk_is_object(ctx, -1) && duk_get_prop_string(ctx, -1, "set") && duk_is_callable(ctx, -1);
    if (setter) {
        duk_dup(ctx, 3);
        duk_dup(ctx, 2);
        duk_call_method(ctx, 1);
    } else {
        duk_dup(ctx, 1);
        duk_dup(ctx, 2);
        duk_put_prop(ctx, 3);
    }
    duk_dup(ctx, 2);
    return 1;
}

// [ home key this ... ] -> [ function this ... ]
static void find_method(duk_context *ctx)
{
    push_super(ctx, 0, 1, 2);
    if (!duk_is_callable(ctx, -1))
        (void)duk_error(ctx, DUK_ERR_TYPE_ERROR, "(intermediate value).%s is not a function",
                        duk_safe_to_string(ctx, 1));
    duk_replace(ctx, 1);
    duk_remove(ctx, 0);
}

duk_ret_t js_class_super_call(duk_context *ctx)
{
    find_method(ctx);
    duk_call_method(ctx, duk_get_top(ctx) - 2);
    return 1;
}

duk_ret_t js_class_super_list(duk_context *ctx)
{
    duk_set_top(ctx, 4);
    find_method(ctx);
    js_iterate_call(ctx);
    return 1;
}
