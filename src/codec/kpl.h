// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_KPL_H
#define PENSTOCK_CODEC_KPL_H

// Aggregated records of the Kinesis Producer Library (facts/kcl.md section 5): many user records in
// one record of the stream. Read as the Kinesis Client Library reads them. Pure; any thread.
//
// What was opened points into the record's data, which must stay; only the tables of keys take
// memory, four bytes a key. Nested aggregates are not taken apart.

#include "base/arena.h"
#include "codec/hash_key.h"

struct kpl_record {
    struct span partition_key;
    struct span explicit_hash_key; // empty = none
    struct span data;
};

struct kpl_table {
    uint32_t *at; // offsets of the entries in the message
    size_t n;
};

struct kpl_reader {
    struct span message; // without magic and digest
    struct kpl_table keys, hash_keys;
    size_t n_records; // in the message
    size_t at;        // offset of the field to read next
    struct arena *arena;
};

enum kpl_step {
    KPL_END,
    KPL_RECORD,
    KPL_BAD_INDEX // a key that is not in its table: this record and those after it are lost
};

// Whether `data` begins as aggregates do: cheap, and false for nearly all that are none.
bool kpl_may_be(struct span data);
// Whether `data` is an aggregate: magic, digest and message are all right. When not, it is a record
// like any other. `arena` (borrowed) is for the tables and lives as long as the reader.
bool kpl_open(struct kpl_reader *r, struct span data, struct arena *arena);
// The user records in order; their sub-sequence numbers count from 0.
enum kpl_step kpl_next(struct kpl_reader *r, struct kpl_record *out);
// Whether all user records belong to a shard with these hash keys (inclusive). When one does not,
// the KCL passes over the whole aggregate: producers send it again to where it belongs. For a
// reader that has not read yet; does not move it.
bool kpl_is_within(const struct kpl_reader *r, struct hash_key start, struct hash_key end);

#endif
