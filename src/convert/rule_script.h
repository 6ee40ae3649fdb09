// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_RULE_SCRIPT_H
#define PENSTOCK_CONVERT_RULE_SCRIPT_H

// The contracts of the rule nodes' scripts: a rule-engine message in; text (log), a verdict
// (filter), names of connections (switch) or messages (transform) out.

#include "convert/js_engine.h"
#include "convert/result_value.h"

struct rule_call {
    struct js_call call; // first
    enum convert_kind kind;
    const struct downlink_input *input;
    bool parsed; // the message's data was JSON
    struct result_reader reader;
    struct rule_result *out;
};

// Prepares `c` for one message; its results go to reader.arena.
void rule_call_init(struct rule_call *c, enum convert_kind kind, const struct downlink_input *input,
                    struct rule_result *out);
// After js_engine_call(): says so when the message's data was no JSON.
void rule_call_finish(struct rule_call *c);

#endif
