// SPDX-License-Identifier: Apache-2.0
#include "app/config_aws.h"

#include "aws/credentials_files.h"
#include "aws/settings.h"

static struct aws_settings from_file(const struct config *c)
{
    return (struct aws_settings){.region = c->aws_region,
                                 .endpoint = c->aws_endpoint,
                                 .ca_file = c->aws_ca_file,
                                 .fips = c->aws_fips ? AWS_ON : AWS_UNSET,
                                 .dual_stack = c->aws_dual_stack ? AWS_ON : AWS_UNSET,
                                 .max_attempts = (int)c->aws_max_attempts};
}

static int add_profile(struct aws_settings *s, config_env_fn *env, void *ctx,
                       struct credentials_files *files, struct err *e)
{
    struct aws_settings profile;
    struct span name = aws_env_get(env, ctx, "AWS_PROFILE");
    credentials_files_init(files, env, ctx);
    int status = credentials_files_read(files, e);
    if (status == 0)
        status = aws_settings_from_profile(AWS_KINESIS, files->list,
                                           name.n ? name : SPAN("default"), &profile, e);
    if (status == 0)
        aws_settings_merge(s, &profile);
    return status;
}

// Each by its lower-case name first, as in most tools.
static struct span proxy_variable(struct config *c, config_env_fn *env, void *ctx,
                                  const char *lower, const char *upper)
{
    struct span v = aws_env_get(env, ctx, lower);
    return arena_span(&c->arena, v.n ? v : aws_env_get(env, ctx, upper));
}

// The file's proxy is for all; a variable's for its scheme.
static void read_proxies(struct config *c, config_env_fn *env, void *ctx)
{
    struct proxy_settings *p = &c->aws_proxies;
    struct span https = proxy_variable(c, env, ctx, "https_proxy", "HTTPS_PROXY");
    struct span http = proxy_variable(c, env, ctx, "http_proxy", "HTTP_PROXY");
    struct span none = proxy_variable(c, env, ctx, "no_proxy", "NO_PROXY");
    p->http = http.n ? http : p->https;
    if (https.n)
        p->https = https;
    if (none.n)
        p->no_proxy = none;
}

int config_read_aws(struct config *c, config_env_fn *env, void *env_ctx, struct err *e)
{
    struct credentials_files files = {0};
    struct aws_settings s, file = from_file(c);
    int status = aws_settings_from_env(AWS_KINESIS, env, env_ctx, &s, e);
    if (status < 0)
        return status;
    // What the environment ignores are the tools' settings, not our own file.
    bool ignored = s.endpoint_ignored;
    s.endpoint_ignored = false;
    aws_settings_merge(&s, &file);
    s.endpoint_ignored = ignored;
    status = add_profile(&s, env, env_ctx, &files, e);
    if (status == 0) {
        c->aws_region = arena_span(&c->arena, s.region);
        c->aws_endpoint = arena_span(&c->arena, s.endpoint);
        c->aws_ca_file = arena_span(&c->arena, s.ca_file);
        c->aws_fips = s.fips == AWS_ON;
        c->aws_dual_stack = s.dual_stack == AWS_ON;
        c->aws_max_attempts = s.max_attempts;
        read_proxies(c, env, env_ctx);
    }
    profile_wipe(files.list);
    credentials_files_free(&files);
    return status;
}

static const char *file_name(struct config *c, struct span name)
{
    return name.n ? arena_cstr(&c->arena, name) : NULL;
}

struct http_client_options config_http_options(struct config *c)
{
    return (struct http_client_options){.ca_file = file_name(c, c->aws_ca_file),
                                        .cert_file = file_name(c, c->aws_cert),
                                        .key_file = file_name(c, c->aws_key),
                                        .proxies = c->aws_proxies};
}
