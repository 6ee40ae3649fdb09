// SPDX-License-Identifier: Apache-2.0
#include "aws/endpoint.h"

int aws_endpoint_parse(struct span url, struct arena *a, struct url *out, struct err *e)
{
    struct err why = {0};
    if (url_parse(url, out, &why) < 0) {
        return err_set(e, ERR_CONFIG, "endpoint: %s", why.msg);
    }
    if (out->query.n) {
        return err_set(e, ERR_CONFIG, "endpoint \"%.*s\": must not have a query", SPAN_ARG(url));
    }
    char *host = arena_dup(a, out->host.p, out->host.n);
    for (size_t i = 0; i < out->host.n; i++) {
        if (host[i] >= 'A' && host[i] <= 'Z') {
            host[i] = (char)(host[i] + 32);
        }
    }
    out->host.p = host;
    out->path = arena_span(a, out->path);
    return 0;
}

struct span aws_region_from_env(aws_env_fn *env, void *ctx)
{
    struct span region = aws_env_get(env, ctx, "AWS_REGION");
    return region.n ? region : aws_env_get(env, ctx, "AWS_DEFAULT_REGION");
}
