// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_APP_PROVISION_H
#define PENSTOCK_APP_PROVISION_H

// Brings the hub's documents in line with what the configuration file declares: converters and
// integrations, found by name, are made or updated; those the file does not name stay. Loop thread.

#include "app/config.h"
#include "bridge/bridge.h"

struct provision;

typedef void provision_fn(void *ctx, int status, const struct err *e);

// `config` must live until cb, which runs once, later. e names the item that could not be saved.
void provision_start(struct hub *h, struct bridge *b, const struct config *config, provision_fn *cb,
                     void *ctx);

#endif
