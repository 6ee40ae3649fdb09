// SPDX-License-Identifier: Apache-2.0
#include "aws/xml_text.h"

#include "base/text.h"

static bool is_name_end(char c)
{
    return c == '>' || c == '/' || c == ' ' || (c >= '\t' && c <= '\r');
}

// Reads the tag that starts at *rest (after '<') and leaves what follows '>' in *rest.
static bool next_tag(struct span *rest, struct span *name)
{
    size_t open = span_find(*rest, '<');
    if (open == rest->n) {
        return false;
    }
    struct span s = span_of(rest->p + open + 1, rest->n - open - 1);
    size_t close = span_find(s, '>');
    if (close == s.n) {
        return false;
    }
    size_t n = s.p[0] == '/' ? 1 : 0;
    while (n < close && !is_name_end(s.p[n])) {
        n++;
    }
    *name = span_of(s.p, n);
    *rest = span_of(s.p + close + 1, s.n - close - 1);
    return true;
}

// "#65" or "#x41"; 0 when it is no character.
static uint32_t char_reference(struct span s)
{
    uint32_t base = 10, v = 0;
    size_t i = 1;
    if (s.n > 1 && s.p[1] == 'x') {
        base = 16;
        i = 2;
    }
    if (i >= s.n) {
        return 0;
    }
    for (; i < s.n; i++) {
        char c = s.p[i];
        uint32_t d = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                     : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                            : base;
        v = v * base + d;
        if (d >= base || v > 0x10ffff) {
            return 0;
        }
    }
    return v >= 0xd800 && v <= 0xdfff ? 0 : v;
}

static uint32_t entity(struct span name)
{
    static const struct {
        const char *name;
        uint32_t c;
    } known[] = {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (span_is(name, known[i].name)) {
            return known[i].c;
        }
    }
    return name.n && name.p[0] == '#' ? char_reference(name) : 0;
}

// An entity is never shorter than the UTF-8 it stands for; unknown ones stay as they are.
static struct span unescape(struct span s, struct arena *a)
{
    if (span_find(s, '&') == s.n) {
        return s;
    }
    char *out = arena_alloc(a, s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        struct span tail = span_of(s.p + i, s.n - i);
        size_t semicolon = tail.p[0] == '&' ? span_find(tail, ';') : tail.n;
        uint32_t c = semicolon < tail.n ? entity(span_of(tail.p + 1, semicolon - 1)) : 0;
        if (c) {
            n += text_put_utf8(out + n, c);
            i += semicolon;
        } else {
            out[n++] = s.p[i];
        }
    }
    return span_of(out, n);
}

bool xml_text_find(struct span xml, const char *element, struct arena *a, struct span *out)
{
    struct span rest = xml, name;
    while (next_tag(&rest, &name)) {
        if (!span_is(name, element)) {
            continue;
        }
        size_t n = span_find(rest, '<');
        struct span text = span_of(rest.p, n);
        if (n + 1 >= rest.n || rest.p[n + 1] != '/') {
            return false;
        }
        *out = unescape(text, a);
        return true;
    }
    return false;
}

struct span xml_root_name(struct span xml)
{
    struct span rest = xml, name;
    while (next_tag(&rest, &name)) {
        if (name.n && name.p[0] != '?' && name.p[0] != '!') {
            size_t colon = span_find(name, ':');
            return colon < name.n ? span_of(name.p + colon + 1, name.n - colon - 1) : name;
        }
    }
    return SPAN_NONE;
}
