// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_ENDPOINT_H
#define PENSTOCK_AWS_ENDPOINT_H

// A custom endpoint's URL, and the region by the environment. Pure. The URLs of the services
// themselves: endpoint_rules.h.

#include "aws/env.h"
#include "base/arena.h"
#include "codec/url.h"

// Parses an endpoint URL: http(s), host in lower case (in `a`), no query. ERR_CONFIG with a
// message.
int aws_endpoint_parse(struct span url, struct arena *a, struct url *out, struct err *e);
// AWS_REGION, else AWS_DEFAULT_REGION; empty when neither is set.
struct span aws_region_from_env(aws_env_fn *env, void *ctx);

#endif
