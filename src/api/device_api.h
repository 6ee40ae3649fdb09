// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_API_DEVICE_API_H
#define PENSTOCK_API_DEVICE_API_H

// What the calls of devices share. Internal to api/.

#include "hub/polls.h"
#include "store/store.h"

struct request;

// The device of the token in the path. NULL: answered (401, 413).
struct store_device *device_api_find(struct request *q, size_t body_max);

// How long it wants to wait: `timeout` of the query, bounded. False: answered (400).
bool device_api_timeout(struct request *q, int64_t *ms);
// Parks the request until there is something for the device: then that is the answer; 408 when the
// time is over, 403 when the device is deleted, 503 when the program stops.
void device_api_wait(struct request *q, struct store_device *d, enum hub_poll_for what,
                     int64_t timeout_ms);

#endif
