// SPDX-License-Identifier: Apache-2.0
#include "emulator/request.h"

#include <math.h>
#include <stdio.h>

#include "codec/base64.h"

struct decoder {
    struct emu_reader reader;
    struct arena *arena;
    struct emu_input *in;
    struct emu_error *error;
};

static const char *const names[] = {
#define MEMBER_NAME(id, name, type, rule) name,
    EMU_MEMBERS(MEMBER_NAME)
#undef MEMBER_NAME
};

static const uint8_t types[] = {
#define MEMBER_TYPE(id, name, type, rule) EMU_T_##type,
    EMU_MEMBERS(MEMBER_TYPE)
#undef MEMBER_TYPE
};

bool emu_vfail(struct emu_error *e, struct arena *arena, const char *code, const char *fmt,
               va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *text = arena_alloc(arena, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    *e = (struct emu_error){code, 400, span_of(text, (size_t)n)};
    return false;
}

bool emu_fail(struct emu_error *e, struct arena *arena, const char *code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    emu_vfail(e, arena, code, fmt, ap);
    va_end(ap);
    return false;
}

const char *emu_member_name(enum emu_member m)
{
    return names[m];
}

enum emu_type emu_member_type(enum emu_member m)
{
    return types[m];
}

size_t emu_characters(struct span s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((uint8_t)s.p[i] & 0xc0) != 0x80;
    return n;
}

static bool type_error(struct decoder *d, const struct emu_value *v, const char *wanted)
{
    static const char *const classes[] = {
        [EMU_V_BOOL] = "java.lang.Boolean",
        [EMU_V_NUMBER] = "com.amazon.coral.value.json.numbers.TruncatingBigNumber",
        [EMU_V_STRING] = "java.lang.String",
        [EMU_V_BYTES] = "java.nio.HeapByteBuffer",
    };
    if (v->kind == EMU_V_LIST)
        return emu_fail(d->error, d->arena, "SerializationException",
                        "Start of list found where not expected");
    if (v->kind == EMU_V_MAP)
        return emu_fail(d->error, d->arena, "SerializationException",
                        "Start of structure or map found where not expected.");
    return emu_fail(d->error, d->arena, "SerializationException",
                    "class %s can not be converted to %s", classes[v->kind], wanted);
}

static bool decode_blob(struct decoder *d, const struct emu_value *v, struct emu_field *f)
{
    if (v->kind == EMU_V_BYTES) {
        f->s = v->s;
        return true;
    }
    if (v->kind != EMU_V_STRING || d->reader.cbor)
        return type_error(d, v, "a Blob");
    if (v->s.n % 4)
        return emu_fail(d->error, d->arena, "SerializationException",
                        "Base64 encoded length is expected a multiple of 4 bytes but found: %zu",
                        v->s.n);
    char *p = arena_alloc(d->arena, BASE64_DECODED_MAX(v->s.n));
    ptrdiff_t n = base64_decode(p, v->s);
    if (n < 0)
        return emu_fail(d->error, d->arena, "SerializationException", "Invalid Base64 character");
    f->s = span_of(p, (size_t)n);
    return true;
}

static bool decode_number(struct decoder *d, const struct emu_value *v, enum emu_type type,
                          struct emu_field *f)
{
    bool time = type == EMU_T_TIMESTAMP;
    if (v->kind != EMU_V_NUMBER)
        return type_error(d, v, time ? "milliseconds since epoch" : "an Integer");
    // Java's narrowing: what is too large becomes the largest.
    double limit = time ? 9e15 : INT32_MAX;
    double n = !time ? floor(v->d) : d->reader.cbor ? round(v->d) : round(v->d * 1000);
    f->i = n >= limit ? (int64_t)limit : n <= -limit ? (int64_t)-limit : n != n ? 0 : (int64_t)n;
    return true;
}

static bool decode_scalar(struct decoder *d, const struct emu_value *v, enum emu_type type,
                          struct emu_field *f)
{
    f->set = true;
    switch (type) {
    case EMU_T_STRING:
        f->s = v->s;
        return v->kind == EMU_V_STRING || type_error(d, v, "an String");
    case EMU_T_BOOLEAN:
        f->b = v->b;
        return v->kind == EMU_V_BOOL || type_error(d, v, "an Boolean");
    case EMU_T_BLOB:
        return decode_blob(d, v, f);
    default:
        return decode_number(d, v, type, f);
    }
}

static bool is_container(struct decoder *d, const struct emu_value *v, enum emu_kind kind,
                         const char *wanted)
{
    if (v->kind == kind)
        return true;
    if (v->kind == EMU_V_LIST || v->kind == EMU_V_MAP)
        return type_error(d, v, "");
    return emu_fail(d->error, d->arena, "SerializationException", "Expected %s", wanted);
}

static struct emu_field *entry_field(struct emu_entry *e, struct span key)
{
    if (span_is(key, "Data"))
        return &e->data;
    if (span_is(key, "PartitionKey"))
        return &e->key;
    return span_is(key, "ExplicitHashKey") ? &e->hash_key : NULL;
}

static bool decode_entry(struct decoder *d, struct emu_value *v, struct emu_entry *e)
{
    struct span key;
    struct emu_value m;
    *e = (struct emu_entry){0};
    if (v->kind == EMU_V_NULL)
        return true;
    if (!is_container(d, v, EMU_V_MAP, "null"))
        return false;
    while (emu_read_member(&d->reader, v, &key, &m)) {
        struct emu_field *f = m.kind == EMU_V_NULL ? NULL : entry_field(e, key);
        if (!f)
            emu_skip(&d->reader, &m);
        else if (!decode_scalar(d, &m, f == &e->data ? EMU_T_BLOB : EMU_T_STRING, f))
            return false;
    }
    return !d->reader.failed;
}

static bool decode_entries(struct decoder *d, struct emu_value *list)
{
    struct emu_input *in = d->in;
    struct emu_value v;
    uint32_t cap = 0;
    if (!is_container(d, list, EMU_V_LIST, "list or null"))
        return false;
    while (emu_read_element(&d->reader, list, &v)) {
        if (in->n_entries > EMU_ENTRIES_MAX) {
            emu_skip(&d->reader, &v);
            continue;
        }
        if (in->n_entries == cap) {
            size_t size = sizeof *in->entries;
            uint32_t more = cap ? EMU_ENTRIES_MAX + 1 : 16;
            in->entries = arena_grow(d->arena, in->entries, cap * size, more * size);
            cap = more;
        }
        if (!decode_entry(d, &v, &in->entries[in->n_entries++]))
            return false;
    }
    return !d->reader.failed;
}

static bool decode_tags(struct decoder *d, struct emu_value *map)
{
    struct emu_input *in = d->in;
    struct emu_value v;
    struct span key;
    if (!is_container(d, map, EMU_V_MAP, "map or null"))
        return false;
    in->tags = arena_array(d->arena, struct emu_tag, EMU_TAGS_A_CALL_MAX + 1);
    while (emu_read_member(&d->reader, map, &key, &v)) {
        if (v.kind != EMU_V_STRING && v.kind != EMU_V_NULL)
            return type_error(d, &v, "an String");
        struct span value = v.kind == EMU_V_NULL ? SPAN("") : v.s;
        if (in->n_tags <= EMU_TAGS_A_CALL_MAX)
            in->tags[in->n_tags++] = (struct emu_tag){key, value};
    }
    return !d->reader.failed;
}

static bool decode_tag_keys(struct decoder *d, struct emu_value *list)
{
    struct emu_input *in = d->in;
    struct emu_value v;
    if (!is_container(d, list, EMU_V_LIST, "list or null"))
        return false;
    in->tag_keys = arena_array(d->arena, struct span, EMU_TAG_KEYS_MAX + 1);
    while (emu_read_element(&d->reader, list, &v)) {
        if (v.kind != EMU_V_STRING)
            return type_error(d, &v, "an String");
        if (in->n_tag_keys <= EMU_TAG_KEYS_MAX)
            in->tag_keys[in->n_tag_keys++] = v.s;
    }
    return !d->reader.failed;
}

static bool decode_map(struct decoder *d, const struct emu_shape *shape, struct emu_value *map);

static bool decode_member(struct decoder *d, enum emu_member m, struct emu_value *v)
{
    const struct emu_shape *nested = emu_nested_shape(types[m]);
    d->in->f[m].set = true;
    if (nested)
        return is_container(d, v, EMU_V_MAP, "null") && decode_map(d, nested, v);
    switch (types[m]) {
    case EMU_T_ENTRIES:
        return decode_entries(d, v);
    case EMU_T_TAGS:
        return decode_tags(d, v);
    case EMU_T_TAG_KEYS:
        return decode_tag_keys(d, v);
    default:
        return decode_scalar(d, v, types[m], &d->in->f[m]);
    }
}

static bool decode_map(struct decoder *d, const struct emu_shape *shape, struct emu_value *map)
{
    struct span key;
    struct emu_value v;
    while (emu_read_member(&d->reader, map, &key, &v)) {
        int found = -1;
        for (int i = 0; i < shape->n && found < 0 && v.kind != EMU_V_NULL; i++)
            if (span_is(key, names[shape->member[i]]))
                found = shape->member[i];
        // A member given twice: the first one stands, so that no list is decoded twice.
        if (found < 0 || d->in->f[found].set)
            emu_skip(&d->reader, &v);
        else if (!decode_member(d, (enum emu_member)found, &v))
            return false;
    }
    return !d->reader.failed;
}

bool emu_input_decode(const struct emu_shape *shape, bool cbor, struct span body,
                      struct arena *arena, struct emu_input *out, struct emu_error *e)
{
    struct decoder d = {.arena = arena, .in = out, .error = e};
    struct emu_value top;
    *out = (struct emu_input){0};
    *e = (struct emu_error){0};
    emu_reader_init(&d.reader, cbor, body, arena);
    emu_read_top(&d.reader, &top);
    if (top.kind == EMU_V_MAP && decode_map(&d, shape, &top) && emu_read_done(&d.reader))
        return true;
    if (!e->code)
        *e = (struct emu_error){"SerializationException", 400, SPAN_NONE};
    return false;
}
