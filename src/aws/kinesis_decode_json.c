// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "aws/kinesis_shape.h"
#include "base/num.h"
#include "codec/base64.h"
#include "codec/json_scan.h"

// Happy path: read an object's key, find its field, read the value into the field's place; strings
// stay in the body, base64 is decoded where it stands.

#define LONG_LIMIT 9223372036854775808.0 // 2^63

struct decoder {
    struct json_scan s;
    struct arena *arena;
    struct span member; // the one that is wrong
    const char *why;
};

static bool read_object(struct decoder *d, const struct shape *s, void *target, enum json_token t);

static bool wrong(struct decoder *d, struct span member, const char *why)
{
    if (!d->why) {
        d->member = member;
        d->why = why;
    }
    return false;
}

// A wrong token is the scanner's error or a value of another type.
static bool unexpected(struct decoder *d, const struct field *f, enum json_token t, const char *why)
{
    return t == JSON_T_ERROR ? false : wrong(d, f->name, why);
}

static bool round_to_i64(double v, int64_t *out)
{
    if (!(v >= -LONG_LIMIT && v < LONG_LIMIT)) {
        return false;
    }
    *out = (int64_t)round(v);
    return true;
}

// "1754611200.125" without the cost of a double: whole seconds and up to 9 digits of a fraction.
static bool plain_seconds(struct span s, int64_t *ms)
{
    static const int64_t scale[] = {1000000000, 100000000, 10000000, 1000000, 100000,
                                    10000,      1000,      100,      10,      1};
    uint64_t whole, part = 0;
    size_t dot = span_find(s, '.');
    size_t n = dot < s.n ? s.n - dot - 1 : 0;
    if (dot > 12 || n > 9 || !span_to_u64(span_of(s.p, dot), &whole) ||
        (n && !span_to_u64(span_of(s.p + dot + 1, n), &part))) {
        return false;
    }
    *ms = (int64_t)whole * 1000 + ((int64_t)part * scale[n] + 500000) / 1000000;
    return true;
}

static bool read_time(struct decoder *d, const struct field *f, int64_t *out)
{
    double seconds;
    if (plain_seconds(d->s.text, out) ||
        (num_parse_double(d->s.text, &seconds) && round_to_i64(seconds * 1000, out))) {
        return true;
    }
    return wrong(d, f->name, "is no time");
}

static bool read_int(struct decoder *d, const struct field *f, int64_t *out)
{
    double v;
    if (span_to_i64(d->s.text, out) || (num_parse_double(d->s.text, &v) && round_to_i64(v, out))) {
        return true;
    }
    return wrong(d, f->name, "is no integer within 64 bits");
}

static bool read_bytes(struct decoder *d, const struct field *f, struct span *out)
{
    // The text lies in the output's own body or arena, and the scanner is past it.
    ptrdiff_t n = base64_decode((char *)d->s.text.p, d->s.text);
    if (n < 0) {
        return wrong(d, f->name, "is not base64");
    }
    *out = span_of(d->s.text.p, (size_t)n);
    return true;
}

static bool read_item(struct decoder *d, const struct field *f, void *item, enum json_token t)
{
    if (f->shape) {
        return read_object(d, f->shape, item, t);
    }
    if (t != JSON_T_STRING) {
        return unexpected(d, f, t, "has an element that is no text");
    }
    *(struct span *)item = d->s.text;
    return true;
}

static bool read_list(struct decoder *d, const struct field *f, void *target, enum json_token t)
{
    struct shape_list l;
    if (t != JSON_T_ARRAY) {
        return unexpected(d, f, t, "is no array");
    }
    if (!shape_list_begin(&l, f, target, d->arena, (size_t)(d->s.end - d->s.at), SIZE_MAX)) {
        return wrong(d, f->name, "comes twice");
    }
    while ((t = json_scan_next(&d->s)) != JSON_T_ARRAY_END) {
        void *item = shape_list_next(&l);
        if (!item) {
            return unexpected(d, f, t, "has more elements than the service allows");
        }
        if (!read_item(d, f, item, t)) {
            return false;
        }
    }
    shape_list_end(&l, target);
    return true;
}

static bool read_field(struct decoder *d, const struct field *f, void *target)
{
    enum json_token t = json_scan_next(&d->s);
    void *at = field_at(target, f->offset);
    if (t == JSON_T_NULL) {
        return true;
    }
    switch (f->kind) {
    case FIELD_TEXT:
        *(struct span *)at = d->s.text;
        return t == JSON_T_STRING ? true : unexpected(d, f, t, "is no text");
    case FIELD_BYTES:
        return t == JSON_T_STRING ? read_bytes(d, f, at) : unexpected(d, f, t, "is no text");
    case FIELD_INT:
        return t == JSON_T_NUMBER ? read_int(d, f, at) : unexpected(d, f, t, "is no number");
    case FIELD_TIME:
        return t == JSON_T_NUMBER ? read_time(d, f, at) : unexpected(d, f, t, "is no number");
    case FIELD_OBJECT:
        return read_object(d, f->shape, target, t);
    default:
        return read_list(d, f, target, t);
    }
}

static bool read_object(struct decoder *d, const struct shape *s, void *target, enum json_token t)
{
    size_t hint = s->n - 1;
    if (t != JSON_T_OBJECT) {
        return t == JSON_T_ERROR ? false : wrong(d, SPAN_NONE, "an object expected");
    }
    while ((t = json_scan_next(&d->s)) == JSON_T_KEY) {
        const struct field *f = shape_find(s, d->s.text, &hint);
        bool ok = f ? read_field(d, f, target) : json_scan_skip(&d->s) == 0;
        if (!ok) {
            return false;
        }
    }
    return t == JSON_T_OBJECT_END;
}

int kinesis_decode_json(const struct shape *s, struct span in, struct kinesis_output *out,
                        struct err *e)
{
    struct decoder d = {.arena = &out->arena};
    struct err why = {0};
    json_scan_init(&d.s, in, d.arena);
    if (read_object(&d, s, out, json_scan_next(&d.s)) && json_scan_next(&d.s) == JSON_T_END) {
        return 0;
    }
    if (d.why) {
        return err_set(e, ERR_PROTO, "malformed JSON: %.*s%s%s", SPAN_ARG(d.member),
                       d.member.n ? " " : "", d.why);
    }
    json_scan_error(&d.s, &why);
    return err_set(e, ERR_PROTO, "malformed JSON: %s", why.msg);
}
