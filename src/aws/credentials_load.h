// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_CREDENTIALS_LOAD_H
#define PENSTOCK_AWS_CREDENTIALS_LOAD_H

// One search for credentials: steps a resolver and does what it asks for, files and programs by
// jobs on the pool, requests by the HTTP client. Loop thread only. Used by credentials.c only.

#include "aws/credentials_files.h"
#include "aws/credentials_resolver.h"
#include "io/loop.h"

struct http_client;
struct worker_pool;
struct credentials_load;

struct credentials_load_options {
    struct loop *loop;
    struct worker_pool *pool;
    struct http_client *http;
    const struct resolver_options *resolver; // outlives the load
    int64_t *sts_skew_ms;                    // as well
    // Once, later. Everything is the load's and ends with the callback but `files`, which was read
    // (NULL when not): what the callee takes it sets to zero.
    void (*done)(void *ctx, const struct source_step *end, const struct resolver *r,
                 struct credentials_files *files);
    void *ctx;
};

struct credentials_load *credentials_load_start(const struct credentials_load_options *o);
// `done` will not run. What is under way ends by itself.
void credentials_load_drop(struct credentials_load *l);

#endif
