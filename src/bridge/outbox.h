// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BRIDGE_OUTBOX_H
#define PENSTOCK_BRIDGE_OUTBOX_H

// An integration's durable outbox on its way to the streams. The database is the queue: chunks of
// rows are read in order, their rows given to the producer as far as outbox_lanes.h lets them in,
// and a chunk is removed, or rewritten with the rows that are left, when none of it is under way
// any more. A crash sends again what was under way (at least once); a clean stop does not. Rows
// that are refused for good or too old become dead letters in the same transaction. Memory is
// bounded, whatever the outbox holds. Loop thread only; embedded in its integration.

#include "bridge/outbox_lanes.h"
#include "hub/hub.h"
#include "stream/producer.h"

struct integration;

struct outbox {
    struct integration *in;
    struct outbox_lanes lanes;
    struct list chunks; // in memory
    struct map by_id;   // ... by their ids
    struct list gone;   // done with, but a read under way may still show them
    size_t bytes;       // of pages in memory
    struct store_read read;
    bool reading, read_is_sweep;
    bool more;          // there may be rows that the reader has not seen
    bool kicked;        // ... and some came while it was reading
    int64_t last_id;    // the reader's place
    int64_t sweep_id;   // the sweep's
    int64_t left_from;  // no row was left in a chunk before this one; INT64_MAX = none was left
    int64_t swept_from; // ... by the sweep under way, and by the reader meanwhile
    int64_t left_ms, swept_ms; // when those rows were queued
    int64_t last_end_ms;       // when a row in memory last ended
    struct timer quiet;        // set while reading waits: for rows to end, to be tried again
    struct list changed;       // chunks whose rows in the database are to be removed or rewritten
    struct loop_task flush;
    unsigned committing;
    uint64_t sent, dead;
};

void outbox_init(struct outbox *ob, struct integration *in);
// There are new rows.
void outbox_kick(struct outbox *ob);
// A dead downlink goes back into the outbox, in the run's transaction; negative with the reason why
// it cannot.
int outbox_take_back(struct integration *in, struct hub_run *run, const struct store_dead_letter *d,
                     struct err *e);
// Nothing read, nothing committing.
bool outbox_idle(const struct outbox *ob);
void outbox_deinit(struct outbox *ob);
// When the oldest row that is known was queued; 0 = there is none.
int64_t outbox_oldest_ms(const struct outbox *ob);

#endif
