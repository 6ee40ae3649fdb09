// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_RULE_SCRIPT_H
#define PENSTOCK_CONVERT_RULE_SCRIPT_H

// The contracts of the rule nodes' scripts: a rule-engine message in; text (log), a verdict
// (filter), names of connections (switch) or messages (transform) out.

#include "convert/msg_call.h"

struct rule_call {
    struct msg_call m; // first
    enum convert_kind kind;
    struct rule_result *out;
};

// Prepares `c` for one message; msg_call_finish() after js_engine_call().
void rule_call_init(struct rule_call *c, enum convert_kind kind, const struct downlink_input *input,
                    struct rule_result *out);

#endif
