// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_API_ROUTER_H
#define PENSTOCK_API_ROUTER_H

// Finds the handler of a method and a path in a constant table. Pure.
//
// A pattern is a path with placeholders: "/api/device/{id}". A placeholder stands for one segment
// of at least one byte. The first route of the table that fits wins, so routes with literal
// segments stand before those with a placeholder in the same place.

#include "base/buf.h"

struct request;

enum route_access {
    ROUTE_OPEN,  // without a token
    ROUTE_USER,  // any logged-in user
    ROUTE_ADMIN, // a tenant administrator
};

#define ROUTE_ARGS_MAX 4

struct route {
    const char *method;
    const char *pattern;
    void (*handle)(struct request *q);
    enum route_access access;
};

struct route_match {
    const struct route *route;
    struct span args[ROUTE_ARGS_MAX]; // as sent, undecoded
    unsigned n_args;
};

// 0; ERR_NOT_FOUND: no such path; ERR_INVALID: the path is there, but not for this method. HEAD is
// served by GET's route.
int route_find(const struct route *routes, size_t n, struct span method, struct span path,
               struct route_match *out);
// The value of an Allow header: "GET, HEAD, POST". Empty for an unknown path.
void route_allowed(const struct route *routes, size_t n, struct span path, struct buf *out);

#endif
