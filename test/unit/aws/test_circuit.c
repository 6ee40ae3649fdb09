// SPDX-License-Identifier: Apache-2.0
#include "aws/circuit.h"

#include "lib/test.h"

static struct circuit c;

static int setup(void **state)
{
    (void)state;
    c = (struct circuit){0};
    return 0;
}

static void fail_times(int n, int64_t now_ms)
{
    for (int i = 0; i < n; i++) {
        assert_true(circuit_enter(&c, now_ms));
        circuit_fail(&c, now_ms, 0);
    }
}

static void test_opens_after_failures_in_a_row(void **state)
{
    (void)state;
    fail_times(CIRCUIT_FAILURES - 1, 1000);
    assert_false(circuit_is_open(&c));
    assert_true(circuit_enter(&c, 1000));
    circuit_answer(&c);
    fail_times(CIRCUIT_FAILURES - 1, 1000);
    assert_false(circuit_is_open(&c));
    fail_times(1, 1000);
    assert_true(circuit_is_open(&c));
    assert_false(circuit_enter(&c, 1000));
}

static void test_one_probe_at_a_time(void **state)
{
    (void)state;
    fail_times(CIRCUIT_FAILURES, 1000);
    assert_false(circuit_enter(&c, 1000 + CIRCUIT_FIRST_MS - 1));
    assert_true(circuit_enter(&c, 1000 + CIRCUIT_FIRST_MS));
    assert_false(circuit_enter(&c, 1000 + CIRCUIT_FIRST_MS));
    circuit_leave(&c);
    assert_true(circuit_enter(&c, 1000 + CIRCUIT_FIRST_MS));
    circuit_answer(&c);
    assert_false(circuit_is_open(&c));
    assert_true(circuit_enter(&c, 1000 + CIRCUIT_FIRST_MS));
    assert_true(circuit_enter(&c, 1000 + CIRCUIT_FIRST_MS));
}

static void test_waits_longer_each_time(void **state)
{
    (void)state;
    static const int64_t waits[] = {500, 1000, 2000, 4000, 5000, 5000};
    int64_t now_ms = 0;
    fail_times(CIRCUIT_FAILURES, now_ms);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        assert_int_equal(c.probe_ms - now_ms, waits[i]);
        now_ms = c.probe_ms;
        fail_times(1, now_ms);
    }
}

static void test_jitter_shortens(void **state)
{
    (void)state;
    fail_times(CIRCUIT_FAILURES - 1, 0);
    assert_true(circuit_enter(&c, 0));
    circuit_fail(&c, 0, 0.5);
    assert_int_equal(c.probe_ms, 375);
}

// Many calls were out when the endpoint went away.
static void test_late_failures_change_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_true(circuit_enter(&c, 0));
    for (int i = 0; i < 100; i++)
        circuit_fail(&c, i, 0);
    assert_int_equal(c.probe_ms, CIRCUIT_FAILURES - 1 + CIRCUIT_FIRST_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_opens_after_failures_in_a_row, setup),
        cmocka_unit_test_setup(test_one_probe_at_a_time, setup),
        cmocka_unit_test_setup(test_waits_longer_each_time, setup),
        cmocka_unit_test_setup(test_jitter_shortens, setup),
        cmocka_unit_test_setup(test_late_failures_change_nothing, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
