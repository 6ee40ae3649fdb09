// SPDX-License-Identifier: Apache-2.0
// Part of duk_ext.c: the journal that puts a heap back as it was.
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
    x_mark_names(heap);
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
