// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_NET_CALL_H
#define PENSTOCK_TEST_NET_CALL_H

// A call of the HTTP client and what came of it.

#include "net/http_client.h"
#include "net_test.h"

struct reply {
    struct http_call call;
    int heads, done, status, code;
    size_t date; // length of that header
    int64_t content_length;
    char type[64];
    struct err err;
    struct buf body;
    size_t bytes, pieces;
    // Set before the call.
    bool pause_on_head, pause_on_body, cancel_on_body, cancel_after_body;
    bool bytes_only; // no body is kept
    struct loop_task task;
};

extern const struct http_call_events reply_events;

// To `origin`; what is set before the call stays. A method of the options goes before POST.
void reply_start(struct reply *r, struct http_client *client, const struct url *origin,
                 const char *target, struct http_call_options o);
void reply_free(struct reply *r);
// Waits until it has ended once, with 200.
void reply_ok(struct reply *r);
// Waits until it has ended so, with a message that has these words.
void reply_ends(struct reply *r, int code, const char *words);

#endif
