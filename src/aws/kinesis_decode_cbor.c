// SPDX-License-Identifier: Apache-2.0
#include "aws/kinesis_shape.h"
#include "codec/base64.h"
#include "codec/cbor.h"

// Happy path: read a map's key, find its field, read the value into the field's place; strings stay
// in the body.

struct decoder {
    struct cbor_reader r;
    struct arena *arena;
    struct span member; // the one that is wrong
    const char *why;
};

static bool read_object(struct decoder *d, const struct shape *s, void *target,
                        const struct cbor_item *map);

static bool wrong(struct decoder *d, struct span member, const char *why)
{
    if (!d->why) {
        d->member = member;
        d->why = why;
    }
    return false;
}

// kinesis-local sends base64 text where a byte string belongs.
static bool read_bytes(struct decoder *d, const struct field *f, const struct cbor_item *v,
                       struct span *out)
{
    if (v->type == CBOR_BYTES) {
        *out = v->s;
        return true;
    }
    if (v->type != CBOR_TEXT) {
        return wrong(d, f->name, "is no byte string");
    }
    // The text lies in the output's own body or arena.
    ptrdiff_t n = base64_decode((char *)v->s.p, v->s);
    if (n < 0) {
        return wrong(d, f->name, "is not base64");
    }
    *out = span_of(v->s.p, (size_t)n);
    return true;
}

static bool read_item(struct decoder *d, const struct field *f, void *item,
                      const struct cbor_item *v)
{
    if (f->shape) {
        return read_object(d, f->shape, item, v);
    }
    if (v->type != CBOR_TEXT) {
        return wrong(d, f->name, "has an element that is no text");
    }
    *(struct span *)item = v->s;
    return true;
}

static bool read_list(struct decoder *d, const struct field *f, void *target,
                      const struct cbor_item *array)
{
    struct shape_list l;
    struct cbor_item v;
    if (array->type != CBOR_ARRAY) {
        return wrong(d, f->name, "is no array");
    }
    size_t count = array->count == CBOR_INDEFINITE ? SIZE_MAX : (size_t)array->count;
    if (!shape_list_begin(&l, f, target, d->arena, (size_t)(d->r.end - d->r.at), count)) {
        return wrong(d, f->name, "comes twice");
    }
    for (uint64_t left = array->count; cbor_more(&d->r, &left);) {
        void *item = shape_list_next(&l);
        if (!item) {
            return wrong(d, f->name, "has more elements than the service allows");
        }
        if (!cbor_read(&d->r, &v) || !read_item(d, f, item, &v)) {
            return false;
        }
    }
    shape_list_end(&l, target);
    return !d->r.error;
}

static bool read_number(struct decoder *d, int64_t *out)
{
    // null and undefined are as good as absent.
    if (d->r.at < d->r.end && (*d->r.at == 0xf6 || *d->r.at == 0xf7)) {
        d->r.at++;
        return true;
    }
    return cbor_read_int(&d->r, out);
}

static bool read_field(struct decoder *d, const struct field *f, void *target)
{
    void *at = field_at(target, f->offset);
    struct cbor_item v;
    if (f->kind == FIELD_INT || f->kind == FIELD_TIME) {
        return read_number(d, at);
    }
    if (!cbor_read(&d->r, &v)) {
        return false;
    }
    if (v.type == CBOR_NULL) {
        return true;
    }
    switch (f->kind) {
    case FIELD_TEXT:
        *(struct span *)at = v.s;
        return v.type == CBOR_TEXT ? true : wrong(d, f->name, "is no text");
    case FIELD_BYTES:
        return read_bytes(d, f, &v, at);
    case FIELD_OBJECT:
        return read_object(d, f->shape, target, &v);
    default:
        return read_list(d, f, target, &v);
    }
}

static bool read_object(struct decoder *d, const struct shape *s, void *target,
                        const struct cbor_item *map)
{
    struct cbor_item key, v;
    size_t hint = s->n - 1;
    if (map->type != CBOR_MAP) {
        return wrong(d, SPAN_NONE, "a map expected");
    }
    for (uint64_t left = map->count; cbor_more(&d->r, &left);) {
        if (!cbor_read(&d->r, &key)) {
            return false;
        }
        if (key.type != CBOR_TEXT) {
            return wrong(d, SPAN_NONE, "a member's name is no text");
        }
        const struct field *f = shape_find(s, key.s, &hint);
        bool ok = f ? read_field(d, f, target) : cbor_read(&d->r, &v) && cbor_skip(&d->r, &v);
        if (!ok) {
            return false;
        }
    }
    return !d->r.error;
}

int kinesis_decode_cbor(const struct shape *s, struct span in, struct kinesis_output *out,
                        struct err *e)
{
    struct decoder d = {.arena = &out->arena};
    struct cbor_item root;
    cbor_reader_init(&d.r, in, d.arena);
    if (cbor_read(&d.r, &root) && read_object(&d, s, out, &root) && d.r.at == d.r.end) {
        return 0;
    }
    const char *why = d.why ? d.why : d.r.error ? d.r.error : "bytes after the end";
    return err_set(e, ERR_PROTO, "malformed CBOR: %.*s%s%s", SPAN_ARG(d.member),
                   d.member.n ? " " : "", why);
}
