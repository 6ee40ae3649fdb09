// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_SIGV4_CANONICAL_H
#define PENSTOCK_AWS_SIGV4_CANONICAL_H

// The canonical request of Signature Version 4, piece by piece. Pure; used by sigv4.c only.
// Source: "AWS API request signing", create a canonical request (AWS IAM User Guide).

#include "aws/sigv4.h"
#include "base/buf.h"

// The path's line: empty becomes "/", dot segments and empty segments go (unless r says otherwise),
// each segment is encoded (a second time when it came encoded).
void sigv4_put_path(struct buf *out, const struct sigv4_request *r);
// Pairs encoded anew and sorted by name, then value; "+" is no space; a name alone gets "=".
void sigv4_put_query(struct buf *out, struct span query, struct arena *a);

// Headers to sign: lower-case names, tidied values, sorted by name, equal names joined by ",".
struct sigv4_headers {
    struct http_header *h;
    size_t n;
};
// `extra` are added to those of the request that are signed. Allocated in `a`.
void sigv4_headers_collect(struct sigv4_headers *out, struct http_headers from,
                           const struct http_header *extra, size_t n_extra, struct arena *a);
// "a;b;c"
struct span sigv4_signed_names(const struct sigv4_headers *h, struct arena *a);

#endif
