// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_ENDPOINT_H
#define PENSTOCK_AWS_ENDPOINT_H

// Settings of where a service is reached: a custom URL, the environment's overrides. Pure. The URLs
// of the services themselves: endpoint_rules.h. Source: facts/wire.md section 3.

#include "aws/env.h"
#include "base/arena.h"
#include "codec/url.h"

// Parses an endpoint URL: http(s), host in lower case (in `a`), no query. ERR_CONFIG with a
// message.
int aws_endpoint_parse(struct span url, struct arena *a, struct url *out, struct err *e);
// AWS_ENDPOINT_URL_<service_id> ("KINESIS"), else AWS_ENDPOINT_URL; empty when neither is set or
// AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true. Points into the environment.
struct span aws_endpoint_from_env(const char *service_id, aws_env_fn *env, void *ctx);
// AWS_REGION, else AWS_DEFAULT_REGION; empty when neither is set.
struct span aws_region_from_env(aws_env_fn *env, void *ctx);

#endif
