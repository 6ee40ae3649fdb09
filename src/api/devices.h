// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_API_DEVICES_H
#define PENSTOCK_API_DEVICES_H

// What other lists of devices share with devices.c.

#include "api/internal.h"

// Answers with a page of all devices: the hub's Device, or DeviceInfo.
void devices_respond_page(struct request *q, bool infos);

#endif
