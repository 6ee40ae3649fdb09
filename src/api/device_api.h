// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_API_DEVICE_API_H
#define PENSTOCK_API_DEVICE_API_H

// What the calls of devices share. Internal to api/.

#include "store/store.h"

struct request;

// The device of the token in the path. NULL: answered (401, 413).
struct store_device *device_api_find(struct request *q, size_t body_max);

#endif
