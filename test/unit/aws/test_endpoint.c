// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "aws/clock_skew.h"
#include "aws/endpoint.h"
#include "lib/test.h"

static void test_parse(void **state)
{
    (void)state;
    struct arena a = {0};
    struct err e = {0};
    struct url u;
    assert_int_equal(aws_endpoint_parse(SPAN("HTTPS://Kinesis.Example.COM:443/a"), &a, &u, &e), 0);
    assert_span_is(u.host, "kinesis.example.com");
    assert_span_is(u.path, "/a");
    assert_true(u.tls);
    assert_int_equal(aws_endpoint_parse(SPAN("localhost:4567"), &a, &u, &e), ERR_CONFIG);
    assert_memory_equal(e.msg, "endpoint: ", 10);
    assert_int_equal(aws_endpoint_parse(SPAN("http://h/?a"), &a, &u, &e), ERR_CONFIG);
    arena_free(&a);
}

struct env {
    const char *name[4], *value[4];
};

static const char *get_env(void *ctx, const char *name)
{
    const struct env *env = ctx;
    for (int i = 0; i < 4 && env->name[i]; i++) {
        if (strcmp(env->name[i], name) == 0) {
            return env->value[i];
        }
    }
    return NULL;
}

static void test_environment(void **state)
{
    (void)state;
    struct env env = {{"AWS_DEFAULT_REGION"}, {"eu-west-1"}};
    assert_span_is(aws_region_from_env(get_env, &env), "eu-west-1");
    env.name[1] = "AWS_REGION";
    env.value[1] = "us-west-2";
    assert_span_is(aws_region_from_env(get_env, &env), "us-west-2");
}

static void test_http_date(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "Sat, 31 Jan 2026 23:59:59 UTC",
                                        "Sat, 31 Jan 2026 23:59:59 GMT ",
                                        "Sat, 31 Jun 2026 24:59:59 GMT",
                                        "Sat, 00 Jan 2026 23:59:59 GMT",
                                        "Sat, 3a Jan 2026 23:59:59 GMT",
                                        "Sat, 31 Foo 2026 23:59:59 GMT",
                                        "Saturday, 31-Jan-26 23:59:59 "};
    int64_t ms = 0;
    assert_true(aws_http_date_parse(SPAN("Sat, 31 Jan 2026 23:59:59 GMT"), &ms));
    assert_int_equal(ms, INT64_C(1769903999000));
    assert_true(aws_http_date_parse(SPAN("Thu, 01 Jan 1970 00:00:00 GMT"), &ms));
    assert_int_equal(ms, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(aws_http_date_parse(span_str(wrong[i]), &ms));
    }
}

static void test_skew(void **state)
{
    (void)state;
    struct span date = SPAN("Sat, 31 Jan 2026 23:59:59 GMT");
    int64_t server = INT64_C(1769903999000), skew = 0;
    assert_false(aws_clock_skew(date, server - 239999, server - 239999, &skew));
    assert_true(aws_clock_skew(date, server - 240000, server - 240000, &skew));
    assert_int_equal(skew, 240000);
    assert_true(aws_clock_skew(date, server + 3600000, server + 3600000, &skew));
    assert_int_equal(skew, -3600000);
    // Signed with a correction that is right already: not the clock's fault.
    assert_false(aws_clock_skew(date, server, server - 3600000, &skew));
    // With one that is wrong by now.
    assert_true(aws_clock_skew(date, server + 3600000, server, &skew));
    assert_int_equal(skew, 0);
    assert_false(aws_clock_skew(SPAN_NONE, 0, 0, &skew));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_http_date),
        cmocka_unit_test(test_skew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
