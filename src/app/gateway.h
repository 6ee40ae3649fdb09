// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_APP_GATEWAY_H
#define PENSTOCK_APP_GATEWAY_H

// The gateway as a whole: makes the parts in order, starts them, takes them down in phases.
//
// Start: store, hub, bridge, API (listening, not ready) -> what the configuration declares is saved
// -> integrations start -> ready. Stop: not ready, no new connections, no new fetches -> what is in
// flight is committed (up to limits.shutdownMs) -> everything is cancelled and closed, top layer
// first.

#include "app/config.h"
#include "hub/hub.h"

struct gateway;

struct gateway_events {
    // Once: 0 = ready; else start-up failed (the gateway must still be stopped).
    void (*on_ready)(void *ctx, int status, const struct err *e);
};

// Blocks while the database opens. `config` is taken on success. e says what to do; on failure what
// was made closes while the caller runs the loop, and `config` must last until then.
int gateway_new(struct loop *l, struct config *config, const struct gateway_events *ev, void *ctx,
                struct gateway **out, struct err *e);
// Continues start-up once the loop runs.
void gateway_start(struct gateway *g);
uint16_t gateway_port(const struct gateway *g);
struct hub *gateway_hub(struct gateway *g);
const struct config *gateway_config(const struct gateway *g);
// Reads the configuration file again (as a job) and applies users, log level, converters and
// integrations; what needs a restart is said in the log. A wrong file changes nothing.
void gateway_reload(struct gateway *g, const char *path);
// Safe at any moment, once. cb when all is closed and freed.
void gateway_stop(struct gateway *g, void (*cb)(void *ctx), void *ctx);

#endif
