// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_AWS_CLIENT_INTERNAL_H
#define PENSTOCK_AWS_AWS_CLIENT_INTERNAL_H

// What aws_client.c (the client, from new to closed) and aws_call.c (its calls) share.

#include "aws/aws_client.h"
#include "aws/aws_target.h"
#include "aws/circuit.h"

struct aws_client {
    struct loop *loop;
    struct http_client *http;
    struct credentials_provider *credentials;
    struct arena arena; // of the spans below
    struct aws_endpoint_params endpoint;
    struct aws_target target;
    struct circuit circuit;
    struct err unreachable; // why the circuit is open
    int max_attempts;
    int64_t request_ms;
    struct retry_bucket bucket;
    struct sigv4_key key;
    int64_t skew_ms; // what to add to our clock
    struct list calls;
    bool closing;
    void (*close_cb)(void *ctx);
    void *close_ctx;
    struct loop_task closed;
};

// One of its calls has ended: with the last one ends a client that is being closed.
void aws_client_call_gone(struct aws_client *c);
void aws_client_cancel_calls(struct aws_client *c);

#endif
