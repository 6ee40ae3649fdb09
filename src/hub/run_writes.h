// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_RUN_WRITES_H
#define PENSTOCK_HUB_RUN_WRITES_H

// What a run writes: into its transaction and, while any rule chain has a node that reads stored
// values, into a memory of its own too, so that such a node sees what the nodes before it saved.
// Internal to hub/.

#include "hub/hub_internal.h"

#define WRITTEN_TELEMETRY ((enum store_scope)0) // beside the scopes of attributes

struct written {
    struct value value;
    int64_t ts_ms;
    bool deleted;
};

// Whether another message may save telemetry: the store takes only so much of one transaction.
bool run_has_room(const struct hub_run *r);
void run_put_points(struct hub_run *r, struct store_device *d, int64_t ts_ms, const struct kv *kv,
                    size_t n);
void run_put_attribute(struct hub_run *r, struct store_device *d, enum store_scope scope,
                       const struct kv *kv, int64_t ts_ms, bool only_changed);
void run_delete_attribute(struct hub_run *r, struct store_device *d, enum store_scope scope,
                          struct span key);
// NULL: this run has not written it. Valid until the run writes again or ends.
const struct written *run_written(const struct hub_run *r, const struct store_device *d,
                                  enum store_scope scope, struct span key);
void run_writes_free(struct hub_run *r);

#endif
