// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_API_API_H
#define PENSTOCK_API_API_H

// The REST API with the hub's paths, bodies and error shapes (facts/hub.md section 3), metrics,
// health, and the page at "/". Loop thread only; password hashing runs on `jobs`.

#include "bridge/bridge.h"
#include "io/worker.h"
#include "net/http_server.h"

struct api;

struct api_user {
    struct span email;
    struct span password;  // as configured
    struct span authority; // "TENANT_ADMIN"
};

struct api_options {
    struct loop *loop;
    struct hub *hub;
    struct bridge *bridge;
    struct worker_pool *jobs;
    struct budget *budget; // for metrics
    const struct api_user *users;
    size_t n_users;
    struct http_server_options
        http;            // host, port, TLS, limits; handler, ctx and error_body are set here
    const char *version; // of Penstock
    // False until start-up is complete and again during shutdown: /readyz.
    bool (*ready)(void *ctx);
    void *ctx;
};

// Listens at once.
int api_new(const struct api_options *o, struct api **out, struct err *e);
uint16_t api_port(const struct api *a);
// Users changed by a reload of the configuration.
void api_set_users(struct api *a, const struct api_user *users, size_t n);
void api_drain(struct api *a);
void api_close(struct api *a, int64_t grace_ms, void (*cb)(void *ctx), void *ctx);

#endif
