// SPDX-License-Identifier: Apache-2.0
// The helper functions that the hub gives converters, by its documentation, and btoa and atob,
// which browsers have.

#include <math.h>

#include "codec/base64.h"
#include "convert/js_builtins.h"
#include "convert/js_text.h"

#define BYTES_MAX ((size_t)16 * 1024 * 1024)

// Pushes a buffer with the bytes of the array-like or string at `idx`; -1 is taken for 255, as the
// hub's own language has signed bytes. Of a string the bytes are its UTF-8.
static unsigned char *push_bytes(duk_context *ctx, duk_idx_t idx, size_t *n)
{
    duk_size_t size = 0;
    if (duk_is_string(ctx, idx)) {
        const char *s = duk_get_lstring(ctx, idx, &size);
        char *out = duk_push_dynamic_buffer(ctx, size * 3);
        *n = js_text_out(out, span_of(s, size));
        return (unsigned char *)out;
    }
    const void *data = duk_get_buffer_data(ctx, idx, &size);
    if (data) {
        unsigned char *out = duk_push_fixed_buffer(ctx, size);
        memcpy(out, data, size);
        *n = size;
        return out;
    }
    if (!duk_is_object(ctx, idx))
        (void)duk_error(ctx, DUK_ERR_TYPE_ERROR, "an array of bytes is needed");
    size = duk_get_length(ctx, idx);
    if (size > BYTES_MAX)
        (void)duk_error(ctx, DUK_ERR_RANGE_ERROR, "more than %lu bytes", (unsigned long)BYTES_MAX);
    unsigned char *out = duk_push_fixed_buffer(ctx, size);
    for (duk_size_t i = duk_x_get_bytes(ctx, idx, out, size); i < size; i++) {
        (void)duk_get_prop_index(ctx, idx, (duk_uarridx_t)i);
        out[i] = (unsigned char)duk_to_int32(ctx, -1);
        duk_pop(ctx);
    }
    *n = size;
    return out;
}

static void push_utf8(duk_context *ctx, const unsigned char *p, size_t n)
{
    struct span s = span_of((const char *)p, n);
    if (js_text_is_ascii(s)) {
        duk_push_lstring(ctx, s.p, s.n);
        return;
    }
    char *out = duk_push_dynamic_buffer(ctx, JS_TEXT_IN_MAX(n));
    duk_push_lstring(ctx, out, js_text_in(out, s));
}

static duk_ret_t decode_to_string(duk_context *ctx)
{
    size_t n;
    duk_set_top(ctx, 1);
    const unsigned char *p = push_bytes(ctx, 0, &n);
    push_utf8(ctx, p, n);
    return 1;
}

static duk_ret_t decode_to_json(duk_context *ctx)
{
    (void)decode_to_string(ctx);
    (void)duk_json_decode(ctx, -1);
    return 1;
}

// Standard alphabet; white space is skipped and padding may be missing. A buffer stays pushed.
static unsigned char *push_base64(duk_context *ctx, duk_idx_t idx, size_t *n)
{
    size_t size;
    const char *s = duk_to_lstring(ctx, idx, &size);
    char *text = duk_push_dynamic_buffer(ctx, BASE64_DECODED_MAX(size + 3) + size + 4);
    size_t len = 0;
    for (size_t i = 0; i < size; i++) {
        if (!memchr(" \t\n\f\r", s[i], 5))
            text[len++] = s[i];
    }
    if (len % 4 != 0 && memchr(text, '=', len) == NULL) {
        while (len % 4 != 0)
            text[len++] = '=';
    }
    ptrdiff_t out = base64_decode(text, span_of(text, len));
    if (out < 0)
        (void)duk_error(ctx, DUK_ERR_TYPE_ERROR, "the text is not base64");
    *n = (size_t)out;
    return (unsigned char *)text;
}

static duk_ret_t base64_to_bytes(duk_context *ctx)
{
    size_t n;
    duk_set_top(ctx, 1);
    const unsigned char *p = push_base64(ctx, 0, &n);
    duk_x_push_bytes(ctx, span_of((const char *)p, n));
    return 1;
}

// codec/base64.h writes to a buffer of its own, which an error thrown here would leak.
static duk_ret_t push_base64_of(duk_context *ctx, const unsigned char *p, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t size = (n + 2) / 3 * 4;
    char *out = duk_push_fixed_buffer(ctx, size), *to = out;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
                     (i + 2 < n ? p[i + 2] : 0);
        *to++ = digits[v >> 18];
        *to++ = digits[v >> 12 & 63];
        *to++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
        *to++ = i + 2 < n ? digits[v & 63] : '=';
    }
    duk_push_lstring(ctx, out, size);
    return 1;
}

static duk_ret_t bytes_to_base64(duk_context *ctx)
{
    size_t n;
    duk_set_top(ctx, 1);
    const unsigned char *p = push_bytes(ctx, 0, &n);
    return push_base64_of(ctx, p, n);
}

static duk_ret_t bytes_to_hex(duk_context *ctx)
{
    size_t n;
    duk_set_top(ctx, 1);
    const unsigned char *p = push_bytes(ctx, 0, &n);
    char *out = duk_push_fixed_buffer(ctx, 2 * n);
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = "0123456789ABCDEF"[p[i] >> 4];
        out[2 * i + 1] = "0123456789ABCDEF"[p[i] & 15];
    }
    duk_push_lstring(ctx, out, 2 * n);
    return 1;
}

// Either case, with or without 0x in front.
static duk_ret_t hex_to_bytes(duk_context *ctx)
{
    size_t size;
    duk_set_top(ctx, 1);
    const char *s = duk_to_lstring(ctx, 0, &size);
    if (size >= 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
        s += 2;
        size -= 2;
    }
    char *out = duk_push_fixed_buffer(ctx, size / 2);
    if (size % 2 != 0 || hex_decode(out, span_of(s, size)) < 0)
        return duk_error(ctx, DUK_ERR_TYPE_ERROR, "the text is not hexadecimal");
    duk_x_push_bytes(ctx, span_of(out, size / 2));
    return 1;
}

// parseBytesToInt(bytes, offset = 0, length = the rest, bigEndian = true). Up to four bytes; four
// of them are a signed number, fewer are not, as in the hub's language.
static duk_ret_t parse_bytes_to_int(duk_context *ctx)
{
    size_t n;
    duk_set_top(ctx, 4);
    const unsigned char *p = push_bytes(ctx, 0, &n);
    double offset = duk_get_number_default(ctx, 1, 0);
    if (!(offset >= 0 && offset <= (double)n))
        return duk_error(ctx, DUK_ERR_RANGE_ERROR, "parseBytesToInt: there are only %lu bytes",
                         (unsigned long)n);
    size_t at = (size_t)offset;
    double length = duk_get_number_default(ctx, 2, (double)(n - at));
    if (!(length >= 0 && length <= 4))
        return duk_error(ctx, DUK_ERR_RANGE_ERROR, "parseBytesToInt: at most 4 bytes make an int");
    if ((size_t)length > n - at)
        return duk_error(ctx, DUK_ERR_RANGE_ERROR, "parseBytesToInt: there are only %lu bytes",
                         (unsigned long)n);
    bool big = duk_is_undefined(ctx, 3) || duk_to_boolean(ctx, 3);
    uint32_t v = 0;
    for (size_t i = 0; i < (size_t)length; i++)
        v = v << 8 | p[at + (big ? i : (size_t)length - 1 - i)];
    duk_push_int(ctx, (int32_t)v);
    return 1;
}

// A number, rounded half away from zero; not the text of Number.prototype.toFixed.
static duk_ret_t to_fixed(duk_context *ctx)
{
    duk_set_top(ctx, 2);
    double v = duk_to_number(ctx, 0), precision = duk_to_number(ctx, 1);
    if (!(precision >= 0 && precision <= 20))
        precision = 0;
    double scale = pow(10, trunc(precision)), scaled = v * scale;
    if (!isfinite(scaled)) {
        duk_push_number(ctx, v);
        return 1;
    }
    // 1.005 is a little less in binary, and its decimal text is what was meant.
    double rounded = round(scaled * (1 + 2.220446049250313e-16));
    duk_push_number(ctx, rounded / scale);
    return 1;
}

// HTML, section 8.3: text of characters up to U+00FF, one byte each.
static duk_ret_t btoa_fn(duk_context *ctx)
{
    duk_size_t size;
    duk_set_top(ctx, 1);
    const unsigned char *s = (const unsigned char *)duk_to_lstring(ctx, 0, &size);
    unsigned char *out = duk_push_fixed_buffer(ctx, size);
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned c = s[i];
        if (c >= 0x80) {
            if (c > 0xc3 || i + 1 == size)
                return duk_error(ctx, DUK_ERR_RANGE_ERROR,
                                 "btoa: the text has characters above U+00FF");
            c = (c & 0x1f) << 6 | (s[++i] & 0x3f);
        }
        out[n++] = (unsigned char)c;
    }
    return push_base64_of(ctx, out, n);
}

static duk_ret_t atob_fn(duk_context *ctx)
{
    size_t n;
    duk_set_top(ctx, 1);
    const unsigned char *p = push_base64(ctx, 0, &n);
    unsigned char *out = duk_push_dynamic_buffer(ctx, 2 * n);
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] >= 0x80)
            out[size++] = (unsigned char)(0xc0 | p[i] >> 6);
        out[size++] = p[i] < 0x80 ? p[i] : (unsigned char)(0x80 | (p[i] & 0x3f));
    }
    duk_push_lstring(ctx, (const char *)out, size);
    return 1;
}

const struct js_builtin js_helpers[] = {
    {"", "decodeToString", decode_to_string, 1},
    {"", "decodeToJson", decode_to_json, 1},
    {"", "base64ToBytes", base64_to_bytes, 1},
    {"", "bytesToBase64", bytes_to_base64, 1},
    {"", "bytesToHex", bytes_to_hex, 1},
    {"", "hexToBytes", hex_to_bytes, 1},
    {"", "parseBytesToInt", parse_bytes_to_int, 4},
    {"", "toFixed", to_fixed, 2},
    {"", "btoa", btoa_fn, 1},
    {"", "atob", atob_fn, 1},
    {NULL, NULL, NULL, 0},
};
