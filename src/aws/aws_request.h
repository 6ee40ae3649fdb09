// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_AWS_REQUEST_H
#define PENSTOCK_AWS_AWS_REQUEST_H

// The headers of one signed try. Pure; used by aws_client.c only.

#include "aws/sigv4.h"

struct aws_request {
    struct span method;
    struct span path;
    struct span host; // Host value that goes over the wire
    struct span content_type;
    struct span target; // empty = none
    struct span body;
    struct span region, service;
    struct span invocation_id;
    int attempt; // 1 = first
    int max_attempts;
    int64_t time_ms;
};

// All headers but Host, Content-Length and Connection. ERR_INVALID as sigv4_sign().
int aws_request_sign(const struct aws_request *r, const struct sigv4_credentials *c,
                     struct sigv4_key *key, struct arena *a, struct http_headers *out) MUST_CHECK;

#endif
