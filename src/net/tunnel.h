// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_NET_TUNNEL_H
#define PENSTOCK_NET_TUNNEL_H

// Asks an HTTP proxy for a way through (RFC 9110 section 9.3.6, CONNECT). Pure: bytes in and out.

#include "net/proxy.h"

struct tunnel;

// `to`: "HOST:PORT".
struct tunnel *tunnel_new(const struct proxy *proxy, struct span to);
void tunnel_free(struct tunnel *t);
// What to send first.
struct span tunnel_request(const struct tunnel *t);
// ERR_AGAIN: the answer is not complete. 0: it is open, and what is left of `in` comes from beyond.
// Else e says what the proxy refused; ERR_AUTH when it wants a password.
int tunnel_feed(struct tunnel *t, struct span in, struct span *rest, struct err *e);

#endif
