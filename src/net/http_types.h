// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_NET_HTTP_TYPES_H
#define PENSTOCK_NET_HTTP_TYPES_H

// What the HTTP client and server share. Source of the rules: RFC 9110, RFC 9112.

#include "base/span.h"

struct http_header {
    struct span name; // any case
    struct span value;
};

struct http_headers {
    const struct http_header *h;
    size_t n;
};

// First header of that name (case-insensitive); p == NULL when absent.
struct span http_header_get(struct http_headers h, const char *name);
// Reason phrase of a status code; "" for an unknown one.
const char *http_status_text(int status);

#endif
