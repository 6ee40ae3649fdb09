// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_API_TARGET_H
#define PENSTOCK_API_TARGET_H

// What telemetry and attribute calls share: the entity that a path names. These calls say in plain
// text what is wrong with their input (facts/hub.md sections 3.1, 3.4).

#include "api/internal.h"

// NULL: answered.
struct store_device *target_find(struct request *q, struct span type, struct span id);
// As query_get_list(); false: answered.
bool target_keys(struct request *q, struct query_list *out);

#endif
