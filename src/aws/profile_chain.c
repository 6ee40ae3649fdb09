// SPDX-License-Identifier: Apache-2.0
#include "aws/profile_chain.h"

struct plan {
    const struct profile *list;
    const struct profile *visited[PROFILE_CHAIN_MAX + 1];
    size_t n_visited;
    struct profile_chain *out;
    struct err *e;
};

static struct span get(const struct profile *p, const char *key)
{
    return span_trim(profile_get(p, key));
}

static int wrong(struct plan *plan, const struct profile *p, const char *what)
{
    return err_set(plan->e, ERR_CONFIG, "profile \"%.*s\": %s", SPAN_ARG(p->name), what);
}

static const struct profile *find_session(const struct profile *list, struct span name)
{
    for (; list; list = list->next) {
        if (list->section == PROFILE_SECTION_SSO_SESSION && span_eq(list->name, name)) {
            return list;
        }
    }
    return NULL;
}

static int plan_sso_session(struct plan *plan, const struct profile *p)
{
    struct profile_chain *out = plan->out;
    const struct profile *session = find_session(plan->list, out->sso_session);
    if (out->sso_region.n || out->sso_start_url.n) {
        return wrong(plan, p,
                     "with sso_session, sso_region and sso_start_url belong into its section");
    }
    if (!session) {
        return err_set(plan->e, ERR_CONFIG, "profile \"%.*s\": there is no [sso-session %.*s]",
                       SPAN_ARG(p->name), SPAN_ARG(out->sso_session));
    }
    out->sso_region = get(session, "sso_region");
    out->sso_start_url = get(session, "sso_start_url");
    return out->sso_region.n && out->sso_start_url.n
               ? 0
               : wrong(plan, p, "its sso-session needs sso_region and sso_start_url");
}

static int plan_sso(struct plan *plan, const struct profile *p)
{
    struct profile_chain *out = plan->out;
    out->base = CHAIN_SSO;
    if (out->sso_session.n) {
        return plan_sso_session(plan, p);
    }
    if (!out->sso_account_id.n) {
        return wrong(plan, p, "sso_account_id is missing");
    }
    if (!out->sso_role_name.n) {
        return wrong(plan, p, "sso_role_name is missing");
    }
    return out->sso_region.n && out->sso_start_url.n
               ? 0
               : wrong(plan, p, "sso_region or sso_start_url is missing");
}

static bool read_sso(struct profile_chain *out, const struct profile *p)
{
    out->sso_session = get(p, "sso_session");
    out->sso_account_id = get(p, "sso_account_id");
    out->sso_role_name = get(p, "sso_role_name");
    out->sso_region = get(p, "sso_region");
    out->sso_start_url = get(p, "sso_start_url");
    return out->sso_session.n || out->sso_account_id.n || out->sso_role_name.n;
}

static bool read_keys(struct profile_chain *out, const struct profile *p)
{
    out->keys.c.access_key_id = get(p, "aws_access_key_id");
    out->keys.c.secret_access_key = get(p, "aws_secret_access_key");
    out->keys.c.session_token = get(p, "aws_session_token");
    out->keys.account_id = out->account_id;
    out->base = CHAIN_KEYS;
    return out->keys.c.access_key_id.n && out->keys.c.secret_access_key.n;
}

static int read_role(struct plan *plan, const struct profile *p, struct sts_role *role)
{
    uint64_t seconds = 0;
    struct span duration = get(p, "duration_seconds");
    *role = (struct sts_role){.arn = get(p, "role_arn"),
                              .external_id = get(p, "external_id"),
                              .session_name = get(p, "role_session_name")};
    if (duration.n && (!span_to_u64(duration, &seconds) || seconds > INT32_MAX)) {
        return wrong(plan, p, "duration_seconds must be a whole number");
    }
    role->duration_s = (int64_t)seconds;
    if (get(p, "mfa_serial").n) {
        return wrong(plan, p, "mfa_serial needs somebody to type a code; use a role without it");
    }
    return 0;
}

static int plan_web_identity(struct plan *plan, const struct profile *p)
{
    plan->out->base = CHAIN_WEB_IDENTITY;
    if (!get(p, "role_arn").n) {
        return wrong(plan, p, "web_identity_token_file needs role_arn in the same profile");
    }
    int status = read_role(plan, p, &plan->out->web_identity);
    plan->out->web_identity.token_file = get(p, "web_identity_token_file");
    return status;
}

// What a profile gives by itself.
static int plan_base(struct plan *plan, const struct profile *p)
{
    struct profile_chain *out = plan->out;
    out->profile = p->name;
    out->account_id = get(p, "aws_account_id");
    out->command = get(p, "credential_process");
    if (get(p, "web_identity_token_file").n) {
        return plan_web_identity(plan, p);
    }
    if (read_sso(out, p)) {
        return plan_sso(plan, p);
    }
    if (read_keys(out, p)) {
        return 0;
    }
    if (out->command.n) {
        out->base = CHAIN_PROCESS;
        return 0;
    }
    if (out->keys.c.access_key_id.n || out->keys.c.secret_access_key.n) {
        return wrong(plan, p,
                     out->keys.c.access_key_id.n ? "aws_secret_access_key is missing"
                                                 : "aws_access_key_id is missing");
    }
    return err_set(plan->e, plan->n_visited > 1 ? ERR_CONFIG : ERR_NOT_FOUND,
                   "profile \"%.*s\" holds nothing about credentials", SPAN_ARG(p->name));
}

static int plan_named(struct plan *plan, const struct profile *p, struct span source)
{
    static const struct {
        const char *name;
        enum chain_base base;
    } named[] = {{"Environment", CHAIN_ENVIRONMENT},
                 {"EcsContainer", CHAIN_CONTAINER},
                 {"Ec2InstanceMetadata", CHAIN_INSTANCE}};
    plan->out->profile = p->name;
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        if (span_ieq(source, span_str(named[i].name))) {
            plan->out->base = named[i].base;
            return 0;
        }
    }
    return wrong(plan, p,
                 "credential_source must be Environment, EcsContainer or Ec2InstanceMetadata");
}

static bool visit(struct plan *plan, const struct profile *p)
{
    for (size_t i = 0; i < plan->n_visited; i++) {
        if (plan->visited[i] == p) {
            return false;
        }
    }
    plan->visited[plan->n_visited++] = p;
    return true;
}

// Whether the profile's role_arn is assumed with other credentials.
static bool has_plain_role(const struct profile *p)
{
    return get(p, "role_arn").n && !get(p, "web_identity_token_file").n;
}

static int add_role(struct plan *plan, const struct profile *p, struct span *source,
                    struct span *named)
{
    struct profile_chain *out = plan->out;
    *source = get(p, "source_profile");
    *named = get(p, "credential_source");
    if (source->n && named->n) {
        return wrong(plan, p, "source_profile and credential_source exclude each other");
    }
    if (!source->n && !named->n) {
        return wrong(plan, p, "role_arn needs source_profile or credential_source");
    }
    if (out->n_roles == PROFILE_CHAIN_MAX) {
        return wrong(plan, p, "too many roles one after the other");
    }
    return read_role(plan, p, &out->roles[out->n_roles++]);
}

static int walk(struct plan *plan, const struct profile *p)
{
    while (p) {
        struct span source, named;
        if (!visit(plan, p)) {
            return wrong(plan, p, "source_profile leads back to it: a loop");
        }
        // A source's own keys come before its role; the first profile's do not.
        if (plan->n_visited > 1 && read_keys(plan->out, p)) {
            return plan_base(plan, p);
        }
        if (!has_plain_role(p)) {
            return plan_base(plan, p);
        }
        int status = add_role(plan, p, &source, &named);
        if (status < 0) {
            return status;
        }
        if (named.n) {
            return plan_named(plan, p, named);
        }
        const struct profile *next = profile_find(plan->list, source);
        if (!next) {
            return err_set(plan->e, ERR_CONFIG,
                           "profile \"%.*s\": there is no profile \"%.*s\" (source_profile)",
                           SPAN_ARG(p->name), SPAN_ARG(source));
        }
        if (next == p) {
            return plan_base(plan, p);
        }
        p = next;
    }
    return 0;
}

static void reverse(struct profile_chain *c)
{
    for (size_t i = 0; i < c->n_roles / 2; i++) {
        struct sts_role other = c->roles[c->n_roles - 1 - i];
        c->roles[c->n_roles - 1 - i] = c->roles[i];
        c->roles[i] = other;
    }
}

int profile_chain_plan(const struct profile *list, struct span name, struct profile_chain *out,
                       struct err *e)
{
    struct plan plan = {.list = list, .out = out, .e = e};
    const struct profile *p = profile_find(list, name);
    *out = (struct profile_chain){0};
    if (!p) {
        return err_set(e, ERR_NOT_FOUND, "there is no profile \"%.*s\"", SPAN_ARG(name));
    }
    int status = walk(&plan, p);
    reverse(out);
    return status;
}
