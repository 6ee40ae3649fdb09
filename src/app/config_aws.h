// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_APP_CONFIG_AWS_H
#define PENSTOCK_APP_CONFIG_AWS_H

// The `aws` section beside what the AWS tools know: the environment goes before the file, the
// profile of the shared files (AWS_PROFILE) after it. Reads files: blocks, as config_load().

#include "app/config.h"
#include "net/http_client.h"

// ERR_CONFIG names the variable, or the file and the key.
int config_read_aws(struct config *c, config_env_fn *env, void *env_ctx, struct err *e);

// What calls to services need; the names live as long as the configuration.
struct http_client_options config_http_options(struct config *c);

#endif
