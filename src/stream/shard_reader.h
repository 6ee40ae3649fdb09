// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_SHARD_READER_H
#define PENSTOCK_STREAM_SHARD_READER_H

// Reads one shard: an iterator, then GetRecords at the pace of poll_pace.h and as the budget
// allows, batch by batch to the consumer. Loop thread only.
//
// Happy path: step() finds out what is next and does it; each completion and each acknowledgement
// steps again. Memory for a reply is taken from the budget before the call, corrected when the
// reply's length is known (a reply that is larger than expected is left in the socket until there
// is room) and again when it is decoded. A reader that waits for room holds nothing, so readers
// cannot starve each other.

#include "stream/consumer_internal.h"

// `delay_ms`: many readers do not start at the same instant. `opening`: the consumer is not reading
// before this one has its iterator.
struct shard_reader *shard_reader_new(struct consumer *c, struct shard_node *node, int64_t delay_ms,
                                      bool opening);
// No new calls; cancels what is in flight.
void shard_reader_halt(struct shard_reader *r);
// Nothing may be in flight or out.
void shard_reader_free(struct shard_reader *r);
// The shard map has learnt a new listing, which may settle a doubt.
void shard_reader_on_listing(struct shard_reader *r);
void shard_reader_ack(struct shard_reader *r, struct shard_batch *b);
void shard_reader_status(const struct shard_reader *r, struct shard_status *out);

#endif
