// SPDX-License-Identifier: Apache-2.0
#include "aws/endpoint.h"

#include <stdio.h>

#define REGION_MAX 63 // one DNS label

struct partition {
    const char *prefix;
    const char *suffix;
};

static const struct partition partitions[] = {
    {"cn-", "amazonaws.com.cn"},   {"eusc-", "amazonaws.eu"},      {"us-iso-", "c2s.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov"}, {"us-isof-", "csp.hci.ic.gov"}, {"eu-isoe-", "cloud.adc-e.uk"},
};

struct span aws_partition_suffix(struct span region)
{
    for (size_t i = 0; i < sizeof partitions / sizeof *partitions; i++) {
        if (span_has_prefix(region, span_str(partitions[i].prefix))) {
            return span_str(partitions[i].suffix);
        }
    }
    return SPAN("amazonaws.com");
}

static bool is_region(struct span s)
{
    if (s.n == 0 || s.n > REGION_MAX || s.p[0] == '-' || s.p[s.n - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-') {
            return false;
        }
    }
    return true;
}

int aws_endpoint_default(struct span service, struct span region, struct arena *a, struct span *url,
                         struct err *e)
{
    if (region.n == 0) {
        return err_set(e, ERR_CONFIG,
                       "no AWS region: set it in the configuration or in AWS_REGION");
    }
    if (!is_region(region)) {
        return err_set(
            e, ERR_CONFIG,
            "\"%.*s\" is not an AWS region name (such as eu-west-1): lower-case letters, "
            "digits and '-' only",
            SPAN_ARG(region));
    }
    *url = arena_printf(a, "https://%.*s.%.*s.%s", SPAN_ARG(service), SPAN_ARG(region),
                        aws_partition_suffix(region).p);
    return 0;
}

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

struct span aws_endpoint_from_env(const char *service_id, aws_env_fn *env, void *ctx)
{
    char name[64];
    snprintf(name, sizeof name, "AWS_ENDPOINT_URL_%s", service_id);
    if (span_ieq(aws_env_get(env, ctx, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), SPAN("true"))) {
        return SPAN_NONE;
    }
    struct span own = aws_env_get(env, ctx, name);
    return own.n ? own : aws_env_get(env, ctx, "AWS_ENDPOINT_URL");
}

struct span aws_region_from_env(aws_env_fn *env, void *ctx)
{
    struct span region = aws_env_get(env, ctx, "AWS_REGION");
    return region.n ? region : aws_env_get(env, ctx, "AWS_DEFAULT_REGION");
}
