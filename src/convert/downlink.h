// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_DOWNLINK_H
#define PENSTOCK_CONVERT_DOWNLINK_H

// The downlink contract: a rule-engine message in, messages for a stream out.

#include "convert/js_engine.h"
#include "convert/result_value.h"

struct downlink_call {
    struct js_call call; // first
    const struct downlink_input *input;
    bool parsed; // the message's data was JSON
    struct result_reader reader;
    struct downlink_result *out;
};

// Prepares `c` for one message; its results go to reader.arena.
void downlink_call_init(struct downlink_call *c, const struct downlink_input *input,
                        struct downlink_result *out);
// After js_engine_call(): says so when the message's data was no JSON.
void downlink_call_finish(struct downlink_call *c);

#endif
