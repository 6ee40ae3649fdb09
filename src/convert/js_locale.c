// SPDX-License-Identifier: Apache-2.0
#include "convert/js_locale.h"

#include <math.h>
#include <string.h>

#include "base/num.h"

// Digits with the point behind the first `point` of them; the number is zero when there are none.
struct decimal {
    char digits[NUM_DIGITS_MAX + 1];
    int n, point;
};

// Keeps the first `n` digits.
static void round_to(struct decimal *d, int n)
{
    if (n >= d->n)
        return;
    bool up = n >= 0 && d->digits[n] >= '5';
    d->n = n < 0 ? 0 : n;
    if (up) {
        int i = d->n - 1;
        for (; i >= 0 && d->digits[i] == '9'; i--)
            ;
        if (i < 0) {
            d->digits[0] = '1';
            d->n = 1;
            d->point++;
            return;
        }
        d->digits[i]++;
        d->n = i + 1;
    }
    while (d->n > 0 && d->digits[d->n - 1] == '0')
        d->n--;
}

static char digit(const struct decimal *d, int i)
{
    return i >= 0 && i < d->n ? d->digits[i] : '0';
}

static size_t put_integer(const struct decimal *d, const struct js_number_format *f, char *out)
{
    int n = d->n > 0 && d->point > 0 ? d->point : 1;
    n = n < f->min_integer ? f->min_integer : n;
    // Of zero no digit stands before the point.
    int point = d->n > 0 ? d->point : 0;
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && f->grouped_from > 0 && n >= f->grouped_from && (n - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digit(d, point - n + i);
    }
    return at;
}

static size_t put_fraction(const struct decimal *d, int least, char *out)
{
    int point = d->n > 0 ? d->point : 0, n = d->n - point;
    n = d->n == 0 || n < least ? least : n;
    size_t at = 0;
    if (n > 0)
        out[at++] = '.';
    for (int i = 0; i < n; i++)
        out[at++] = digit(d, point + i);
    return at;
}

size_t js_locale_number(double v, const struct js_number_format *f, char out[JS_LOCALE_NUMBER_MAX])
{
    struct decimal d = {.n = 0};
    size_t at = 0;
    if (signbit(v) && !isnan(v))
        out[at++] = '-';
    if (!isfinite(v)) {
        const char *name = isnan(v) ? "NaN" : "\xe2\x88\x9e";
        memcpy(out + at, name, 3);
        at += 3;
    } else {
        if (v != 0)
            d.n = num_shortest_digits(fabs(v), d.digits, &d.point);
        d.point += f->percent ? 2 : 0;
        int least = f->min_fraction;
        if (f->max_significant > 0) {
            round_to(&d, f->max_significant);
            least = f->min_significant - (d.n > 0 ? d.point : 1);
        } else {
            round_to(&d, d.point + f->max_fraction);
        }
        at += put_integer(&d, f, out + at);
        at += put_fraction(&d, least, out + at);
    }
    if (f->percent)
        out[at++] = '%';
    return at;
}
