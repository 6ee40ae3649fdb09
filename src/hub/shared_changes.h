// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_SHARED_CHANGES_H
#define PENSTOCK_HUB_SHARED_CHANGES_H

// What a run changes of devices' shared attributes, for the devices that wait for it by a long poll
// (hub/polls.h): they are told when it is durable. The last change of a key counts. A replayed run
// notes nothing: its devices were told before. Internal to hub/; loop thread only.

#include "hub/hub_internal.h"

struct shared_changes;

void shared_changes_save(struct hub_run *r, struct store_device *d, const struct kv *kv, size_t n);
void shared_changes_delete(struct hub_run *r, struct store_device *d, const struct span *keys,
                           size_t n);
// Tells the devices, or forgets it. Frees `c`, which may be NULL.
void shared_changes_settle(struct hub *h, struct shared_changes *c, bool durable);

#endif
