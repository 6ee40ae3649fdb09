// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BRIDGE_DOWNLINK_H
#define PENSTOCK_BRIDGE_DOWNLINK_H

// The integration downlink node's other end: a message goes through the downlink converter, and
// what comes out becomes outbox rows in the transaction of the run that asked. The messages of one
// turn of the loop share jobs; they are answered in the order in which they came, whichever worker
// is done first, so that the outbox keeps that order. Loop thread only.

#include "hub/hub.h"

struct integration;

// An integration's downlinks that are converting.
struct downlinks {
    struct integration *in;
    struct list waiting; // of struct hub_downlink_request, not yet in a job
    struct list jobs;    // in order
    struct loop_task task;
    struct loop_task answer_task;
    uint64_t refused; // for lack of room in the outbox
};

void downlinks_init(struct downlinks *d, struct integration *in);
bool downlinks_idle(const struct downlinks *d);

// Queues what the converter made, all of it or nothing: ERR_BUSY = the outbox is full.
int downlink_queue(struct integration *in, struct hub_run *run, const struct downlink_result *out,
                   struct err *e);

// hub_downlink_sink.submit. Its answer is ERR_BUSY when the outbox is full.
int downlink_submit(void *ctx, struct hub_downlink_request *q, struct err *e);

#endif
