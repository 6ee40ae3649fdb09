// SPDX-License-Identifier: Apache-2.0
#include "codec/kpl_write.h"

#include "base/map.h"
#include "base/mem.h"
#include "codec/digest.h"

// Protobuf tags: field number and wire type.
#define TAG_PARTITION_KEY 0x0a
#define TAG_EXPLICIT_HASH_KEY 0x12
#define TAG_RECORD 0x1a
#define TAG_RECORD_KEY 0x08
#define TAG_RECORD_HASH_KEY 0x10
#define TAG_RECORD_DATA 0x1a

static void put_varint(struct buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_add_char(b, (char)(v | 0x80));
    buf_add_char(b, (char)v);
}

static size_t varint_size(uint64_t v)
{
    size_t n = 1;
    for (; v >= 0x80; v >>= 7)
        n++;
    return n;
}

static void put_bytes(struct buf *b, char tag, struct span s)
{
    buf_add_char(b, tag);
    put_varint(b, s.n);
    buf_add_span(b, s);
}

// A table of texts, each written once, when it is first looked up.
struct table {
    struct map at; // index + 1 by text
    size_t n;
    struct span last; // records of a key often follow each other
    size_t last_at;
};

static size_t look_up(struct table *t, struct buf *b, char tag, struct span text)
{
    if (t->n > 0 && span_eq(t->last, text))
        return t->last_at;
    uintptr_t at = (uintptr_t)map_get(&t->at, text);
    if (at == 0) {
        put_bytes(b, tag, text);
        at = ++t->n;
        map_put(&t->at, text, (void *)at);
    }
    t->last = text;
    return t->last_at = at - 1;
}

struct indices {
    size_t key, hash_key;
};

static void put_record(struct buf *b, const struct kpl_record *r, struct indices at)
{
    size_t size = 1 + varint_size(at.key) + 1 + varint_size(r->data.n) + r->data.n;
    if (r->explicit_hash_key.n > 0)
        size += 1 + varint_size(at.hash_key);
    buf_add_char(b, TAG_RECORD);
    put_varint(b, size);
    buf_add_char(b, TAG_RECORD_KEY);
    put_varint(b, at.key);
    if (r->explicit_hash_key.n > 0) {
        buf_add_char(b, TAG_RECORD_HASH_KEY);
        put_varint(b, at.hash_key);
    }
    put_bytes(b, TAG_RECORD_DATA, r->data);
}

void kpl_write(struct buf *out, const struct kpl_record *records, size_t n)
{
    static const char magic[] = {'\xf3', '\x89', '\x9a', '\xc2'};
    struct table keys = {0}, hash_keys = {0};
    struct indices *at = mem_alloc_array(n + 1, sizeof *at);
    buf_add(out, magic, sizeof magic);
    size_t start = out->n;
    for (size_t i = 0; i < n; i++) {
        const struct kpl_record *r = &records[i];
        at[i].key = look_up(&keys, out, TAG_PARTITION_KEY, r->partition_key);
        at[i].hash_key = 0;
        if (r->explicit_hash_key.n > 0)
            at[i].hash_key = look_up(&hash_keys, out, TAG_EXPLICIT_HASH_KEY, r->explicit_hash_key);
    }
    for (size_t i = 0; i < n; i++)
        put_record(out, &records[i], at[i]);
    uint8_t digest[MD5_LEN];
    md5(span_of(out->p + start, out->n - start), digest);
    buf_add(out, digest, sizeof digest);
    map_free(&keys.at);
    map_free(&hash_keys.at);
    mem_free(at);
}
