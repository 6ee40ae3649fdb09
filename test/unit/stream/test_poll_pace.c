// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"
#include "lib/test_clock.h"
#include "stream/poll_pace.h"

static void test_burst_then_wait(void **state)
{
    (void)state;
    struct poll_pace p;
    poll_pace_init(&p, 0, 0, 1000);
    assert_int_equal(poll_pace_due(&p), 1000);
    for (int i = 0; i < 5; i++) {
        assert_true(poll_pace_due(&p) <= 1000 + i);
        poll_pace_call(&p, 1000 + i);
        poll_pace_succeed(&p, true);
    }
    assert_int_equal(poll_pace_due(&p), 1000 + 1000 + POLL_PACE_MARGIN_MS);
    poll_pace_call(&p, 2010);
    poll_pace_succeed(&p, true);
    assert_int_equal(poll_pace_due(&p), 1001 + 1000 + POLL_PACE_MARGIN_MS);
}

static void test_idle_interval(void **state)
{
    (void)state;
    struct poll_pace p;
    poll_pace_init(&p, 0, 0, 0);
    poll_pace_call(&p, 5000);
    poll_pace_succeed(&p, false);
    assert_int_equal(poll_pace_due(&p), 5250);
    poll_pace_init(&p, 0, 199, 0);
    poll_pace_call(&p, 5000);
    poll_pace_succeed(&p, false);
    assert_int_equal(poll_pace_due(&p), 5200);
    poll_pace_init(&p, 0, 201, 0);
    poll_pace_call(&p, 5000);
    poll_pace_succeed(&p, false);
    assert_int_equal(poll_pace_due(&p), 5201);
}

static void test_more_goes_on_at_once(void **state)
{
    (void)state;
    struct poll_pace p;
    poll_pace_init(&p, 0, 1000, 0);
    poll_pace_call(&p, 5000);
    poll_pace_succeed(&p, true);
    assert_true(poll_pace_due(&p) <= 5000);
}

// Counts the calls of a caller that always wants to go on, over ten seconds, in any second.
static unsigned most_in_a_second(int rate, unsigned *total)
{
    static int64_t calls[200000];
    struct poll_pace p;
    unsigned n = 0, most = 0;
    poll_pace_init(&p, rate, 0, 0);
    for (int64_t now = 0; now < 10000;) {
        if (poll_pace_due(&p) > now) {
            now = poll_pace_due(&p);
            continue;
        }
        poll_pace_call(&p, now);
        poll_pace_succeed(&p, true);
        calls[n++] = now;
        if (n == 200000)
            break;
    }
    for (unsigned i = 0, j = 0; i < n; i++) {
        while (calls[i] - calls[j] >= 1000)
            j++;
        if (i - j + 1 > most)
            most = i - j + 1;
    }
    *total = n;
    return most;
}

static void test_rates(void **state)
{
    (void)state;
    unsigned total;
    assert_int_equal(most_in_a_second(0, &total), 5);
    assert_true(total >= 48 && total <= 50);
    assert_int_equal(most_in_a_second(1, &total), 1);
    assert_int_equal(most_in_a_second(POLL_PACE_RING, &total), POLL_PACE_RING);
    assert_true(most_in_a_second(POLL_PACE_RING + 1, &total) <= 2 * POLL_PACE_RING);
    assert_true(total >= 160 && total <= 200);
    most_in_a_second(1000, &total);
    assert_true(total >= 9900 && total <= 10100);
    most_in_a_second(1000000, &total);
    assert_int_equal(total, 200000); // no limit any more
}

static void test_throttling(void **state)
{
    (void)state;
    struct poll_pace p;
    poll_pace_init(&p, 0, 0, 0);
    poll_pace_call(&p, 1000);
    poll_pace_throttle(&p, 1010, 0.0);
    assert_int_equal(poll_pace_due(&p), 1010 + POLL_PACE_THROTTLE_MS);
    assert_int_equal(poll_pace_backoff(&p), 1010 + POLL_PACE_THROTTLE_MS);
    poll_pace_throttle(&p, 1010, 0.999);
    assert_true(poll_pace_due(&p) > 1010 + 3 * POLL_PACE_THROTTLE_MS);
    for (int i = 0; i < 100; i++)
        poll_pace_throttle(&p, 1010, 0.999);
    assert_true(poll_pace_due(&p) <= 1010 + POLL_PACE_THROTTLE_MAX_MS);
    poll_pace_call(&p, 30000);
    poll_pace_succeed(&p, false);
    assert_true(poll_pace_due(&p) <= 30000 + POLL_PACE_GAP_MAX_MS);
    poll_pace_throttle(&p, 40000, 0.0);
    assert_int_equal(poll_pace_due(&p), 41000); // counted from the start again
}

// Others leave a call each `free_ms`; there is always more to read. Throttled calls in 1000.
static unsigned throttled_of(int64_t free_ms, unsigned *calls)
{
    struct poll_pace p;
    poll_pace_init(&p, 0, 0, 0);
    int64_t last = -free_ms;
    unsigned throttled = 0;
    *calls = 0;
    for (int64_t now = 0; now < 300000; now = poll_pace_due(&p)) {
        poll_pace_call(&p, now);
        ++*calls;
        if (now - last < free_ms) {
            poll_pace_throttle(&p, now, 0.5);
            throttled++;
        } else {
            poll_pace_succeed(&p, true);
            last = now;
        }
    }
    return throttled * 1000 / *calls;
}

static void test_adapts_to_what_others_leave(void **state)
{
    (void)state;
    unsigned calls;
    assert_int_equal(throttled_of(0, &calls), 0);
    assert_true(calls > 1450);
    for (int64_t free_ms = 300; free_ms <= 1350; free_ms += 150) {
        assert_true(throttled_of(free_ms, &calls) < 120);
        // And most of what is left is used.
        assert_true(calls > 300000 / (unsigned)free_ms / 2);
    }
}

static void test_recovers_when_others_are_gone(void **state)
{
    (void)state;
    struct poll_pace p;
    poll_pace_init(&p, 0, 0, 0);
    for (int i = 0; i < 20; i++)
        poll_pace_throttle(&p, 1000, 0.5);
    int64_t now = poll_pace_due(&p), last = 0;
    for (int i = 0; i < 200; i++) {
        poll_pace_call(&p, now);
        poll_pace_succeed(&p, true);
        last = poll_pace_due(&p) - now;
        now = poll_pace_due(&p);
    }
    assert_true(last <= 210);
    assert_true(now < 120000);
}

static void test_failures(void **state)
{
    (void)state;
    struct poll_pace p;
    poll_pace_init(&p, 0, 0, 0);
    int64_t last = 0;
    for (int i = 0; i < 8; i++) {
        poll_pace_fail(&p, 1000, 0.5);
        assert_true(poll_pace_due(&p) > last);
        last = poll_pace_due(&p);
    }
    for (int i = 0; i < 100; i++)
        poll_pace_fail(&p, 1000, 0.999);
    assert_true(poll_pace_due(&p) <= 1000 + POLL_PACE_FAILURE_MAX_MS);
    assert_true(poll_pace_due(&p) >= 1000 + POLL_PACE_FAILURE_MAX_MS / 2);
}

static void test_delay_is_jittered(void **state)
{
    (void)state;
    assert_int_equal(poll_pace_delay(100, 1000, 1, 0.0), 50);
    assert_int_equal(poll_pace_delay(100, 1000, 1, 0.5), 75);
    assert_int_equal(poll_pace_delay(100, 1000, 2, 0.0), 100);
    assert_int_equal(poll_pace_delay(100, 1000, 4, 0.0), 400);
    assert_int_equal(poll_pace_delay(100, 1000, 5, 0.0), 500);
    assert_int_equal(poll_pace_delay(100, 1000, 4000000000u, 0.0), 500);
    assert_int_equal(poll_pace_delay(100, 50, 1, 0.0), 25);
    assert_int_equal(poll_pace_delay(1, 1, 1, 0.0), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_then_wait),
        cmocka_unit_test(test_idle_interval),
        cmocka_unit_test(test_more_goes_on_at_once),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_throttling),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_delay_is_jittered),
        cmocka_unit_test(test_adapts_to_what_others_leave),
        cmocka_unit_test(test_recovers_when_others_are_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
