// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_IO_ADDRESSES_H
#define PENSTOCK_IO_ADDRESSES_H

// The addresses of a name, in the order in which to try them. Pure. Source: RFC 8305 sections 4, 8.
//
// The system's order (RFC 6724) stays within each family; the families take turns, the first one's
// first. Addresses that failed lately come last: a name that is looked up anew may still have them.

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define ADDRESSES_MAX 16
#define ADDRESSES_BAD_MAX 64
#define ADDRESSES_BAD_MS (5 * 60 * 1000)
// RFC 8305 section 5, Connection Attempt Delay.
#define ADDRESSES_ATTEMPT_DELAY_MS 250

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct addresses {
    union address at[ADDRESSES_MAX];
    unsigned n;
};

// Those that failed; the oldest make room. Zero-initialise.
struct bad_addresses {
    struct {
        union address address;
        int64_t until_ms;
    } at[ADDRESSES_BAD_MAX];
    unsigned next;
};

// Family, host and port.
bool address_eq(const union address *a, const union address *b);

// Left out: other families than IPv4 and IPv6, doubles, and what is more than fits.
void addresses_add(struct addresses *list, const struct sockaddr *addr, uint16_t port);
void addresses_order(struct addresses *list, const struct bad_addresses *bad, int64_t now_ms);

void bad_addresses_add(struct bad_addresses *bad, const union address *a, int64_t now_ms);
// It works (again).
void bad_addresses_remove(struct bad_addresses *bad, const union address *a);
bool bad_addresses_has(const struct bad_addresses *bad, const union address *a, int64_t now_ms);

#endif
