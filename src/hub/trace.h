// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_TRACE_H
#define PENSTOCK_HUB_TRACE_H

// Debug events of rule nodes: a message comes in, a message goes out by a connection, or fails.
// Called only for chains with a node that asks for them. Internal to hub/.

#include "hub/engine.h"

void trace_in(struct flow *f, const struct rule_node *n);
// error: NULL unless the node has failed.
void trace_out(struct flow *f, const struct rule_node *n, struct span relation, const char *error);

#endif
