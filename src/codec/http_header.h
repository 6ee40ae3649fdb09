// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_HTTP_HEADER_H
#define PENSTOCK_CODEC_HTTP_HEADER_H

#include "base/span.h"

struct http_header {
    struct span name; // any case
    struct span value;
};

struct http_headers {
    const struct http_header *h;
    size_t n;
};

#endif
