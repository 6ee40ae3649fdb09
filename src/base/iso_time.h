// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BASE_ISO_TIME_H
#define PENSTOCK_BASE_ISO_TIME_H

#include <stdbool.h>

#include "base/span.h"

// ISO 8601 as devices write it: 2024-05-17, 2024-05-17T10:20[:30[.123456]] and Z, +02:00, +0200,
// +02 or nothing (taken for UTC); a space may stand for the T. From 1970 on. Milliseconds since
// then.
bool iso_time_parse(struct span s, int64_t *ms);

#endif
