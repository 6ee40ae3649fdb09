// SPDX-License-Identifier: Apache-2.0
#include "aws/settings.h"

#include "lib/test.h"

static const char *const *variables; // name, value, ..., NULL

static const char *env(void *ctx, const char *name)
{
    (void)ctx;
    for (const char *const *v = variables; *v; v += 2) {
        if (strcmp(v[0], name) == 0)
            return v[1];
    }
    return NULL;
}

static struct arena arena;
static struct aws_settings s;
static struct err e;

static int setup(void **state)
{
    (void)state;
    e = (struct err){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static int from_env(const char *const *v)
{
    variables = v;
    return aws_settings_from_env(AWS_KINESIS, env, NULL, &s, &e);
}

#define FROM_ENV(...) from_env((const char *const[]){__VA_ARGS__, NULL})

static int from_profile(const char *text, const char *name)
{
    struct profile *list = NULL;
    assert_int_equal(profile_parse(&arena, span_str(text), PROFILE_CONFIG, &list, &e), 0);
    return aws_settings_from_profile(AWS_KINESIS, list, span_str(name), &s, &e);
}

static void test_environment(void **state)
{
    (void)state;
    assert_int_equal(FROM_ENV("AWS_DEFAULT_REGION", "eu-west-1", "AWS_ENDPOINT_URL", "http://all",
                              "AWS_USE_FIPS_ENDPOINT", "True", "AWS_USE_DUALSTACK_ENDPOINT",
                              "false", "AWS_MAX_ATTEMPTS", "7", "AWS_CA_BUNDLE", "/ca.pem"),
                     0);
    assert_span_is(s.region, "eu-west-1");
    assert_span_is(s.endpoint, "http://all");
    assert_span_is(s.ca_file, "/ca.pem");
    assert_int_equal(s.fips, AWS_ON);
    assert_int_equal(s.dual_stack, AWS_OFF);
    assert_int_equal(s.max_attempts, 7);
    assert_int_equal(FROM_ENV("AWS_REGION", "a", "AWS_DEFAULT_REGION", "b", "AWS_ENDPOINT_URL",
                              "http://all", "AWS_ENDPOINT_URL_KINESIS", "http://own"),
                     0);
    assert_span_is(s.region, "a");
    assert_span_is(s.endpoint, "http://own");
    assert_int_equal(s.fips, AWS_UNSET);
    assert_int_equal(s.max_attempts, 0);
}

static void test_wrong_values(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"AWS_USE_FIPS_ENDPOINT", "yes", NULL},
        {"AWS_USE_DUALSTACK_ENDPOINT", "1", NULL},
        {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "no", NULL},
        {"AWS_MAX_ATTEMPTS", "0", NULL},
        {"AWS_MAX_ATTEMPTS", "101", NULL},
        {"AWS_MAX_ATTEMPTS", "many", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(from_env(cases[i]), ERR_CONFIG);
        assert_non_null(strstr(e.msg, cases[i][0]));
        assert_non_null(strstr(e.msg, cases[i][1]));
    }
    assert_int_equal(FROM_ENV("AWS_MAX_ATTEMPTS", "100"), 0);
    assert_int_equal(from_profile("[default]\nuse_fips_endpoint = maybe", "default"), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "use_fips_endpoint"));
    assert_non_null(strstr(e.msg, "default"));
}

static void test_profile(void **state)
{
    (void)state;
    static const char text[] = "[profile edge]\n"
                               "region = eu-north-1\n"
                               "ca_bundle = /edge.pem\n"
                               "use_dualstack_endpoint = true\n"
                               "max_attempts = 5\n"
                               "endpoint_url = http://all\n"
                               "services = local\n"
                               "[services local]\n"
                               "sts =\n"
                               "  endpoint_url = http://sts\n"
                               "kinesis =\n"
                               "  api_version = 1\n"
                               "  endpoint_url = http://own\n"
                               "[profile plain]\n"
                               "endpoint_url = http://all\n"
                               "services = missing\n";
    assert_int_equal(from_profile(text, "edge"), 0);
    assert_span_is(s.region, "eu-north-1");
    assert_span_is(s.ca_file, "/edge.pem");
    assert_int_equal(s.dual_stack, AWS_ON);
    assert_int_equal(s.max_attempts, 5);
    assert_span_is(s.endpoint, "http://own");
    assert_int_equal(from_profile(text, "plain"), 0);
    assert_span_is(s.endpoint, "http://all");
    assert_int_equal(from_profile(text, "nobody"), 0);
    assert_int_equal(s.endpoint.n, 0);
}

static void test_ignored_endpoints(void **state)
{
    (void)state;
    assert_int_equal(
        FROM_ENV("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", "AWS_ENDPOINT_URL", "http://all"),
        0);
    assert_int_equal(s.endpoint.n, 0);
    struct aws_settings first = s, second = {.endpoint = SPAN("http://profile")};
    aws_settings_merge(&first, &second);
    assert_int_equal(first.endpoint.n, 0);
    assert_int_equal(from_profile("[default]\nignore_configured_endpoint_urls = true\n"
                                  "endpoint_url = http://all",
                                  "default"),
                     0);
    assert_int_equal(s.endpoint.n, 0);
}

static void test_merge(void **state)
{
    (void)state;
    struct aws_settings first = {.region = SPAN("a"), .fips = AWS_OFF},
                        second = {.region = SPAN("b"),
                                  .endpoint = SPAN("u"),
                                  .ca_file = SPAN("f"),
                                  .fips = AWS_ON,
                                  .dual_stack = AWS_ON,
                                  .max_attempts = 2};
    aws_settings_merge(&first, &second);
    assert_span_is(first.region, "a");
    assert_span_is(first.endpoint, "u");
    assert_span_is(first.ca_file, "f");
    assert_int_equal(first.fips, AWS_OFF);
    assert_int_equal(first.dual_stack, AWS_ON);
    assert_int_equal(first.max_attempts, 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_environment),       T(test_wrong_values), T(test_profile),
        T(test_ignored_endpoints), T(test_merge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
