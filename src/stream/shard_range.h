// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_SHARD_RANGE_H
#define PENSTOCK_STREAM_SHARD_RANGE_H

// A part of a shard, to be read once more: where it starts, and where it ends. Pure.

#include "stream/shard_map.h"

struct shard_range {
    struct shard_position start;
    struct span until_sequence; // the last one wanted; empty = no such end
    int64_t until_ms;           // arrival, the first that is not wanted; 0 = no such end
};

// Removes what is behind the range from the end of a reply. True: nothing that comes after this
// reply is wanted; so it is, too, when the reply has caught up with the shard's newest record.
bool shard_range_cut(const struct shard_range *r, struct kinesis_output *out);

#endif
