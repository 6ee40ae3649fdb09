// SPDX-License-Identifier: Apache-2.0
// Part of duk_ext.c: values into and out of a heap.

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

size_t duk_x_get_bytes(duk_context *ctx, duk_idx_t idx, unsigned char *out, size_t n)
{
    duk_hobject *h = duk_get_hobject(ctx, idx);
    if (!h || !DUK_HOBJECT_IS_ARRAY(h) || !DUK_HOBJECT_HAS_ARRAY_PART(h) ||
        n > DUK_HOBJECT_GET_ASIZE(h))
        return 0;
    const duk_tval *tv = DUK_HOBJECT_A_GET_BASE(ctx->heap, h);
    size_t i = 0;
    for (; i < n && DUK_TVAL_IS_FASTINT(&tv[i]); i++)
        out[i] = (unsigned char)DUK_TVAL_GET_FASTINT(&tv[i]);
    return i;
}

const char *duk_x_class_of(duk_context *ctx, duk_idx_t idx)
{
    duk_hobject *h = duk_require_hobject(ctx, idx);
    return (const char *)DUK_HSTRING_GET_DATA(DUK_HOBJECT_GET_CLASS_STRING(ctx->heap, h));
}

bool duk_x_is_proxy(duk_context *ctx, duk_idx_t idx)
{
    duk_hobject *h = duk_get_hobject(ctx, idx);
    return h && DUK_HOBJECT_IS_PROXY(h);
}

duk_size_t duk_x_next_lone(duk_context *ctx, duk_idx_t idx, duk_size_t at)
{
    duk_size_t n;
    const duk_uint8_t *s = (const duk_uint8_t *)duk_get_lstring(ctx, idx, &n), *end = s + n;
    for (const duk_uint8_t *p = s + at; p < end; p++) {
        if (*p != 0xed || end - p < 3)
            continue;
        duk_uint_t c = 0xd000u | (p[1] & 0x3fu) << 6;
        if (DUK_X_IS_LONE(c, p + 3, s, end))
            return (duk_size_t)(p - s);
    }
    return DUK_X_NOWHERE;
}

// A symbol is a byte of its kind, the description and, but for global ones, 0xff and what makes it
// unique; one more 0xff where the description is undefined.
void duk_x_push_description(duk_context *ctx, duk_idx_t idx)
{
    duk_hstring *h = duk_require_hstring(ctx, idx);
    const duk_uint8_t *p = DUK_HSTRING_GET_DATA(h), *end = p + DUK_HSTRING_GET_BYTELEN(h), *stop;
    p++;
    stop = memchr(p, 0xff, (size_t)(end - p));
    if (stop && stop + 1 < end && end[-1] == 0xff)
        duk_push_undefined(ctx);
    else
        duk_push_lstring(ctx, (const char *)p, (duk_size_t)((stop ? stop : end) - p));
}

void duk_x_take_arguments(duk_context *ctx, int n)
{
    duk_hobject *h = duk_require_hobject(ctx, -1);
    if (DUK_HOBJECT_IS_NATFUNC(h))
        ((duk_hnatfunc *)h)->nargs = (duk_int16_t)n;
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

// An object whose properties are plain values, none in an array part, with no gap between them:
// closing gaps while memory is scarce would give them other places.
static bool x_is_simple(duk_hthread *thr, duk_hobject *h)
{
    duk_heap *heap = thr->heap;
    (void)heap;
    if (DUK_HOBJECT_GET_CLASS_NUMBER(h) != DUK_HOBJECT_CLASS_OBJECT || DUK_HOBJECT_IS_PROXY(h) ||
        DUK_HOBJECT_IS_CALLABLE(h) || h->a_size > 0)
        return false;
    for (duk_uint32_t i = 0; i < DUK_HOBJECT_GET_ENEXT(h); i++) {
        if (!DUK_HOBJECT_E_GET_KEY(heap, h, i) || DUK_HOBJECT_E_SLOT_IS_ACCESSOR(heap, h, i))
            return false;
    }
    return true;
}

static bool x_is_copied(duk_hthread *thr, duk_hobject *from, duk_uint32_t i, duk_idx_t first,
                        duk_idx_t end)
{
    duk_heap *heap = thr->heap;
    (void)heap;
    duk_hstring *key = DUK_HOBJECT_E_GET_KEY(heap, from, i);
    if (DUK_HSTRING_HAS_HIDDEN(key) || !DUK_HOBJECT_E_SLOT_IS_ENUMERABLE(heap, from, i))
        return false;
    for (duk_idx_t k = first; k < end; k++) {
        if (duk_get_hstring(thr, k) == key)
            return false;
    }
    return true;
}

bool duk_x_copy_properties(duk_context *ctx, duk_idx_t to_idx, duk_idx_t from_idx, duk_idx_t first,
                           duk_idx_t end)
{
    duk_heap *heap = ctx->heap;
    (void)heap;
    duk_hobject *to = duk_known_hobject(ctx, to_idx), *from = duk_known_hobject(ctx, from_idx);
    duk_uint32_t n = DUK_HOBJECT_GET_ENEXT(from);
    // More are found by a hash.
    if (n > X_SCOPE_MAX || !x_is_simple(ctx, from) || !x_is_simple(ctx, to) ||
        DUK_HOBJECT_GET_ENEXT(to) > 0 || !DUK_HOBJECT_HAS_EXTENSIBLE(to) || to == from)
        return false;
    if (n == 0)
        return true;
    duk_hobject_realloc_props(ctx, to, n, 0, 0, 0);
    duk_uint32_t count = 0;
    for (duk_uint32_t i = 0; i < n; i++) {
        if (!x_is_copied(ctx, from, i, first, end))
            continue;
        duk_hstring *key = DUK_HOBJECT_E_GET_KEY(heap, from, i);
        duk_tval *tv = DUK_HOBJECT_E_GET_VALUE_TVAL_PTR(heap, to, count);
        DUK_HOBJECT_E_SET_KEY(heap, to, count, key);
        DUK_HSTRING_INCREF(ctx, key);
        DUK_TVAL_SET_TVAL(tv, DUK_HOBJECT_E_GET_VALUE_TVAL_PTR(heap, from, i));
        DUK_TVAL_INCREF(ctx, tv);
        DUK_HOBJECT_E_SET_FLAGS(heap, to, count, DUK_PROPDESC_FLAGS_WEC);
        count++;
    }
    DUK_HOBJECT_SET_ENEXT(to, count);
    return true;
}

// Pushes [key, value].
static void x_push_pair(duk_hthread *thr, duk_hobject *from, duk_uint32_t i)
{
    duk_heap *heap = thr->heap;
    (void)heap;
    duk_harray *pair = duk_push_harray(thr);
    duk_hobject_realloc_props(thr, (duk_hobject *)pair, 0, 2, 0, 0);
    pair->length = 2;
    duk_tval *tv = DUK_HOBJECT_A_GET_BASE(heap, (duk_hobject *)pair);
    DUK_TVAL_SET_STRING(&tv[0], DUK_HOBJECT_E_GET_KEY(heap, from, i));
    DUK_TVAL_SET_TVAL(&tv[1], DUK_HOBJECT_E_GET_VALUE_TVAL_PTR(heap, from, i));
    DUK_TVAL_INCREF(thr, &tv[0]);
    DUK_TVAL_INCREF(thr, &tv[1]);
}

// Numbers come first, in their order.
static bool x_has_index(duk_hthread *thr, duk_hobject *h)
{
    duk_heap *heap = thr->heap;
    (void)heap;
    for (duk_uint32_t i = 0; i < DUK_HOBJECT_GET_ENEXT(h); i++) {
        duk_hstring *key = DUK_HOBJECT_E_GET_KEY(heap, h, i);
        if (key && DUK_HSTRING_HAS_ARRIDX(key))
            return true;
    }
    return false;
}

bool duk_x_list_entries(duk_context *ctx, duk_idx_t from_idx, duk_idx_t out, bool pairs)
{
    duk_heap *heap = ctx->heap;
    (void)heap;
    duk_hobject *from = duk_get_hobject(ctx, from_idx);
    if (!from || !x_is_simple(ctx, from) || x_has_index(ctx, from))
        return false;
    duk_uarridx_t n = 0;
    for (duk_uint32_t i = 0; i < DUK_HOBJECT_GET_ENEXT(from); i++) {
        duk_hstring *key = DUK_HOBJECT_E_GET_KEY(heap, from, i);
        if (DUK_HSTRING_HAS_SYMBOL(key) || !DUK_HOBJECT_E_SLOT_IS_ENUMERABLE(heap, from, i))
            continue;
        if (pairs)
            x_push_pair(ctx, from, i);
        else
            duk_push_tval(ctx, DUK_HOBJECT_E_GET_VALUE_TVAL_PTR(heap, from, i));
        // Not put: a setter of Array.prototype could change what is being listed.
        duk_xdef_prop_index_wec(ctx, out, n++);
    }
    duk_set_length(ctx, out, n);
    return true;
}

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
