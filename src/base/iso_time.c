// SPDX-License-Identifier: Apache-2.0
#include "base/iso_time.h"

// Exactly n digits at the front of *s.
static bool take_number(struct span *s, size_t n, int *out)
{
    if (s->n < n)
        return false;
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        *out = *out * 10 + (s->p[i] - '0');
    }
    *s = span_of(s->p + n, s->n - n);
    return true;
}

static bool take_char(struct span *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = span_of(s->p + 1, s->n - 1);
    return true;
}

static bool is_leap(int y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static bool take_date(struct span *s, int64_t *days)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y, m, d;
    if (!take_number(s, 4, &y) || !take_char(s, '-') || !take_number(s, 2, &m) ||
        !take_char(s, '-') || !take_number(s, 2, &d))
        return false;
    if (y < 1970 || m < 1 || m > 12 || d < 1 || d > length[m - 1] + (m == 2 && is_leap(y)))
        return false;
    int last = y - 1;
    *days = (int64_t)(y - 1970) * 365 + (last / 4 - last / 100 + last / 400) -
            (1969 / 4 - 1969 / 100 + 1969 / 400) + before[m - 1] + (m > 2 && is_leap(y)) + d - 1;
    return true;
}

static bool take_fraction(struct span *s, int *ms)
{
    int digits = 0;
    *ms = 0;
    for (; s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9'; digits++) {
        if (digits < 3)
            *ms = *ms * 10 + (s->p[0] - '0');
        *s = span_of(s->p + 1, s->n - 1);
    }
    for (int i = digits; i < 3; i++)
        *ms *= 10;
    return digits > 0;
}

static bool take_time(struct span *s, int64_t *ms)
{
    int h, m, sec = 0, frac = 0;
    if (!take_number(s, 2, &h) || !take_char(s, ':') || !take_number(s, 2, &m))
        return false;
    if (take_char(s, ':') && !take_number(s, 2, &sec))
        return false;
    if ((take_char(s, '.') || take_char(s, ',')) && !take_fraction(s, &frac))
        return false;
    if (h > 23 || m > 59 || sec > 59)
        return false;
    *ms = (((int64_t)h * 60 + m) * 60 + sec) * 1000 + frac;
    return true;
}

static bool take_zone(struct span *s, int64_t *minutes)
{
    *minutes = 0;
    if (s->n == 0 || take_char(s, 'Z') || take_char(s, 'z'))
        return s->n == 0;
    bool east = take_char(s, '+');
    int h, m = 0;
    if ((!east && !take_char(s, '-')) || !take_number(s, 2, &h))
        return false;
    (void)take_char(s, ':');
    if (s->n > 0 && !take_number(s, 2, &m))
        return false;
    *minutes = (east ? 1 : -1) * (h * 60 + m);
    return s->n == 0 && h <= 23 && m <= 59;
}

bool iso_time_parse(struct span s, int64_t *ms)
{
    int64_t days, of_day = 0, zone = 0;
    if (!take_date(&s, &days))
        return false;
    if (s.n > 0) {
        if (!take_char(&s, 'T') && !take_char(&s, 't') && !take_char(&s, ' '))
            return false;
        if (!take_time(&s, &of_day) || !take_zone(&s, &zone))
            return false;
    }
    *ms = days * 86400000 + of_day - zone * 60000;
    return *ms >= 0;
}
