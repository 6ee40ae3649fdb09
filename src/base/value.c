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

struct value value_number_text(struct span text)
{
    int64_t i;
    double d = 0;
    if (span_to_i64(text, &i))
        return value_long(i);
    num_parse_double(text, &d);
    if (span_find(text, '.') == text.n) {
        if (isfinite(d) && d == trunc(d) && d >= -LONG_LIMIT && d < LONG_LIMIT) {
            return value_long((int64_t)d);
        }
        return value_string(text);
    }
    return isfinite(d) ? value_double(d) : value_string(text);
}

struct value value_cast_string(struct span text)
{
    double d;
    char c = text.n ? text.p[0] : 0;
    if ((c == '-' || (c >= '0' && c <= '9')) && num_parse_double(text, &d)) {
        return value_number_text(text);
    }
    return value_string(text);
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
