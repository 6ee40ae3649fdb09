// SPDX-License-Identifier: Apache-2.0
#include "aws/credentials_resolver.h"

#include "aws/endpoint.h"

// START -> (FILES_READ ->) look at the sources until one is set up -> SOURCE: it runs, then the
// roles one after the other -> ENDED.

void resolver_init(struct resolver *r, const struct resolver_options *o, int64_t *sts_skew_ms)
{
    *r = (struct resolver){.o = o, .left = o->sources};
    r->world = (struct source_world){
        .env = o->env, .env_ctx = o->env_ctx, .arena = &r->arena, .sts_skew_ms = sts_skew_ms};
}

void resolver_free(struct resolver *r)
{
    arena_free_wiped(&r->arena);
    buf_free(&r->trail);
    buf_free(&r->origin);
}

static struct span variable(const struct resolver *r, const char *name)
{
    return aws_env_get(r->o->env, r->o->env_ctx, name);
}

static void note(struct resolver *r, const char *source, const char *why)
{
    buf_printf(&r->trail, "%s%s: %s", r->trail.n ? "; " : "", source, why);
}

static void from(struct resolver *r, struct span what)
{
    buf_printf(&r->origin, "%s%.*s", r->origin.n ? " -> " : "", SPAN_ARG(what));
}

// A source that is set up but fails ends it all: another account's keys must not stand in.
static void fail(struct resolver *r, const struct err *e, struct source_step *out)
{
    struct span at = r->origin.n ? buf_span(&r->origin) : SPAN("configuration");
    struct span before = buf_span(&r->trail);
    r->phase = RESOLVER_ENDED;
    source_fail(out, e->code, "no AWS credentials: %.*s: %s%s%.*s%s", SPAN_ARG(at), e->msg,
                before.n ? " (not by " : "", SPAN_ARG(before), before.n ? ")" : "");
}

static void next_role(struct resolver *r, struct source_step *out);

static void take_value(struct resolver *r, struct source_value v, struct source_step *out)
{
    r->value = v;
    r->running = RUN_NONE;
    next_role(r, out);
}

static void run(struct resolver *r, const struct source_input *in, struct source_step *out)
{
    struct source_world *w = &r->world;
    switch (r->running) {
    case RUN_IMDS:
        imds_step(&r->imds, w, in, out);
        break;
    case RUN_CONTAINER:
        container_step(&r->container, w, in, out);
        break;
    case RUN_STS:
        sts_step(&r->sts, w, in, out);
        break;
    case RUN_PROCESS:
        process_step(&r->process, w, in, out);
        break;
    case RUN_NONE:
        source_fail(out, ERR_BUG, "nothing runs");
        break;
    }
    if (out->want == SOURCE_VALUE) {
        take_value(r, out->value, out);
    } else if (out->want == SOURCE_FAILED && r->phase != RESOLVER_ENDED) {
        struct err e = out->err;
        fail(r, &e, out);
    }
}

static void run_sts(struct resolver *r, const struct sts_role *role,
                    const struct sigv4_credentials *keys, struct source_step *out)
{
    from(r, arena_printf(&r->arena, "role %.*s", SPAN_ARG(role->arn)));
    r->sts = (struct sts){.role = role, .keys = keys};
    r->running = RUN_STS;
    run(r, NULL, out);
}

static void next_role(struct resolver *r, struct source_step *out)
{
    size_t at = r->next_role++;
    if (at < r->chain.n_roles) {
        run_sts(r, &r->chain.roles[at], &r->value.c, out);
    } else if (at == r->chain.n_roles && r->o->role.arn.n) {
        run_sts(r, &r->o->role, &r->value.c, out);
    } else {
        r->phase = RESOLVER_ENDED;
        *out = (struct source_step){.want = SOURCE_VALUE, .value = r->value};
    }
}

static bool environment_keys(const struct resolver *r, struct source_value *v)
{
    v->c.access_key_id = variable(r, "AWS_ACCESS_KEY_ID");
    v->c.secret_access_key = variable(r, "AWS_SECRET_ACCESS_KEY");
    v->c.session_token = variable(r, "AWS_SESSION_TOKEN");
    v->account_id = variable(r, "AWS_ACCOUNT_ID");
    return v->c.access_key_id.n && v->c.secret_access_key.n;
}

static const char *environment_problem(const struct resolver *r)
{
    return variable(r, "AWS_ACCESS_KEY_ID").n
               ? "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY"
               : "AWS_ACCESS_KEY_ID is not set";
}

static void start_instance(struct resolver *r, struct source_step *out)
{
    from(r, SPAN("instance metadata"));
    r->imds = (struct imds){0};
    r->from_instance = true;
    r->running = RUN_IMDS;
    run(r, NULL, out);
}

static void start_container(struct resolver *r, struct source_step *out)
{
    from(r, SPAN("container"));
    r->container = (struct container_credentials){0};
    r->running = RUN_CONTAINER;
    run(r, NULL, out);
}

static void start_environment(struct resolver *r, struct source_step *out)
{
    struct source_value v = {0};
    from(r, SPAN("environment"));
    if (environment_keys(r, &v)) {
        take_value(r, v, out);
        return;
    }
    struct err e = {0};
    err_set(&e, ERR_AUTH, "%s", environment_problem(r));
    fail(r, &e, out);
}

static void start_chain(struct resolver *r, struct source_step *out)
{
    struct profile_chain *c = &r->chain;
    struct err e = {0};
    from(r, arena_printf(&r->arena, "profile %.*s", SPAN_ARG(c->profile)));
    switch (c->base) {
    case CHAIN_KEYS:
        take_value(r, c->keys, out);
        break;
    case CHAIN_ENVIRONMENT:
        start_environment(r, out);
        break;
    case CHAIN_CONTAINER:
        if (!container_configured(&r->world)) {
            err_set(&e, ERR_CONFIG, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI not set");
            fail(r, &e, out);
            break;
        }
        start_container(r, out);
        break;
    case CHAIN_INSTANCE:
        start_instance(r, out);
        break;
    case CHAIN_WEB_IDENTITY:
        run_sts(r, &c->web_identity, NULL, out);
        break;
    case CHAIN_PROCESS:
        r->process = (struct process_credentials){c->command, c->account_id};
        r->running = RUN_PROCESS;
        run(r, NULL, out);
        break;
    case CHAIN_SSO:
        err_set(&e, ERR_CONFIG,
                "single sign-on needs a person: use a role, keys or credential_process");
        fail(r, &e, out);
        break;
    }
}

static struct span profile_name(const struct resolver *r)
{
    struct span name = variable(r, "AWS_PROFILE");
    return name.n ? name : SPAN("default");
}

static bool try_profile(struct resolver *r, struct source_step *out)
{
    struct err e = {0};
    int status = profile_chain_plan(r->profiles, profile_name(r), &r->chain, &e);
    if (status == 0) {
        start_chain(r, out);
        return true;
    }
    // A profile that was asked for by name must be there.
    if (status == ERR_NOT_FOUND && (!variable(r, "AWS_PROFILE").n || r->world.profile)) {
        r->chain = (struct profile_chain){0};
        err_wrap(&e, "%.*s", SPAN_ARG(r->looked_at));
        note(r, "shared files", e.msg);
        return false;
    }
    err_wrap(&e, "%.*s", SPAN_ARG(r->looked_at));
    from(r, SPAN("shared files"));
    fail(r, &e, out);
    return true;
}

static bool try_web_identity(struct resolver *r, struct source_step *out)
{
    struct err e = {0};
    r->web_identity = (struct sts_role){.arn = variable(r, "AWS_ROLE_ARN"),
                                        .session_name = variable(r, "AWS_ROLE_SESSION_NAME"),
                                        .token_file = variable(r, "AWS_WEB_IDENTITY_TOKEN_FILE")};
    if (!r->web_identity.token_file.n) {
        note(r, "web identity", "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
        return false;
    }
    from(r, SPAN("web identity"));
    if (!r->web_identity.arn.n) {
        err_set(&e, ERR_CONFIG, "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN");
        fail(r, &e, out);
    } else {
        run_sts(r, &r->web_identity, NULL, out);
    }
    return true;
}

// Starts the source, or notes why it is none; false then.
static bool try_source(struct resolver *r, unsigned source, struct source_step *out)
{
    struct source_value v = {0};
    switch (source) {
    case RESOLVE_ENVIRONMENT:
        if (!environment_keys(r, &v)) {
            note(r, "environment", environment_problem(r));
            return false;
        }
        start_environment(r, out);
        return true;
    case RESOLVE_FILES:
        return try_profile(r, out);
    case RESOLVE_WEB_IDENTITY:
        return try_web_identity(r, out);
    case RESOLVE_CONTAINER:
        if (!container_configured(&r->world)) {
            note(r, "container", "AWS_CONTAINER_CREDENTIALS_* not set");
            return false;
        }
        start_container(r, out);
        return true;
    default:
        if (imds_disabled(&r->world)) {
            note(r, "instance metadata", "AWS_EC2_METADATA_DISABLED is true");
            return false;
        }
        start_instance(r, out);
        return true;
    }
}

static void look(struct resolver *r, struct source_step *out)
{
    r->phase = RESOLVER_SOURCE;
    if (r->o->keys.access_key_id.n) {
        from(r, SPAN("keys of the configuration"));
        take_value(r, (struct source_value){.c = r->o->keys}, out);
        return;
    }
    while (r->left) {
        unsigned source = r->left & (0u - r->left);
        r->left &= r->left - 1;
        if (try_source(r, source, out)) {
            return;
        }
    }
    r->phase = RESOLVER_ENDED;
    source_fail(out, ERR_AUTH, "no AWS credentials: not by %.*s", SPAN_ARG(buf_span(&r->trail)));
}

static void set_world(struct resolver *r)
{
    struct source_world *w = &r->world;
    w->profile = profile_find(r->profiles, profile_name(r));
    w->region = r->o->region.n ? r->o->region : aws_region_from_env(r->o->env, r->o->env_ctx);
    if (!w->region.n) {
        w->region = span_trim(profile_get(w->profile, "region"));
    }
    w->session_name = arena_printf(&r->arena, "penstock-%lld", (long long)w->wall_ms);
}

static void on_files(struct resolver *r, const struct source_input *in, struct source_step *out)
{
    if (in->status < 0) {
        struct err e = {0};
        err_set(&e, in->status, "%.*s", SPAN_ARG(in->why));
        from(r, SPAN("shared files"));
        fail(r, &e, out);
        return;
    }
    r->profiles = in->profiles;
    r->looked_at = in->why;
    set_world(r);
    look(r, out);
}

// Keys that are at hand need neither the profiles nor their settings.
static bool keys_at_hand(const struct resolver *r)
{
    struct source_value v = {0};
    return !r->o->role.arn.n &&
           (r->o->keys.access_key_id.n ||
            ((r->o->sources & RESOLVE_ENVIRONMENT) && environment_keys(r, &v)));
}

void resolver_step(struct resolver *r, int64_t wall_ms, double unit, const struct source_input *in,
                   struct source_step *out)
{
    r->world.wall_ms = wall_ms;
    r->world.unit = unit;
    *out = (struct source_step){0};
    switch (r->phase) {
    case RESOLVER_START:
        if (keys_at_hand(r)) {
            set_world(r);
            look(r, out);
        } else {
            r->phase = RESOLVER_FILES_READ;
            out->want = SOURCE_FILES;
        }
        break;
    case RESOLVER_FILES_READ:
        on_files(r, in, out);
        break;
    case RESOLVER_SOURCE:
        run(r, in, out);
        break;
    case RESOLVER_ENDED:
        source_fail(out, ERR_BUG, "the search has ended");
        break;
    }
}
