// SPDX-License-Identifier: Apache-2.0
#include "convert/js_text.h"

#include "base/text.h"

#define REPLACEMENT 0xfffd

bool js_text_is_ascii(struct span s)
{
    uint64_t all = 0;
    size_t i = 0;
    for (; i + 8 <= s.n; i += 8) {
        uint64_t eight;
        memcpy(&eight, s.p + i, 8);
        all |= eight;
    }
    for (; i < s.n; i++)
        all |= (unsigned char)s.p[i];
    return (all & 0x8080808080808080u) == 0;
}

uint32_t js_text_next(struct span s, size_t *i)
{
    const unsigned char *p = (const unsigned char *)s.p + *i;
    size_t left = s.n - *i;
    uint32_t c = p[0], least;
    size_t n;
    if (c < 0x80) {
        ++*i;
        return c;
    }
    if (c >= 0xc2 && c < 0xe0) {
        n = 2, least = 0x80, c &= 0x1f;
    } else if (c >= 0xe0 && c < 0xf0) {
        n = 3, least = 0x800, c &= 0x0f;
    } else if (c >= 0xf0 && c < 0xf5) {
        n = 4, least = 0x10000, c &= 0x07;
    } else {
        ++*i;
        return REPLACEMENT;
    }
    for (size_t k = 1; k < n; k++) {
        if (k >= left || (p[k] & 0xc0) != 0x80) {
            ++*i;
            return REPLACEMENT;
        }
        c = c << 6 | (p[k] & 0x3f);
    }
    if (c < least || c > 0x10ffff) {
        ++*i;
        return REPLACEMENT;
    }
    *i += n;
    return c;
}

size_t js_text_in(char *out, struct span utf8)
{
    size_t n = 0;
    for (size_t i = 0; i < utf8.n;) {
        uint32_t c = js_text_next(utf8, &i);
        if (c >= 0xd800 && c < 0xe000)
            c = REPLACEMENT;
        if (c < 0x10000) {
            n += text_put_utf8(out + n, c);
        } else {
            n += text_put_utf8(out + n, 0xd800 + ((c - 0x10000) >> 10));
            n += text_put_utf8(out + n, 0xdc00 + ((c - 0x10000) & 0x3ff));
        }
    }
    return n;
}

size_t js_text_out(char *out, struct span cesu8)
{
    size_t n = 0;
    for (size_t i = 0; i < cesu8.n;) {
        uint32_t c = js_text_next(cesu8, &i);
        if (c >= 0xd800 && c < 0xdc00 && i < cesu8.n) {
            size_t after = i;
            uint32_t low = js_text_next(cesu8, &after);
            if (low >= 0xdc00 && low < 0xe000) {
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                i = after;
            }
        }
        if (c >= 0xd800 && c < 0xe000)
            c = REPLACEMENT;
        n += text_put_utf8(out + n, c);
    }
    return n;
}

struct span js_text_out_arena(struct arena *a, struct span cesu8)
{
    if (js_text_is_ascii(cesu8))
        return arena_span(a, cesu8);
    // A byte that is no text grows to three.
    char *out = arena_alloc(a, cesu8.n * 3);
    return span_of(out, js_text_out(out, cesu8));
}

void js_text_out_buf(struct buf *out, struct span cesu8)
{
    if (js_text_is_ascii(cesu8)) {
        buf_add_span(out, cesu8);
        return;
    }
    char *to = buf_reserve(out, cesu8.n * 3);
    buf_commit(out, js_text_out(to, cesu8));
}

size_t js_text_units(struct span cesu8)
{
    size_t n = 0;
    for (size_t i = 0; i < cesu8.n; n++)
        (void)js_text_next(cesu8, &i);
    return n;
}
