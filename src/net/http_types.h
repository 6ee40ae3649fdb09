// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_NET_HTTP_TYPES_H
#define PENSTOCK_NET_HTTP_TYPES_H

// What the HTTP client and server share. Source of the rules: RFC 9110, RFC 9112.

#include "codec/http_header.h"

enum http_version {
    HTTP_1_1, // and 1.0
    HTTP_2,
};

// First header of that name (case-insensitive); p == NULL when absent.
struct span http_header_get(struct http_headers h, const char *name);
// Reason phrase of a status code; "" for an unknown one.
const char *http_status_text(int status);

#endif
