// SPDX-License-Identifier: Apache-2.0
#include "convert/msg_call.h"

#include "convert/script_args.h"

void msg_call_init(struct msg_call *c, const struct downlink_input *input)
{
    c->call.arena = c->reader.arena;
    c->input = input;
    c->parsed = false;
    c->reader.size = 0;
    c->reader.error = SPAN_NONE;
}

void msg_call_push(duk_context *ctx, struct msg_call *c)
{
    script_args_push_json(ctx, c->input->msg_json);
    c->parsed = true;
    script_args_push_pairs(ctx, c->input->metadata);
    script_args_push_text(ctx, c->input->msg_type);
}

void msg_call_finish(struct msg_call *c)
{
    if (c->call.status == ERR_SCRIPT && !c->parsed) {
        c->call.status = ERR_INVALID;
        c->call.error = SPAN("the message's data is not JSON");
    }
}
