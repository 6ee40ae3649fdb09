// SPDX-License-Identifier: Apache-2.0
// Duktape itself, and what we add from inside it. Duktape is one translation unit by design: its
// internal functions are static, and the additions below use them.

// Before the first look at Duktape's headers, which the name makes complete.
#define DUK_COMPILING_DUKTAPE
#include "convert/duk_ext.h"

#include "base/mem.h"

// Chosen on top of third_party/duktape/duk_options.h: what no script can reach is left out.
#include "duk_config.h"
#undef DUK_USE_FINALIZER_SUPPORT
#undef DUK_USE_NONSTD_STRING_FROMCHARCODE_32BIT
#undef DUK_USE_NONSTD_GETTER_KEY_ARGUMENT
#undef DUK_USE_NONSTD_SETTER_KEY_ARGUMENT

struct duk_hthread;
struct duk_hobject;
struct duk_heap;
struct duk_compiler_ctx;
static void x_save(struct duk_hthread *thr, struct duk_hobject *obj);
static void x_mark(struct duk_heap *heap);
static void x_look_at_clock(struct duk_hthread *thr);
static void duk_x_parse_body(struct duk_compiler_ctx *comp_ctx);
static int duk_x_apply_native(struct duk_hthread *thr, duk_idx_t idx_func);

#define X_OF_HEAP(heap) ((struct duk_x *)(heap)->heap_udata)
#define X_TICKS 16384

// An object that all records share carries Duktape's read-only flag, which means nothing else in a
// build without objects in ROM. The first write to it in a run saves it and takes the flag off.
#define DUK_X_TOUCH(thr, obj)                                                                      \
    do {                                                                                           \
        if (DUK_UNLIKELY(DUK_HEAPHDR_HAS_READONLY((duk_heaphdr *)(obj))))                          \
            x_save((thr), (obj));                                                                  \
    } while (0)
#define DUK_X_MARK(heap) x_mark(heap)
#define DUK_X_TICK(thr)                                                                            \
    do {                                                                                           \
        if (DUK_UNLIKELY(--X_OF_HEAP((thr)->heap)->ticks == 0))                                    \
            x_look_at_clock(thr);                                                                  \
    } while (0)
#define DUK_X_COMPILE_BODY (1U << 30)
// Duktape forgets to leave out one use of it.
#define DUK_HEAP_REMOVE_FROM_FINALIZE_LIST(heap, h) ((void)(heap), (void)(h))

#include "duktape.c"

// Named by the table of built-ins although finalizers are left out; no script can reach it.
duk_ret_t duk_bi_duktape_object_fin(duk_context *ctx)
{
    (void)ctx;
    return 0;
}

// The clock --------------------------------------------------------------------------------------

static void x_look_at_clock(duk_hthread *thr)
{
    struct duk_x *x = X_OF_HEAP(thr->heap);
    bool over = penstock_duk_timeout_check(x) != 0;
    x->ticks = over ? 1 : X_TICKS;
    if (over)
        (void)duk_error(thr, DUK_ERR_RANGE_ERROR, "execution timeout");
}

// Function bodies --------------------------------------------------------------------------------

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
}

int duk_x_error_line(duk_context *ctx, const char *file_name)
{
    int line = 0;
    duk_idx_t top = duk_get_top(ctx);
    duk_xget_owndataprop_stridx_short(ctx, -1, DUK_STRIDX_INT_TRACEDATA);
    // Two items for each frame, innermost first: the function, and where in it.
    for (duk_uarridx_t i = 0; line == 0 && duk_is_object(ctx, top); i += 2) {
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
            line = (int)duk_hobject_pc2line_query(ctx, top + 1, (duk_uint_fast32_t)pc);
        }
    }
    duk_set_top(ctx, top);
    return line;
}

// The journal ------------------------------------------------------------------------------------
//
// A saved object keeps its own property table in the journal, untouched, and goes on with a copy;
// restoring throws the copy away. Both tables hold references, and marking follows the saved one.

struct duk_x_saved {
    duk_hobject *obj;
    duk_hobject before; // its fields; `props` is the saved table, `prototype` is referenced
    duk_uint32_t length;
    duk_bool_t length_nonwritable;
};

#define X_FLAG_MASK (~((duk_uint32_t)0x7f)) // flags of the object, not those of the collector

static void x_table_incref(duk_hthread *thr, duk_hobject *h)
{
    duk_heap *heap = thr->heap;
    (void)heap;
    for (duk_uint32_t i = 0; i < DUK_HOBJECT_GET_ENEXT(h); i++) {
        if (DUK_HOBJECT_E_GET_KEY(heap, h, i) == NULL)
            continue;
        DUK_HSTRING_INCREF(thr, DUK_HOBJECT_E_GET_KEY(heap, h, i));
        if (DUK_HOBJECT_E_SLOT_IS_ACCESSOR(heap, h, i)) {
            DUK_HOBJECT_INCREF_ALLOWNULL(thr, DUK_HOBJECT_E_GET_VALUE_GETTER(heap, h, i));
            DUK_HOBJECT_INCREF_ALLOWNULL(thr, DUK_HOBJECT_E_GET_VALUE_SETTER(heap, h, i));
        } else {
            DUK_TVAL_INCREF(thr, DUK_HOBJECT_E_GET_VALUE_TVAL_PTR(heap, h, i));
        }
    }
    for (duk_uint32_t i = 0; i < DUK_HOBJECT_GET_ASIZE(h); i++)
        DUK_TVAL_INCREF(thr, DUK_HOBJECT_A_GET_VALUE_PTR(heap, h, i));
}

static void x_table_decref(duk_hthread *thr, duk_hobject *h)
{
    duk_heap *heap = thr->heap;
    (void)heap;
    for (duk_uint32_t i = 0; i < DUK_HOBJECT_GET_ENEXT(h); i++) {
        if (DUK_HOBJECT_E_GET_KEY(heap, h, i) == NULL)
            continue;
        DUK_HSTRING_DECREF_NORZ(thr, DUK_HOBJECT_E_GET_KEY(heap, h, i));
        if (DUK_HOBJECT_E_SLOT_IS_ACCESSOR(heap, h, i)) {
            DUK_HOBJECT_DECREF_NORZ_ALLOWNULL(thr, DUK_HOBJECT_E_GET_VALUE_GETTER(heap, h, i));
            DUK_HOBJECT_DECREF_NORZ_ALLOWNULL(thr, DUK_HOBJECT_E_GET_VALUE_SETTER(heap, h, i));
        } else {
            DUK_TVAL_DECREF_NORZ(thr, DUK_HOBJECT_E_GET_VALUE_TVAL_PTR(heap, h, i));
        }
    }
    for (duk_uint32_t i = 0; i < DUK_HOBJECT_GET_ASIZE(h); i++)
        DUK_TVAL_DECREF_NORZ(thr, DUK_HOBJECT_A_GET_VALUE_PTR(heap, h, i));
}

static void x_save(duk_hthread *thr, duk_hobject *obj)
{
    duk_heap *heap = thr->heap;
    struct duk_x *x = X_OF_HEAP(heap);
    if (x->n_saved == x->cap_saved) {
        x->cap_saved = x->cap_saved ? 2 * x->cap_saved : 8;
        x->saved = mem_realloc(x->saved, x->cap_saved * sizeof(x->saved[0]));
    }
    struct duk_x_saved *s = &x->saved[x->n_saved];
    s->obj = obj;
    s->before = *obj;
    if (DUK_HOBJECT_IS_ARRAY(obj)) {
        s->length = ((duk_harray *)obj)->length;
        s->length_nonwritable = ((duk_harray *)obj)->length_nonwritable;
    }
    duk_size_t size = DUK_HOBJECT_P_ALLOC_SIZE(obj);
    duk_uint8_t *copy = NULL;
    if (size > 0) {
        copy = x->reserve(x, size);
        memcpy(copy, obj->props, size);
    }
    DUK_HOBJECT_SET_PROPS(heap, obj, copy);
    x_table_incref(thr, obj);
    DUK_HOBJECT_INCREF_ALLOWNULL(thr, DUK_HOBJECT_GET_PROTOTYPE(heap, obj));
    DUK_HEAPHDR_CLEAR_READONLY((duk_heaphdr *)obj);
    x->n_saved++;
}

static void x_mark(duk_heap *heap)
{
    struct duk_x *x = X_OF_HEAP(heap);
    for (uint32_t k = 0; k < x->n_saved; k++) {
        duk_hobject *h = &x->saved[k].before;
        duk__mark_heaphdr(heap, (duk_heaphdr *)DUK_HOBJECT_GET_PROTOTYPE(heap, h));
        for (duk_uint32_t i = 0; i < DUK_HOBJECT_GET_ENEXT(h); i++) {
            if (DUK_HOBJECT_E_GET_KEY(heap, h, i) == NULL)
                continue;
            duk__mark_heaphdr(heap, (duk_heaphdr *)DUK_HOBJECT_E_GET_KEY(heap, h, i));
            if (DUK_HOBJECT_E_SLOT_IS_ACCESSOR(heap, h, i)) {
                duk__mark_heaphdr(heap, (duk_heaphdr *)DUK_HOBJECT_E_GET_VALUE_GETTER(heap, h, i));
                duk__mark_heaphdr(heap, (duk_heaphdr *)DUK_HOBJECT_E_GET_VALUE_SETTER(heap, h, i));
            } else {
                duk__mark_tval(heap, DUK_HOBJECT_E_GET_VALUE_TVAL_PTR(heap, h, i));
            }
        }
        for (duk_uint32_t i = 0; i < DUK_HOBJECT_GET_ASIZE(h); i++)
            duk__mark_tval(heap, DUK_HOBJECT_A_GET_VALUE_PTR(heap, h, i));
    }
}

static void x_restore_one(duk_heap *heap, duk_hthread *thr, struct duk_x_saved *s)
{
    duk_hobject *obj = s->obj;
    duk_hobject now = *obj;
    duk_uint32_t flags = (now.hdr.h_flags & ~X_FLAG_MASK) | (s->before.hdr.h_flags & X_FLAG_MASK);
    obj->props = s->before.props;
    obj->prototype = s->before.prototype;
    obj->e_size = s->before.e_size;
    obj->e_next = s->before.e_next;
    obj->a_size = s->before.a_size;
    obj->h_size = s->before.h_size;
    obj->hdr.h_flags = flags | DUK_HEAPHDR_FLAG_READONLY;
    if (DUK_HOBJECT_IS_ARRAY(obj)) {
        ((duk_harray *)obj)->length = s->length;
        ((duk_harray *)obj)->length_nonwritable = s->length_nonwritable;
    }
    x_table_decref(thr, &now);
    DUK_HOBJECT_DECREF_NORZ_ALLOWNULL(thr, now.prototype);
    DUK_FREE(heap, now.props);
}

// Duktape puts new objects in front of its list, so those in front of the first protected one are
// what the run left behind, most of it in cycles: a closure and the scope it closes over.
static void x_free_leftovers(duk_heap *heap, duk_heaphdr *first)
{
    for (duk_heaphdr *h = heap->heap_allocated; h != first; h = DUK_HEAPHDR_GET_NEXT(heap, h))
        DUK_HEAPHDR_PREINC_REFCOUNT(h); // none is freed by another
    for (duk_heaphdr *h = heap->heap_allocated; h != first; h = DUK_HEAPHDR_GET_NEXT(heap, h))
        duk_heaphdr_refcount_finalize_norz(heap, h);
    duk_heaphdr *h = heap->heap_allocated;
    while (h != first) {
        duk_heaphdr *next = DUK_HEAPHDR_GET_NEXT(heap, h);
        duk_heap_free_heaphdr_raw(heap, h);
        h = next;
    }
    heap->heap_allocated = first;
    DUK_HEAPHDR_SET_PREV(heap, first, NULL);
}

void duk_x_restore(duk_context *ctx)
{
    duk_heap *heap = ctx->heap;
    struct duk_x *x = X_OF_HEAP(heap);
    while (x->n_saved > 0) {
        struct duk_x_saved s = x->saved[--x->n_saved];
        x_restore_one(heap, ctx, &s);
    }
    if (heap->heap_allocated != x->first)
        x_free_leftovers(heap, x->first);
    heap->ms_trigger_counter = x->gc_trigger;
}

// Takes what the saved objects are now for good.
static void x_keep_changes(duk_hthread *thr)
{
    struct duk_x *x = X_OF_HEAP(thr->heap);
    while (x->n_saved > 0) {
        struct duk_x_saved s = x->saved[--x->n_saved];
        x_table_decref(thr, &s.before);
        DUK_HOBJECT_DECREF_NORZ_ALLOWNULL(thr, s.before.prototype);
        DUK_FREE(thr->heap, s.before.props);
        DUK_HEAPHDR_SET_READONLY((duk_heaphdr *)s.obj);
    }
}

void duk_x_protect(duk_context *ctx)
{
    struct duk_x *x = X_OF_HEAP(ctx->heap);
    x_keep_changes(ctx);
    // New ones stand in front of those that are protected already.
    for (duk_heaphdr *h = ctx->heap->heap_allocated; h && !DUK_HEAPHDR_HAS_READONLY(h);
         h = DUK_HEAPHDR_GET_NEXT(ctx->heap, h))
        DUK_HEAPHDR_SET_READONLY(h);
    x->first = ctx->heap->heap_allocated;
    x->ticks = X_TICKS;
    x->gc_trigger = ctx->heap->ms_trigger_counter;
}

void duk_x_free(struct duk_x *x)
{
    mem_free(x->saved);
    x->saved = NULL;
    x->n_saved = x->cap_saved = 0;
}

bool duk_x_unwrap(duk_context *ctx)
{
    duk_hobject *h = duk_get_hobject(ctx, -1);
    duk_small_uint_t class = h ? DUK_HOBJECT_GET_CLASS_NUMBER(h) : 0;
    if (class != DUK_HOBJECT_CLASS_NUMBER && class != DUK_HOBJECT_CLASS_STRING &&
        class != DUK_HOBJECT_CLASS_BOOLEAN)
        return false;
    duk_tval *tv = duk_hobject_get_internal_value_tval_ptr(ctx->heap, h);
    if (!tv)
        return false;
    duk_push_tval(ctx, tv);
    duk_remove(ctx, -2);
    return true;
}

bool duk_x_protos_clean(duk_context *ctx)
{
    return DUK_HEAPHDR_HAS_READONLY((duk_heaphdr *)ctx->builtins[DUK_BIDX_OBJECT_PROTOTYPE]) &&
           DUK_HEAPHDR_HAS_READONLY((duk_heaphdr *)ctx->builtins[DUK_BIDX_ARRAY_PROTOTYPE]);
}

// Bytes in ---------------------------------------------------------------------------------------

void duk_x_push_bytes(duk_context *ctx, struct span bytes)
{
    duk_harray *a = duk_push_harray(ctx);
    if (bytes.n == 0)
        return;
    if (bytes.n > 0x7fffffff / sizeof(duk_tval))
        (void)duk_error(ctx, DUK_ERR_RANGE_ERROR, "alloc failed");
    duk_hobject_realloc_props(ctx, (duk_hobject *)a, 0, (duk_uint32_t)bytes.n, 0, 0);
    a->length = (duk_uint32_t)bytes.n;
    duk_tval *tv = DUK_HOBJECT_A_GET_BASE(ctx->heap, (duk_hobject *)a);
    for (size_t i = 0; i < bytes.n; i++)
        DUK_TVAL_SET_U32(&tv[i], (unsigned char)bytes.p[i]);
}

void duk_x_push_copy(duk_context *ctx, duk_idx_t idx)
{
    idx = duk_require_normalize_index(ctx, idx);
    (void)duk_push_object(ctx);
    duk_hobject *to = duk_known_hobject(ctx, -1);
    duk_hobject *from = duk_known_hobject(ctx, idx);
    duk_hobject_realloc_props(ctx, to, from->e_size, 0, from->h_size, 0);
    if (from->e_size == 0)
        return;
    memcpy(to->props, from->props, DUK_HOBJECT_P_ALLOC_SIZE(from));
    to->e_next = from->e_next;
    x_table_incref(ctx, to);
}

// String.fromCharCode.apply(x, array) ------------------------------------------------------------

// A stand-in for the call whose result is known already.
static duk_ret_t x_return_argument(duk_context *ctx)
{
    (void)ctx;
    return 1;
}

static size_t x_encode_unit(unsigned char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (unsigned char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (unsigned char)(0xc0 | c >> 6);
        out[1] = (unsigned char)(0x80 | (c & 0x3f));
        return 2;
    }
    out[0] = (unsigned char)(0xe0 | c >> 12);
    out[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
    out[2] = (unsigned char)(0x80 | (c & 0x3f));
    return 3;
}

// Pushes the string of n numbers' code units; false, with nothing pushed, when one is no number.
static bool x_push_units(duk_hthread *thr, const duk_tval *tv, size_t n)
{
    uint64_t all = 0;
    for (size_t i = 0; i < n; i++) {
        if (DUK_TVAL_IS_FASTINT(&tv[i]))
            all |= (uint64_t)DUK_TVAL_GET_FASTINT(&tv[i]);
        else if (DUK_TVAL_IS_NUMBER(&tv[i]))
            all |= 0x10000;
        else
            return false;
    }
    size_t most = n * (all < 0x80 ? 1 : 3);
    unsigned char small[1024], *out = small;
    small[0] = 0;
    if (most > sizeof(small))
        out = duk_push_buffer_raw(thr, most, DUK_BUF_FLAG_NOZERO);
    size_t len = 0;
    if (all < 0x80) {
        for (; len < n; len++)
            out[len] = (unsigned char)DUK_TVAL_GET_FASTINT(&tv[len]);
    } else {
        for (size_t i = 0; i < n; i++) {
            duk_tval v = tv[i];
            len += x_encode_unit(out + len, (uint32_t)duk_js_touint32(thr, &v) & 0xffff);
        }
    }
    duk_push_lstring(thr, (const char *)out, len);
    if (most > sizeof(small))
        duk_remove(thr, -2);
    return true;
}

// Called in place of unpacking apply's array: [ ... target this array ] at idx_func. True when the
// array has become a value to return.
static int duk_x_apply_native(duk_hthread *thr, duk_idx_t idx_func)
{
    duk_hobject *target = duk_get_hobject(thr, idx_func);
    duk_hobject *array = duk_get_hobject(thr, idx_func + 2);
    if (!target || !array || !DUK_HOBJECT_IS_NATFUNC(target) ||
        ((duk_hnatfunc *)target)->func != duk_bi_string_constructor_from_char_code)
        return 0;
    if (!DUK_HOBJECT_IS_ARRAY(array) || !DUK_HOBJECT_HAS_ARRAY_PART(array) ||
        ((duk_harray *)array)->length > DUK_HOBJECT_GET_ASIZE(array))
        return 0;
    if (!x_push_units(thr, DUK_HOBJECT_A_GET_BASE(thr->heap, array), ((duk_harray *)array)->length))
        return 0;
    duk_replace(thr, idx_func + 2);
    duk_push_c_lightfunc(thr, x_return_argument, 1, 1, 0);
    duk_replace(thr, idx_func);
    return 1;
}

// Values out -------------------------------------------------------------------------------------

static void x_view_object(duk_hthread *thr, duk_hobject *h, struct duk_x_value *out)
{
    duk_hobject *proto = DUK_HOBJECT_GET_PROTOTYPE(thr->heap, h);
    out->object = h;
    out->n = DUK_HOBJECT_GET_ENEXT(h);
    if (DUK_HOBJECT_IS_CALLABLE(h) && !DUK_HOBJECT_IS_PROXY(h)) {
        out->kind = DUK_X_FUNCTION;
    } else if (DUK_HOBJECT_IS_ARRAY(h) && DUK_HOBJECT_HAS_ARRAY_PART(h) && h->e_next == 0 &&
               ((duk_harray *)h)->length <= DUK_HOBJECT_GET_ASIZE(h) &&
               proto == thr->builtins[DUK_BIDX_ARRAY_PROTOTYPE]) {
        out->kind = DUK_X_ARRAY;
        out->n = ((duk_harray *)h)->length;
    } else if (DUK_HOBJECT_GET_CLASS_NUMBER(h) == DUK_HOBJECT_CLASS_OBJECT &&
               !DUK_HOBJECT_IS_PROXY(h) && h->a_size == 0 &&
               (proto == thr->builtins[DUK_BIDX_OBJECT_PROTOTYPE] || proto == NULL)) {
        out->kind = DUK_X_OBJECT;
    } else {
        out->kind = DUK_X_ODD;
    }
}

static void x_view(duk_hthread *thr, duk_tval *tv, struct duk_x_value *out)
{
    switch (DUK_TVAL_GET_TAG(tv)) {
    case DUK_TAG_UNDEFINED:
    case DUK_TAG_UNUSED:
        out->kind = DUK_X_UNDEFINED;
        break;
    case DUK_TAG_NULL:
        out->kind = DUK_X_NULL;
        break;
    case DUK_TAG_BOOLEAN:
        out->kind = DUK_X_BOOL;
        out->b = DUK_TVAL_GET_BOOLEAN(tv) != 0;
        break;
    case DUK_TAG_STRING: {
        duk_hstring *h = DUK_TVAL_GET_STRING(tv);
        out->kind = DUK_HSTRING_HAS_SYMBOL(h) ? DUK_X_SYMBOL : DUK_X_STRING;
        out->s = span_of((const char *)DUK_HSTRING_GET_DATA(h), DUK_HSTRING_GET_BYTELEN(h));
        out->is_ascii = DUK_HSTRING_HAS_ASCII(h) != 0;
        break;
    }
    case DUK_TAG_OBJECT:
        x_view_object(thr, DUK_TVAL_GET_OBJECT(tv), out);
        break;
    case DUK_TAG_LIGHTFUNC:
        out->kind = DUK_X_FUNCTION;
        break;
    case DUK_TAG_POINTER:
    case DUK_TAG_BUFFER:
        out->kind = DUK_X_ODD;
        break;
    default:
        out->kind = DUK_X_NUMBER;
        out->d = DUK_TVAL_GET_NUMBER(tv);
    }
}

void duk_x_view(duk_context *ctx, duk_idx_t idx, struct duk_x_value *out)
{
    x_view(ctx, DUK_GET_TVAL_NEGIDX(ctx, idx), out);
}

int duk_x_next(duk_context *ctx, void *object, uint32_t *at, struct duk_x_value *key,
               struct duk_x_value *value)
{
    duk_hobject *h = object;
    duk_heap *heap = ctx->heap;
    (void)heap;
    while (*at < DUK_HOBJECT_GET_ENEXT(h)) {
        uint32_t i = (*at)++;
        duk_hstring *name = DUK_HOBJECT_E_GET_KEY(heap, h, i);
        if (name == NULL || DUK_HSTRING_HAS_SYMBOL(name) ||
            !DUK_HOBJECT_E_SLOT_IS_ENUMERABLE(heap, h, i))
            continue;
        if (DUK_HOBJECT_E_SLOT_IS_ACCESSOR(heap, h, i))
            return -1;
        key->kind = DUK_X_STRING;
        key->s = span_of((const char *)DUK_HSTRING_GET_DATA(name), DUK_HSTRING_GET_BYTELEN(name));
        key->is_ascii = DUK_HSTRING_HAS_ASCII(name) != 0;
        x_view(ctx, DUK_HOBJECT_E_GET_VALUE_TVAL_PTR(heap, h, i), value);
        return 1;
    }
    return 0;
}

void duk_x_item(duk_context *ctx, void *array, uint32_t i, struct duk_x_value *value)
{
    x_view(ctx, DUK_HOBJECT_A_GET_VALUE_PTR(ctx->heap, (duk_hobject *)array, i), value);
}
