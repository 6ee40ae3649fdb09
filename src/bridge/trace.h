// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BRIDGE_TRACE_H
#define PENSTOCK_BRIDGE_TRACE_H

// Debug events of an integration and its converters. `on` is the one thing that a message looks at
// while none of them asks for events. Internal to bridge/.

#include "hub/hub.h"

struct integration;
struct kinesis_record;

struct trace {
    bool on;
    struct debug_settings integration, uplink, downlink;
};

// Reads what the documents ask for, which may have changed.
void trace_load(struct integration *in);
// A record was converted and applied; error without p: it took effect.
void trace_uplink(struct integration *in, const struct kinesis_record *r, struct span shard_id,
                  const struct uplink_result *result, struct span error);
// A message was converted and put into the outbox.
void trace_downlink(struct integration *in, const struct downlink_input *input,
                    const struct downlink_result *result, struct span error);

#endif
