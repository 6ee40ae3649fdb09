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
// The ERR_* class of it: ERR_THROTTLED, ERR_AUTH, ERR_NOT_FOUND, ERR_BUSY (in use),
// ERR_UNAVAILABLE, ERR_INVALID, or the net_error.
int aws_error_status(const struct aws_error *e);
// "ExpiredTokenException (400): message" for people; allocated in `a`.
struct span aws_error_text(const struct aws_error *e, struct arena *a);
// Which form a body has, by its content type; by its first byte when there is no content type.
enum aws_body { AWS_BODY_OTHER, AWS_BODY_JSON, AWS_BODY_CBOR, AWS_BODY_XML };
enum aws_body aws_body_kind(struct span content_type, struct span body);
static inline bool aws_error_is(const struct aws_error *e, const char *code)
{
    return span_is(e->code, code);
}

#endif
