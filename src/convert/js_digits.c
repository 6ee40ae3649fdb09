// SPDX-License-Identifier: Apache-2.0
#include "convert/js_digits.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

// To text -----------------------------------------------------------------------------------------

static size_t put_zeros(char *out, int n)
{
    memset(out, '0', n > 0 ? (size_t)n : 0);
    return n > 0 ? (size_t)n : 0;
}

static size_t put_digits(char *out, const char *digits, int n)
{
    memcpy(out, digits, (size_t)n);
    return (size_t)n;
}

// d.ddde+x
static size_t lay_out_exponential(char *out, const char *digits, int n, int point)
{
    size_t at = put_digits(out, digits, 1);
    if (n > 1) {
        out[at++] = '.';
        at += put_digits(out + at, digits + 1, n - 1);
    }
    return at + (size_t)snprintf(out + at, 8, "e%+d", point - 1);
}

// The digits with the point behind the first `point` of them.
static size_t lay_out(char *out, const char *digits, int n, int point)
{
    if (point > 21 || point <= -6)
        return lay_out_exponential(out, digits, n, point);
    if (n <= point)
        return put_digits(out, digits, n) + put_zeros(out + n, point - n);
    size_t at = 0;
    if (point <= 0)
        at = put_digits(out, "0.", 2);
    at += put_zeros(out + at, -point);
    if (point > 0) {
        at = put_digits(out, digits, point);
        out[at++] = '.';
    }
    int from = point > 0 ? point : 0;
    return at + put_digits(out + at, digits + from, n - from);
}

size_t js_digits_text(double v, bool exponential, char out[JS_DIGITS_TEXT_MAX])
{
    // There the shortest text has no exponent.
    if (!exponential && fabs(v) >= 1e-4 && fabs(v) < 1e15)
        return num_format_double(v, out);
    char digits[NUM_DIGITS_MAX];
    int point, n = num_shortest_digits(fabs(v), digits, &point);
    out[0] = '-';
    size_t sign = v < 0;
    return sign + (exponential ? lay_out_exponential : lay_out)(out + sign, digits, n, point);
}

// Radix -------------------------------------------------------------------------------------------

static char digit_of(int d)
{
    return (char)(d < 10 ? '0' + d : 'a' + d - 10);
}

static int value_of(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

// Adds one to the last digit of the fraction; digits that overflow go. Its new length; -1 when it
// has become one.
static int round_up(char *fraction, int n, int radix)
{
    while (n > 0) {
        int d = value_of(fraction[n - 1]) + 1;
        if (d < radix) {
            fraction[n - 1] = digit_of(d);
            return n;
        }
        n--;
    }
    return -1;
}

// Digits until the rest is less than half the distance to the next number.
static int put_fraction(char *out, double fraction, double delta, int radix)
{
    int n = 0;
    if (fraction < delta)
        return 0;
    do {
        fraction *= radix;
        delta *= radix;
        int d = (int)fraction;
        out[n++] = digit_of(d);
        fraction -= d;
        bool up = fraction > 0.5 || (fraction == 0.5 && (d & 1));
        if (up && fraction + delta > 1)
            return round_up(out, n, radix);
    } while (fraction >= delta);
    return n;
}

// Writes to in front of `end`; the length.
static size_t put_integer(char *end, double v, int radix)
{
    size_t n = 0;
    // Beyond 2^53 a number has less digits than places.
    for (; v >= 9007199254740992.0 * radix; v /= radix)
        end[-(ptrdiff_t)++n] = '0';
    do {
        double d = fmod(v, radix);
        end[-(ptrdiff_t)++n] = digit_of((int)d);
        v = (v - d) / radix;
    } while (v > 0);
    return n;
}

size_t js_digits_in_radix(double v, int radix, char out[JS_DIGITS_RADIX_MAX])
{
    char fraction[1100], integer[1100];
    double whole = floor(fabs(v)), delta = (nextafter(fabs(v), INFINITY) - fabs(v)) / 2;
    int n = put_fraction(fraction, fabs(v) - whole, fmax(delta, DBL_TRUE_MIN), radix);
    if (n < 0)
        whole++;
    char *end = integer + sizeof integer;
    size_t digits = put_integer(end, whole, radix), at = 0;
    if (v < 0)
        out[at++] = '-';
    memcpy(out + at, end - digits, digits);
    at += digits;
    if (n > 0) {
        out[at++] = '.';
        at += put_digits(out + at, fraction, n);
    }
    return at;
}

// From text ---------------------------------------------------------------------------------------

// To the nearest double, of two as near the even one.
static double read_bits(struct span s, int radix)
{
    int width = __builtin_ctz((unsigned)radix), below = 0;
    uint64_t v = 0;
    bool rest = false;
    for (size_t i = 0; i < s.n; i++) {
        if (v >> 58) {
            rest |= value_of(s.p[i]) != 0;
            below += below < 4096 ? width : 0;
        } else {
            v = v << width | (uint64_t)value_of(s.p[i]);
        }
    }
    // 59 to 63 bits: the lowest is beyond what a double holds, and stands for the rest.
    return ldexp((double)(v | rest), below);
}

// V8 reads other radixes in parts, each of them and what is before it rounded.
static double read_parts(struct span s, int radix)
{
    double v = 0;
    size_t i = 0;
    while (i < s.n && s.p[i] == '0')
        i++;
    while (i < s.n) {
        uint32_t part = 0, factor = 1;
        for (; i < s.n && factor <= UINT32_MAX / 36 / (uint32_t)radix; i++) {
            part = part * (uint32_t)radix + (uint32_t)value_of(s.p[i]);
            factor *= (uint32_t)radix;
        }
        v = v * factor + part;
    }
    return v;
}

static bool is_digit(struct span s, size_t i)
{
    return i < s.n && s.p[i] >= '0' && s.p[i] <= '9';
}

static size_t copy_digits(struct span s, size_t *i, char *out)
{
    size_t n = 0;
    while (is_digit(s, *i))
        out[n++] = s.p[(*i)++];
    return n;
}

// Without leading zeros, an empty fraction or an empty exponent.
static bool read_decimal(struct span s, double *out)
{
    char text[NUM_PARSE_MAX + 1];
    size_t i = 0, n = 0;
    while (i < s.n && s.p[i] == '0')
        i++;
    if (s.n - i >= sizeof text)
        return false;
    if (!is_digit(s, i))
        text[n++] = '0';
    n += copy_digits(s, &i, text + n);
    if (i < s.n && s.p[i] == '.') {
        i++;
        if (is_digit(s, i))
            text[n++] = '.';
        n += copy_digits(s, &i, text + n);
    }
    if (i < s.n && (s.p[i] | 0x20) == 'e') {
        size_t sign = i + 1 < s.n && (s.p[i + 1] == '+' || s.p[i + 1] == '-') ? 1 : 0;
        if (is_digit(s, i + 1 + sign)) {
            memcpy(text + n, s.p + i, 1 + sign);
            n += 1 + sign;
            i += 1 + sign;
            n += copy_digits(s, &i, text + n);
        }
    }
    return num_parse_double(span_of(text, n), out);
}

bool js_digits_read(struct span text, int radix, double *out)
{
    if (radix == 10)
        return num_parse_double(text, out) || read_decimal(text, out);
    *out = (radix & (radix - 1)) == 0 ? read_bits(text, radix) : read_parts(text, radix);
    return true;
}
