// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>

#include "aws/retry.h"
#include "aws_vectors.h"

static void check_delays(const struct json *list, enum retry_rules rules, enum retry_class c)
{
    int attempt = 1;
    assert_true(json_count(list) > 5);
    for (struct json *j = json_child(list); j; j = json_next(j), attempt++) {
        int64_t want = llround(json_num(j, -1) * 1000);
        assert_int_equal(retry_max_delay_ms(rules, c, attempt), want);
        assert_int_equal(retry_delay_ms(rules, c, attempt, 0.0), 0);
        assert_int_equal(retry_delay_ms(rules, c, attempt, 0.5), want / 2);
        assert_true(retry_delay_ms(rules, c, attempt, 0.9999999) < want);
    }
    assert_int_equal(retry_max_delay_ms(rules, c, 2000000000), 20000);
}

static void test_delays(void **state)
{
    (void)state;
    struct json *j = vectors_json("errors/retry_arithmetic.json");
    struct json *v1 = json_get(j, "legacy_standard"), *v2 = json_get(j, "v2_1");
    check_delays(json_get(v1, "max_delay"), RETRY_RULES_STANDARD, RETRY_TRANSIENT);
    check_delays(json_get(v1, "max_delay"), RETRY_RULES_STANDARD, RETRY_THROTTLE);
    check_delays(json_get(v2, "max_delay_non_throttling"), RETRY_RULES_V2_1, RETRY_TRANSIENT);
    check_delays(json_get(v2, "max_delay_throttling"), RETRY_RULES_V2_1, RETRY_THROTTLE);
    check_delays(json_get(v2, "max_delay_dynamodb_non_throttling"), RETRY_RULES_V2_1_DYNAMODB,
                 RETRY_TRANSIENT);
    json_free(j);
}

static void test_standard_quota(void **state)
{
    (void)state;
    struct json *j = vectors_json("errors/retry_arithmetic.json");
    struct json *q = json_get(json_get(j, "legacy_standard"), "quota");
    struct retry_bucket b;
    retry_bucket_init(&b, RETRY_RULES_STANDARD);
    assert_int_equal(b.capacity, json_get_int(q, "initial", 0));
    int cost = (int)json_get_int(q, "retry_cost", 0);
    int timeout_cost = (int)json_get_int(q, "timeout_cost", 0);
    assert_int_equal(retry_bucket_take(&b, RETRY_TRANSIENT, false), cost);
    assert_int_equal(retry_bucket_take(&b, RETRY_THROTTLE, false), cost);
    assert_int_equal(retry_bucket_take(&b, RETRY_TRANSIENT, true), timeout_cost);
    assert_int_equal(b.capacity, 500 - 2 * cost - timeout_cost);
    retry_bucket_success(&b, timeout_cost);
    assert_int_equal(b.capacity, 500 - 2 * cost);
    retry_bucket_success(&b, 0);
    assert_int_equal(b.capacity,
                     500 - 2 * cost + json_get_int(q, "success_refund_without_retry", 0));
    // What a success gives back never exceeds the first capacity.
    b.capacity = 498;
    retry_bucket_success(&b, 10);
    assert_int_equal(b.capacity, 500);
    json_free(j);
}

// Enough for the whole cost or nothing.
static void test_quota_edges(void **state)
{
    (void)state;
    struct retry_bucket b;
    retry_bucket_init(&b, RETRY_RULES_STANDARD);
    b.capacity = 4;
    assert_int_equal(retry_bucket_take(&b, RETRY_TRANSIENT, false), 0);
    assert_int_equal(b.capacity, 4);
    b.capacity = 5;
    assert_int_equal(retry_bucket_take(&b, RETRY_TRANSIENT, false), 5);
    assert_int_equal(b.capacity, 0);
    b.capacity = 500;
    assert_int_equal(retry_bucket_take(&b, RETRY_NO, false), 0);
    assert_int_equal(b.capacity, 500);
}

static void check_sequence(const struct json *j)
{
    struct retry_bucket b;
    struct json *after = json_child(json_get(j, "capacity_after"));
    struct json *granted = json_child(json_get(j, "granted"));
    retry_bucket_init(&b, RETRY_RULES_V2_1);
    b.capacity = (int)json_get_int(j, "initial", RETRY_BUCKET_CAPACITY);
    for (struct json *it = json_child(json_get(j, "errors")); it; it = json_next(it)) {
        struct span error = json_str(it, SPAN_NONE);
        bool status = span_is(error, "500");
        enum retry_class c = retry_classify(status ? SPAN_NONE : error, status ? 500 : 400, 0);
        int cost = retry_bucket_take(&b, c, false);
        if (granted) {
            assert_int_equal(cost > 0, json_bool(granted, false));
            granted = json_next(granted);
        }
        if (after) {
            assert_int_equal(b.capacity, json_int(after, -1));
            after = json_next(after);
        }
    }
}

static void test_v2_quota(void **state)
{
    (void)state;
    struct json *j = vectors_json("errors/retry_arithmetic.json");
    struct json *list = json_get(json_get(j, "v2_1"), "quota_sequences");
    assert_int_equal(json_count(list), 3);
    for (struct json *it = json_child(list); it; it = json_next(it)) {
        check_sequence(it);
    }
    json_free(j);
}

static void test_retry_after(void **state)
{
    (void)state;
    struct json *j = vectors_json("errors/retry_arithmetic.json");
    struct json *list = json_get(json_get(j, "v2_1"), "retry_after");
    assert_int_equal(json_count(list), 5);
    for (struct json *it = json_child(list); it; it = json_next(it)) {
        int64_t own = llround(json_num(json_get(it, "t_i"), -1) * 1000);
        int64_t want = llround(json_num(json_get(it, "delay"), -1) * 1000);
        assert_int_equal(retry_after_ms(vectors_str(it, "header"), SPAN_NONE, own), want);
    }
    assert_int_equal(retry_after_ms(SPAN_NONE, SPAN_NONE, 70), 70);
    assert_int_equal(retry_after_ms(SPAN_NONE, SPAN("2"), 70), 2000);
    assert_int_equal(retry_after_ms(SPAN("100"), SPAN("2"), 70), 100);
    assert_int_equal(retry_after_ms(SPAN_NONE, SPAN("0"), 70), 70);
    assert_int_equal(retry_after_ms(SPAN_NONE, SPAN("3600"), 70), 5070);
    assert_int_equal(retry_after_ms(SPAN_NONE, SPAN("18446744073709551615"), 70), 5070);
    assert_int_equal(retry_after_ms(SPAN_NONE, SPAN("Wed, 21 Oct 2015 07:28:00 GMT"), 70), 70);
    assert_int_equal(retry_after_ms(SPAN("18446744073709551615"), SPAN_NONE, 70), 5070);
    assert_int_equal(retry_after_ms(SPAN("18446744073709551616"), SPAN_NONE, 70), 70);
    json_free(j);
}

static void test_net_errors(void **state)
{
    (void)state;
    static const struct {
        int error;
        enum retry_class want;
    } cases[] = {{ERR_TIMEOUT, RETRY_TRANSIENT}, {ERR_CLOSED, RETRY_TRANSIENT},
                 {ERR_CONNECT, RETRY_TRANSIENT}, {ERR_DNS, RETRY_TRANSIENT},
                 {ERR_TLS, RETRY_TRANSIENT},     {ERR_TLS_CERT, RETRY_NO},
                 {ERR_CANCELED, RETRY_NO},       {ERR_LIMIT, RETRY_NO},
                 {ERR_AUTH, RETRY_NO},           {ERR_PROTO, RETRY_TRANSIENT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(retry_classify(SPAN_NONE, 0, cases[i].error), cases[i].want);
    }
    assert_int_equal(retry_classify(SPAN("ExpiredTokenException"), 400, 0), RETRY_CREDENTIALS);
    assert_int_equal(retry_classify(SPAN("InvalidSignatureException"), 400, 0), RETRY_CLOCK);
    assert_int_equal(retry_classify(SPAN("ValidationException"), 400, 0), RETRY_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delays),      cmocka_unit_test(test_standard_quota),
        cmocka_unit_test(test_quota_edges), cmocka_unit_test(test_v2_quota),
        cmocka_unit_test(test_retry_after), cmocka_unit_test(test_net_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
