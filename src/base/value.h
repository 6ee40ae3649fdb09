// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BASE_VALUE_H
#define PENSTOCK_BASE_VALUE_H

// The values that telemetry and attributes hold, as the hub types them (its JsonConverter):
// boolean, 64-bit integer, double, string, JSON text. Spans are borrowed. Any thread.

#include <stdint.h>

#include "base/buf.h"

enum value_type { VALUE_BOOL = 1, VALUE_LONG, VALUE_DOUBLE, VALUE_STRING, VALUE_JSON };

struct value {
    enum value_type type;
    union {
        bool b;
        int64_t i;
        double d;
    };
    struct span s; // VALUE_STRING: UTF-8 text; VALUE_JSON: JSON text of an object or array
};

struct kv {
    struct span key;
    struct value value;
};

// A set of values with one time.
struct kv_group {
    int64_t ts_ms; // 0 = not given
    struct kv *kv;
    uint32_t n;
};

static inline struct value value_bool(bool b)
{
    return (struct value){.type = VALUE_BOOL, .b = b};
}
static inline struct value value_long(int64_t i)
{
    return (struct value){.type = VALUE_LONG, .i = i};
}
static inline struct value value_double(double d)
{
    return (struct value){.type = VALUE_DOUBLE, .d = d};
}
static inline struct value value_string(struct span s)
{
    return (struct value){.type = VALUE_STRING, .s = s};
}
static inline struct value value_json(struct span s)
{
    return (struct value){.type = VALUE_JSON, .s = s};
}
// A finite double from JavaScript: integral within +-2^63 becomes VALUE_LONG, as JSON text of it
// would.
struct value value_number(double d);
#define VALUE_FRACTION_MAX 16

// A JSON number's text: integral and without a plain decimal point -> VALUE_LONG ("1e3" and "1.5e1"
// too; "22.0" stays double), beyond int64 or with more than VALUE_FRACTION_MAX digits behind the
// point -> VALUE_STRING of the text as written. `text` must satisfy JSON's grammar.
struct value value_number_text(struct span text);
// The hub's type cast: a string of digits, with '-' or a point perhaps ("007" and ".5" too, "1e3"
// not), becomes a number by the same rules; else a string.
struct value value_cast_string(struct span text);
bool value_eq(const struct value *a, const struct value *b);
// The value's text without JSON quoting ("22", "true", "v.0.11"), as the hub's REST shows
// telemetry.
void value_text(const struct value *v, struct buf *out);

#endif
