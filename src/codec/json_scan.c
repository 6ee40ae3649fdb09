// SPDX-License-Identifier: Apache-2.0
#include "codec/json_scan.h"

#include "base/text.h"

#include "codec/json_text.h"

// What may come next.
enum {
    AT_VALUE,         // a value
    AT_FIRST_ELEMENT, // after '[': a value or ']'
    AT_FIRST_KEY,     // after '{': a key or '}'
    AT_KEY,           // after ',' in an object: a key
    AT_AFTER_VALUE,   // ',' or the end of the array or object, or of the text
    AT_ERROR,
};

static enum json_token fail_at(struct json_scan *s, const char *at, const char *error)
{
    s->at = at;
    s->error = error;
    s->state = AT_ERROR;
    s->text = SPAN_NONE;
    return JSON_T_ERROR;
}

static enum json_token fail(struct json_scan *s, const char *error)
{
    return fail_at(s, s->at, s->at == s->end ? "the text ends too early" : error);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void skip_space(struct json_scan *s)
{
    while (s->at < s->end && is_space(*s->at)) {
        s->at++;
    }
}

// The four digits after "\u" at `p`, or -1.
static int32_t hex4(const char *p, const char *end)
{
    int32_t v = 0;
    if (end - p < 6) {
        return -1;
    }
    for (int i = 2; i < 6; i++) {
        int d = text_hex_value(p[i]);
        if (d < 0) {
            return -1;
        }
        v = v << 4 | d;
    }
    return v;
}

static bool is_high_surrogate(int32_t v)
{
    return v >= 0xd800 && v <= 0xdbff;
}

static bool is_low_surrogate(int32_t v)
{
    return v >= 0xdc00 && v <= 0xdfff;
}

// Length of the escape that starts with the backslash at `p`, or 0 with *error set.
static size_t check_escape(const char *p, const char *end, const char **error)
{
    *error =
        "unknown escape in a string (one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX expected)";
    if (end - p < 2) {
        return 0;
    }
    if (p[1] != 'u') {
        return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) ? 2 : 0;
    }
    int32_t v = hex4(p, end);
    if (v < 0) {
        *error = "\\u must be followed by four hexadecimal digits";
        return 0;
    }
    if (!is_high_surrogate(v) && !is_low_surrogate(v)) {
        return 6;
    }
    *error = "half of a surrogate pair (\\uD800 to \\uDFFF) without the other half";
    if (is_low_surrogate(v) || end - p < 12 || p[6] != '\\' || p[7] != 'u') {
        return 0;
    }
    return is_low_surrogate(hex4(p + 6, end)) ? 12 : 0;
}

// `raw` has been checked; the result is never longer than it.
static struct span unescape(struct span raw, struct arena *arena)
{
    const char *p = raw.p, *end = p + raw.n;
    char *out = arena_alloc(arena, raw.n), *q = out;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((slash ? slash : end) - p);
        memcpy(q, p, plain);
        q += plain;
        p += plain;
        if (!slash) {
            break;
        }
        if (p[1] == 'u') {
            uint32_t c = (uint32_t)hex4(p, end);
            p += 6;
            if (is_high_surrogate((int32_t)c)) {
                c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)hex4(p, end) - 0xdc00);
                p += 6;
            }
            q += text_put_utf8(q, c);
            continue;
        }
        const char *name = strchr("bfnrt", p[1]);
        *q++ = name ? "\b\f\n\r\t"[name - "bfnrt"] : p[1];
        p += 2;
    }
    return span_of(out, (size_t)(q - out));
}

// The rest of a string whose opening quote has just been passed.
static enum json_token scan_string(struct json_scan *s, enum json_token token, bool want_text)
{
    const unsigned char *p = (const unsigned char *)s->at, *end = (const unsigned char *)s->end;
    const char *error = NULL;
    bool escaped = false;
    for (;;) {
        p = json_plain_end(p, end);
        if (p == end) {
            return fail_at(s, s->at - 1, "this string has no closing quote");
        }
        if (*p == '"') {
            break;
        }
        if (*p == '\\') {
            size_t n = check_escape((const char *)p, s->end, &error);
            if (!n) {
                return fail_at(s, (const char *)p, error);
            }
            escaped = true;
            p += n;
            continue;
        }
        if (*p < 0x20) {
            return fail_at(s, (const char *)p,
                           "control character in a string (write it as an escape)");
        }
        while (p < end && *p >= 0x80) {
            size_t n = json_utf8_len(p, end);
            if (!n) {
                return fail_at(s, (const char *)p, "invalid UTF-8 in a string");
            }
            p += n;
        }
    }
    s->text = span_of(s->at, (size_t)((const char *)p - s->at));
    if (escaped && want_text && s->arena) {
        s->text = unescape(s->text, s->arena);
    }
    s->at = (const char *)p + 1;
    return token;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }
    return p;
}

static enum json_token scan_number(struct json_scan *s)
{
    const char *p = s->at, *end = s->end, *digits;
    p += *p == '-';
    digits = p;
    p = skip_digits(p, end);
    if (p == digits) {
        return fail_at(s, p, "a digit expected");
    }
    if (*digits == '0' && p - digits > 1) {
        return fail_at(s, digits, "a number must not start with 0");
    }
    if (p < end && *p == '.') {
        digits = ++p;
        p = skip_digits(p, end);
        if (p == digits) {
            return fail_at(s, p, "a digit expected after the point");
        }
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        digits = p;
        p = skip_digits(p, end);
        if (p == digits) {
            return fail_at(s, p, "a digit expected in the exponent");
        }
    }
    s->text = span_of(s->at, (size_t)(p - s->at));
    s->at = p;
    return JSON_T_NUMBER;
}

static enum json_token scan_word(struct json_scan *s, struct span word, enum json_token token)
{
    struct span rest = span_of(s->at, (size_t)(s->end - s->at));
    if (!span_has_prefix(rest, word)) {
        return fail(s, "a value expected");
    }
    s->text = span_of(s->at, word.n);
    s->at += word.n;
    return token;
}

static enum json_token open(struct json_scan *s, char closing, uint8_t state, enum json_token token)
{
    if (s->depth == s->max_depth) {
        return fail(s, "nested too deeply");
    }
    s->stack[s->depth++] = closing;
    s->state = state;
    s->text = span_of(s->at++, 1);
    return token;
}

static enum json_token close(struct json_scan *s)
{
    s->state = AT_AFTER_VALUE;
    s->depth--;
    s->text = span_of(s->at, 1);
    return *s->at++ == ']' ? JSON_T_ARRAY_END : JSON_T_OBJECT_END;
}

static enum json_token scan_value(struct json_scan *s, bool want_text)
{
    s->state = AT_AFTER_VALUE;
    s->token = s->at;
    switch (*s->at) {
    case '{':
        return open(s, '}', AT_FIRST_KEY, JSON_T_OBJECT);
    case '[':
        return open(s, ']', AT_FIRST_ELEMENT, JSON_T_ARRAY);
    case '"':
        s->at++;
        return scan_string(s, JSON_T_STRING, want_text);
    case 't':
        return scan_word(s, SPAN("true"), JSON_T_TRUE);
    case 'f':
        return scan_word(s, SPAN("false"), JSON_T_FALSE);
    case 'n':
        return scan_word(s, SPAN("null"), JSON_T_NULL);
    default:
        if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9')) {
            return scan_number(s);
        }
        return fail(s, "a value expected");
    }
}

static enum json_token scan_key(struct json_scan *s, bool want_text)
{
    if (*s->at != '"') {
        return fail(s, "a key in quotes expected");
    }
    s->token = s->at++;
    if (scan_string(s, JSON_T_KEY, want_text) == JSON_T_ERROR) {
        return JSON_T_ERROR;
    }
    skip_space(s);
    if (s->at == s->end || *s->at != ':') {
        return fail(s, "':' expected");
    }
    s->at++;
    s->state = AT_VALUE;
    return JSON_T_KEY;
}

// Goes past the ',' between members. False when the next token was made (*token) instead.
static bool pass_comma(struct json_scan *s, enum json_token *token)
{
    if (s->depth == 0) {
        *token = s->at == s->end ? JSON_T_END : fail(s, "text after the end of the document");
        return false;
    }
    char closing = s->stack[s->depth - 1];
    if (s->at < s->end && *s->at == closing) {
        *token = close(s);
        return false;
    }
    if (s->at == s->end || *s->at != ',') {
        *token = fail(s, closing == ']' ? "',' or ']' expected" : "',' or '}' expected");
        return false;
    }
    s->at++;
    skip_space(s);
    s->state = closing == ']' ? AT_VALUE : AT_KEY;
    return true;
}

static enum json_token next(struct json_scan *s, bool want_text)
{
    enum json_token token = JSON_T_ERROR;
    if (s->state == AT_ERROR) {
        return JSON_T_ERROR;
    }
    skip_space(s);
    if (s->state == AT_AFTER_VALUE && !pass_comma(s, &token)) {
        return token;
    }
    if (s->at == s->end) {
        return fail(s, "");
    }
    switch (s->state) {
    case AT_FIRST_ELEMENT:
        return *s->at == ']' ? close(s) : scan_value(s, want_text);
    case AT_FIRST_KEY:
        return *s->at == '}' ? close(s) : scan_key(s, want_text);
    case AT_KEY:
        return scan_key(s, want_text);
    default:
        return scan_value(s, want_text);
    }
}

// Reads on until the nesting is back at `depth`, then sets s->text to all since s->token.
static int finish(struct json_scan *s, int depth)
{
    const char *first = s->token;
    while (s->depth > depth) {
        if (next(s, false) == JSON_T_ERROR) {
            return ERR_INVALID;
        }
    }
    s->token = first;
    s->text = span_of(first, (size_t)(s->at - first));
    return 0;
}

void json_scan_init(struct json_scan *s, struct span text, struct arena *arena)
{
    const char *p = text.p ? text.p : "";
    *s = (struct json_scan){.start = p,
                            .at = p,
                            .end = p + text.n,
                            .token = p,
                            .arena = arena,
                            .max_depth = JSON_SCAN_DEPTH,
                            .state = AT_VALUE};
}

enum json_token json_scan_next(struct json_scan *s)
{
    return next(s, true);
}

int json_scan_skip(struct json_scan *s)
{
    int depth = s->depth;
    const char *at = s->at;
    switch (next(s, false)) {
    case JSON_T_ERROR:
        return ERR_INVALID;
    case JSON_T_END:
    case JSON_T_KEY:
    case JSON_T_OBJECT_END:
    case JSON_T_ARRAY_END:
        fail_at(s, at, "a value expected");
        return ERR_INVALID;
    default:
        return finish(s, depth);
    }
}

int json_scan_raw(struct json_scan *s, struct span *out)
{
    if (s->state == AT_ERROR || s->depth == 0) {
        fail(s, "an array or object expected");
        return ERR_INVALID;
    }
    int rc = finish(s, s->depth - 1);
    *out = s->text;
    return rc;
}

int json_scan_error(const struct json_scan *s, struct err *e)
{
    size_t line = 1, column = 1;
    for (const char *p = s->start; p < s->at; p++) {
        if (*p == '\n') {
            line++;
            column = 1;
        } else {
            column += ((unsigned char)*p & 0xc0) != 0x80;
        }
    }
    return err_set(e, ERR_INVALID, "line %zu column %zu: %s", line, column,
                   s->error ? s->error : "no error");
}
