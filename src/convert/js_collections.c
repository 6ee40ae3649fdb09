// SPDX-License-Identifier: Apache-2.0
#include "convert/js_collections.h"

#include <stdio.h>

#include "convert/js_iterate.h"
#include "convert/js_iterators.h"
#include "convert/js_list.h"

// Map and Set (ECMA-262 24.1, 24.2).
//
// A collection's entries lie in two arrays in the order they came; an object finds an entry's place
// by a text that stands for its key. An entry that is deleted leaves a hole, so that iterators that
// are under way keep their place.

#define KEYS DUK_HIDDEN_SYMBOL("keys")
#define VALUES DUK_HIDDEN_SYMBOL("values")
#define PLACES DUK_HIDDEN_SYMBOL("places")
#define SIZE DUK_HIDDEN_SYMBOL("size")
#define KIND DUK_HIDDEN_SYMBOL("kind")

enum kind { KIND_MAP = 1, KIND_SET };

static const char *const names[] = {"", "Map", "Set"};

// [ key ] -> [ text ]: the same for keys that are the same (SameValueZero).
static void key_text(duk_context *ctx)
{
    char text[40];
    double d;
    switch (duk_get_type(ctx, -1)) {
    case DUK_TYPE_STRING:
        if (duk_is_symbol(ctx, -1))
            break;
        duk_push_string(ctx, "s");
        duk_insert(ctx, -2);
        duk_concat(ctx, 2);
        return;
    case DUK_TYPE_NUMBER:
        d = duk_get_number(ctx, -1);
        snprintf(text, sizeof text, "n%.17g", d == 0 ? 0 : isnan(d) ? (double)NAN : d);
        duk_pop(ctx);
        duk_push_string(ctx, isnan(d) ? "nNaN" : text);
        return;
    case DUK_TYPE_BOOLEAN:
    case DUK_TYPE_UNDEFINED:
    case DUK_TYPE_NULL:
        (void)duk_to_string(ctx, -1);
        duk_push_string(ctx, "v");
        duk_insert(ctx, -2);
        duk_concat(ctx, 2);
        return;
    default:
        break;
    }
    // Identity: the address holds as long as the collection holds the key.
    snprintf(text, sizeof text, "o%p", duk_get_heapptr(ctx, -1));
    duk_pop(ctx);
    duk_push_string(ctx, text);
}

// Pushes `this`, a collection of that kind.
static void push_collection(duk_context *ctx, enum kind kind, const char *method)
{
    duk_push_this(ctx);
    bool is = duk_is_object(ctx, -1) && duk_get_prop_string(ctx, -1, KIND) &&
              duk_get_int(ctx, -1) == (int)kind;
    if (!is)
        (void)duk_error(ctx, DUK_ERR_TYPE_ERROR, "Method %s.prototype.%s called on another object",
                        names[kind], method);
    duk_pop(ctx);
}

// The place of the key at `key` in the collection on the top, or -1.
static duk_int_t place_of(duk_context *ctx, duk_idx_t key)
{
    (void)duk_get_prop_string(ctx, -1, PLACES);
    duk_dup(ctx, key);
    key_text(ctx);
    duk_int_t at = duk_get_prop(ctx, -2) ? duk_get_int(ctx, -1) : -1;
    duk_pop_2(ctx);
    return at;
}

static duk_int_t size_of(duk_context *ctx)
{
    (void)duk_get_prop_string(ctx, -1, SIZE);
    duk_int_t n = duk_get_int(ctx, -1);
    duk_pop(ctx);
    return n;
}

static void set_size(duk_context *ctx, duk_int_t n)
{
    duk_push_int(ctx, n);
    duk_put_prop_string(ctx, -2, SIZE);
}

static void put_item(duk_context *ctx, const char *list, duk_int_t at, duk_idx_t item)
{
    (void)duk_get_prop_string(ctx, -1, list);
    duk_dup(ctx, item);
    duk_put_prop_index(ctx, -2, (duk_uarridx_t)at);
    duk_pop(ctx);
}

// Adds or replaces an entry of the collection on the top.
static void put(duk_context *ctx, duk_idx_t key, duk_idx_t value)
{
    duk_int_t at = place_of(ctx, key);
    if (at < 0) {
        (void)duk_get_prop_string(ctx, -1, KEYS);
        at = (duk_int_t)duk_get_length(ctx, -1);
        duk_pop(ctx);
        put_item(ctx, KEYS, at, key);
        (void)duk_get_prop_string(ctx, -1, PLACES);
        duk_dup(ctx, key);
        key_text(ctx);
        duk_push_int(ctx, at);
        duk_put_prop(ctx, -3);
        duk_pop(ctx);
        set_size(ctx, size_of(ctx) + 1);
    }
    put_item(ctx, VALUES, at, value);
}

static void make_empty(duk_context *ctx)
{
    (void)duk_push_array(ctx);
    duk_put_prop_string(ctx, -2, KEYS);
    (void)duk_push_array(ctx);
    duk_put_prop_string(ctx, -2, VALUES);
    duk_push_bare_object(ctx);
    duk_put_prop_string(ctx, -2, PLACES);
    set_size(ctx, 0);
}

// Constructors ------------------------------------------------------------------------------------

// [ ... collection element ] -> [ ... collection ]
static void put_element(duk_context *ctx, enum kind kind)
{
    duk_idx_t element = duk_get_top_index(ctx);
    if (kind == KIND_MAP) {
        if (!duk_is_object(ctx, -1))
            (void)duk_error(ctx, DUK_ERR_TYPE_ERROR, "Iterator value %s is not an entry object",
                            duk_safe_to_string(ctx, -1));
        (void)duk_get_prop_index(ctx, -1, 0);
        (void)duk_get_prop_index(ctx, -2, 1);
    } else {
        duk_dup_top(ctx);
        duk_dup_top(ctx);
    }
    duk_dup(ctx, element - 1);
    put(ctx, element + 1, element + 2);
    duk_set_top(ctx, element);
}

static duk_ret_t construct(duk_context *ctx, enum kind kind)
{
    duk_set_top(ctx, 1);
    if (!duk_is_constructor_call(ctx))
        return duk_error(ctx, DUK_ERR_TYPE_ERROR, "Constructor %s requires 'new'", names[kind]);
    bool empty = duk_is_null_or_undefined(ctx, 0);
    if (!empty)
        js_iterate_list(ctx, -1);
    duk_push_this(ctx);
    duk_push_int(ctx, kind);
    duk_put_prop_string(ctx, -2, KIND);
    make_empty(ctx);
    double n = empty ? 0 : js_list_length(ctx, 0);
    for (double i = 0; i < n; i++) {
        (void)duk_get_prop_index(ctx, 0, (duk_uarridx_t)i);
        put_element(ctx, kind);
    }
    return 1;
}

static duk_ret_t map_construct(duk_context *ctx)
{
    return construct(ctx, KIND_MAP);
}

static duk_ret_t set_construct(duk_context *ctx)
{
    return construct(ctx, KIND_SET);
}

// Methods -----------------------------------------------------------------------------------------

static duk_ret_t map_get(duk_context *ctx)
{
    duk_set_top(ctx, 1);
    push_collection(ctx, KIND_MAP, "get");
    duk_int_t at = place_of(ctx, 0);
    if (at < 0)
        return 0;
    (void)duk_get_prop_string(ctx, -1, VALUES);
    (void)duk_get_prop_index(ctx, -1, (duk_uarridx_t)at);
    return 1;
}

static duk_ret_t map_set(duk_context *ctx)
{
    duk_set_top(ctx, 2);
    push_collection(ctx, KIND_MAP, "set");
    put(ctx, 0, 1);
    return 1;
}

static duk_ret_t set_add(duk_context *ctx)
{
    duk_set_top(ctx, 1);
    push_collection(ctx, KIND_SET, "add");
    put(ctx, 0, 0);
    return 1;
}

static duk_ret_t has(duk_context *ctx, enum kind kind)
{
    duk_set_top(ctx, 1);
    push_collection(ctx, kind, "has");
    duk_push_boolean(ctx, place_of(ctx, 0) >= 0);
    return 1;
}

static duk_ret_t map_has(duk_context *ctx)
{
    return has(ctx, KIND_MAP);
}

static duk_ret_t set_has(duk_context *ctx)
{
    return has(ctx, KIND_SET);
}

static void delete_item(duk_context *ctx, const char *list, duk_int_t at)
{
    (void)duk_get_prop_string(ctx, -1, list);
    (void)duk_del_prop_index(ctx, -1, (duk_uarridx_t)at);
    duk_pop(ctx);
}

static duk_ret_t delete_key(duk_context *ctx, enum kind kind)
{
    duk_set_top(ctx, 1);
    push_collection(ctx, kind, "delete");
    duk_int_t at = place_of(ctx, 0);
    if (at >= 0) {
        (void)duk_get_prop_string(ctx, -1, PLACES);
        duk_dup(ctx, 0);
        key_text(ctx);
        (void)duk_del_prop(ctx, -2);
        duk_pop(ctx);
        delete_item(ctx, KEYS, at);
        delete_item(ctx, VALUES, at);
        set_size(ctx, size_of(ctx) - 1);
    }
    duk_push_boolean(ctx, at >= 0);
    return 1;
}

static duk_ret_t map_delete(duk_context *ctx)
{
    return delete_key(ctx, KIND_MAP);
}

static duk_ret_t set_delete(duk_context *ctx)
{
    return delete_key(ctx, KIND_SET);
}

// The arrays stay, emptied: iterators under way look at them.
static duk_ret_t clear(duk_context *ctx, enum kind kind)
{
    push_collection(ctx, kind, "clear");
    static const char *const lists[] = {KEYS, VALUES};
    for (int i = 0; i < 2; i++) {
        (void)duk_get_prop_string(ctx, -1, lists[i]);
        duk_set_length(ctx, -1, 0);
        duk_pop(ctx);
    }
    duk_push_bare_object(ctx);
    duk_put_prop_string(ctx, -2, PLACES);
    set_size(ctx, 0);
    return 0;
}

static duk_ret_t map_clear(duk_context *ctx)
{
    return clear(ctx, KIND_MAP);
}

static duk_ret_t set_clear(duk_context *ctx)
{
    return clear(ctx, KIND_SET);
}

static duk_ret_t map_size(duk_context *ctx)
{
    push_collection(ctx, KIND_MAP, "size");
    duk_push_int(ctx, size_of(ctx));
    return 1;
}

static duk_ret_t set_size_of(duk_context *ctx)
{
    push_collection(ctx, KIND_SET, "size");
    duk_push_int(ctx, size_of(ctx));
    return 1;
}

bool js_collection_is(duk_context *ctx, duk_idx_t at)
{
    return duk_is_object(ctx, at) && duk_has_prop_string(ctx, at, KIND);
}

bool js_collection_is_map(duk_context *ctx, duk_idx_t at)
{
    (void)duk_get_prop_string(ctx, at, KIND);
    bool is = duk_get_int(ctx, -1) == KIND_MAP;
    duk_pop(ctx);
    return is;
}

bool js_collection_next(duk_context *ctx, duk_idx_t of, double *at)
{
    (void)duk_get_prop_string(ctx, of, KEYS);
    (void)duk_get_prop_string(ctx, of, VALUES);
    double n = (double)duk_get_length(ctx, -2);
    while (*at < n && !duk_has_prop_index(ctx, -2, (duk_uarridx_t)*at))
        ++*at;
    if (*at >= n) {
        duk_pop_2(ctx);
        return false;
    }
    (void)duk_get_prop_index(ctx, -2, (duk_uarridx_t)*at);
    (void)duk_get_prop_index(ctx, -2, (duk_uarridx_t)*at);
    duk_remove(ctx, -3);
    duk_remove(ctx, -3);
    ++*at;
    return true;
}

static duk_ret_t for_each(duk_context *ctx, enum kind kind)
{
    duk_set_top(ctx, 2);
    push_collection(ctx, kind, "forEach");
    if (!duk_is_callable(ctx, 0))
        return duk_error(ctx, DUK_ERR_TYPE_ERROR, "%s is not a function",
                         duk_safe_to_string(ctx, 0));
    for (double at = 0; js_collection_next(ctx, 2, &at); duk_set_top(ctx, 3)) {
        duk_dup(ctx, 0);
        duk_dup(ctx, 1);
        duk_dup(ctx, 4);
        duk_dup(ctx, 3);
        duk_dup(ctx, 2);
        duk_call_method(ctx, 3);
    }
    return 0;
}

static duk_ret_t map_for_each(duk_context *ctx)
{
    return for_each(ctx, KIND_MAP);
}

static duk_ret_t set_for_each(duk_context *ctx)
{
    return for_each(ctx, KIND_SET);
}

// Iterating ---------------------------------------------------------------------------------------

static duk_ret_t map_iterate(duk_context *ctx, enum js_want want, const char *method)
{
    push_collection(ctx, KIND_MAP, method);
    return js_iterator_new(ctx, want);
}

static duk_ret_t set_iterate(duk_context *ctx, enum js_want want, const char *method)
{
    push_collection(ctx, KIND_SET, method);
    return js_iterator_new(ctx, want);
}

static duk_ret_t map_keys(duk_context *ctx)
{
    return map_iterate(ctx, JS_WANT_KEYS, "keys");
}

static duk_ret_t map_values(duk_context *ctx)
{
    return map_iterate(ctx, JS_WANT_VALUES, "values");
}

static duk_ret_t map_entries(duk_context *ctx)
{
    return map_iterate(ctx, JS_WANT_ENTRIES, "entries");
}

static duk_ret_t set_values(duk_context *ctx)
{
    return set_iterate(ctx, JS_WANT_VALUES, "values");
}

static duk_ret_t set_entries(duk_context *ctx)
{
    return set_iterate(ctx, JS_WANT_ENTRIES, "entries");
}

// Installing --------------------------------------------------------------------------------------

const struct js_builtin js_collection_builtins[] = {
    {"Map.prototype", "get", map_get, 1},
    {"Map.prototype", "set", map_set, 2},
    {"Map.prototype", "has", map_has, 1},
    {"Map.prototype", "delete", map_delete, 1},
    {"Map.prototype", "clear", map_clear, 0},
    {"Map.prototype", "entries", map_entries, 0},
    {"Map.prototype", "forEach", map_for_each, 1},
    {"Map.prototype", "keys", map_keys, 0},
    {"Map.prototype", "values", map_values, 0},
    {"Set.prototype", "has", set_has, 1},
    {"Set.prototype", "add", set_add, 1},
    {"Set.prototype", "delete", set_delete, 1},
    {"Set.prototype", "clear", set_clear, 0},
    {"Set.prototype", "entries", set_entries, 0},
    {"Set.prototype", "forEach", set_for_each, 1},
    {"Set.prototype", "values", set_values, 0},
    {NULL, NULL, NULL, 0},
};

static void install_constructor(duk_context *ctx, enum kind kind, duk_c_function fn,
                                duk_c_function size)
{
    duk_push_global_object(ctx);
    duk_push_string(ctx, names[kind]);
    (void)duk_push_c_function(ctx, fn, DUK_VARARGS);
    duk_push_string(ctx, "name");
    duk_push_string(ctx, names[kind]);
    js_define(ctx, 0);
    duk_push_string(ctx, "length");
    duk_push_int(ctx, 0);
    js_define(ctx, 0);
    duk_push_string(ctx, "prototype");
    duk_push_object(ctx);
    duk_push_string(ctx, "constructor");
    duk_dup(ctx, -4);
    js_define(ctx, DUK_DEFPROP_SET_WRITABLE);
    duk_push_string(ctx, "size");
    (void)duk_push_c_function(ctx, size, 0);
    duk_def_prop(ctx, -3, DUK_DEFPROP_HAVE_GETTER | DUK_DEFPROP_SET_CONFIGURABLE);
    js_define_tag(ctx, names[kind]);
    duk_def_prop(ctx, -3, DUK_DEFPROP_HAVE_VALUE | DUK_DEFPROP_FORCE);
    js_define(ctx, DUK_DEFPROP_SET_WRITABLE);
    duk_pop(ctx);
}

// The same function under another name, as the language has it.
void js_collections_finish(duk_context *ctx)
{
    static const struct {
        const char *holder, *name, *method;
    } aliases[] = {
        {"Map", JS_ITERATOR_KEY, "entries"},
        {"Set", JS_ITERATOR_KEY, "values"},
        {"Set", "keys", "values"},
        {"Array", JS_ITERATOR_KEY, "values"},
        {JS_TYPED_ARRAY, JS_ITERATOR_KEY, "values"},
        {"String", "trimLeft", "trimStart"},
        {"String", "trimRight", "trimEnd"},
    };
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        duk_idx_t top = duk_get_top(ctx);
        js_builtins_push_prototype(ctx, aliases[i].holder);
        duk_push_string(ctx, aliases[i].name);
        (void)duk_get_prop_string(ctx, -2, aliases[i].method);
        js_define(ctx, DUK_DEFPROP_SET_WRITABLE);
        duk_set_top(ctx, top);
    }
}

void js_collections_install(duk_context *ctx)
{
    install_constructor(ctx, KIND_MAP, map_construct, map_size);
    install_constructor(ctx, KIND_SET, set_construct, set_size_of);
}
