// SPDX-License-Identifier: Apache-2.0
#include "aws/aws_target.h"

#include "aws/endpoint.h"
#include "net/http_client.h"

#define HOST_MAX 300

int aws_target_resolve(const struct aws_endpoint_params *p, struct arena *a, struct aws_target *out,
                       struct err *e)
{
    struct aws_endpoint endpoint;
    *out = (struct aws_target){0};
    int status = aws_endpoint_resolve(p, a, &endpoint, e);
    if (status == 0 && p->region.n == 0)
        status =
            err_set(e, ERR_CONFIG, "no AWS region: set it in the configuration or in AWS_REGION");
    if (status == 0)
        status = aws_endpoint_parse(endpoint.url, a, &out->origin, e);
    if (status < 0)
        return status;
    out->signing_region = arena_span(a, endpoint.signing_region);
    out->base_path = out->origin.path;
    while (out->base_path.n && out->base_path.p[out->base_path.n - 1] == '/')
        out->base_path.n--;
    char host[HOST_MAX];
    out->host = arena_span(a, span_of(host, http_host_value(&out->origin, host, sizeof host)));
    return 0;
}
