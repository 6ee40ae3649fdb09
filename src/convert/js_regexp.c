// SPDX-License-Identifier: Apache-2.0
#include "convert/js_regexp.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static void put(struct js_regexp_text *out, const char *p, size_t n)
{
    if (out->n < out->room)
        memcpy(out->p + out->n, p, n < out->room - out->n ? n : out->room - out->n);
    out->n += n;
}

static void put_text(struct js_regexp_text *out, const char *text)
{
    put(out, text, strlen(text));
}

int js_regexp_flags(struct span text)
{
    static const char letters[] = "gimsuyd";
    int flags = 0;
    for (size_t i = 0; i < text.n; i++) {
        const char *at = text.p[i] ? strchr(letters, text.p[i]) : NULL;
        int bit = at ? 1 << (at - letters) : 0;
        if (bit == 0 || (flags & bit))
            return -1;
        flags |= bit;
    }
    return flags;
}

// Groups ------------------------------------------------------------------------------------------

struct groups {
    struct span in;
    size_t at;
    bool in_class;
    unsigned n; // capturing groups so far
};

static bool is_at(struct span s, size_t at, const char *text)
{
    size_t n = strlen(text);
    return s.n - at >= n && memcmp(s.p + at, text, n) == 0;
}

static bool is_named(struct span s, size_t at)
{
    return is_at(s, at, "(?<") && !is_at(s, at, "(?<=") && !is_at(s, at, "(?<!");
}

// The next capturing group; g->at is after its parenthesis.
static bool next_group(struct groups *g, bool *named)
{
    for (; g->at < g->in.n; g->at++) {
        char c = g->in.p[g->at];
        if (c == '\\')
            g->at++;
        else if (g->in_class)
            g->in_class = c != ']';
        else if (c == '[')
            g->in_class = true;
        if (c != '(' || g->in_class)
            continue;
        *named = is_named(g->in, g->at);
        if (*named || !is_at(g->in, g->at, "(?")) {
            g->at++;
            g->n++;
            return true;
        }
    }
    return false;
}

static bool is_name_start(unsigned char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '$' || c == '_' || c >= 0x80;
}

// The name at `at`, without its brackets; empty when it is none.
static struct span name_at(struct span s, size_t at)
{
    size_t n = 0;
    if (at < s.n && s.p[at] == '<' && at + 1 < s.n && is_name_start((unsigned char)s.p[at + 1]))
        for (n = 1; at + 1 + n < s.n; n++) {
            unsigned char c = (unsigned char)s.p[at + 1 + n];
            if (!is_name_start(c) && !(c >= '0' && c <= '9'))
                break;
        }
    bool ends = n > 0 && at + 1 + n < s.n && s.p[at + 1 + n] == '>';
    return ends ? span_of(s.p + at + 1, n) : SPAN_NONE;
}

static unsigned group_of(struct span names, struct span name)
{
    struct js_regexp_name known;
    while (js_regexp_next_name(&names, &known))
        if (span_eq(known.text, name))
            return known.group;
    return 0;
}

const char *js_regexp_names(struct span pattern, struct js_regexp_text *out)
{
    struct groups g = {.in = pattern};
    unsigned count = 0;
    for (bool named; next_group(&g, &named);) {
        if (g.n > JS_REGEXP_GROUPS_MAX)
            return "too many groups";
        if (!named)
            continue;
        struct span name = name_at(pattern, g.at + 1);
        if (name.n == 0 || name.n > JS_REGEXP_NAME_MAX)
            return "invalid capture group name";
        if (++count > JS_REGEXP_NAMED_MAX)
            return "too many named groups";
        if (out->n <= out->room && group_of(span_of(out->p, out->n), name) > 0)
            return "duplicate capture group name";
        const char head[] = {(char)(g.n >> 8), (char)g.n, (char)name.n};
        put(out, head, sizeof head);
        put(out, name.p, name.n);
    }
    return NULL;
}

bool js_regexp_next_name(struct span *names, struct js_regexp_name *out)
{
    const unsigned char *p = (const unsigned char *)names->p;
    if (names->n < 3 || names->n - 3 < p[2])
        return false;
    out->group = (unsigned)p[0] << 8 | p[1];
    out->text = span_of(names->p + 3, p[2]);
    *names = span_of(names->p + 3 + p[2], names->n - 3 - p[2]);
    return true;
}

// Translation -------------------------------------------------------------------------------------

struct translation {
    struct span in;
    size_t at;
    bool unicode, dot_all;
    bool in_class, after_set; // in a class: \d or its like was before
    unsigned groups;
    struct span names;
    struct js_regexp_text *out;
    const char *complaint;
};

static int peek(const struct translation *t, size_t ahead)
{
    return t->in.n - t->at > ahead ? (unsigned char)t->in.p[t->at + ahead] : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static void copy(struct translation *t, size_t n)
{
    put(t->out, t->in.p + t->at, n);
    t->at += n;
}

static void complain(struct translation *t, const char *what)
{
    if (!t->complaint)
        t->complaint = what;
}

static void put_code_point(struct translation *t, uint32_t c)
{
    char text[8];
    if (c > 0xffff)
        put(t->out, text, text_put_utf8(text, c));
    else
        put(t->out, text, (size_t)snprintf(text, sizeof text, "\\u%04x", (unsigned)c));
}

static uint32_t join(uint32_t high, uint32_t low)
{
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

// A character that stands for itself.
static void copy_character(struct translation *t)
{
    const unsigned char *p = (const unsigned char *)t->in.p + t->at;
    bool pair = t->unicode && t->in.n - t->at >= 6 && p[0] == 0xed && (p[1] & 0xf0) == 0xa0 &&
                p[3] == 0xed && (p[4] & 0xf0) == 0xb0;
    if (!pair) {
        copy(t, 1);
        return;
    }
    uint32_t high = 0xd000u | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    uint32_t low = 0xd000u | (p[4] & 0x3fu) << 6 | (p[5] & 0x3fu);
    put_code_point(t, join(high, low));
    t->at += 6;
}

// Escapes -----------------------------------------------------------------------------------------

// Hexadecimal digits, n of them, at t->at + ahead; -1 when they are others.
static int32_t hex(const struct translation *t, size_t ahead, size_t n)
{
    int32_t v = 0;
    for (size_t i = 0; i < n; i++) {
        int c = peek(t, ahead + i), letter = c | 0x20;
        if (!is_digit(c) && !(letter >= 'a' && letter <= 'f'))
            return -1;
        v = v << 4 | (is_digit(c) ? c - '0' : letter - 'a' + 10);
    }
    return v;
}

// \u{...}; where t->at is after it.
static int32_t braced(struct translation *t)
{
    int32_t v = 0;
    size_t n = 3;
    for (int32_t digit; (digit = hex(t, n, 1)) >= 0 && v <= 0x10ffff; n++)
        v = v << 4 | digit;
    if (n == 3 || v > 0x10ffff || peek(t, n) != '}')
        return -1;
    t->at += n + 1;
    return v;
}

static void escape_unicode(struct translation *t)
{
    int32_t v = hex(t, 2, 4);
    if (!t->unicode) {
        // Without its digits it is the letter.
        if (v < 0)
            t->at++;
        copy(t, v < 0 ? 1 : 6);
        return;
    }
    if (v >= 0) {
        t->at += 6;
        int32_t low = v >= 0xd800 && v < 0xdc00 && is_at(t->in, t->at, "\\u") ? hex(t, 2, 4) : -1;
        if (low >= 0xdc00 && low < 0xe000) {
            t->at += 6;
            v = (int32_t)join((uint32_t)v, (uint32_t)low);
        }
    } else if (peek(t, 2) == '{') {
        v = braced(t);
    }
    if (v < 0)
        complain(t, "invalid Unicode escape");
    else
        put_code_point(t, (uint32_t)v);
}

// ECMA-262 B.1.2 LegacyOctalEscapeSequence.
static void escape_octal(struct translation *t)
{
    uint32_t v = 0;
    t->at++;
    for (int n = 0; n < 3 && peek(t, 0) >= '0' && peek(t, 0) <= '7' && v * 8 < 256; n++)
        v = v * 8 + (uint32_t)(t->in.p[t->at++] - '0');
    put_code_point(t, v);
}

static void escape_number(struct translation *t)
{
    unsigned v = 0;
    size_t n = 1;
    for (; is_digit(peek(t, n)) && v <= JS_REGEXP_GROUPS_MAX; n++)
        v = v * 10 + (unsigned)(peek(t, n) - '0');
    bool zero = peek(t, 1) == '0';
    if (!t->in_class && !zero && v <= t->groups)
        copy(t, n);
    else if (t->unicode && (!zero || n > 2))
        complain(t, t->in_class ? "invalid class escape" : "invalid escape");
    else if (peek(t, 1) >= '8')
        t->at++, copy(t, 1);
    else
        escape_octal(t);
}

static void escape_control(struct translation *t)
{
    int c = peek(t, 2);
    bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    if (letter) {
        copy(t, 3);
    } else if (t->unicode) {
        complain(t, "invalid Unicode escape");
    } else if (t->in_class && (is_digit(c) || c == '_')) {
        put_code_point(t, (uint32_t)c & 31);
        t->at += 3;
    } else {
        put_text(t->out, "\\\\");
        t->at++;
    }
}

static void escape_name(struct translation *t)
{
    struct span name = name_at(t->in, t->at + 2);
    unsigned group = t->in_class ? 0 : group_of(t->names, name);
    char text[24];
    if (group == 0) {
        // It means the letter where no group has a name.
        if (t->unicode || t->names.n > 0)
            complain(t, name.n > 0 && !t->in_class ? "invalid named capture referenced"
                                                   : "invalid named reference");
        else
            copy(t, 2);
        return;
    }
    // Digits may follow.
    put(t->out, text, (size_t)snprintf(text, sizeof text, "(?:\\%u)", group));
    t->at += 2 + 1 + name.n + 1;
}

static void escape_other(struct translation *t, int c)
{
    bool syntax = c > 0 && strchr("^$\\.*+?()[]{}|/", c) != NULL;
    bool letter = c > 0 && strchr(t->in_class ? "bfnrtv" : "bBfnrtv", c) != NULL;
    if (t->unicode && !syntax && !letter && !(t->in_class && c == '-'))
        complain(t, "invalid escape");
    else
        copy(t, 2);
}

static void escape_set(struct translation *t, int c)
{
    copy(t, 2);
    // Duktape's end with the BMP.
    if (t->unicode && t->in_class && strchr("DSW", c))
        put_text(t->out, "\xf0\x90\x80\x80-\xf4\x8f\xbf\xbf");
}

static void escape(struct translation *t)
{
    int c = peek(t, 1);
    bool is_set = c > 0 && strchr("dDsSwW", c) != NULL;
    if (c < 0)
        complain(t, "\\ at end of pattern");
    else if (is_set)
        escape_set(t, c);
    else if (is_digit(c))
        escape_number(t);
    else if (c == 'x' && hex(t, 2, 2) >= 0)
        copy(t, 4);
    else if (c == 'x' && !t->unicode)
        t->at++, copy(t, 1);
    else if (c == 'u')
        escape_unicode(t);
    else if (c == 'c')
        escape_control(t);
    else if (c == 'k')
        escape_name(t);
    else if ((c | 0x20) == 'p' && t->unicode)
        complain(t, "Unicode property escapes, \\p{...}, are not supported");
    else
        escape_other(t, c);
    t->after_set = is_set;
}

// Around them -------------------------------------------------------------------------------------

// The length of {n}, {n,} or {n,m}; 0 for other braces.
static size_t quantifier(const struct translation *t)
{
    size_t n = 1;
    while (is_digit(peek(t, n)))
        n++;
    if (n > 1 && peek(t, n) == ',')
        for (n++; is_digit(peek(t, n)); n++)
            ;
    return n > 1 && peek(t, n) == '}' ? n + 1 : 0;
}

static void step_in_class(struct translation *t, int c)
{
    int after = peek(t, 1) == '\\' ? peek(t, 2) : 0;
    if (c == ']') {
        t->in_class = false;
    } else if (c == '-' && t->after_set && t->unicode && peek(t, 1) != ']') {
        complain(t, "invalid character class");
    } else if (c == '-' && !t->unicode && after > 0 && strchr("dDsSwW", after)) {
        // No range ends in a set: the three stand for themselves.
        put_text(t->out, "\\");
    }
    t->after_set = false;
    copy_character(t);
}

static void begin_class(struct translation *t)
{
    t->in_class = true;
    t->after_set = false;
    copy(t, peek(t, 1) == '^' ? 2 : 1);
}

static void step(struct translation *t)
{
    int c = peek(t, 0);
    if (c == '\\') {
        escape(t);
    } else if (t->in_class) {
        step_in_class(t, c);
    } else if (c == '[') {
        begin_class(t);
    } else if (c == '.' && t->dot_all) {
        put_text(t->out, "[^]");
        t->at++;
    } else if (is_named(t->in, t->at)) {
        put_text(t->out, "(");
        t->at += 3 + name_at(t->in, t->at + 2).n + 1;
    } else if (c == '{' && quantifier(t) > 0) {
        copy(t, quantifier(t));
    } else if (t->unicode && (c == ']' || c == '}' || c == '{')) {
        complain(t, "lone quantifier brackets");
    } else if (c == '{') {
        put_text(t->out, "\\");
        copy(t, 1);
    } else {
        copy_character(t);
    }
}

const char *js_regexp_translate(struct span pattern, int flags, struct span names,
                                struct js_regexp_text *out)
{
    struct translation t = {.in = pattern,
                            .unicode = (flags & JS_REGEXP_UNICODE) != 0,
                            .dot_all = (flags & JS_REGEXP_DOT_ALL) != 0,
                            .names = names,
                            .out = out};
    struct groups g = {.in = pattern};
    for (bool named; next_group(&g, &named);)
        t.groups = g.n;
    while (t.at < pattern.n && !t.complaint)
        step(&t);
    return t.complaint;
}

void js_regexp_source(struct span pattern, struct js_regexp_text *out)
{
    bool in_class = false, escaped = false;
    if (pattern.n == 0)
        put_text(out, "(?:)");
    for (size_t i = 0; i < pattern.n; i++) {
        char c = pattern.p[i];
        bool breaks = c == '\n' || c == '\r';
        if (!escaped && ((c == '/' && !in_class) || breaks))
            put_text(out, "\\");
        if (!escaped && (c == '[' || c == ']'))
            in_class = c == '[';
        put_text(out, c == '\n' ? "n" : c == '\r' ? "r" : "");
        if (!breaks)
            put(out, &c, 1);
        escaped = !escaped && c == '\\';
    }
}
