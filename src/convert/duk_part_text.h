// SPDX-License-Identifier: Apache-2.0
// Part of duk_ext.c: String.fromCharCode.apply(x, array) without the value stack.

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

// Pushes the string of the code units that an array's n numbers are; false, with nothing pushed,
// when one is no number.
static bool x_push_units(duk_hthread *thr, duk_hobject *array, size_t n)
{
    const duk_tval *tv = DUK_HOBJECT_A_GET_BASE(thr->heap, array);
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
    if (most > sizeof(small)) {
        out = duk_push_buffer_raw(thr, most, DUK_BUF_FLAG_NOZERO);
        // Where memory was scarce the array has moved.
        tv = DUK_HOBJECT_A_GET_BASE(thr->heap, array);
    }
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
    if (!x_push_units(thr, array, ((duk_harray *)array)->length))
        return 0;
    duk_replace(thr, idx_func + 2);
    duk_push_c_lightfunc(thr, x_return_argument, 1, 1, 0);
    duk_replace(thr, idx_func);
    return 1;
}

bool duk_x_apply_list(duk_context *ctx)
{
    if (!duk_x_apply_native(ctx, duk_get_top(ctx) - 3))
        return false;
    duk_call_method(ctx, 1);
    return true;
}

static bool x_is_class(duk_context *ctx, duk_idx_t idx, duk_small_uint_t class)
{
    duk_hobject *h = duk_get_hobject(ctx, idx);
    return h && DUK_HOBJECT_GET_CLASS_NUMBER(h) == class;
}

bool duk_x_is_arguments(duk_context *ctx, duk_idx_t idx)
{
    return x_is_class(ctx, idx, DUK_HOBJECT_CLASS_ARGUMENTS);
}

bool duk_x_is_string_object(duk_context *ctx, duk_idx_t idx)
{
    return x_is_class(ctx, idx, DUK_HOBJECT_CLASS_STRING);
}
