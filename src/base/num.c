// SPDX-License-Identifier: Apache-2.0
#include "base/num.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

#define INTEGRAL_MAX 9007199254740992.0 // 2^53: every integer up to here is exact in a double

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

size_t num_format_double(double v, char out[NUM_TEXT_MAX])
{
    require(isfinite(v));
    if (v == (double)(int64_t)v && fabs(v) < INTEGRAL_MAX)
        return num_format_i64((int64_t)v, out);
    pthread_once(&locale_once, make_locale);
    locale_t before = uselocale(c_locale);
    int n = 0;
    if (fabs(v) < 1e21 && v == trunc(v)) {
        n = snprintf(out, NUM_TEXT_MAX, "%.0f", v);
    } else {
        for (int digits = 15; digits <= 17; digits++) {
            n = snprintf(out, NUM_TEXT_MAX, "%.*g", digits, v);
            if (strtod(out, NULL) == v)
                break;
        }
    }
    uselocale(before);
    return (size_t)n;
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
    char text[512];
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
