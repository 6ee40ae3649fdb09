// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BRIDGE_OUTBOX_LANES_H
#define PENSTOCK_BRIDGE_OUTBOX_LANES_H

// Which rows of the outbox may be in memory. Pure.
//
// Each stream has lanes, by the hash keys of its records, so that a shard is a run of lanes and the
// records of a partition key are in one. A lane holds few rows. One that is full is parked: its
// rows stay in the database while reading goes on for all others, so that a shard that takes
// nothing holds nobody else up. A sweep reads what was left, from the first row on; a lane is
// parked no longer when a sweep has come to the reader's place without leaving any of its rows.
// That keeps their order.

#include "base/list.h"
#include "base/map.h"

#define OUTBOX_LANES 64 // a stream, power of 2
#define OUTBOX_LANE_ROWS 128
// A stream's rows in memory, beside the one row that is always let in.
#define OUTBOX_STREAM_BYTES ((size_t)4 * 1024 * 1024)

struct outbox_lane {
    uint32_t rows;
    bool parked;
    bool blocked; // this sweep has left rows of it
};

struct outbox_stream {
    struct list link;
    uint32_t rows, parked; // lanes parked
    size_t bytes;
    struct outbox_lane lanes[OUTBOX_LANES];
    struct span id;
    char text[];
};

struct outbox_lanes {
    struct list streams;
    struct map by_id;
    size_t rows, parked_rows; // in memory; of them in parked lanes
    size_t n_parked, n_blocked;
    size_t n_ready; // parked, with room again
    bool sweeping;
    bool freed; // since the last sweep began: another one may find room
};

void outbox_lanes_init(struct outbox_lanes *l);
void outbox_lanes_deinit(struct outbox_lanes *l);
// A stream by its name or ARN. Valid until a call of outbox_lanes_leave() or _end_sweep().
struct outbox_stream *outbox_lanes_stream(struct outbox_lanes *l, struct span id);
// Whether a row may come into memory; it is counted then. The rows of a lane must be offered in
// their order, by the reader and by the sweep each. `lane` < OUTBOX_LANES.
bool outbox_lanes_enter(struct outbox_lanes *l, struct outbox_stream *s, unsigned lane, size_t size,
                        bool sweep);
void outbox_lanes_leave(struct outbox_lanes *l, struct outbox_stream *s, unsigned lane,
                        size_t size);

// Whether a sweep would find room for what it reads.
bool outbox_lanes_want_sweep(const struct outbox_lanes *l);
void outbox_lanes_begin_sweep(struct outbox_lanes *l);
// Nothing that is still to be read can enter: the sweep may end early.
bool outbox_lanes_all_blocked(const struct outbox_lanes *l);
// `complete`: the sweep has come to the reader's place.
void outbox_lanes_end_sweep(struct outbox_lanes *l, bool complete);

#endif
