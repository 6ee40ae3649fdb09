// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "convert/js_builtins.h"
#include "convert/js_collate.h"
#include "convert/js_list.h"
#include "convert/js_normal.h"
#include "convert/js_text.h"

// Methods of strings that Duktape lacks. Texts are taken apart by Duktape's own methods, which
// count in UTF-16 units as the language does.

// Longest text that is made (V8's limit is about this).
#define TEXT_MAX ((double)(1 << 29) - 24)

static void push_this_text(duk_context *ctx)
{
    duk_push_this(ctx);
    if (duk_is_null_or_undefined(ctx, -1))
        (void)duk_error(ctx, DUK_ERR_TYPE_ERROR, "called on null or undefined");
    duk_size_t n;
    (void)duk_to_lstring(ctx, -1, &n);
    // Most look at each character.
    duk_x_charge(ctx, n);
}

// Padding -----------------------------------------------------------------------------------------

// [ filler ] -> [ text of n units ]
static void repeat_to(duk_context *ctx, double n)
{
    duk_idx_t filler = duk_get_top_index(ctx);
    double unit = (double)duk_get_length(ctx, filler), whole = floor(n / unit), rest;
    duk_push_string(ctx, "repeat");
    duk_push_number(ctx, whole);
    duk_call_prop(ctx, filler, 1);
    rest = n - whole * unit;
    if (rest > 0) {
        duk_dup(ctx, filler);
        duk_substring(ctx, -1, 0, (duk_size_t)rest);
        duk_concat(ctx, 2);
    }
    duk_remove(ctx, filler);
}

// ECMA-262 22.1.3.17.
static duk_ret_t pad(duk_context *ctx, bool start)
{
    duk_set_top(ctx, 2);
    push_this_text(ctx);
    double n = js_list_integer(ctx, 0), have = (double)duk_get_length(ctx, 2);
    if (duk_is_undefined(ctx, 1))
        duk_push_string(ctx, " ");
    else
        (void)(duk_dup(ctx, 1), duk_to_string(ctx, -1));
    if (n <= have || duk_get_length(ctx, 3) == 0) {
        duk_pop(ctx);
        return 1;
    }
    if (n > TEXT_MAX)
        return duk_error(ctx, DUK_ERR_RANGE_ERROR, "Invalid string length");
    repeat_to(ctx, n - have);
    if (start)
        duk_insert(ctx, 2);
    duk_concat(ctx, 2);
    return 1;
}

static duk_ret_t string_pad_start(duk_context *ctx)
{
    return pad(ctx, true);
}

static duk_ret_t string_pad_end(duk_context *ctx)
{
    return pad(ctx, false);
}

// Trimming ----------------------------------------------------------------------------------------

// White space and line terminators (ECMA-262 12.2, 12.3).
static bool is_space(duk_codepoint_t c)
{
    return (c >= 9 && c <= 13) || c == 32 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000 || c == 0xfeff;
}

static duk_ret_t string_trim_start(duk_context *ctx)
{
    push_this_text(ctx);
    duk_size_t n = duk_get_length(ctx, -1), from = 0;
    while (from < n && is_space(duk_char_code_at(ctx, -1, from)))
        from++;
    duk_substring(ctx, -1, from, n);
    return 1;
}

static duk_ret_t string_trim_end(duk_context *ctx)
{
    push_this_text(ctx);
    duk_size_t to = duk_get_length(ctx, -1);
    while (to > 0 && is_space(duk_char_code_at(ctx, -1, to - 1)))
        to--;
    duk_substring(ctx, -1, 0, to);
    return 1;
}

static duk_ret_t string_at(duk_context *ctx)
{
    duk_set_top(ctx, 1);
    push_this_text(ctx);
    double n = (double)duk_get_length(ctx, 1), i = js_list_integer(ctx, 0);
    i = i < 0 ? n + i : i;
    if (i < 0 || i >= n)
        return 0;
    duk_substring(ctx, 1, (duk_size_t)i, (duk_size_t)i + 1);
    return 1;
}

// Replacing ---------------------------------------------------------------------------------------

static bool is_regexp(duk_context *ctx, duk_idx_t at)
{
    if (!duk_is_object(ctx, at))
        return false;
    duk_get_global_string(ctx, "RegExp");
    bool is = duk_instanceof(ctx, at, -1);
    duk_pop(ctx);
    return is;
}

// Where the text at `what` begins in the one at `in`, from unit `from` on; -1 = nowhere.
static double find(duk_context *ctx, duk_idx_t in, duk_idx_t what, double from)
{
    duk_push_string(ctx, "indexOf");
    duk_dup(ctx, what);
    duk_push_number(ctx, from);
    duk_call_prop(ctx, in, 2);
    double at = duk_get_number(ctx, -1);
    duk_pop(ctx);
    return at;
}

// Pushes what stands for the match at unit `at` of the text in 2, by the replacement in 1.
static void push_replacement(duk_context *ctx, double at)
{
    if (duk_is_callable(ctx, 1)) {
        duk_dup(ctx, 1);
        duk_dup(ctx, 0);
        duk_push_number(ctx, at);
        duk_dup(ctx, 2);
        duk_call(ctx, 3);
        (void)duk_to_string(ctx, -1);
        return;
    }
    // The match alone, replaced: `$&`, `$$` mean the same there. What is around it is rare.
    duk_push_string(ctx, "replace");
    duk_dup(ctx, 0);
    duk_dup(ctx, 1);
    duk_call_prop(ctx, 0, 2);
}

// ECMA-262 22.1.3.20, for a text.
static duk_ret_t replace_text(duk_context *ctx)
{
    (void)duk_to_string(ctx, 0);
    if (!duk_is_callable(ctx, 1))
        (void)duk_to_string(ctx, 1);
    double n = (double)duk_get_length(ctx, 2), length = (double)duk_get_length(ctx, 0), end = 0;
    duk_idx_t parts = duk_push_array(ctx);
    duk_uarridx_t k = 0;
    for (double at = find(ctx, 2, 0, 0); at >= 0 && at <= n;) {
        duk_dup(ctx, 2);
        duk_substring(ctx, -1, (duk_size_t)end, (duk_size_t)at);
        duk_put_prop_index(ctx, parts, k++);
        push_replacement(ctx, at);
        duk_put_prop_index(ctx, parts, k++);
        end = at + length;
        double next = length > 0 ? end : at + 1;
        at = next > n ? -1 : find(ctx, 2, 0, next);
    }
    duk_dup(ctx, 2);
    duk_substring(ctx, -1, (duk_size_t)end, (duk_size_t)n);
    duk_put_prop_index(ctx, parts, k);
    duk_push_string(ctx, "join");
    duk_push_string(ctx, "");
    duk_call_prop(ctx, parts, 1);
    return 1;
}

static duk_ret_t string_replace_all(duk_context *ctx)
{
    duk_set_top(ctx, 2);
    push_this_text(ctx);
    if (!is_regexp(ctx, 0))
        return replace_text(ctx);
    (void)duk_get_prop_string(ctx, 0, "global");
    if (!duk_to_boolean(ctx, -1))
        return duk_error(ctx, DUK_ERR_TYPE_ERROR, "replaceAll must be called with a global RegExp");
    duk_push_string(ctx, "replace");
    duk_dup(ctx, 0);
    duk_dup(ctx, 1);
    duk_call_prop(ctx, 2, 2);
    return 1;
}

// Pushes a copy of the regular expression 0, from its lastIndex on, or one made of a text.
static duk_idx_t push_matcher(duk_context *ctx)
{
    bool regexp = is_regexp(ctx, 0);
    duk_get_global_string(ctx, "RegExp");
    if (!regexp) {
        duk_dup(ctx, 0);
        duk_push_string(ctx, "g");
        duk_new(ctx, 2);
        return duk_get_top_index(ctx);
    }
    (void)duk_get_prop_string(ctx, 0, "source");
    (void)duk_get_prop_string(ctx, 0, "flags");
    if (!strchr(duk_to_string(ctx, -1), 'g'))
        return duk_error(ctx, DUK_ERR_TYPE_ERROR, "matchAll must be called with a global RegExp");
    duk_new(ctx, 2);
    (void)duk_get_prop_string(ctx, 0, "lastIndex");
    (void)duk_put_prop_string(ctx, -2, "lastIndex");
    return duk_get_top_index(ctx);
}

// ECMA-262 22.1.3.14. The matches are looked for at once.
static duk_ret_t string_match_all(duk_context *ctx)
{
    duk_set_top(ctx, 1);
    push_this_text(ctx);
    duk_idx_t matcher = push_matcher(ctx), list = duk_push_array(ctx);
    for (duk_uarridx_t n = 0;; n++) {
        duk_push_string(ctx, "exec");
        duk_dup(ctx, 1);
        duk_call_prop(ctx, matcher, 1);
        if (duk_is_null(ctx, -1))
            break;
        (void)duk_get_prop_index(ctx, -1, 0);
        bool empty = duk_get_length(ctx, -1) == 0;
        duk_pop(ctx);
        (void)duk_put_prop_index(ctx, list, n);
        if (!empty)
            continue;
        (void)duk_get_prop_string(ctx, matcher, "lastIndex");
        duk_push_number(ctx, duk_to_number(ctx, -1) + 1);
        (void)duk_put_prop_string(ctx, matcher, "lastIndex");
        duk_pop(ctx);
    }
    duk_push_string(ctx, "values");
    duk_call_prop(ctx, list, 0);
    return 1;
}

// ECMA-262 22.1.2.4.
static duk_ret_t string_raw(duk_context *ctx)
{
    duk_idx_t n = duk_get_top(ctx);
    if (n == 0)
        duk_push_undefined(ctx);
    (void)duk_to_object(ctx, 0);
    (void)duk_get_prop_string(ctx, 0, "raw");
    (void)duk_to_object(ctx, -1);
    duk_idx_t raw = duk_get_top_index(ctx), first = raw + 1;
    duk_size_t texts = duk_get_length(ctx, raw);
    for (duk_size_t i = 0; i < texts; i++) {
        duk_require_stack(ctx, 4);
        (void)duk_get_prop_index(ctx, raw, (duk_uarridx_t)i);
        (void)duk_to_string(ctx, -1);
        if (i + 1 < texts && (duk_idx_t)i + 1 < n) {
            duk_dup(ctx, (duk_idx_t)i + 1);
            (void)duk_to_string(ctx, -1);
        }
    }
    duk_concat(ctx, duk_get_top(ctx) - first);
    return 1;
}

// Well-formed texts ------------------------------------------------------------------------------

// ECMA-262 22.1.3.9.
static duk_ret_t string_is_well_formed(duk_context *ctx)
{
    push_this_text(ctx);
    duk_push_boolean(ctx, duk_x_next_lone(ctx, -1, 0) == DUK_X_NOWHERE);
    return 1;
}

// ECMA-262 22.1.3.33.
static duk_ret_t string_to_well_formed(duk_context *ctx)
{
    duk_set_top(ctx, 0);
    push_this_text(ctx);
    duk_size_t n, at = duk_x_next_lone(ctx, 0, 0);
    if (at == DUK_X_NOWHERE)
        return 1;
    const char *text = duk_get_lstring(ctx, 0, &n);
    char *out = duk_push_fixed_buffer(ctx, n);
    memcpy(out, text, n);
    for (; at != DUK_X_NOWHERE; at = duk_x_next_lone(ctx, 0, at + 3))
        memcpy(out + at, "\xef\xbf\xbd", 3);
    duk_buffer_to_string(ctx, 1);
    return 1;
}

// Order -------------------------------------------------------------------------------------------

static struct span span_at(duk_context *ctx, duk_idx_t at)
{
    duk_size_t n;
    const char *p = duk_get_lstring(ctx, at, &n);
    return span_of(p, n);
}

// ECMA-402 10.1.1, for the options at 1.
static void read_order(duk_context *ctx, struct js_collate_options *o)
{
    static const struct {
        const char *name;
        enum js_collate_sensitivity value;
    } known[] = {{"variant", JS_COLLATE_VARIANT},
                 {"accent", JS_COLLATE_ACCENT},
                 {"case", JS_COLLATE_CASE},
                 {"base", JS_COLLATE_BASE}};
    (void)duk_get_prop_string(ctx, 1, "numeric");
    o->numeric = duk_to_boolean(ctx, -1);
    (void)duk_get_prop_string(ctx, 1, "sensitivity");
    if (duk_is_undefined(ctx, -1))
        return;
    const char *name = duk_to_string(ctx, -1);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        o->sensitivity = known[i].value;
        if (strcmp(name, known[i].name) == 0)
            return;
    }
    (void)duk_error(ctx, DUK_ERR_RANGE_ERROR, "Value %s out of range for sensitivity", name);
}

// (that, locales, options)
static duk_ret_t string_locale_compare(duk_context *ctx)
{
    struct js_collate_options o = {.sensitivity = JS_COLLATE_VARIANT};
    duk_set_top(ctx, 3);
    duk_remove(ctx, 1); // [ that options ]
    push_this_text(ctx);
    (void)duk_to_string(ctx, 0);
    if (duk_is_null(ctx, 1))
        return duk_error(ctx, DUK_ERR_TYPE_ERROR, "the options are null");
    if (!duk_is_undefined(ctx, 1)) {
        (void)duk_to_object(ctx, 1);
        read_order(ctx, &o);
    }
    struct span a = span_at(ctx, 2), b = span_at(ctx, 0);
    duk_x_charge(ctx, 8 * (a.n < b.n ? a.n : b.n));
    duk_push_int(ctx, js_collate(a, b, &o));
    return 1;
}

// Normalization -----------------------------------------------------------------------------------

// CESU-8; `out` NULL only counts.
static size_t encode(const int32_t *text, size_t n, char *out)
{
    char unit[4];
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t c = (uint32_t)text[i];
        if (c > 0xffff) {
            at += text_put_utf8(out ? out + at : unit, 0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        at += text_put_utf8(out ? out + at : unit, c);
    }
    return at;
}

// ECMA-262 22.1.3.15.
static duk_ret_t string_normalize(duk_context *ctx)
{
    static const char *const forms[] = {"NFC", "NFD", "NFKC", "NFKD"};
    duk_set_top(ctx, 1);
    push_this_text(ctx);
    const char *name = duk_is_undefined(ctx, 0) ? "NFC" : duk_to_string(ctx, 0);
    size_t form = 0;
    while (form < 4 && strcmp(name, forms[form]) != 0)
        form++;
    if (form == 4)
        return duk_error(ctx, DUK_ERR_RANGE_ERROR,
                         "The normalization form should be one of NFC, NFD, NFKC, NFKD.");
    struct span text = span_at(ctx, 1);
    if (js_text_is_ascii(text))
        return 1;
    size_t n = js_normal_decompose(text, form >= 2, NULL);
    int32_t *parts = duk_push_fixed_buffer(ctx, 2 * n * sizeof *parts);
    (void)js_normal_decompose(text, form >= 2, parts);
    js_normal_order(parts, n, parts + n);
    if (form % 2 == 0)
        n = js_normal_compose(parts, n);
    size_t size = encode(parts, n, NULL);
    char *out = duk_push_fixed_buffer(ctx, size);
    (void)encode(parts, n, out);
    duk_buffer_to_string(ctx, -1);
    return 1;
}

#define STRING "String.prototype"

const struct js_builtin js_string_builtins[] = {
    {STRING, "at", string_at, 1},
    {STRING, "padStart", string_pad_start, 1},
    {STRING, "padEnd", string_pad_end, 1},
    {STRING, "trimStart", string_trim_start, 0},
    {STRING, "trimEnd", string_trim_end, 0},
    {STRING, "localeCompare", string_locale_compare, 1},
    {STRING, "normalize", string_normalize, 0},
    {STRING, "isWellFormed", string_is_well_formed, 0},
    {STRING, "toWellFormed", string_to_well_formed, 0},
    {STRING, "replaceAll", string_replace_all, 2},
    {STRING, "matchAll", string_match_all, 1},
    {"String", "raw", string_raw, 1},
    {NULL, NULL, NULL, 0},
};
