// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_URL_H
#define PENSTOCK_CODEC_URL_H

// http(s) URLs and percent-coding (RFC 3986). Spans point into the input. Any thread.

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct url {
    bool tls;
    struct span host; // without brackets for IPv6
    uint16_t port;    // the scheme's default when not given
    bool port_given;
    struct span path;  // starts with '/', or empty
    struct span query; // without '?'
};

// http and https only; user information and fragments are refused. ERR_INVALID with a message.
int url_parse(struct span s, struct url *out, struct err *e);
// Decodes %XX (and '+' as space when `plus`); invalid escapes are ERR_INVALID, NUL bytes too.
int url_decode(struct span s, bool plus, struct arena *a, struct span *out);
// Value of the first `name` in a query string, decoded; false when absent or badly escaped.
bool url_query_get(struct span query, const char *name, struct arena *a, struct span *out);
// Percent-encodes all but A-Za-z0-9-_.~ and, when `keep_slash`, '/'. Upper-case hex (SigV4).
void url_encode(struct buf *out, struct span s, bool keep_slash);
// "HOST:PORT" or "[V6]:PORT"; ERR_INVALID with a message.
int url_parse_hostport(struct span s, struct span *host, uint16_t *port, struct err *e);

#endif
