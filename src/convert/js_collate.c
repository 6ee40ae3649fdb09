// SPDX-License-Identifier: Apache-2.0
#include "convert/js_collate.h"

#include <stdint.h>
#include <uchar.h>
#include <utf8proc.h>

#include "convert/js_text.h"

enum level { PRIMARY, SECONDARY, TERTIARY, CASE };

// What a character counts for: which letter, which accent, which form (UTS #10).
struct element {
    uint32_t letter; // 0 = an accent by itself
    uint32_t accent;
    uint8_t form;
};

#define DECOMPOSED_MAX 18 // characters that one is made of, U+FDFA
#define ELEMENTS_MAX (2 * DECOMPOSED_MAX)

struct elements {
    struct element e[ELEMENTS_MAX];
    unsigned n;
};

// Weights of one text at one level, one after the other.
struct walk {
    struct span s;
    size_t at;
    enum level level;
    bool numeric;
    struct elements elements; // of the character under way
    unsigned taken;           // of these
    struct span digits;       // of the number under way
    bool length_next;         // which comes before them
};

// Characters -------------------------------------------------------------------------------------

// Symbols, digits and small letters in their order (CLDR 44, root).
static const char16_t order[] =
    u"\t\n\v\f\r\x85 ‾_‗-‐‒–—―,;:!¡?¿.·'‹›\"«»()[]{}§¶@*/\\&#%‰†‡•`´^¯¨¸°©®+±÷×<=>¬|¦~⁄¤¢$£¥€"
    u"0123456789abcdefghiıjklmnŋopqĸrstŧuvwxyzþʼ";
#define N_ORDER (sizeof order / sizeof *order - 1)
#define FIRST_BEYOND 0x10000u // letters that are not among them, by their codes

static const uint16_t marks[] = {0x301, 0x300, 0x306, 0x302, 0x30c, 0x30a, 0x308, 0x30b,
                                 0x303, 0x307, 0x338, 0x327, 0x328, 0x304, 0x335};
#define N_MARKS (sizeof marks / sizeof *marks)
enum accent { NO_ACCENT = 1, FIRST_MARK = 16, OTHER_ACCENT = 64, FIRST_OTHER_MARK };
#define SOLIDUS 0x338
#define STROKE 0x335

enum form { SMALL = 1, COMPATIBLE = 4, CAPITAL = 8, COMPATIBLE_CAPITAL, RAISED };

// Letters that are a letter with an accent, or two with one between, though Unicode does not take
// them apart; and quotation marks that differ from the plain ones as accents do.
static const struct special {
    uint16_t small, capital;
    char16_t first;
    uint16_t mark; // 0 = another
    char16_t second;
} specials[] = {
    {u'æ', u'Æ', 'a', 0, 'e'},     {u'œ', u'Œ', 'o', 0, 'e'},    {u'ß', u'ẞ', 's', 0, 's'},
    {u'ø', u'Ø', 'o', SOLIDUS, 0}, {u'đ', u'Đ', 'd', STROKE, 0}, {u'ħ', u'Ħ', 'h', STROKE, 0},
    {u'ł', u'Ł', 'l', STROKE, 0},  {u'ð', u'Ð', 'd', 0, 0},      {u'ŀ', u'Ŀ', 'l', 0, 0},
    {u'‘', 0, '\'', 0x301, 0},     {u'’', 0, '\'', 0x300, 0},    {u'‚', 0, '\'', 0x306, 0},
    {u'“', 0, '"', 0x301, 0},      {u'”', 0, '"', 0x300, 0},     {u'„', 0, '"', 0x306, 0},
};

static void add(struct elements *out, uint32_t letter, uint32_t accent, enum form form)
{
    if (out->n < ELEMENTS_MAX)
        out->e[out->n++] = (struct element){letter, accent, (uint8_t)form};
}

static uint32_t accent_of(uint32_t mark)
{
    for (size_t i = 0; i < N_MARKS; i++)
        if (marks[i] == mark)
            return FIRST_MARK + (uint32_t)i;
    return mark == 0 ? OTHER_ACCENT : FIRST_OTHER_MARK + mark;
}

// Its place in the order, from 1 on; 0 when it is not there.
static uint32_t place_of(uint32_t small)
{
    for (size_t i = 0; i < N_ORDER; i++)
        if (order[i] == small)
            return (uint32_t)i + 1;
    return 0;
}

static bool add_ordered(struct elements *out, uint32_t c, bool compatible)
{
    uint32_t small = c < 0x80 ? c | (c >= 'A' && c <= 'Z') << 5
                              : (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
    uint32_t place = place_of(small);
    if (place == 0)
        return false;
    enum form form = small != c ? CAPITAL : SMALL;
    if (compatible)
        form = small != c ? COMPATIBLE_CAPITAL : COMPATIBLE;
    add(out, place, NO_ACCENT, form);
    return true;
}

static bool add_special(struct elements *out, uint32_t c)
{
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++) {
        const struct special *s = &specials[i];
        if (c != s->small && (c != s->capital || s->capital == 0))
            continue;
        bool two = s->second != 0, capital = c != s->small;
        enum form form = two ? COMPATIBLE : SMALL;
        if (capital)
            form = two ? COMPATIBLE_CAPITAL : CAPITAL;
        add(out, place_of(s->first), NO_ACCENT, form);
        add(out, 0, accent_of(s->mark), two ? form : SMALL);
        if (two)
            add(out, place_of(s->second), NO_ACCENT, form);
        return true;
    }
    return false;
}

// A long s is an s in an old form.
static bool add_long_s(struct elements *out, uint32_t c)
{
    if (c != u'ſ')
        return false;
    add(out, place_of('s'), NO_ACCENT, COMPATIBLE);
    add(out, 0, OTHER_ACCENT, COMPATIBLE);
    return true;
}

static void add_beyond(struct elements *out, uint32_t c)
{
    uint32_t small = (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
    add(out, FIRST_BEYOND + small, NO_ACCENT, small != c ? CAPITAL : SMALL);
}

static bool add_known(struct elements *out, uint32_t c)
{
    return add_ordered(out, c, false) || add_special(out, c) || add_long_s(out, c);
}

static void add_single(struct elements *out, uint32_t c)
{
    const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)c);
    if (add_known(out, c))
        return;
    if (p->combining_class > 0)
        add(out, 0, accent_of(c), SMALL);
    else if (p->category != UTF8PROC_CATEGORY_CC && p->category != UTF8PROC_CATEGORY_CF)
        add_beyond(out, c);
}

static size_t take_apart(uint32_t c, utf8proc_option_t how, utf8proc_int32_t *parts)
{
    int bounds = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, parts, DECOMPOSED_MAX,
                                                 UTF8PROC_DECOMPOSE | how, &bounds);
    bool apart = n > 1 || (n == 1 && (uint32_t)parts[0] != c);
    return apart && n <= DECOMPOSED_MAX ? (size_t)n : 0;
}

// UTS #10 section 9: what is only compatible differs in form.
static bool add_compatible(struct elements *out, uint32_t c)
{
    utf8proc_int32_t parts[DECOMPOSED_MAX];
    size_t n = take_apart(c, UTF8PROC_COMPAT, parts);
    for (size_t i = 0; i < n; i++)
        if (!add_ordered(out, (uint32_t)parts[i], true))
            add_single(out, (uint32_t)parts[i]);
    if (n == 1 && out->n == 1)
        out->e[0].form = RAISED;
    return n > 0;
}

static void find_elements(uint32_t c, struct elements *out)
{
    utf8proc_int32_t parts[DECOMPOSED_MAX];
    size_t n = c < 0xc0 ? 0 : take_apart(c, 0, parts);
    out->n = 0;
    for (size_t i = 0; i < n; i++)
        add_single(out, (uint32_t)parts[i]);
    if (n > 0 || add_known(out, c))
        return;
    if (!add_compatible(out, c))
        add_single(out, c);
}

static uint32_t weight_of(const struct element *e, enum level level)
{
    switch (level) {
    case PRIMARY:
        return e->letter;
    case SECONDARY:
        return e->accent;
    case TERTIARY:
        return e->form;
    default:
        return e->letter == 0 ? 0 : 1 + (e->form == CAPITAL || e->form == COMPATIBLE_CAPITAL);
    }
}

// Texts ------------------------------------------------------------------------------------------

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
    return place_of('0');
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
        while (w->taken < w->elements.n) {
            uint32_t weight = weight_of(&w->elements.e[w->taken++], w->level);
            if (weight > 0)
                return weight;
        }
        if (w->at >= w->s.n)
            return 0;
        if (w->numeric && at_digit(w))
            return begin_number(w);
        find_elements(js_text_next(w->s, &w->at), &w->elements);
        w->taken = 0;
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
