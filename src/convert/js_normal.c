// SPDX-License-Identifier: Apache-2.0
#include "convert/js_normal.h"

#include <stdlib.h>
#include <string.h>

#include "convert/js_normal_table.h"
#include "convert/js_text.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

// Hangul syllables are computed (The Unicode Standard, 3.12).
enum {
    S_BASE = 0xac00,
    L_BASE = 0x1100,
    V_BASE = 0x1161,
    T_BASE = 0x11a7,
    L_COUNT = 19,
    V_COUNT = 21,
    T_COUNT = 28,
    S_COUNT = L_COUNT * V_COUNT * T_COUNT
};

// Every entry of a table begins with its code.
static int compare_code(const void *key, const void *entry)
{
    uint16_t c = *(const uint16_t *)key, e = *(const uint16_t *)entry;
    return (c > e) - (c < e);
}

static int compare_range(const void *key, const void *entry)
{
    uint16_t c = *(const uint16_t *)key;
    const struct normal_range *r = entry;
    return c < r->from ? -1 : c > r->to;
}

static unsigned class_of(uint16_t c)
{
    if (c < 0x300)
        return 0;
    const struct normal_range *r =
        bsearch(&c, normal_ranges, COUNT(normal_ranges), sizeof normal_ranges[0], compare_range);
    return r ? r->rank : 0;
}

// Taking apart ------------------------------------------------------------------------------------

struct sink {
    uint16_t *p; // NULL: counts
    size_t n;
};

static void put(struct sink *out, unsigned c)
{
    if (out->p)
        out->p[out->n] = (uint16_t)c;
    out->n++;
}

static void put_syllable(struct sink *out, unsigned s)
{
    put(out, L_BASE + s / (V_COUNT * T_COUNT));
    put(out, V_BASE + s % (V_COUNT * T_COUNT) / T_COUNT);
    if (s % T_COUNT > 0)
        put(out, T_BASE + s % T_COUNT);
}

static void put_decomposed(struct sink *out, uint16_t c, bool compatible)
{
    uint16_t lasts[4];
    size_t n = 0;
    for (const struct normal_pair *pair; n < COUNT(lasts); c = pair->first) {
        pair = c < 0xa0 ? NULL
                        : bsearch(&c, normal_pairs, COUNT(normal_pairs), sizeof normal_pairs[0],
                                  compare_code);
        if (!pair)
            break;
        if (pair->last)
            lasts[n++] = pair->last;
    }
    const struct normal_part *part =
        compatible && c >= 0xa0
            ? bsearch(&c, normal_parts, COUNT(normal_parts), sizeof normal_parts[0], compare_code)
            : NULL;
    if (c >= S_BASE && c < S_BASE + S_COUNT)
        put_syllable(out, c - S_BASE);
    else if (!part)
        put(out, c);
    for (size_t i = 0; part && i < part->n; i++)
        put(out, normal_units[part->at + i]);
    while (n > 0)
        put(out, lasts[--n]);
}

size_t js_normal_decompose(struct span text, bool compatible, uint16_t *out)
{
    struct sink sink = {out, 0};
    for (size_t i = 0; i < text.n;)
        put_decomposed(&sink, (uint16_t)js_text_next(text, &i), compatible);
    return sink.n;
}

// Order -------------------------------------------------------------------------------------------

#define SHORT_RUN 16

static void order_short(uint16_t *p, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        uint16_t c = p[i];
        size_t k = i;
        for (; k > 0 && class_of(p[k - 1]) > class_of(c); k--)
            p[k] = p[k - 1];
        p[k] = c;
    }
}

static void order_long(uint16_t *p, size_t n, uint16_t *room)
{
    size_t at[NORMAL_CLASSES + 2] = {0}; // where the next of each class goes
    for (size_t i = 0; i < n; i++)
        at[class_of(p[i]) + 1]++;
    for (unsigned rank = 1; rank <= NORMAL_CLASSES; rank++)
        at[rank] += at[rank - 1];
    for (size_t i = 0; i < n; i++)
        room[at[class_of(p[i])]++] = p[i];
    memcpy(p, room, n * sizeof *p);
}

void js_normal_order(uint16_t *units, size_t n, uint16_t *room)
{
    for (size_t i = 0; i < n; i++) {
        size_t from = i;
        while (i < n && class_of(units[i]) > 0)
            i++;
        if (i - from <= SHORT_RUN)
            order_short(units + from, i - from);
        else
            order_long(units + from, i - from, room);
    }
}

// Joining -----------------------------------------------------------------------------------------

static int compare_made(const void *key, const void *entry)
{
    const uint16_t *k = key;
    const struct normal_pair *p = &normal_pairs[*(const uint16_t *)entry];
    return k[0] != p->first ? (k[0] > p->first ? 1 : -1) : (k[1] > p->last) - (k[1] < p->last);
}

// The character that the two make; 0 for none.
static uint16_t joined(uint16_t a, uint16_t b)
{
    if (a >= L_BASE && a < L_BASE + L_COUNT && b >= V_BASE && b < V_BASE + V_COUNT)
        return (uint16_t)(S_BASE + ((a - L_BASE) * V_COUNT + (b - V_BASE)) * T_COUNT);
    if (a >= S_BASE && a < S_BASE + S_COUNT && (a - S_BASE) % T_COUNT == 0 && b > T_BASE &&
        b < T_BASE + T_COUNT)
        return (uint16_t)(a + (b - T_BASE));
    const uint16_t key[] = {a, b};
    const uint16_t *i =
        bsearch(key, normal_made, COUNT(normal_made), sizeof normal_made[0], compare_made);
    return i ? normal_pairs[*i].code : 0;
}

size_t js_normal_compose(uint16_t *units, size_t n)
{
    uint16_t *starter = NULL;
    unsigned before = 0; // class of what stands between it and the next, that has not been joined
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        uint16_t c = units[i];
        unsigned rank = class_of(c);
        bool blocked = starter && starter + 1 != units + at && (before >= rank || before == 0);
        uint16_t made = starter && !blocked ? joined(*starter, c) : 0;
        if (made) {
            *starter = made;
            continue;
        }
        if (rank == 0)
            starter = units + at;
        before = rank;
        units[at++] = c;
    }
    return at;
}
