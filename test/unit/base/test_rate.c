// SPDX-License-Identifier: Apache-2.0
#include "base/rate.h"

#include "lib/test.h"

static bool near(double a, double b)
{
    double d = a - b;
    return d < 0.01 && d > -0.01;
}

static void test_nothing_before_two_samples(void **state)
{
    (void)state;
    struct rate r = {0};
    assert_true(near(rate_per_second(&r), 0));
    rate_sample(&r, 5000, 1000000);
    assert_true(near(rate_per_second(&r), 0));
    rate_sample(&r, 6000, 1000100);
    assert_true(near(rate_per_second(&r), 100)); // at once, not little by little
}

static void test_steady(void **state)
{
    (void)state;
    struct rate r = {0};
    for (int i = 0; i < 100; i++)
        rate_sample(&r, 1000 * i, (uint64_t)(250 * i));
    assert_true(near(rate_per_second(&r), 250));
}

static void test_uneven_intervals_do_not_matter(void **state)
{
    (void)state;
    struct rate r = {0};
    int64_t at = 0;
    for (int i = 0; i < 100; i++) {
        at += 700 + 37 * (i % 9);
        rate_sample(&r, at, (uint64_t)at * 2);
    }
    assert_true(near(rate_per_second(&r), 2000));
}

static void test_falls_by_e_in_a_window(void **state)
{
    (void)state;
    struct rate r = {0};
    rate_sample(&r, 0, 0);
    rate_sample(&r, 1000, 1000);
    for (int64_t at = 2000; at <= 1000 + RATE_WINDOW_MS; at += 1000)
        rate_sample(&r, at, 1000);
    assert_true(near(rate_per_second(&r), 1000 / 2.718281828));
}

static void test_samples_too_close_are_passed_over(void **state)
{
    (void)state;
    struct rate r = {0};
    rate_sample(&r, 0, 0);
    rate_sample(&r, 1000, 100);
    rate_sample(&r, 1000 + RATE_SAMPLE_MS - 1, 1000000);
    assert_true(near(rate_per_second(&r), 100));
    rate_sample(&r, 1000, 100); // the same moment
    assert_true(near(rate_per_second(&r), 100));
    rate_sample(&r, 2000, 200);
    assert_true(near(rate_per_second(&r), 100));
}

static void test_counter_that_begins_anew(void **state)
{
    (void)state;
    struct rate r = {0};
    rate_sample(&r, 0, 0);
    rate_sample(&r, 1000, 5000);
    rate_sample(&r, 2000, 10);
    assert_true(near(rate_per_second(&r), 0));
    rate_sample(&r, 3000, 20);
    assert_true(near(rate_per_second(&r), 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_before_two_samples),
        cmocka_unit_test(test_steady),
        cmocka_unit_test(test_uneven_intervals_do_not_matter),
        cmocka_unit_test(test_falls_by_e_in_a_window),
        cmocka_unit_test(test_samples_too_close_are_passed_over),
        cmocka_unit_test(test_counter_that_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
