// SPDX-License-Identifier: Apache-2.0
#include "base/num.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

#define INTEGRAL_MAX 9007199254740992.0 // 2^53: every integer up to here is exact in a double
#define DECIMAL_MAX 1e15                // decimals of 15 digits are told apart by doubles

static locale_t c_locale;
static pthread_once_t locale_once = PTHREAD_ONCE_INIT;

static void make_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    require(c_locale != (locale_t)0);
}

size_t num_format_i64(int64_t v, char out[NUM_TEXT_MAX])
{
    return (size_t)snprintf(out, NUM_TEXT_MAX, "%lld", (long long)v);
}

// Up to six decimals, which is what sensors send: without the general way's search for the shortest
// text. The quotient of two exact integers is the double nearest to that decimal (IEEE 754).
static size_t format_decimal(double v, char out[NUM_TEXT_MAX])
{
    static const int64_t power[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    for (int k = 1; k <= 6; k++) {
        double r = round(v * (double)power[k]);
        if (fabs(r) >= DECIMAL_MAX) {
            return 0;
        }
        if (r / (double)power[k] == v) {
            int64_t whole = llabs((int64_t)r);
            return (size_t)snprintf(out, NUM_TEXT_MAX, "%s%lld.%0*lld", v < 0 ? "-" : "",
                                    (long long)(whole / power[k]), k,
                                    (long long)(whole % power[k]));
        }
    }
    return 0;
}

static size_t format_shortest(double v, char out[NUM_TEXT_MAX])
{
    int n = 0;
    pthread_once(&locale_once, make_locale);
    locale_t before = uselocale(c_locale);
    if (fabs(v) < 1e21 && v == trunc(v)) {
        n = snprintf(out, NUM_TEXT_MAX, "%.0f", v);
    } else {
        // 15 digits always survive the way to a normal double and back; subnormals have fewer.
        for (int digits = fabs(v) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
            n = snprintf(out, NUM_TEXT_MAX, "%.*g", digits, v);
            if (strtod(out, NULL) == v) {
                break;
            }
        }
    }
    uselocale(before);
    return (size_t)n;
}

// The next decimal of as many digits: "1.29e+5" -> "1.30e+5". False when it has one digit more.
static bool step_up(char *text)
{
    for (char *p = strchr(text, 'e') - 1; p >= text; p--) {
        if (*p == '.')
            continue;
        if (*p < '9') {
            ++*p;
            return true;
        }
        *p = '0';
    }
    return false;
}

// [d.ddde+x] with as few digits as tell `v` from its neighbours.
static void print_shortest(double v, char text[NUM_TEXT_MAX])
{
    int exponent;
    // The gap below a power of two is half the gap above: there a decimal may do that is not the
    // nearest of its length.
    bool lopsided = frexp(v, &exponent) == 0.5;
    for (int digits = v < DBL_MIN ? 1 : 15; digits < 17; digits++) {
        (void)snprintf(text, NUM_TEXT_MAX, "%.*e", digits - 1, v);
        if (strtod(text, NULL) == v)
            return;
        if (lopsided && step_up(text) && strtod(text, NULL) == v)
            return;
    }
    (void)snprintf(text, NUM_TEXT_MAX, "%.16e", v);
}

int num_shortest_digits(double v, char digits[NUM_DIGITS_MAX], int *point)
{
    char text[NUM_TEXT_MAX];
    pthread_once(&locale_once, make_locale);
    locale_t before = uselocale(c_locale);
    print_shortest(v, text);
    uselocale(before);
    int n = 0, all = 0;
    const char *p = text;
    for (; *p != 'e'; p++) {
        if (*p == '.')
            continue;
        digits[all++] = *p;
        if (*p != '0')
            n = all;
    }
    *point = atoi(p + 1) + 1;
    return n;
}

size_t num_format_double(double v, char out[NUM_TEXT_MAX])
{
    require(isfinite(v));
    if (fabs(v) < INTEGRAL_MAX && v == trunc(v)) {
        return num_format_i64((int64_t)v, out);
    }
    size_t n = format_decimal(v, out);
    return n ? n : format_shortest(v, out);
}

static size_t skip_digits(struct span s, size_t i)
{
    while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
        i++;
    return i;
}

static bool is_json_number(struct span s)
{
    size_t i = s.n && s.p[0] == '-' ? 1 : 0, start = i;
    i = skip_digits(s, i);
    if (i == start || (s.p[start] == '0' && i > start + 1))
        return false;
    if (i < s.n && s.p[i] == '.') {
        start = ++i;
        i = skip_digits(s, i);
        if (i == start)
            return false;
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        if (i < s.n && (s.p[i] == '+' || s.p[i] == '-'))
            i++;
        start = i;
        i = skip_digits(s, i);
        if (i == start)
            return false;
    }
    return i == s.n;
}

bool num_parse_double(struct span s, double *out)
{
    char text[NUM_PARSE_MAX + 1];
    int64_t whole;
    if (s.n < 16 && span_to_i64(s, &whole) && is_json_number(s)) {
        *out = whole == 0 && s.p[0] == '-' ? -0.0 : (double)whole;
        return true;
    }
    if (s.n >= sizeof text || !is_json_number(s))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    pthread_once(&locale_once, make_locale);
    locale_t before = uselocale(c_locale);
    *out = strtod(text, NULL);
    uselocale(before);
    return true;
}
