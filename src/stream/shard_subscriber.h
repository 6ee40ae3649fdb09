// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_SHARD_SUBSCRIBER_H
#define PENSTOCK_STREAM_SHARD_SUBSCRIBER_H

// Reads one shard by enhanced fan-out: a subscription whose events go to its shard_source, followed
// by the next shortly before it ends. Loop thread only.
//
// Happy path: step() subscribes when the consumer is ACTIVE (fan_out.h) and subscribe_pace.h allows
// it, after the last event's ContinuationSequenceNumber, or where the cursor stands. Memory for an
// event is taken from the budget when its length is known; without room, or with enough batches
// out, the event is left where it is, and the window of its stream holds the service back. Other
// shards' streams go on.
//
// The service ends a subscription when it accepts the next one (facts/kcl.md section 4). Until then
// the old one brings events, so that nothing waits for the call; the new one begins where the old
// one stood when it was called, and shard_source passes what both have brought. A call to renew
// that fails changes nothing: it is made again while the old one lasts.

#include "stream/shard_source.h"

// As shard_reader_new().
struct shard_source *shard_subscriber_new(struct consumer *c, struct shard_node *node,
                                          int64_t delay_ms, bool opening);

#endif
