// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_NET_PROXY_H
#define PENSTOCK_NET_PROXY_H

// Which HTTP proxy an origin is reached by. Pure, immutable once made.
//
// The rules are those of HTTPS_PROXY, HTTP_PROXY and NO_PROXY: a comma-separated list of names
// (they and all below them), addresses, networks (10.0.0.0/8), each with or without a port, or "*".
// Loopback and link-local addresses are never reached by a proxy: instance metadata lives there.

#include "base/arena.h"
#include "codec/url.h"

#define PROXY_EXCEPTIONS_MAX 200

struct proxy {
    struct span host; // empty = none
    uint16_t port;
    struct span authorization; // value of Proxy-Authorization, or empty; a secret
};

struct proxy_exception {
    struct span name; // lower case, without a dot in front; empty = a network
    int family;
    uint8_t network[16];
    unsigned prefix; // bits
    uint16_t port;   // 0 = all
};

struct proxy_rules {
    struct arena arena;
    struct proxy https, http;
    bool none; // "*"
    struct proxy_exception *exceptions;
    size_t n_exceptions;
};

struct proxy_settings {
    struct span https, http; // "http://USER:PASSWORD@HOST:PORT", "HOST:PORT", or empty
    struct span no_proxy;
};

// ERR_CONFIG names what is wrong without showing it: it may hold a password.
int proxy_rules_init(struct proxy_rules *r, const struct proxy_settings *s, struct err *e);
void proxy_rules_free(struct proxy_rules *r);
// NULL = straight.
const struct proxy *proxy_rules_find(const struct proxy_rules *r, const struct url *origin);

#endif
