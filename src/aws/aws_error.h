// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_AWS_ERROR_H
#define PENSTOCK_AWS_AWS_ERROR_H

// Reads an AWS service's error reply, whatever its form (JSON, CBOR, XML, query-compatible header,
// HTML of a load balancer). Pure. Source: facts/wire.md section 5; cases in vectors/errors.

#include "base/arena.h"
#include "net/http_types.h"

struct aws_error {
    int http_status;     // 0 = no response
    int net_error;       // ERR_* when there was no complete response
    struct span code;    // "ExpiredIteratorException"; empty when there is none
    struct span message; // may be empty
    struct span request_id;
};

// Fills `out` from a reply with status >= 300; spans are allocated in `a` or point into the input.
void aws_error_parse(int http_status, struct http_headers h, struct span body, struct arena *a,
                     struct aws_error *out);
static inline bool aws_error_is(const struct aws_error *e, const char *code)
{
    return span_is(e->code, code);
}

#endif
