// SPDX-License-Identifier: Apache-2.0
#include "convert/js_normal.h"

#include <string.h>
#include <utf8proc.h>

#include "convert/js_text.h"

#define DECOMPOSED_MAX 18 // characters that one is made of, U+FDFA
#define CLASSES 256       // of marks; 0 are no marks

static unsigned class_of(int32_t c)
{
    return c < 0x300 ? 0 : (unsigned)utf8proc_get_property(c)->combining_class;
}

static int32_t next_character(struct span text, size_t *at)
{
    uint32_t c = js_text_next(text, at);
    size_t behind = *at;
    if ((c & 0xfffffc00) != 0xd800 || behind >= text.n)
        return (int32_t)c;
    uint32_t low = js_text_next(text, &behind);
    if ((low & 0xfffffc00) != 0xdc00)
        return (int32_t)c;
    *at = behind;
    return (int32_t)(0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
}

size_t js_normal_decompose(struct span text, bool compatible, int32_t *out)
{
    size_t n = 0;
    utf8proc_option_t how = UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0);
    for (size_t i = 0; i < text.n;) {
        utf8proc_int32_t parts[DECOMPOSED_MAX] = {next_character(text, &i)};
        utf8proc_ssize_t count = 1;
        int bounds = 0;
        if (parts[0] >= 0xa0)
            count = utf8proc_decompose_char(parts[0], parts, DECOMPOSED_MAX, how, &bounds);
        if (out)
            memcpy(out + n, parts, (size_t)count * sizeof *parts);
        n += (size_t)count;
    }
    return n;
}

// Order -------------------------------------------------------------------------------------------

#define SHORT_RUN 16

static void order_short(int32_t *p, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        int32_t c = p[i];
        size_t k = i;
        for (; k > 0 && class_of(p[k - 1]) > class_of(c); k--)
            p[k] = p[k - 1];
        p[k] = c;
    }
}

static void order_long(int32_t *p, size_t n, int32_t *room)
{
    size_t at[CLASSES + 1] = {0}; // where the next of each class goes
    for (size_t i = 0; i < n; i++)
        at[class_of(p[i]) + 1]++;
    for (unsigned rank = 1; rank < CLASSES; rank++)
        at[rank] += at[rank - 1];
    for (size_t i = 0; i < n; i++)
        room[at[class_of(p[i])]++] = p[i];
    memcpy(p, room, n * sizeof *p);
}

void js_normal_order(int32_t *text, size_t n, int32_t *room)
{
    for (size_t i = 0; i < n; i++) {
        size_t from = i;
        while (i < n && class_of(text[i]) > 0)
            i++;
        if (i - from <= SHORT_RUN)
            order_short(text + from, i - from);
        else
            order_long(text + from, i - from, room);
    }
}

// utf8proc takes this vowel for the last consonant that stands for none, and drops it.
#define NO_FINAL 0x11a7

size_t js_normal_compose(int32_t *text, size_t n)
{
    size_t to = 0;
    for (size_t i = 0; i < n;) {
        size_t from = i;
        while (i < n && (i == from || text[i] != NO_FINAL))
            i++;
        memmove(text + to, text + from, (i - from) * sizeof *text);
        bool alone = text[to] == NO_FINAL;
        to += alone + (size_t)utf8proc_normalize_utf32(text + to + alone,
                                                       (utf8proc_ssize_t)(i - from - alone),
                                                       UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    }
    return to;
}
