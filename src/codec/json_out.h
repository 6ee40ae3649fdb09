// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_JSON_OUT_H
#define PENSTOCK_CODEC_JSON_OUT_H

// Writes JSON text straight into a buffer; commas are put where they belong. Zero-initialise with
// `.out`. The calls must nest properly (require() otherwise).
//
//   struct json_out j = {.out = &b};
//   json_out_object(&j); json_out_key(&j, SPAN("a")); json_out_int(&j, 1); json_out_end(&j);

#include "base/buf.h"
#include "base/uuid.h"
#include "base/value.h"

#define JSON_OUT_DEPTH 32

struct json_out {
    struct buf *out;
    uint8_t depth;
    bool need_comma;
    bool after_key;
    char close[JSON_OUT_DEPTH];
};

void json_out_object(struct json_out *j);
void json_out_array(struct json_out *j);
// Closes the innermost object or array.
void json_out_end(struct json_out *j);
void json_out_key(struct json_out *j, struct span key);
// Invalid UTF-8 is written as U+FFFD; control characters, quote and backslash are escaped.
void json_out_str(struct json_out *j, struct span s);
void json_out_int(struct json_out *j, int64_t v);
// NaN and infinities become null.
void json_out_num(struct json_out *j, double v);
void json_out_bool(struct json_out *j, bool v);
void json_out_null(struct json_out *j);
// Text that is JSON already.
void json_out_raw(struct json_out *j, struct span json);
void json_out_uuid(struct json_out *j, struct uuid u);
// Natively typed: number, true/false, string, or the JSON text itself.
void json_out_value(struct json_out *j, const struct value *v);
// key + value in one call.
void json_out_key_str(struct json_out *j, const char *key, struct span s);
void json_out_key_int(struct json_out *j, const char *key, int64_t v);
void json_out_key_bool(struct json_out *j, const char *key, bool v);
void json_out_key_null(struct json_out *j, const char *key);
void json_out_key_raw(struct json_out *j, const char *key, struct span json);
// Appends `s` quoted and escaped, without any comma handling.
void json_quote(struct buf *out, struct span s);

#endif
