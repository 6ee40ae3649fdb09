// SPDX-License-Identifier: Apache-2.0
#include "convert/js_date.h"

#include <stdint.h>

// ISO 8601 first. A text that only begins with an ISO date goes on as a free form, with that date
// read already. In a free form numbers, names of months, times and zones may come in many orders;
// words before the first number and what stands in parentheses do not count.

#define DIGITS_MAX 9
#define NO_MINUTE (-1)

struct parser {
    struct span rest;
    struct js_date *out;
    int day[3], n_day; // numbers of the date, in the order they came
    int month;         // by name; 0 = none
    int time[4], n_time;
    int noon; // 0 = no AM or PM, 1 = AM, 2 = PM
    bool number_read;
    int zone_sign; // 0 = no zone yet
    int zone_hour, zone_minute;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'z';
}

static bool between(int v, int low, int high)
{
    return v >= low && v <= high;
}

static char peek(const struct parser *p)
{
    return p->rest.n ? p->rest.p[0] : '\0';
}

static void advance(struct parser *p, size_t n)
{
    p->rest = span_of(p->rest.p + n, p->rest.n - n);
}

static bool take(struct parser *p, char c)
{
    if (p->rest.n == 0 || p->rest.p[0] != c)
        return false;
    advance(p, 1);
    return true;
}

// Digits at the front; *n says how many. What is beyond DIGITS_MAX does not count.
static int take_digits(struct parser *p, size_t *n)
{
    int v = 0, kept = 0;
    size_t i = 0;
    for (; i < p->rest.n && is_digit(p->rest.p[i]); i++) {
        if ((v || p->rest.p[i] != '0') && kept++ < DIGITS_MAX)
            v = v * 10 + (p->rest.p[i] - '0');
    }
    *n = i;
    advance(p, i);
    return v;
}

// Exactly n digits, and no more.
static bool take_fixed(struct parser *p, size_t n, int *out)
{
    struct parser before = *p;
    size_t got;
    *out = take_digits(p, &got);
    if (got == n)
        return true;
    p->rest = before.rest;
    return false;
}

// A fraction of a second to milliseconds, cut.
static bool take_fraction(struct parser *p, int *ms)
{
    int digits = 0;
    *ms = 0;
    for (; is_digit(peek(p)); advance(p, 1), digits++) {
        if (digits < 3)
            *ms = *ms * 10 + (peek(p) - '0');
    }
    for (int i = digits; i < 3; i++)
        *ms *= 10;
    return digits > 0;
}

static bool set_zone(struct parser *p, int offset_minutes)
{
    p->out->has_zone = true;
    p->out->offset_minutes = offset_minutes;
    return true;
}

// ISO 8601 ----------------------------------------------------------------------------------------

static bool iso_year(struct parser *p, int *year)
{
    bool minus = peek(p) == '-';
    if (!minus && peek(p) != '+')
        return take_fixed(p, 4, year);
    struct span before = p->rest;
    advance(p, 1);
    if (take_fixed(p, 6, year) && !(minus && *year == 0)) {
        *year = minus ? -*year : *year;
        return true;
    }
    p->rest = before;
    return false;
}

// Reads as much of a date as is there; its numbers go to p->day.
static bool iso_date(struct parser *p)
{
    static const int highest[] = {0, 12, 31};
    if (!iso_year(p, &p->day[0]))
        return false;
    for (p->n_day = 1; p->n_day < 3; p->n_day++) {
        struct span before = p->rest;
        int *v = &p->day[p->n_day];
        if (!take(p, '-') || !take_fixed(p, 2, v) || !between(*v, 1, highest[p->n_day])) {
            p->rest = before;
            break;
        }
    }
    return true;
}

static bool iso_zone(struct parser *p)
{
    int sign, hour, minute;
    if (take(p, 'Z') || take(p, 'z'))
        return set_zone(p, 0);
    if (p->rest.n == 0)
        return true;
    sign = peek(p) == '-' ? -1 : 1;
    if (!take(p, '+') && !take(p, '-'))
        return false;
    if (take_fixed(p, 4, &hour)) {
        minute = hour % 100;
        hour /= 100;
    } else if (!take_fixed(p, 2, &hour) || !take(p, ':') || !take_fixed(p, 2, &minute)) {
        return false;
    }
    return between(hour, 0, 23) && between(minute, 0, 59) &&
           set_zone(p, sign * (hour * 60 + minute));
}

static bool iso_time(struct parser *p)
{
    struct js_date *d = p->out;
    if (!take_fixed(p, 2, &d->hour) || !take(p, ':') || !take_fixed(p, 2, &d->minute))
        return false;
    if (take(p, ':')) {
        if (!take_fixed(p, 2, &d->second))
            return false;
        if (take(p, '.') && !take_fraction(p, &d->ms))
            return false;
    }
    bool midnight = d->hour == 24 && d->minute == 0 && d->second == 0 && d->ms == 0;
    if (!midnight &&
        (!between(d->hour, 0, 23) || !between(d->minute, 0, 59) || !between(d->second, 0, 59)))
        return false;
    return iso_zone(p) && p->rest.n == 0;
}

enum iso { ISO_WHOLE, ISO_WRONG, ISO_NOT };

static enum iso parse_iso(struct parser *p)
{
    struct js_date *d = p->out;
    if (!iso_date(p))
        return ISO_NOT;
    if (p->rest.n > 0 && peek(p) != 'T' && peek(p) != 't')
        return ISO_NOT;
    d->year = p->day[0];
    d->month = p->n_day > 1 ? p->day[1] : 1;
    d->day = p->n_day > 2 ? p->day[2] : 1;
    if (p->rest.n == 0) {
        (void)set_zone(p, 0);
        return ISO_WHOLE;
    }
    advance(p, 1);
    return iso_time(p) ? ISO_WHOLE : ISO_WRONG;
}

// Free forms --------------------------------------------------------------------------------------

enum word { WORD_UNKNOWN, WORD_MONTH, WORD_NOON, WORD_ZONE };

static const struct {
    char name[4];
    enum word kind;
    int value; // of a zone: hours
} words[] = {
    {"jan", WORD_MONTH, 1},  {"feb", WORD_MONTH, 2},  {"mar", WORD_MONTH, 3},
    {"apr", WORD_MONTH, 4},  {"may", WORD_MONTH, 5},  {"jun", WORD_MONTH, 6},
    {"jul", WORD_MONTH, 7},  {"aug", WORD_MONTH, 8},  {"sep", WORD_MONTH, 9},
    {"oct", WORD_MONTH, 10}, {"nov", WORD_MONTH, 11}, {"dec", WORD_MONTH, 12},
    {"am", WORD_NOON, 1},    {"pm", WORD_NOON, 2},    {"ut", WORD_ZONE, 0},
    {"utc", WORD_ZONE, 0},   {"z", WORD_ZONE, 0},     {"gmt", WORD_ZONE, 0},
    {"est", WORD_ZONE, -5},  {"edt", WORD_ZONE, -4},  {"cst", WORD_ZONE, -6},
    {"cdt", WORD_ZONE, -5},  {"mst", WORD_ZONE, -7},  {"mdt", WORD_ZONE, -6},
    {"pst", WORD_ZONE, -8},  {"pdt", WORD_ZONE, -7},
};

// Months by their first three letters, all others whole.
static enum word take_word(struct parser *p, int *value)
{
    char name[4] = "";
    size_t n = 0;
    for (; n < p->rest.n && is_letter(p->rest.p[n]); n++) {
        if (n < 3)
            name[n] = (char)(p->rest.p[n] | 0x20);
    }
    advance(p, n);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(name, words[i].name) == 0 && (n <= 3 || words[i].kind == WORD_MONTH)) {
            *value = words[i].value;
            return words[i].kind;
        }
    }
    return WORD_UNKNOWN;
}

static bool on_word(struct parser *p)
{
    int value = 0;
    enum word kind = take_word(p, &value);
    if (kind == WORD_NOON && p->n_time > 0) {
        p->noon = value;
    } else if (kind == WORD_MONTH) {
        p->month = value;
        (void)take(p, '-');
    } else if (kind == WORD_ZONE && p->number_read) {
        p->zone_sign = value < 0 ? -1 : 1;
        p->zone_hour = value < 0 ? -value : value;
        p->zone_minute = 0;
    } else {
        return !p->number_read && !is_digit(peek(p));
    }
    return true;
}

// Whether the time goes on with this number.
static bool expects(const struct parser *p, int v)
{
    static const int highest[] = {-1, 59, 59, 999};
    return p->n_time > 0 && p->n_time < 4 && v <= highest[p->n_time];
}

// What comes after milliseconds does not count.
static void end_time(struct parser *p, int v)
{
    for (; p->n_time < 4; v = 0)
        p->time[p->n_time++] = v;
}

static bool after_time(const struct parser *p)
{
    char c = peek(p);
    return p->rest.n == 0 || c == ' ' || (c >= '\t' && c <= '\r') || c == '+' || c == '-' ||
           (c | 0x20) == 'z';
}

static bool on_number(struct parser *p)
{
    size_t n;
    int v = take_digits(p, &n), ms;
    p->number_read = true;
    if (take(p, ':')) {
        if (p->n_time == 4)
            return false;
        p->time[p->n_time++] = v;
        if (p->n_time == 4)
            return false;
        return true;
    }
    if (peek(p) == '.' && expects(p, v)) {
        advance(p, 1);
        p->time[p->n_time++] = v;
        if (!take_fraction(p, &ms))
            return false;
        end_time(p, ms);
        return true;
    }
    if (p->zone_sign && p->zone_minute == NO_MINUTE && v <= 59) {
        p->zone_minute = v;
        return true;
    }
    if (expects(p, v)) {
        end_time(p, v);
        return after_time(p);
    }
    (void)take(p, '.');
    if (p->n_day == 3)
        return false;
    p->day[p->n_day++] = v;
    (void)take(p, '-');
    return true;
}

// An offset: after a time, or after the name of UTC.
static bool on_sign(struct parser *p)
{
    bool utc = p->zone_sign && p->zone_hour == 0 && p->zone_minute == 0;
    size_t n = 0;
    if (!utc && p->n_time == 0)
        return !p->number_read && (advance(p, 1), true);
    p->zone_sign = peek(p) == '-' ? -1 : 1;
    advance(p, 1);
    int v = take_digits(p, &n);
    p->number_read = true;
    if (peek(p) == ':') {
        advance(p, 1);
        p->zone_hour = v;
        p->zone_minute = NO_MINUTE;
    } else if (n == 1 || n == 2) {
        p->zone_hour = v;
        p->zone_minute = 0;
    } else if (n == 3 || n == 4) {
        p->zone_hour = v / 100;
        p->zone_minute = v % 100;
    } else {
        return false;
    }
    return true;
}

static void skip_parentheses(struct parser *p)
{
    size_t depth = 0;
    do {
        depth += peek(p) == '(';
        depth -= peek(p) == ')';
        advance(p, 1);
    } while (depth > 0 && p->rest.n > 0);
}

static bool set_date(struct parser *p)
{
    struct js_date *d = p->out;
    int v[3] = {1, 1, 1};
    if (p->n_day == 0)
        return false;
    for (int i = 0; i < p->n_day; i++)
        v[i] = p->day[i];
    bool day_first = between(v[0], 1, 31);
    if (p->month) {
        d->month = p->month;
        d->day = day_first ? v[0] : v[1];
        d->year = day_first ? v[1] : v[0];
    } else if (!day_first) {
        d->year = v[0];
        d->month = v[1];
        d->day = v[2];
    } else {
        d->month = v[0];
        d->day = v[1];
        d->year = v[2];
    }
    if (between(d->year, 0, 49))
        d->year += 2000;
    else if (between(d->year, 50, 99))
        d->year += 1900;
    return between(d->month, 1, 12) && between(d->day, 1, 31);
}

static bool set_time(struct parser *p)
{
    struct js_date *d = p->out;
    int *t = p->time;
    if (p->noon) {
        if (!between(t[0], 0, 12))
            return false;
        t[0] = t[0] % 12 + (p->noon == 2 ? 12 : 0);
    }
    bool midnight = t[0] == 24 && t[1] == 0 && t[2] == 0 && t[3] == 0;
    if (!midnight && (!between(t[0], 0, 23) || !between(t[1], 0, 59) || !between(t[2], 0, 59)))
        return false;
    d->hour = t[0];
    d->minute = t[1];
    d->second = t[2];
    d->ms = t[3];
    return true;
}

// V8 has offsets in seconds, of 31 bits.
static bool set_free_zone(struct parser *p)
{
    int minute = p->zone_minute == NO_MINUTE ? 0 : p->zone_minute;
    return p->zone_hour <= (INT32_MAX / 60 - minute) / 60 &&
           set_zone(p, p->zone_sign * (p->zone_hour * 60 + minute));
}

static bool parse_free(struct parser *p)
{
    bool good = true;
    p->number_read = p->n_day > 0;
    if (p->n_day > 0)
        (void)take(p, '-');
    while (good && p->rest.n > 0) {
        char c = peek(p);
        if (is_digit(c)) {
            good = on_number(p);
        } else if (is_letter(c)) {
            good = on_word(p);
        } else if (c == '+' || c == '-') {
            good = on_sign(p);
        } else if (c == '(') {
            skip_parentheses(p);
        } else {
            good = c != ')' || !p->number_read;
            advance(p, 1);
        }
    }
    return good && set_date(p) && set_time(p) && (p->zone_sign == 0 || set_free_zone(p));
}

bool js_date_parse(struct span s, struct js_date *out)
{
    *out = (struct js_date){0};
    struct parser p = {.rest = s, .out = out};
    enum iso iso = parse_iso(&p);
    if (iso != ISO_NOT)
        return iso == ISO_WHOLE;
    *out = (struct js_date){0};
    return parse_free(&p);
}
