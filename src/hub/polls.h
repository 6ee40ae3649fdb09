// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_POLLS_H
#define PENSTOCK_HUB_POLLS_H

// Devices that wait by long polls (facts/hub.md section 3.6): for a call (hub/rpc.h), for changes
// of their shared attributes (hub/shared_changes.h). Loop thread only.

#include "hub/hub.h"

struct polls;
struct poll_queue;

enum hub_poll_for { HUB_POLL_CALL, HUB_POLL_ATTRIBUTES, HUB_POLL_FOR_COUNT };

// Caller-owned.
struct hub_poll {
    // Once, later: what it waited for, as JSON that lives during the call; without p: the device
    // is deleted. Unparked by then.
    void (*take)(struct hub_poll *p, struct span json);
    // The hub's.
    struct list link;
    struct poll_queue *queue;
};
void hub_poll_park(struct hub *h, struct store_device *d, enum hub_poll_for what,
                   struct hub_poll *p);
// Nothing when it is not parked.
void hub_poll_unpark(struct hub *h, struct hub_poll *p);

// Internal to hub/.
struct polls *polls_new(void);
void polls_free(struct polls *s); // nobody may wait
bool polls_waiting(const struct polls *s, struct store_device *d, enum hub_poll_for what);
// The one that waits longest, unparked, or NULL.
struct hub_poll *polls_take(struct polls *s, struct store_device *d, enum hub_poll_for what);
// All that wait have their answer; without p: the device is deleted.
void polls_tell(struct polls *s, struct store_device *d, enum hub_poll_for what, struct span json);

#endif
