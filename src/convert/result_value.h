// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_RESULT_VALUE_H
#define PENSTOCK_CONVERT_RESULT_VALUE_H

// Reads the parts of a converter's result (plain data in the heap) into an arena, and says what is
// wrong with them by the name of the place: "telemetry[2].values.temperature: a function is not a
// value". Runs no script code and never throws.

#include "base/arena.h"
#include "base/value.h"
#include "convert/convert.h"
#include "convert/duk_ext.h"

struct result_reader {
    duk_context *ctx;
    struct arena *arena;
    struct buf *scratch;
    bool cast_strings;
    size_t limit; // bytes of keys and texts, and 8 for each value
    size_t size;  // so far
    struct span error;
};

// Where in the result: a chain up to the whole of it.
struct result_at {
    const struct result_at *up;
    struct span key; // without p: an index
    uint32_t index;
};

// Returns ERR_INVALID with r->error set.
int result_fail(struct result_reader *r, const struct result_at *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// "a string", "null", ... for messages.
const char *result_kind_name(const struct duk_x_value *v);

static inline bool result_is_given(const struct duk_x_value *v)
{
    return v->kind != DUK_X_UNDEFINED && v->kind != DUK_X_NULL;
}

// 1 with *out set, 0 for what is skipped (undefined, null, NaN, infinities), or ERR_INVALID.
int result_value(struct result_reader *r, const struct result_at *at, const struct duk_x_value *v,
                 struct value *out);
// The entries of a plain object; nothing for undefined and null. 0 or ERR_INVALID.
int result_map(struct result_reader *r, const struct result_at *at, const struct duk_x_value *v,
               struct kv **out, uint32_t *n);
// The entries of a plain object as texts, without those that are undefined or null. 0 or
// ERR_INVALID.
int result_pairs(struct result_reader *r, const struct result_at *at, const struct duk_x_value *v,
                 struct convert_pairs *out);
// A string, or a number's text; nothing for undefined and null. 0 or ERR_INVALID.
int result_name(struct result_reader *r, const struct result_at *at, const struct duk_x_value *v,
                struct span *out);
// Text of any length within the limit: a string as it is, all else as JSON.
int result_text(struct result_reader *r, const struct result_at *at, const struct duk_x_value *v,
                struct span *out);
// The JSON text of anything, as JSON.stringify writes it; "null" for what it leaves out.
int result_json(struct result_reader *r, const struct duk_x_value *v, struct span *out);
// Milliseconds since 1970 from a number, a string of digits or an ISO 8601 date; 0 for undefined
// and null. 0 or ERR_INVALID.
int result_time(struct result_reader *r, const struct result_at *at, const struct duk_x_value *v,
                int64_t *ms);

#endif
