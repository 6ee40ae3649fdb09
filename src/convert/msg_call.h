// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_MSG_CALL_H
#define PENSTOCK_CONVERT_MSG_CALL_H

// A run of a script on a rule-engine message: what the contracts of downlink converters
// (downlink.h) and of rule nodes (rule_script.h) have in common. Each embeds it.

#include "convert/js_engine.h"
#include "convert/result_value.h"

struct msg_call {
    struct js_call call; // first
    const struct downlink_input *input;
    bool parsed; // the message's data was JSON
    struct result_reader reader;
};

// Prepares it for one message; the results go to reader.arena. The caller sets call.push and
// call.take.
void msg_call_init(struct msg_call *c, const struct downlink_input *input);
// Pushes message, metadata and message type. May throw.
void msg_call_push(duk_context *ctx, struct msg_call *c);
// After js_engine_call(): says so when the message's data was no JSON.
void msg_call_finish(struct msg_call *c);

#endif
