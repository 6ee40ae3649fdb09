// SPDX-License-Identifier: Apache-2.0
// The suites of vectors/credentials: whole searches with their environment, files and traffic, what
// profiles say, where containers and instances are asked.
#include <dirent.h>
#include <stdio.h>

#include "aws/container_credentials.h"
#include "aws/imds.h"
#include "aws/profile_chain.h"
#include "credentials_fake.h"

// ---- whole searches

static void check_end(const struct world *w, const struct source_step *end)
{
    const struct json *ok = json_get(json_get(w->test_case, "result"), "Ok");
    if (!ok) {
        assert_true(vectors_str(json_get(w->test_case, "result"), "ErrorContains").n > 0);
        assert_int_equal(end->want, SOURCE_FAILED);
        assert_true(end->err.code < 0);
        assert_memory_equal(end->err.msg, "no AWS credentials: ", 20);
        return;
    }
    if (end->want != SOURCE_VALUE) {
        fail_msg("%s", end->err.msg);
    }
    assert_span_equal(end->value.c.access_key_id, vectors_str(ok, "access_key_id"));
    assert_span_equal(end->value.c.secret_access_key, vectors_str(ok, "secret_access_key"));
    assert_span_equal(end->value.c.session_token, vectors_str(ok, "session_token"));
    assert_span_equal(end->value.account_id, vectors_str(ok, "account_id"));
    assert_int_equal(end->value.expires_ms, json_get_int(ok, "expiry", 0) * 1000);
}

static void run_folder(const char *dir, unsigned sources)
{
    struct world w;
    struct resolver r;
    struct source_step end;
    world_open(&w, dir);
    struct resolver_options o = {.env = world_env, .env_ctx = &w, .sources = sources};
    resolver_init(&r, &o, &w.sts_skew_ms);
    world_run(&w, &r, &end);
    check_end(&w, &end);
    assert_true(world_all_asked(&w));
    resolver_free(&r);
    world_close(&w);
}

static void run_folders(const char *name, unsigned sources, int want)
{
    char top[TEST_PATH_MAX], dir[2 * TEST_PATH_MAX];
    int n = 0;
    if (!test_vectors_path(name, top)) {
        print_message("skipped: no vectors %s\n", name);
        skip();
    }
    DIR *d = opendir(top);
    assert_non_null(d);
    for (struct dirent *it; (it = readdir(d));) {
        if (it->d_name[0] != '.') {
            n++;
            snprintf(dir, sizeof dir, "%s/%s", top, it->d_name);
            print_message("%s\n", it->d_name);
            run_folder(dir, sources);
        }
    }
    closedir(d);
    assert_int_equal(n, want);
}

static void test_default_chain(void **state)
{
    (void)state;
    run_folders("credentials/default-credential-provider-chain", RESOLVE_ALL, 25);
}

static void test_profile_provider(void **state)
{
    (void)state;
    run_folders("credentials/profile-provider", RESOLVE_FILES, 11);
}

// ---- what profiles say

static void add_section(struct arena *a, struct profile **list, enum profile_section kind,
                        const struct json *j)
{
    struct profile *p = arena_new(a, struct profile);
    *p = (struct profile){.next = *list, .name = json_key(j), .section = kind};
    *list = p;
    for (const struct json *v = json_child(j); v; v = json_next(v)) {
        struct profile_property *q = arena_new(a, struct profile_property);
        *q = (struct profile_property){p->properties, json_key(v), json_str(v, SPAN_NONE)};
        p->properties = q;
    }
}

static void check_role(const struct sts_role *got, const struct json *want)
{
    assert_non_null(want);
    assert_span_equal(got->arn, vectors_str(want, "role_arn"));
    assert_span_equal(got->external_id, vectors_str(want, "external_id"));
    assert_span_equal(got->session_name, vectors_str(want, "role_session_name"));
    assert_span_equal(got->token_file, vectors_str(want, "web_identity_token_file"));
}

static void check_sso(const struct profile_chain *c, const struct json *want)
{
    assert_span_equal(c->sso_session, vectors_str(want, "sso_session"));
    assert_span_equal(c->sso_account_id, vectors_str(want, "sso_account_id"));
    assert_span_equal(c->sso_role_name, vectors_str(want, "sso_role_name"));
    assert_span_equal(c->sso_region, vectors_str(want, "sso_region"));
    assert_span_equal(c->sso_start_url, vectors_str(want, "sso_start_url"));
}

static void check_base(const struct profile_chain *c, const struct json *want)
{
    const struct json *keys = json_get(want, "AccessKey");
    struct span named = vectors_str(want, "NamedSource");
    switch (c->base) {
    case CHAIN_KEYS:
        assert_non_null(keys);
        assert_span_equal(c->keys.c.access_key_id, vectors_str(keys, "access_key_id"));
        assert_span_equal(c->keys.c.secret_access_key, vectors_str(keys, "secret_access_key"));
        assert_span_equal(c->keys.account_id, vectors_str(keys, "account_id"));
        break;
    case CHAIN_INSTANCE:
        assert_span_is(named, "Ec2InstanceMetadata");
        break;
    case CHAIN_WEB_IDENTITY:
        check_role(&c->web_identity, json_get(want, "WebIdentityToken"));
        break;
    case CHAIN_SSO:
        check_sso(c, json_get(want, "Sso"));
        break;
    default:
        fail_msg("base %d is in no case", c->base);
    }
}

static void check_chain(const struct profile_chain *c, const struct json *want)
{
    const struct json *link = json_child(want);
    assert_int_equal(c->n_roles + 1, json_count(want));
    check_base(c, link);
    for (size_t i = 0; i < c->n_roles; i++) {
        link = json_next(link);
        check_role(&c->roles[i], json_get(link, "AssumeRole"));
    }
}

// What ours must hold, by a part of theirs.
static const struct {
    const char *theirs, *ours;
} messages[] = {
    {"must contain `source_profile`", "role_arn needs source_profile or credential_source"},
    {"both source_profile and credential_source", "exclude each other"},
    {"missing aws_secret_access_key", "aws_secret_access_key is missing"},
    {"missing aws_access_key_id", "aws_access_key_id is missing"},
    {"did not contain credential information", "holds nothing about credentials"},
    {"could not find source profile B", "there is no profile \"B\" (source_profile)"},
    {"No profiles were defined", "there is no profile \"A\""},
    {"infinite loop", "a loop"},
    {"`role_arn` was missing", "needs role_arn in the same profile"},
    {"`sso_account_id` must also be set", "sso_account_id is missing"},
    {"`sso_role_name` must also be set", "sso_role_name is missing"},
    {"can only be specified in the [sso-session]", "belong into its section"},
    {"(referenced by profile `A`) was not found", "there is no [sso-session oops]"},
};

static void check_message(struct span theirs, const struct err *e)
{
    char text[300];
    snprintf(text, sizeof text, "%.*s", SPAN_ARG(theirs));
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        if (strstr(text, messages[i].theirs)) {
            if (!strstr(e->msg, messages[i].ours)) {
                fail_msg("\"%s\" does not say \"%s\"", e->msg, messages[i].ours);
            }
            return;
        }
    }
    fail_msg("no case expects: %s", text);
}

static void plan_case(const struct json *test)
{
    struct arena a = {0};
    struct profile *list = NULL;
    struct profile_chain chain;
    struct err e = {0};
    const struct json *in = json_get(test, "input"), *out = json_get(test, "output");
    const struct json *sections = json_get(in, "profiles");
    for (const struct json *j = json_child(sections); j; j = json_next(j)) {
        add_section(&a, &list, PROFILE_SECTION_PROFILE, j);
    }
    for (const struct json *j = json_child(json_get(in, "sso_sessions")); j; j = json_next(j)) {
        add_section(&a, &list, PROFILE_SECTION_SSO_SESSION, j);
    }
    int status = profile_chain_plan(list, vectors_str(in, "selected_profile"), &chain, &e);
    if (json_get(out, "ProfileChain")) {
        assert_int_equal(status, 0);
        check_chain(&chain, json_get(out, "ProfileChain"));
    } else {
        assert_true(status < 0);
        check_message(vectors_str(out, "Error"), &e);
    }
    arena_free(&a);
}

static void test_profile_chains(void **state)
{
    (void)state;
    struct json *tests = vectors_json("credentials/assume-role-tests.json");
    assert_int_equal(json_count(tests), 28);
    for (const struct json *t = json_child(tests); t; t = json_next(t)) {
        print_message("%.*s\n", SPAN_ARG(vectors_str(t, "docs")));
        plan_case(t);
    }
    json_free(tests);
}

// ---- where containers and instances are asked

static const char *case_env(void *ctx, const char *name)
{
    return json_get_str(json_get(ctx, "env"), name, SPAN_NONE).p;
}

static void check_url(const struct url *u, struct span target, struct span want)
{
    char text[300];
    const char *open = memchr(u->host.p, ':', u->host.n) ? "[" : "", *close = *open ? "]" : "";
    char port[8] = "";
    if (u->port_given) {
        snprintf(port, sizeof port, ":%u", u->port);
    }
    snprintf(text, sizeof text, "%s://%s%.*s%s%s%.*s", u->tls ? "https" : "http", open,
             SPAN_ARG(u->host), close, port, SPAN_ARG(target));
    assert_span_equal(span_str(text), want);
}

static void container_case(struct json *t)
{
    struct arena a = {0};
    struct source_world w = {.env = case_env, .env_ctx = t, .arena = &a};
    struct url url;
    struct span target, want = vectors_str(json_get(t, "result"), "Ok");
    struct err e = {0};
    bool configured = container_configured(&w);
    int status = configured ? container_url(&w, &url, &target, &e) : ERR_NOT_FOUND;
    assert_int_equal(status == 0, want.n > 0);
    if (status == 0) {
        check_url(&url, target, want);
    }
    arena_free(&a);
}

static void test_container_urls(void **state)
{
    (void)state;
    struct json *doc = vectors_json("credentials/ecs-tests.json");
    assert_int_equal(json_count(json_get(doc, "tests")), 11);
    for (struct json *t = json_child(json_get(doc, "tests")); t; t = json_next(t)) {
        print_message("%.*s\n", SPAN_ARG(vectors_str(t, "docs")));
        container_case(t);
    }
    json_free(doc);
}

// An override in code is something we do not have: the variable, which comes first, stands in.
static const char *imds_env(void *ctx, const char *name)
{
    struct span endpoint = vectors_str(ctx, "endpoint_override");
    struct span mode = vectors_str(ctx, "mode_override");
    if (endpoint.n && strcmp(name, "AWS_EC2_METADATA_SERVICE_ENDPOINT") == 0) {
        return endpoint.p;
    }
    if (mode.n && strcmp(name, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE") == 0) {
        return mode.p;
    }
    return case_env(ctx, name);
}

static void imds_case(struct json *t)
{
    struct arena a = {0};
    struct profile *list = NULL;
    struct err e = {0};
    const struct json *fs = json_get(t, "fs");
    if (json_get(fs, "config")) {
        assert_int_equal(profile_parse(&a, vectors_str(fs, "config"), PROFILE_CONFIG, &list, &e),
                         0);
    }
    struct source_world w = {
        .env = imds_env, .env_ctx = t, .arena = &a, .profile = profile_find(list, SPAN("default"))};
    struct imds imds = {0};
    struct source_step out;
    imds_step(&imds, &w, NULL, &out);
    struct span want = vectors_str(json_get(t, "result"), "Ok");
    if (want.n) {
        assert_int_equal(out.want, SOURCE_HTTP);
        check_url(&out.http.url, out.http.target, want);
    } else {
        assert_int_equal(out.want, SOURCE_FAILED);
        assert_int_equal(out.err.code, ERR_CONFIG);
    }
    arena_free(&a);
}

static void test_imds_endpoints(void **state)
{
    (void)state;
    struct json *doc = vectors_json("credentials/imds-config/imds-endpoint-tests.json");
    assert_int_equal(json_count(json_get(doc, "tests")), 14);
    for (struct json *t = json_child(json_get(doc, "tests")); t; t = json_next(t)) {
        print_message("%.*s\n", SPAN_ARG(vectors_str(t, "docs")));
        imds_case(t);
    }
    json_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_chain),  cmocka_unit_test(test_profile_provider),
        cmocka_unit_test(test_profile_chains), cmocka_unit_test(test_container_urls),
        cmocka_unit_test(test_imds_endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
