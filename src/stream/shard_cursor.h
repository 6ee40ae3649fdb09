// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_SHARD_CURSOR_H
#define PENSTOCK_STREAM_SHARD_CURSOR_H

// Where in a shard reading stands, so that a new iterator goes on exactly there. Pure.
//
// Iterators die after five minutes. A new one starts after the last record; before there is one,
// at the start position: at the record of a checkpoint, of which those user records are passed
// that the checkpoint covers. LATEST is asked for only once: from then on the start is the time of
// that question, because a second LATEST would pass over what came between the two.

#include "stream/shard_map.h"

struct shard_cursor {
    struct shard_position start; // `sequence` is not used
    struct buf text;             // last sequence number, or "@ms", or empty; what to save
    int64_t asked_ms;
};

// `saved`: the checkpoint's text, empty when there is none.
void shard_cursor_init(struct shard_cursor *c, const struct shard_position *start,
                       struct span saved);
void shard_cursor_deinit(struct shard_cursor *c);
// Fills the members of GetShardIterator; the spans live until the cursor moves. wall_ms: by the
// service's clock.
void shard_cursor_ask(struct shard_cursor *c, int64_t wall_ms, struct kinesis_input *in);
// The iterator asked for is there. True when it was LATEST's.
bool shard_cursor_answer(struct shard_cursor *c);
// The start, when it is a time, is what to save. False when something is already.
bool shard_cursor_keep_start(struct shard_cursor *c);
void shard_cursor_advance(struct shard_cursor *c, struct span sequence);
// Removes the records that are at or before the cursor from the front of a reply. The one that a
// checkpoint names stays: user records of it may be left.
void shard_cursor_drop_known(const struct shard_cursor *c, struct kinesis_output *out);
// The same of the records up to this one; empty = none.
void shard_cursor_drop_until(struct span sequence, struct kinesis_output *out);
// Whether that record is still to be passed; *sub_sequence says up to where it is known.
bool shard_cursor_is_at(const struct shard_cursor *c, struct span *sequence,
                        uint64_t *sub_sequence);
struct span shard_cursor_position(const struct shard_cursor *c);
// Empty before the first record.
struct span shard_cursor_sequence(const struct shard_cursor *c);

#endif
