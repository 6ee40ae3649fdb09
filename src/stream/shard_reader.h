// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_SHARD_READER_H
#define PENSTOCK_STREAM_SHARD_READER_H

// Reads one shard by asking: an iterator, then GetRecords at the pace of poll_pace.h and as the
// budget allows, reply by reply to its shard_source. Loop thread only.
//
// Happy path: step() finds out what is next and does it; each completion and each acknowledgement
// steps again. Memory for a reply is taken from the budget before the call, corrected when the
// reply's length is known (a reply that is larger than expected is left in the socket until there
// is room) and again when it is decoded. A reader that waits for room holds nothing, so readers
// cannot starve each other.

#include "stream/shard_source.h"

// `delay_ms`: many readers do not start at the same instant. `opening`: as shard_source_init().
struct shard_source *shard_reader_new(struct consumer *c, struct shard_node *node, int64_t delay_ms,
                                      bool opening);

#endif
