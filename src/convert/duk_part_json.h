// SPDX-License-Identifier: Apache-2.0
// Part of duk_ext.c: JSON.parse of what is JSON; of anything else Duktape's own parser tells what
// is wrong with it.
//
// An object's members are collected on the value stack, so that its property table is allocated
// once, and names of members are remembered, since records of one stream all have the same.

#define X_JSON_DEPTH 400 // levels; deeper ones are left to Duktape's parser and its limit
#define X_JSON_BATCH 32  // members or items on the value stack
#define X_JSON_HASH_MIN 9
#define X_NAME_MAX 32 // bytes of a name that is remembered

struct x_json {
    duk_hthread *thr;
    const unsigned char *p, *end; // *end is NUL
    unsigned depth;
};

static bool x_json_value(struct x_json *j);

static void x_json_space(struct x_json *j)
{
    while (*j->p == ' ' || *j->p == '\n' || *j->p == '\r' || *j->p == '\t')
        j->p++;
}

static duk_hstring *x_json_name(duk_hthread *thr, const unsigned char *p, size_t n)
{
    struct duk_x *x = X_OF_HEAP(thr->heap);
    if (n == 0 || n > X_NAME_MAX)
        return duk_heap_strtable_intern_checked(thr, p, (duk_uint32_t)n);
    unsigned slot = (unsigned)(n * 7 + p[0] + p[n - 1] * 5u + p[n / 2] * 11u) % DUK_X_NAMES;
    duk_hstring *known = x->names[slot];
    if (known && DUK_HSTRING_GET_BYTELEN(known) == n &&
        memcmp(DUK_HSTRING_GET_DATA(known), p, n) == 0)
        return known;
    duk_hstring *h = duk_heap_strtable_intern_checked(thr, p, (duk_uint32_t)n);
    DUK_HSTRING_INCREF(thr, h);
    x->names[slot] = h;
    if (known)
        DUK_HSTRING_DECREF_NORZ(thr, known);
    return h;
}

static void x_mark_names(duk_heap *heap)
{
    struct duk_x *x = X_OF_HEAP(heap);
    for (unsigned i = 0; i < DUK_X_NAMES; i++)
        duk__mark_heaphdr(heap, x->names[i]);
}

static int x_hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The escape after a backslash; returns its code unit or -1.
static long x_json_escape(struct x_json *j)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    unsigned char c = *j->p++;
    const char *at = c ? strchr(from, c) : NULL;
    if (at)
        return to[at - from];
    if (c != 'u')
        return -1;
    long unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = x_hex_digit(*j->p);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
        j->p++;
    }
    return unit;
}

// A string with escapes, from its first byte on: to a buffer, then pushed.
static bool x_json_escaped(struct x_json *j, const unsigned char *start)
{
    const unsigned char *close = j->p;
    while (*close != '"') {
        if (*close < 0x20 || (*close == '\\' && *++close < 0x20))
            return false;
        close++;
    }
    unsigned char small[256], *out = small;
    // An escape is never shorter than what it stands for.
    size_t most = (size_t)(close - start), n = (size_t)(j->p - start);
    if (most > sizeof(small))
        out = duk_push_buffer_raw(j->thr, most, DUK_BUF_FLAG_NOZERO);
    memcpy(out, start, n);
    while (j->p < close) {
        if (*j->p != '\\') {
            out[n++] = *j->p++;
            continue;
        }
        j->p++;
        long unit = x_json_escape(j);
        if (unit < 0)
            return false;
        n += x_encode_unit(out + n, (uint32_t)unit);
    }
    j->p = close + 1;
    duk_push_lstring(j->thr, (const char *)out, n);
    if (most > sizeof(small))
        duk_remove(j->thr, -2);
    return true;
}

// After the opening quote.
static bool x_json_string(struct x_json *j, bool is_name)
{
    const unsigned char *start = j->p;
    while (*j->p >= 0x20 && *j->p != '"' && *j->p != '\\')
        j->p++;
    if (*j->p == '\\')
        return x_json_escaped(j, start);
    if (*j->p != '"')
        return false;
    size_t n = (size_t)(j->p++ - start);
    duk_hstring *h = is_name ? x_json_name(j->thr, start, n)
                             : duk_heap_strtable_intern_checked(j->thr, start, (duk_uint32_t)n);
    duk_push_hstring(j->thr, h);
    return true;
}

static bool x_json_number(struct x_json *j)
{
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const unsigned char *start = j->p, *p = j->p;
    bool negative = *p == '-';
    p += negative;
    const unsigned char *digits = p;
    uint64_t v = 0;
    while (*p >= '0' && *p <= '9' && p - digits < 16)
        v = v * 10 + (uint64_t)(*p++ - '0');
    size_t whole = (size_t)(p - digits), fraction = 0;
    if (whole == 0 || (whole > 1 && digits[0] == '0'))
        return false;
    if (*p == '.') {
        const unsigned char *point = p++;
        while (*p >= '0' && *p <= '9' && p - point <= 15)
            v = v * 10 + (uint64_t)(*p++ - '0');
        fraction = (size_t)(p - point - 1);
        if (fraction == 0)
            return false;
    }
    bool more = (*p >= '0' && *p <= '9') || (*p | 0x20) == 'e';
    if (!more && whole + fraction <= 15) {
        j->p = p;
        // Both are exact, so that one division rounds once.
        double d = fraction ? (double)v / powers[fraction] : (double)v;
        if (fraction == 0 && v <= INT32_MAX && !(negative && v == 0))
            duk_push_int(j->thr, negative ? -(duk_int_t)v : (duk_int_t)v);
        else
            duk_push_number(j->thr, negative ? -d : d);
        return true;
    }
    while ((*p >= '0' && *p <= '9') || *p == '.' || *p == '+' || *p == '-' || (*p | 0x20) == 'e')
        p++;
    double d;
    if (!num_parse_double(span_of((const char *)start, (size_t)(p - start)), &d))
        return false;
    j->p = p;
    duk_push_number(j->thr, d);
    return true;
}

// Takes the values off the stack without touching their reference counts: they have moved.
static void x_json_drop_moved(duk_hthread *thr, duk_uint32_t n)
{
    for (; n > 0; n--) {
        thr->valstack_top--;
        DUK_TVAL_SET_UNDEFINED(thr->valstack_top);
    }
}

// Entry `k` of a member that was there already takes the later value (ECMA-262 25.5.1).
static bool x_json_replace(duk_hthread *thr, duk_hobject *obj, duk_hstring *key, duk_tval *value)
{
    duk_heap *heap = thr->heap;
    (void)heap;
    for (duk_uint32_t k = 0; k < DUK_HOBJECT_GET_ENEXT(obj); k++) {
        if (DUK_HOBJECT_E_GET_KEY(heap, obj, k) != key)
            continue;
        duk_tval *tv = DUK_HOBJECT_E_GET_VALUE_TVAL_PTR(heap, obj, k);
        duk_tval old = *tv;
        *tv = *value;
        DUK_TVAL_DECREF_NORZ(thr, &old);
        DUK_HSTRING_DECREF_NORZ(thr, key);
        return true;
    }
    return false;
}

// [ object (key value) * n ] -> [ object ], the first members of an object.
static void x_json_first_members(duk_hthread *thr, duk_uint32_t n)
{
    duk_heap *heap = thr->heap;
    (void)heap;
    duk_hobject *obj = duk_known_hobject(thr, -(duk_idx_t)(2 * n) - 1);
    if (n == 0)
        return;
    duk_hobject_realloc_props(thr, obj, n, 0, 0, 0);
    duk_tval *pair = thr->valstack_top - 2 * n;
    for (duk_uint32_t i = 0; i < n; i++, pair += 2) {
        duk_hstring *key = DUK_TVAL_GET_STRING(&pair[0]);
        if (x_json_replace(thr, obj, key, &pair[1]))
            continue;
        duk_uint32_t k = DUK_HOBJECT_POSTINC_ENEXT(obj);
        DUK_HOBJECT_E_SET_KEY(heap, obj, k, key);
        DUK_HOBJECT_E_SET_FLAGS(heap, obj, k, DUK_PROPDESC_FLAGS_WEC);
        *DUK_HOBJECT_E_GET_VALUE_TVAL_PTR(heap, obj, k) = pair[1];
    }
    x_json_drop_moved(thr, 2 * n);
    if (n >= X_JSON_HASH_MIN)
        duk_hobject_resize_entrypart(thr, obj, n);
}

// The same for those after the first batch.
static void x_json_more_members(duk_hthread *thr, duk_uint32_t n)
{
    duk_hobject *obj = duk_known_hobject(thr, -(duk_idx_t)(2 * n) - 1);
    for (duk_uint32_t i = 0; i < n; i++) {
        duk_tval *pair = thr->valstack_top - 2 * (n - i);
        duk_push_tval(thr, &pair[1]);
        duk_hobject_define_property_internal(thr, obj, DUK_TVAL_GET_STRING(&pair[0]),
                                             DUK_PROPDESC_FLAGS_WEC);
    }
    duk_pop_n(thr, (duk_idx_t)(2 * n));
}

static void x_json_flush_members(duk_hthread *thr, duk_uint32_t n, bool first)
{
    if (first)
        x_json_first_members(thr, n);
    else
        x_json_more_members(thr, n);
}

static bool x_json_object(struct x_json *j)
{
    duk_hthread *thr = j->thr;
    duk_require_stack(thr, 2 * X_JSON_BATCH + 8);
    (void)duk_push_object(thr);
    duk_uint32_t n = 0;
    bool first = true;
    x_json_space(j);
    if (*j->p == '}') {
        j->p++;
        return true;
    }
    for (;;) {
        if (*j->p++ != '"' || !x_json_string(j, true))
            return false;
        x_json_space(j);
        if (*j->p++ != ':' || !x_json_value(j))
            return false;
        n++;
        if (*j->p == '}')
            break;
        if (*j->p++ != ',')
            return false;
        x_json_space(j);
        if (n == X_JSON_BATCH) {
            x_json_flush_members(thr, n, first);
            first = false;
            n = 0;
        }
    }
    j->p++;
    x_json_flush_members(thr, n, first);
    return true;
}

// [ array item * n ] -> [ array ]
static void x_json_flush_items(duk_hthread *thr, duk_uint32_t n, bool last)
{
    duk_hobject *obj = duk_known_hobject(thr, -(duk_idx_t)n - 1);
    duk_harray *a = (duk_harray *)obj;
    duk_uint32_t size = a->length + n;
    if (size > DUK_HOBJECT_GET_ASIZE(obj))
        duk_hobject_realloc_props(thr, obj, 0, last ? size : 2 * size, 0, 0);
    duk_tval *to = DUK_HOBJECT_A_GET_BASE(thr->heap, obj) + a->length;
    if (n > 0)
        memcpy(to, thr->valstack_top - n, n * sizeof(duk_tval));
    a->length = size;
    x_json_drop_moved(thr, n);
}

static bool x_json_array(struct x_json *j)
{
    duk_hthread *thr = j->thr;
    duk_require_stack(thr, X_JSON_BATCH + 8);
    (void)duk_push_array(thr);
    duk_uint32_t n = 0;
    x_json_space(j);
    if (*j->p == ']') {
        j->p++;
        return true;
    }
    for (;;) {
        if (!x_json_value(j))
            return false;
        n++;
        if (*j->p == ']')
            break;
        if (*j->p++ != ',')
            return false;
        x_json_space(j);
        if (n == X_JSON_BATCH) {
            x_json_flush_items(thr, n, false);
            n = 0;
        }
    }
    j->p++;
    x_json_flush_items(thr, n, true);
    return true;
}

static bool x_json_word(struct x_json *j, const char *word, size_t n)
{
    if ((size_t)(j->end - j->p) < n || memcmp(j->p, word, n) != 0)
        return false;
    j->p += n;
    return true;
}

static bool x_json_simple(struct x_json *j)
{
    switch (*j->p) {
    case 't':
        duk_push_true(j->thr);
        return x_json_word(j, "true", 4);
    case 'f':
        duk_push_false(j->thr);
        return x_json_word(j, "false", 5);
    case 'n':
        duk_push_null(j->thr);
        return x_json_word(j, "null", 4);
    default:
        return x_json_number(j);
    }
}

// Pushes the value at j->p and leaves j->p after the white space that follows it. On false anything
// may be on the stack.
static bool x_json_value(struct x_json *j)
{
    x_json_space(j);
    bool ok;
    if (*j->p == '"') {
        j->p++;
        ok = x_json_string(j, false);
    } else if (*j->p == '{' || *j->p == '[') {
        if (j->depth++ >= X_JSON_DEPTH)
            return false;
        duk_native_stack_check(j->thr);
        ok = *j->p++ == '{' ? x_json_object(j) : x_json_array(j);
        j->depth--;
    } else {
        ok = x_json_simple(j);
    }
    // What failed may stand after the end of the text.
    if (ok)
        x_json_space(j);
    return ok;
}

// Pushes the value of the whole text, or nothing when it is not JSON.
static int duk_x_json_parse(duk_hthread *thr, const duk_uint8_t *p, const duk_uint8_t *end)
{
    struct x_json j = {thr, p, end, 0};
    duk_idx_t top = duk_get_top(thr);
    DUK_X_CHARGE(thr->heap, (size_t)(end - p));
    if (x_json_value(&j) && j.p == end)
        return 1;
    duk_set_top(thr, top);
    return 0;
}
