// SPDX-License-Identifier: Apache-2.0
#include "base/value.h"

#include <math.h>

#include "base/num.h"

#define LONG_LIMIT 9223372036854775808.0 // 2^63

struct value value_number(double d)
{
    if (d == trunc(d) && d >= -LONG_LIMIT && d < LONG_LIMIT)
        return value_long((int64_t)d);
    return value_double(d);
}

// A decimal as the hub's BigDecimal sees it: digits, and how many of them are behind the point.
struct decimal {
    struct span whole, fraction; // digits
    bool negative, simple;       // simple: has a point and no exponent
    int64_t scale;               // digits behind the point, less the exponent
};

#define EXPONENT_MAX 1000000 // larger exponents mean the same: beyond every type

static size_t digits_at(struct span s, size_t at)
{
    size_t n = 0;
    while (at + n < s.n && s.p[at + n] >= '0' && s.p[at + n] <= '9') {
        n++;
    }
    return n;
}

// `s` has the form  -? digits? (. digits)? ([eE] [+-]? digits)?
static struct decimal split_decimal(struct span s)
{
    struct decimal d = {.negative = s.n > 0 && s.p[0] == '-'};
    size_t at = d.negative;
    d.whole = span_of(s.p + at, digits_at(s, at));
    at += d.whole.n;
    if (at < s.n && s.p[at] == '.') {
        d.simple = true;
        d.fraction = span_of(s.p + at + 1, digits_at(s, at + 1));
        at += 1 + d.fraction.n;
    }
    d.scale = (int64_t)d.fraction.n;
    if (at < s.n) {
        bool minus = at + 1 < s.n && s.p[at + 1] == '-';
        bool sign = minus || (at + 1 < s.n && s.p[at + 1] == '+');
        int64_t exponent = 0;
        for (at += 1 + sign; at < s.n && exponent < EXPONENT_MAX; at++) {
            exponent = exponent * 10 + (s.p[at] - '0');
        }
        d.simple = false;
        d.scale -= minus ? -exponent : exponent;
    }
    return d;
}

static size_t n_digits(const struct decimal *d)
{
    return d->whole.n + d->fraction.n;
}

static unsigned digit(const struct decimal *d, size_t i)
{
    char c = i < d->whole.n ? d->whole.p[i] : d->fraction.p[i - d->whole.n];
    return (unsigned)(c - '0');
}

// Whether all digits from `from` on are zero.
static bool zeros_from(const struct decimal *d, size_t from)
{
    for (size_t i = from; i < n_digits(d); i++) {
        if (digit(d, i)) {
            return false;
        }
    }
    return true;
}

// Digits that stand before the point once the exponent is applied; negative: zeros are missing.
static int64_t n_integral(const struct decimal *d)
{
    return (int64_t)n_digits(d) - d->scale;
}

static bool is_integral(const struct decimal *d)
{
    int64_t n = n_integral(d);
    return d->scale <= 0 || zeros_from(d, n > 0 ? (size_t)n : 0);
}

// The exact value of an integral decimal; false when 64 bits do not hold it.
static bool to_i64(const struct decimal *d, int64_t *out)
{
    int64_t v = 0, n = zeros_from(d, 0) ? 0 : n_integral(d);
    for (int64_t i = 0; i < n; i++) {
        int64_t next = (size_t)i < n_digits(d) ? (int64_t)digit(d, (size_t)i) : 0;
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, next, &v)) { // downwards: INT64_MIN has no positive twin
            return false;
        }
    }
    if (!d->negative && v == INT64_MIN) {
        return false;
    }
    *out = d->negative ? v : -v;
    return true;
}

// The double nearest to `d`, written as `text`; false when it is not finite or the text too long.
static bool to_double(const struct decimal *d, struct span text, double *out)
{
    char plain[NUM_PARSE_MAX + 3];
    size_t zeros = 0, sign = d->negative;
    // JSON's grammar, which the parser wants, has no leading zeros and no leading point.
    while (zeros < d->whole.n && d->whole.p[zeros] == '0') {
        zeros++;
    }
    struct span rest = span_of(text.p + sign + zeros, text.n - sign - zeros);
    if (rest.n > NUM_PARSE_MAX) {
        return false;
    }
    size_t n = 0;
    if (d->negative) {
        plain[n++] = '-';
    }
    if (zeros == d->whole.n) {
        plain[n++] = '0';
    }
    memcpy(plain + n, rest.p, rest.n);
    if (!num_parse_double(span_of(plain, n + rest.n), out) || !isfinite(*out)) {
        return false;
    }
    *out += 0.0; // no negative zero: BigDecimal has none
    return true;
}

// Rules of the hub's JsonConverter.parseNumericValue with type cast on.
static struct value type_decimal(struct span text)
{
    struct decimal d = split_decimal(text);
    int64_t i;
    double v;
    if (!d.simple && is_integral(&d)) {
        return to_i64(&d, &i) ? value_long(i) : value_string(text);
    }
    if (d.scale <= VALUE_FRACTION_MAX && to_double(&d, text, &v)) {
        return value_double(v);
    }
    return value_string(text);
}

struct value value_number_text(struct span text)
{
    int64_t i;
    return span_to_i64(text, &i) ? value_long(i) : type_decimal(text);
}

// -? digits with at most one point, which is not last: Commons Lang's NumberUtils.isParsable().
static bool is_parsable(struct span s)
{
    size_t start = s.n > 0 && s.p[0] == '-', points = 0;
    for (size_t i = start; i < s.n; i++) {
        if (s.p[i] == '.') {
            points++;
        } else if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
    }
    return s.n > start && points <= 1 && s.p[s.n - 1] != '.';
}

struct value value_cast_string(struct span text)
{
    return is_parsable(text) ? value_number_text(text) : value_string(text);
}

bool value_eq(const struct value *a, const struct value *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case VALUE_BOOL:
        return a->b == b->b;
    case VALUE_LONG:
        return a->i == b->i;
    case VALUE_DOUBLE:
        return a->d == b->d;
    default:
        return span_eq(a->s, b->s);
    }
}

void value_text(const struct value *v, struct buf *out)
{
    char text[NUM_TEXT_MAX];
    switch (v->type) {
    case VALUE_BOOL:
        buf_add_str(out, v->b ? "true" : "false");
        break;
    case VALUE_LONG:
        buf_add_i64(out, v->i);
        break;
    case VALUE_DOUBLE:
        buf_add(out, text, num_format_double(v->d, text));
        break;
    default:
        buf_add_span(out, v->s);
    }
}
