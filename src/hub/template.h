// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_TEMPLATE_H
#define PENSTOCK_HUB_TEMPLATE_H

// Patterns in the configuration of rule nodes: ${key} is a value of the message's metadata, $[key]
// one of its data, where a.b.c is a path. What is not there, or not a plain value, stays as it is
// written.

#include "hub/hub.h"

// In the run's arena, or the pattern itself.
struct span template_fill(struct hub_run *r, const struct hub_msg *m, struct span pattern);
// The same, with no copy of it outside `a`.
struct span template_fill_in(struct arena *a, struct hub_run *r, const struct hub_msg *m,
                             struct span pattern);

#endif
