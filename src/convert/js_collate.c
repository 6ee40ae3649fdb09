// SPDX-License-Identifier: Apache-2.0
#include "convert/js_collate.h"

#include <stdint.h>
#include <stdlib.h>

#include "convert/js_collate_table.h"
#include "convert/js_text.h"

enum level { PRIMARY, SECONDARY, TERTIARY, CASE };

// Weights of one text at one level, one after the other.
struct walk {
    struct span s;
    size_t at;
    enum level level;
    bool numeric;
    const uint32_t *elements; // of the character under way
    unsigned left;
    struct span digits; // of the number under way
    bool length_next;   // which comes before them
};

#define FIRST_BEYOND 0x10000u // primary weights of characters that the table lacks

static bool is_upper(uint32_t element)
{
    uint32_t form = element & 0xff;
    return form == COLLATE_UPPER || form == COLLATE_UPPER + 1;
}

static uint32_t weight_of(uint32_t element, enum level level)
{
    switch (level) {
    case PRIMARY:
        return element >> 16;
    case SECONDARY:
        return element >> 8 & 0xff;
    case TERTIARY:
        return element & 0xff;
    default:
        return element >> 16 == 0 ? 0 : is_upper(element) ? 2 : 1;
    }
}

static int compare_code(const void *key, const void *entry)
{
    uint32_t c = *(const uint32_t *)key, e = ((const struct collate_entry *)entry)->code;
    return (c > e) - (c < e);
}

static bool at_digit(const struct walk *w)
{
    return w->at < w->s.n && w->s.p[w->at] >= '0' && w->s.p[w->at] <= '9';
}

// A number is the weight of 0, the count of its digits, and these.
static uint32_t begin_number(struct walk *w)
{
    while (at_digit(w) && w->s.p[w->at] == '0')
        w->at++;
    size_t from = w->at;
    while (at_digit(w))
        w->at++;
    if (w->level != PRIMARY)
        return 1;
    w->digits = span_of(w->s.p + from, w->at - from);
    w->length_next = true;
    return COLLATE_ZERO;
}

static uint32_t go_on_with_number(struct walk *w)
{
    if (w->length_next) {
        w->length_next = false;
        return (uint32_t)w->digits.n + 1;
    }
    uint32_t digit = (uint32_t)(w->digits.p[0] - '0') + 1;
    w->digits = span_of(w->digits.p + 1, w->digits.n - 1);
    return digit;
}

// The next weight that is not zero; zero at the end.
static uint32_t next_weight(struct walk *w)
{
    for (;;) {
        if (w->length_next || w->digits.n > 0)
            return go_on_with_number(w);
        for (; w->left > 0; w->left--) {
            uint32_t weight = weight_of(*w->elements++, w->level);
            if (weight > 0) {
                w->left--;
                return weight;
            }
        }
        if (w->at >= w->s.n)
            return 0;
        if (w->numeric && at_digit(w))
            return begin_number(w);
        uint32_t c = js_text_next(w->s, &w->at);
        const struct collate_entry *e =
            bsearch(&c, collate_entries, sizeof collate_entries / sizeof *collate_entries,
                    sizeof *collate_entries, compare_code);
        if (!e)
            return w->level == PRIMARY ? FIRST_BEYOND + c : 1;
        w->elements = collate_elements + e->at;
        w->left = e->n;
    }
}

static int compare_level(struct span a, struct span b, enum level level, bool numeric)
{
    struct walk x = {.s = a, .level = level, .numeric = numeric};
    struct walk y = {.s = b, .level = level, .numeric = numeric};
    for (;;) {
        uint32_t v = next_weight(&x), w = next_weight(&y);
        if (v != w)
            return v < w ? -1 : 1;
        if (v == 0)
            return 0;
    }
}

int js_collate(struct span a, struct span b, const struct js_collate_options *o)
{
    if (span_eq(a, b))
        return 0;
    int c = compare_level(a, b, PRIMARY, o->numeric);
    if (c == 0 && o->sensitivity == JS_COLLATE_CASE)
        return compare_level(a, b, CASE, o->numeric);
    if (c == 0 && o->sensitivity != JS_COLLATE_BASE)
        c = compare_level(a, b, SECONDARY, o->numeric);
    if (c == 0 && o->sensitivity == JS_COLLATE_VARIANT)
        c = compare_level(a, b, TERTIARY, o->numeric);
    return c;
}
