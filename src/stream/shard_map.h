// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_SHARD_MAP_H
#define PENSTOCK_STREAM_SHARD_MAP_H

// Which shards a stream has, which of them may be read now, and from where. Pure: checkpoints,
// listings and children in; shards whose turn has come out.
//
// A shard's turn comes when all its parents have ended (a merge has two). It starts
//  - at its checkpoint, when it has one; not at all when that says that it has ended. At, not
//    after: user records of that record may be left (facts/kcl.md section 3.1);
//  - at its beginning, when it is a child of a shard that was read, in this run or an earlier one,
//    or when it came up after the first listing: nothing of it has been seen by anyone;
//  - not at all, when it has no checkpoint but a descendant has one: it was passed before;
//  - at its beginning, when there are checkpoints but none has to do with any shard that is left,
//    or its parents are not known: what led to it has expired while nobody was reading;
//  - else where the configuration says. With LATEST, shards that are closed already are passed.
// In a map of ranges only shards that have one are read, from its start.
// A parent that is not known (past retention) keeps nobody waiting. One that has a checkpoint and
// is not listed is asked for all the same: its owner ends it when the service does not know it.

#include "aws/kinesis.h"
#include "base/map.h"
#include "codec/hash_key.h"

// Closed shards count until they expire; a stream has at most 10,000 open ones by the service's own
// rule for UpdateShardCount.
#define SHARD_MAP_MAX_SHARDS 20000
// Model of the service: ShardId.
#define SHARD_MAP_MAX_ID 128

// What a checkpoint says instead of a sequence number while a shard has not yielded a record:
// "@" and the time, in milliseconds since 1970, from which it is to be read.
#define SHARD_POSITION_TIME '@'

struct shard_position {
    enum kinesis_iterator type;
    struct span sequence; // AT_SEQUENCE_NUMBER, AFTER_SEQUENCE_NUMBER
    bool whole; // AT_SEQUENCE_NUMBER: nothing of that record is known, sub_sequence does not count
    uint64_t sub_sequence; // AT_SEQUENCE_NUMBER: user records up to this one are known
    int64_t timestamp_ms;  // AT_TIMESTAMP
};

struct shard_range; // shard_range.h

enum shard_phase { SHARD_PHASE_WAITING, SHARD_PHASE_STARTED, SHARD_PHASE_ENDED };

struct shard_node {
    struct span id;
    struct span parent_ids[2];
    struct shard_node *parents[2];       // NULL = none, or not known
    struct span saved;                   // sequence or position of its checkpoint; empty = none
    uint64_t saved_sub;                  // ... and sub-sequence number
    struct hash_key first_key, last_key; // that it is for, when has_keys
    bool has_keys;
    bool has_checkpoint;
    bool checkpoint_end;
    bool closed;   // as of the last listing that had it
    bool late;     // was not in the first listing
    bool passed;   // a descendant has a checkpoint
    bool ours;     // it was or is being read
    bool unsure;   // a parent was not known; the next listing tells
    bool parented; // has a child
    bool in_use;   // shard_map_prune() leaves it
    bool awaited, from_checkpoint;
    unsigned listed, added; // numbers of listings: the last that had it, the last before it
    enum shard_phase phase;
    const struct shard_range *range; // NULL = all of it
    struct shard_position start;     // set when its turn comes
    struct list link;
    void *data; // the owner's
};

struct shard_map {
    enum kinesis_iterator start; // LATEST, TRIM_HORIZON or AT_TIMESTAMP
    int64_t start_timestamp_ms;
    struct arena *ids; // borrowed: shard ids outlive the map
    struct arena arena;
    struct map by_id;
    struct shard_node **nodes;
    size_t n, cap;
    size_t n_checkpoints;
    unsigned listings;
    bool has_checkpoints;
    bool only_ranges; // shards without one are passed
    bool all_expired;
    struct list waiting;
};

void shard_map_init(struct shard_map *m, enum kinesis_iterator start, int64_t start_timestamp_ms,
                    struct arena *ids);
void shard_map_free(struct shard_map *m);

// All checkpoints come before the first listing, each shard once. ERR_INVALID for an unusable id.
int shard_map_add_checkpoint(struct shard_map *m, struct span id, struct span sequence,
                             uint64_t sub_sequence, bool shard_end) MUST_CHECK;
// Instead of checkpoints: only such parts are read. The range is copied, with what it refers to.
int shard_map_add_range(struct shard_map *m, struct span id,
                        const struct shard_range *r) MUST_CHECK;
// A complete listing. ERR_LIMIT when there are too many shards, ERR_PROTO for an unusable id; then
// nothing has changed.
int shard_map_merge_listing(struct shard_map *m, const struct kinesis_shard *shards,
                            size_t n) MUST_CHECK;
// ChildShards of a reply for `parent`. *want_listing is set when a child's other parent is not
// known. Errors as above.
int shard_map_add_children(struct shard_map *m, struct shard_node *parent,
                           const struct kinesis_shard *shards, size_t n,
                           bool *want_listing) MUST_CHECK;
// Moves the shards whose turn has come to `out`, parents first; their phase is STARTED and `start`
// is set.
void shard_map_take_ready(struct shard_map *m, struct list *out);
// All of the shard took effect.
void shard_map_end(struct shard_map *m, struct shard_node *node);
// In the last listing.
bool shard_map_is_listed(const struct shard_map *m, const struct shard_node *node);
// It was there once and the last listing does not have it any more. A child that no listing has
// shown yet is not gone.
bool shard_map_is_gone(const struct shard_map *m, const struct shard_node *node);
bool shard_map_has_child(const struct shard_map *m, const struct shard_node *node);
struct shard_node *shard_map_find(const struct shard_map *m, struct span id);
// Forgets shards that have ended, are not listed any more and are not in_use; `node->data` is the
// owner's to see to before.
void shard_map_prune(struct shard_map *m);

#endif
