// SPDX-License-Identifier: Apache-2.0
#include "aws/settings.h"

// The names a service has in settings: AWS_ENDPOINT_URL_DYNAMODB, and the key of a services
// section.
static const struct {
    const char *variable, *key;
} names[] = {[AWS_KINESIS] = {"AWS_ENDPOINT_URL_KINESIS", "kinesis"},
             [AWS_DYNAMODB] = {"AWS_ENDPOINT_URL_DYNAMODB", "dynamodb"},
             [AWS_STS] = {"AWS_ENDPOINT_URL_STS", "sts"},
             [AWS_CLOUDWATCH] = {"AWS_ENDPOINT_URL_CLOUDWATCH", "cloudwatch"}};

// Values of one place, by the names that they have there.
struct place {
    aws_env_fn *env;
    void *ctx;
    const struct profile *profile; // NULL = the environment
    struct span profile_name;
    struct err *e;
};

static struct span get(const struct place *p, const char *variable, const char *key)
{
    return p->profile ? profile_get(p->profile, key) : aws_env_get(p->env, p->ctx, variable);
}

static int wrong(const struct place *p, const char *variable, const char *key, struct span value,
                 const char *must)
{
    if (p->profile)
        return err_set(p->e, ERR_CONFIG, "%s = %.*s in the profile %.*s: must be %s", key,
                       SPAN_ARG(value), SPAN_ARG(p->profile_name), must);
    return err_set(p->e, ERR_CONFIG, "%s=%.*s: must be %s", variable, SPAN_ARG(value), must);
}

static int get_switch(const struct place *p, const char *variable, const char *key,
                      enum aws_switch *out)
{
    struct span v = get(p, variable, key);
    if (v.n == 0)
        return 0;
    if (!span_ieq(v, SPAN("true")) && !span_ieq(v, SPAN("false")))
        return wrong(p, variable, key, v, "true or false");
    *out = span_ieq(v, SPAN("true")) ? AWS_ON : AWS_OFF;
    return 0;
}

static int get_attempts(const struct place *p, int *out)
{
    static const char *const variable = "AWS_MAX_ATTEMPTS", *const key = "max_attempts";
    struct span v = get(p, variable, key);
    uint64_t n;
    if (v.n == 0)
        return 0;
    if (!span_to_u64(v, &n) || n < 1 || n > AWS_MAX_ATTEMPTS_LIMIT)
        return wrong(p, variable, key, v, "a number from 1 to 100");
    *out = (int)n;
    return 0;
}

static int read_place(const struct place *p, struct aws_settings *out)
{
    enum aws_switch ignore = AWS_UNSET;
    out->region = get(p, "AWS_REGION", "region");
    if (out->region.n == 0)
        out->region = get(p, "AWS_DEFAULT_REGION", "region");
    out->ca_file = get(p, "AWS_CA_BUNDLE", "ca_bundle");
    int status = get_switch(p, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                            "ignore_configured_endpoint_urls", &ignore);
    out->endpoint_ignored = ignore == AWS_ON;
    if (status == 0)
        status = get_switch(p, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", &out->fips);
    if (status == 0)
        status =
            get_switch(p, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint", &out->dual_stack);
    return status < 0 ? status : get_attempts(p, &out->max_attempts);
}

int aws_settings_from_env(enum aws_service service, aws_env_fn *env, void *ctx,
                          struct aws_settings *out, struct err *e)
{
    struct place p = {.env = env, .ctx = ctx, .e = e};
    *out = (struct aws_settings){0};
    int status = read_place(&p, out);
    if (status < 0 || out->endpoint_ignored)
        return status;
    out->endpoint = aws_env_get(env, ctx, names[service].variable);
    if (out->endpoint.n == 0)
        out->endpoint = aws_env_get(env, ctx, "AWS_ENDPOINT_URL");
    return 0;
}

// The value of a sub-property: "\nendpoint_url = URL\n..." as the parser leaves it.
static struct span sub_property(struct span lines, const char *name)
{
    while (lines.n) {
        struct span line = span_cut(&lines, '\n'), value = line;
        struct span key = span_trim(span_cut(&value, '='));
        if (span_is(key, name))
            return span_trim(value);
    }
    return SPAN_NONE;
}

int aws_settings_from_profile(enum aws_service service, const struct profile *list,
                              struct span name, struct aws_settings *out, struct err *e)
{
    struct place p = {.profile = profile_find(list, name), .profile_name = name, .e = e};
    *out = (struct aws_settings){0};
    if (!p.profile)
        return 0;
    int status = read_place(&p, out);
    if (status < 0 || out->endpoint_ignored)
        return status;
    const struct profile *services =
        profile_find_kind(list, PROFILE_SECTION_SERVICES, profile_get(p.profile, "services"));
    out->endpoint = sub_property(profile_get(services, names[service].key), "endpoint_url");
    if (out->endpoint.n == 0)
        out->endpoint = profile_get(p.profile, "endpoint_url");
    return 0;
}

void aws_settings_merge(struct aws_settings *first, const struct aws_settings *second)
{
    first->endpoint_ignored = first->endpoint_ignored || second->endpoint_ignored;
    if (first->region.n == 0)
        first->region = second->region;
    if (first->endpoint.n == 0 && !first->endpoint_ignored)
        first->endpoint = second->endpoint;
    if (first->ca_file.n == 0)
        first->ca_file = second->ca_file;
    if (first->fips == AWS_UNSET)
        first->fips = second->fips;
    if (first->dual_stack == AWS_UNSET)
        first->dual_stack = second->dual_stack;
    if (first->max_attempts == 0)
        first->max_attempts = second->max_attempts;
}
