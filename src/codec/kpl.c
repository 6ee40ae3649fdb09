// SPDX-License-Identifier: Apache-2.0
#include "codec/kpl.h"

#include "base/err.h"
#include "codec/digest.h"

#define MAGIC_LEN 4
static const char magic[MAGIC_LEN + 1] = "\xf3\x89\x9a\xc2";

// Protocol buffers (proto2) wire types.
enum wire { WIRE_VARINT, WIRE_64, WIRE_LENGTH, WIRE_GROUP, WIRE_GROUP_END, WIRE_32 };
#define VARINT_MAX 10
#define GROUP_DEPTH 100

// Fields of AggregatedRecord, of its Record and of that one's Tag.
enum { AGGREGATE_KEY = 1, AGGREGATE_HASH_KEY, AGGREGATE_RECORD };
enum { RECORD_KEY_INDEX = 1, RECORD_HASH_KEY_INDEX, RECORD_DATA, RECORD_TAG };
enum { TAG_KEY = 1 };

struct field {
    uint64_t number;
    enum wire wire;
    uint64_t value;     // WIRE_VARINT
    struct span bytes;  // WIRE_LENGTH
    size_t value_start; // offset behind the tag
};

// Wire format ------------------------------------------------------------------------------------

static bool read_varint(struct span in, size_t *at, uint64_t *out)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < VARINT_MAX && *at < in.n; i++) {
        uint8_t byte = (uint8_t)in.p[(*at)++];
        v |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (byte < 0x80) {
            *out = v;
            return true;
        }
    }
    return false;
}

static bool read_bytes(struct span in, size_t *at, uint64_t n, struct span *out)
{
    if (n > in.n - *at) {
        return false;
    }
    *out = span_of(in.p + *at, (size_t)n);
    *at += (size_t)n;
    return true;
}

// All but the inside of a group.
static bool read_field_head(struct span in, size_t *at, struct field *f)
{
    uint64_t tag, n;
    if (!read_varint(in, at, &tag) || tag >> 3 == 0 || (tag & 7) > WIRE_32) {
        return false;
    }
    *f = (struct field){.number = tag >> 3, .wire = (enum wire)(tag & 7), .value_start = *at};
    switch (f->wire) {
    case WIRE_VARINT:
        return read_varint(in, at, &f->value);
    case WIRE_64:
        return read_bytes(in, at, 8, &f->bytes);
    case WIRE_32:
        return read_bytes(in, at, 4, &f->bytes);
    case WIRE_LENGTH:
        return read_varint(in, at, &n) && read_bytes(in, at, n, &f->bytes);
    default:
        return true;
    }
}

// Groups are unknown fields whatever their number; each must end with its own number.
static bool skip_group(struct span in, size_t *at, uint64_t number)
{
    uint64_t open[GROUP_DEPTH] = {number};
    size_t depth = 1;
    struct field f;
    while (depth > 0) {
        if (!read_field_head(in, at, &f)) {
            return false;
        }
        if (f.wire == WIRE_GROUP) {
            if (depth == GROUP_DEPTH) {
                return false;
            }
            open[depth++] = f.number;
        } else if (f.wire == WIRE_GROUP_END && f.number != open[--depth]) {
            return false;
        }
    }
    return true;
}

static bool read_field(struct span in, size_t *at, struct field *f)
{
    if (!read_field_head(in, at, f) || f->wire == WIRE_GROUP_END) {
        return false;
    }
    return f->wire != WIRE_GROUP || skip_group(in, at, f->number);
}

static bool is_field(const struct field *f, uint64_t number, enum wire wire)
{
    return f->number == number && f->wire == wire;
}

// The message ------------------------------------------------------------------------------------

struct raw_record {
    uint64_t key_index, hash_key_index;
    bool has_key_index, has_hash_key_index, has_data;
    struct span data;
};

static bool check_tag(struct span in)
{
    struct field f;
    bool has_key = false;
    for (size_t at = 0; at < in.n;) {
        if (!read_field(in, &at, &f)) {
            return false;
        }
        has_key |= is_field(&f, TAG_KEY, WIRE_LENGTH);
    }
    return has_key;
}

// A value that comes again replaces the one before.
static bool read_record(struct span in, struct raw_record *out)
{
    struct field f;
    *out = (struct raw_record){0};
    for (size_t at = 0; at < in.n;) {
        if (!read_field(in, &at, &f)) {
            return false;
        }
        if (is_field(&f, RECORD_KEY_INDEX, WIRE_VARINT)) {
            out->has_key_index = true;
            out->key_index = f.value;
        } else if (is_field(&f, RECORD_HASH_KEY_INDEX, WIRE_VARINT)) {
            out->has_hash_key_index = true;
            out->hash_key_index = f.value;
        } else if (is_field(&f, RECORD_DATA, WIRE_LENGTH)) {
            out->has_data = true;
            out->data = f.bytes;
        } else if (is_field(&f, RECORD_TAG, WIRE_LENGTH) && !check_tag(f.bytes)) {
            return false;
        }
    }
    return out->has_key_index && out->has_data;
}

// Counts the entries of the tables and the records; false when the message does not parse.
static bool check_message(struct kpl_reader *r)
{
    struct field f;
    struct raw_record record;
    for (size_t at = 0; at < r->message.n;) {
        if (!read_field(r->message, &at, &f)) {
            return false;
        }
        r->keys.n += is_field(&f, AGGREGATE_KEY, WIRE_LENGTH);
        r->hash_keys.n += is_field(&f, AGGREGATE_HASH_KEY, WIRE_LENGTH);
        if (is_field(&f, AGGREGATE_RECORD, WIRE_LENGTH)) {
            if (!read_record(f.bytes, &record)) {
                return false;
            }
            r->n_records++;
        }
    }
    return true;
}

// The tables may come behind the records that use them.
static void make_tables(struct kpl_reader *r)
{
    struct field f;
    size_t n_keys = 0, n_hash_keys = 0;
    r->keys.at = arena_array(r->arena, uint32_t, r->keys.n);
    r->hash_keys.at = arena_array(r->arena, uint32_t, r->hash_keys.n);
    for (size_t at = 0; at < r->message.n;) {
        require(read_field(r->message, &at, &f));
        if (is_field(&f, AGGREGATE_KEY, WIRE_LENGTH)) {
            r->keys.at[n_keys++] = (uint32_t)f.value_start;
        } else if (is_field(&f, AGGREGATE_HASH_KEY, WIRE_LENGTH)) {
            r->hash_keys.at[n_hash_keys++] = (uint32_t)f.value_start;
        }
    }
}

static struct span table_entry(const struct kpl_reader *r, const struct kpl_table *t, size_t i)
{
    size_t at = t->at[i];
    uint64_t n;
    struct span s;
    require(read_varint(r->message, &at, &n) && read_bytes(r->message, &at, n, &s));
    return s;
}

bool kpl_may_be(struct span data)
{
    // An empty message is none, as in the KCL.
    return data.n > MAGIC_LEN + MD5_LEN && memcmp(data.p, magic, MAGIC_LEN) == 0;
}

bool kpl_open(struct kpl_reader *r, struct span data, struct arena *arena)
{
    uint8_t digest[MD5_LEN];
    if (!kpl_may_be(data) || data.n > UINT32_MAX) {
        return false;
    }
    *r = (struct kpl_reader){.message = {data.p + MAGIC_LEN, data.n - MAGIC_LEN - MD5_LEN},
                             .arena = arena};
    md5(r->message, digest);
    if (memcmp(digest, data.p + data.n - MD5_LEN, MD5_LEN) != 0 || !check_message(r)) {
        return false;
    }
    make_tables(r);
    return true;
}

// The raw record at *at or behind it; false at the end.
static bool next_raw(const struct kpl_reader *r, size_t *at, struct raw_record *out)
{
    struct field f;
    while (*at < r->message.n) {
        require(read_field(r->message, at, &f));
        if (is_field(&f, AGGREGATE_RECORD, WIRE_LENGTH)) {
            return read_record(f.bytes, out);
        }
    }
    return false;
}

static bool has_good_indices(const struct kpl_reader *r, const struct raw_record *raw)
{
    return raw->key_index < r->keys.n &&
           (!raw->has_hash_key_index || raw->hash_key_index < r->hash_keys.n);
}

enum kpl_step kpl_next(struct kpl_reader *r, struct kpl_record *out)
{
    struct raw_record raw;
    if (!next_raw(r, &r->at, &raw)) {
        return KPL_END;
    }
    if (!has_good_indices(r, &raw)) {
        r->at = r->message.n;
        return KPL_BAD_INDEX;
    }
    *out = (struct kpl_record){.partition_key = table_entry(r, &r->keys, (size_t)raw.key_index),
                               .data = raw.data};
    if (raw.has_hash_key_index) {
        out->explicit_hash_key = table_entry(r, &r->hash_keys, (size_t)raw.hash_key_index);
    }
    return KPL_RECORD;
}

// Hash range -------------------------------------------------------------------------------------

enum verdict { UNKNOWN, INSIDE, OUTSIDE };

static enum verdict judge(struct hash_key h, struct hash_key start, struct hash_key end)
{
    return hash_key_cmp(h, start) >= 0 && hash_key_cmp(h, end) <= 0 ? INSIDE : OUTSIDE;
}

bool kpl_is_within(const struct kpl_reader *r, struct hash_key start, struct hash_key end)
{
    struct raw_record raw;
    struct hash_key h;
    size_t at = 0;
    uint8_t *keys = arena_zalloc(r->arena, r->keys.n); // one digest a key, however often it is used
    while (next_raw(r, &at, &raw) && has_good_indices(r, &raw)) {
        enum verdict v;
        if (raw.has_hash_key_index) {
            struct span text = table_entry(r, &r->hash_keys, (size_t)raw.hash_key_index);
            // The service takes no record with another text: it says nothing about the shard.
            v = hash_key_parse(text, &h) ? judge(h, start, end) : INSIDE;
        } else {
            uint8_t *known = &keys[raw.key_index];
            if (*known == UNKNOWN) {
                h = hash_key_of(table_entry(r, &r->keys, (size_t)raw.key_index));
                *known = (uint8_t)judge(h, start, end);
            }
            v = (enum verdict) * known;
        }
        if (v == OUTSIDE) {
            return false;
        }
    }
    return true;
}
