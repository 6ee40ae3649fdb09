// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_DOWNLINK_H
#define PENSTOCK_CONVERT_DOWNLINK_H

// The downlink contract: a rule-engine message in, messages for a stream out.

#include "convert/msg_call.h"

struct downlink_call {
    struct msg_call m; // first
    struct downlink_result *out;
};

// Prepares `c` for one message; msg_call_finish() after js_engine_call().
void downlink_call_init(struct downlink_call *c, const struct downlink_input *input,
                        struct downlink_result *out);

#endif
