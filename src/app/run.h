// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_APP_RUN_H
#define PENSTOCK_APP_RUN_H

// Runs a gateway until a signal ends it: what `serve` and `demo` have in common.

#include "app/gateway.h"

struct run;

struct run_options {
    struct config *config;   // taken
    const char *config_path; // for SIGHUP; NULL = none
    const char *command;     // "serve"
    // Once the gateway is ready: prints what the user should know. May keep the loop's other guests
    // going by itself.
    void (*ready)(void *ctx, struct gateway *g);
    // After the gateway has closed: close the loop's other guests. May be NULL.
    void (*stopped)(void *ctx);
    void *ctx;
};

// Returns the exit code. SIGTERM and SIGINT stop in good order, the second one at once.
int run_gateway(struct loop *l, const struct run_options *o);

#endif
