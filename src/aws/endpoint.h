// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_ENDPOINT_H
#define PENSTOCK_AWS_ENDPOINT_H

// Where a service is reached: the region's own URL and the environment's overrides. Pure.
// Source: facts/wire.md section 3; vectors/endpoints.

#include "aws/env.h"
#include "base/arena.h"
#include "codec/url.h"

// Domain of the region's partition: "amazonaws.com", "amazonaws.com.cn" for cn-*, ...
struct span aws_partition_suffix(struct span region);
// "https://{service}.{region}.{suffix}" in `a`; ERR_CONFIG on what is no region name.
int aws_endpoint_default(struct span service, struct span region, struct arena *a, struct span *url,
                         struct err *e);
// Parses an endpoint URL: http(s), host in lower case (in `a`), no query. ERR_CONFIG with a
// message.
int aws_endpoint_parse(struct span url, struct arena *a, struct url *out, struct err *e);
// AWS_ENDPOINT_URL_<service_id> ("KINESIS"), else AWS_ENDPOINT_URL; empty when neither is set or
// AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true. Points into the environment.
struct span aws_endpoint_from_env(const char *service_id, aws_env_fn *env, void *ctx);
// AWS_REGION, else AWS_DEFAULT_REGION; empty when neither is set.
struct span aws_region_from_env(aws_env_fn *env, void *ctx);

#endif
