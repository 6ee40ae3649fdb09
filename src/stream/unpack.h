// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_UNPACK_H
#define PENSTOCK_STREAM_UNPACK_H

// The user records of a reply: aggregated records are taken apart, in pieces of bounded size, since
// one record of ten MiB may hold more than a million. Pure. Nothing is copied: user records point
// into the records they came in.

#include "aws/kinesis.h"
#include "codec/kpl.h"

struct unpacker {
    const struct kinesis_record *records; // borrowed
    size_t n, at;
    size_t piece_max; // user records of a piece
    // User records of the record `known` up to known_sub are passed.
    struct span known;
    uint64_t known_sub;
    bool has_known;
    // What the shard is for; others in an aggregate are not ours (kpl_is_within()).
    bool has_keys;
    struct hash_key first_key, last_key;
    // The aggregate being taken apart.
    bool inside;
    struct arena tables;
    struct kpl_reader kpl;
    uint32_t next_sub;
    // Up to where pieces went.
    struct span sequence; // of the last record begun
    uint64_t sub_sequence;
    // So far.
    uint64_t foreign; // aggregates passed over: not of this shard
    uint64_t broken;  // aggregates cut short: a key is not in its table
};

// Whether any of the records may be an aggregate. When not, they are the user records.
bool unpack_is_needed(const struct kinesis_record *records, size_t n);
// The fields up to last_key are set by the owner, the rest is zero.
void unpack_deinit(struct unpacker *u);
// The next piece, in `a`; NULL with *n == 0 when nothing is left.
struct kinesis_record *unpack_next(struct unpacker *u, struct arena *a, size_t *n);
// No record is left; another piece would be empty.
bool unpack_is_done(const struct unpacker *u);

#endif
