// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_ENGINE_H
#define PENSTOCK_HUB_ENGINE_H

// Walks messages through the rule chain. Built-in nodes run at once and write into the run's
// transaction; nodes that need a script let the run wait. Internal to hub/.

#include "hub/hub_internal.h"

// Node executions that one message may cause: ends loops in a chain.
#define ENGINE_STEPS_MAX 1000

void engine_start(struct hub_run *r, const struct hub_msg *m);
// One pending node of the run has ended.
void run_release(struct hub_run *r);

#endif
