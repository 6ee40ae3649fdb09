// SPDX-License-Identifier: Apache-2.0
// Part of duk_ext.c: function bodies, closures and their scopes, and the lines of errors.

static void duk_x_parse_body(duk_compiler_ctx *comp_ctx)
{
    duk_hthread *thr = comp_ctx->thr;
    duk_compiler_func *func = &comp_ctx->curr_func;
    func->is_function = 1;
    func->h_name = NULL;
    duk_uarridx_t n = 0;
    for (const char *const *name = X_OF_HEAP(thr->heap)->formals; *name; name++) {
        duk_push_string(thr, *name);
        duk_put_prop_index(thr, func->argnames_idx, n++);
    }
    duk__parse_func_body(comp_ctx, 1 /*expect_eof*/, 0 /*implicit_return_value*/,
                         1 /*regexp_after*/, -1 /*expect_token*/);
}

void duk_x_push_body(duk_context *ctx, struct span text, const char *const *formals,
                     const char *file_name)
{
    X_OF_HEAP(ctx->heap)->formals = formals;
    duk_push_string(ctx, file_name);
    duk_js_compile(ctx, (const duk_uint8_t *)(text.p ? text.p : ""), text.n, DUK_X_COMPILE_BODY);
    duk_js_push_closure(ctx, (duk_hcompfunc *)duk_known_hobject(ctx, -1),
                        ctx->builtins[DUK_BIDX_GLOBAL_ENV], ctx->builtins[DUK_BIDX_GLOBAL_ENV],
                        0 /*add_auto_proto*/);
    duk_remove(ctx, -2);
    // It is there for good, and so are its properties.
    DUK_X_COMPLETE(ctx, duk_known_hobject(ctx, -1));
}

// Code knows the byte of the text that it comes from, + 1, where Duktape has lines. Line 0 without
// one.
static struct duk_x_place x_place(duk_hthread *thr, duk_uint_fast32_t at)
{
    struct duk_x *x = X_OF_HEAP(thr->heap);
    if (at == 0 || !x->locate)
        return (struct duk_x_place){0, 0};
    return x->locate(x, (uint32_t)at - 1);
}

static duk_uint_t duk_x_line(duk_hthread *thr, duk_uint_fast32_t at)
{
    struct duk_x_place place = x_place(thr, at);
    X_OF_HEAP(thr->heap)->column = place.column;
    return place.line;
}

struct duk_x_place duk_x_error_place(duk_context *ctx, const char *file_name)
{
    struct duk_x_place place = {0, 0};
    duk_idx_t top = duk_get_top(ctx);
    duk_xget_owndataprop_stridx_short(ctx, -1, DUK_STRIDX_INT_TRACEDATA);
    // Two items for each frame, innermost first: the function, and where in it.
    for (duk_uarridx_t i = 0; place.line == 0 && duk_is_object(ctx, top); i += 2) {
        duk_set_top(ctx, top + 1);
        (void)duk_get_prop_index(ctx, top, i);
        (void)duk_get_prop_index(ctx, top, i + 1);
        if (duk_is_undefined(ctx, top + 1))
            break;
        duk_hobject *func = duk_get_hobject(ctx, top + 1);
        if (!func || !DUK_HOBJECT_IS_COMPFUNC(func))
            continue;
        duk_xget_owndataprop_stridx_short(ctx, top + 1, DUK_STRIDX_FILE_NAME);
        if (strcmp(duk_get_string_default(ctx, -1, ""), file_name) == 0) {
            double pc = DUK_FMOD(duk_get_number(ctx, top + 2), DUK_DOUBLE_2TO32);
            place = x_place(ctx, duk_hobject_pc2line_query(ctx, top + 1, (duk_uint_fast32_t)pc));
        }
    }
    duk_set_top(ctx, top);
    return place;
}

// Compiling
// ----------------------------------------------------------------------------------------

static duk_uint_t duk_x_code_at(duk_compiler_ctx *comp_ctx)
{
    const struct duk_x *x = X_OF_HEAP(comp_ctx->thr->heap);
    if (x->code_at)
        return x->code_at;
    const duk_token *t = &comp_ctx->prev_token;
    return (duk_uint_t)(t->start_line ? t->start_offset : comp_ctx->curr_token.start_offset) + 1;
}

static void duk_x_refuse_code(duk_hthread *thr, const char *what)
{
    (void)duk_error(thr, DUK_ERR_EVAL_ERROR, "%s", what);
}

// Pushes the function when the name is that of a helper.
static int duk_x_push_helper(duk_hthread *thr, duk_hstring *name)
{
    const struct duk_x *x = X_OF_HEAP(thr->heap);
    struct span text =
        span_of((const char *)DUK_HSTRING_GET_DATA(name), DUK_HSTRING_GET_BYTELEN(name));
    if (x->helper_prefix.n == 0 || !span_has_prefix(text, x->helper_prefix))
        return 0;
    size_t n = x->helper_prefix.n;
    duk_c_function fn = x->helper(span_of(text.p + n, text.n - n));
    if (!fn)
        return 0;
    duk_push_c_lightfunc(thr, fn, DUK_VARARGS, 0, 0);
    return 1;
}

// [ template ] of the function whose parameters begin at `at`.
static void duk_x_describe(duk_compiler_ctx *comp_ctx, size_t at)
{
    duk_hthread *thr = comp_ctx->thr;
    const struct duk_x *x = X_OF_HEAP(thr->heap);
    struct duk_x_function f;
    if (!x->describe || !x->describe(x, (uint32_t)at, &f))
        return;
    // A character of two units is spelt otherwise in the engine; such names are left out.
    bool wide = false;
    for (size_t i = 0; i < f.name.n; i++)
        wide |= (unsigned char)f.name.p[i] >= 0xf0;
    if (f.name.n > 0 && !wide) {
        duk_push_lstring(thr, f.name.p, f.name.n);
        duk_xdef_prop_stridx_short(thr, -2, DUK_STRIDX_NAME, DUK_PROPDESC_FLAGS_NONE);
    }
    if (f.length >= 0) {
        duk_push_int(thr, f.length);
        duk_xdef_prop_stridx_short(thr, -2, DUK_STRIDX_LENGTH, DUK_PROPDESC_FLAGS_NONE);
    }
    if (f.is_method)
        DUK_HOBJECT_CLEAR_CONSTRUCTABLE(duk_known_hobject(thr, -1));
}

// Closures and scopes ----------------------------------------------------------------------------

static void x_complete(duk_hthread *thr, duk_hobject *obj)
{
    duk_hcompfunc *f = (duk_hcompfunc *)obj;
    duk_hobject *template = f->x_template;
    duk_push_hobject(thr, obj);
    duk_push_hobject(thr, template);
    f->x_template = NULL;
    DUK_HOBJECT_DECREF(thr, template);
    duk_x_closure_properties(thr, f, (duk_hcompfunc *)template);
    duk_pop(thr);
}

// Whether the closure has its own properties now because `key` may be one of them.
static int duk_x_complete_for(duk_hthread *thr, duk_hobject *obj, duk_hstring *key)
{
    if (key != DUK_HTHREAD_STRING_PROTOTYPE(thr) && key != DUK_HTHREAD_STRING_LENGTH(thr) &&
        key != DUK_HTHREAD_STRING_NAME(thr) && key != DUK_HTHREAD_STRING_FILE_NAME(thr) &&
        key != DUK_HTHREAD_STRING_CALLER(thr) && key != DUK_HTHREAD_STRING_LC_ARGUMENTS(thr))
        return 0;
    x_complete(thr, obj);
    return 1;
}

#define X_SCOPE_MAX 24 // variables that are looked up without a hash

// A fresh scope with an undefined entry for each name of the variable map.
static int duk_x_make_scope(duk_hthread *thr, duk_hobject *varmap, duk_hobject *env)
{
    duk_heap *heap = thr->heap;
    duk_uint32_t n = DUK_HOBJECT_GET_ENEXT(varmap);
    (void)heap;
    if (n > X_SCOPE_MAX)
        return 0;
    if (n == 0)
        return 1;
    duk_hobject_realloc_props(thr, env, n, 0, 0, 0);
    for (duk_uint32_t i = 0; i < n; i++) {
        duk_hstring *key = DUK_HOBJECT_E_GET_KEY(heap, varmap, i);
        DUK_HOBJECT_E_SET_KEY(heap, env, i, key);
        DUK_HSTRING_INCREF(thr, key);
        DUK_TVAL_SET_UNDEFINED(DUK_HOBJECT_E_GET_VALUE_TVAL_PTR(heap, env, i));
        DUK_HOBJECT_E_SET_FLAGS(heap, env, i, DUK_PROPDESC_FLAGS_WE);
    }
    DUK_HOBJECT_SET_ENEXT(env, n);
    return 1;
}

// The value of a variable whose register goes away moves to entry i of its scope.
static int duk_x_close_variable(duk_hthread *thr, duk_hobject *env, duk_uint32_t i,
                                duk_hstring *key, duk_tval *value)
{
    duk_heap *heap = thr->heap;
    (void)heap;
    if (i >= DUK_HOBJECT_GET_ENEXT(env) || DUK_HOBJECT_E_GET_KEY(heap, env, i) != key)
        return 0;
    duk_tval *tv = DUK_HOBJECT_E_GET_VALUE_TVAL_PTR(heap, env, i);
    if (!DUK_TVAL_IS_UNDEFINED(tv))
        return 0;
    DUK_TVAL_SET_TVAL(tv, value);
    DUK_TVAL_INCREF(thr, tv);
    return 1;
}
