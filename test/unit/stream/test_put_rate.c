// SPDX-License-Identifier: Apache-2.0
#include "stream/put_rate.h"

#include "lib/test.h"

// Sends for `ms`, one record at a time, as fast as the rate lets; the shard accepts what `accept`
// of a second lets through. Returns the records accepted.
static int run(struct put_rate *r, int64_t *now, int64_t ms, double accept, int *throttled)
{
    int64_t end = *now + ms, window = *now;
    double in_window = 0;
    int n = 0;
    while (*now < end) {
        int64_t due = put_rate_due(r, *now);
        if (due > *now) {
            *now = due;
            continue;
        }
        if (*now - window >= 1000) {
            window = *now;
            in_window = 0;
        }
        put_rate_send(r, 1, 10);
        if (++in_window <= accept) {
            put_rate_accept(r, 1, *now);
            n++;
        } else {
            put_rate_throttle(r, *now);
            ++*throttled;
        }
        // Something happens in between, and a rate without limit does not stop the clock.
        *now += n % 50 == 0;
    }
    return n;
}

static void test_limit(void **state)
{
    (void)state;
    struct put_rate r;
    int64_t now = 1000;
    int throttled = 0;
    put_rate_init(&r, 1000, 0, now);
    int n = run(&r, &now, 10000, 1e9, &throttled);
    assert_true(n >= 9900 && n <= 10300); // and a burst of a quarter
    now += 60000;                         // idle: no more than that burst is saved up
    n = run(&r, &now, 1000, 1e9, &throttled);
    assert_true(n >= 1000 && n <= 1300);
}

static void test_bytes(void **state)
{
    (void)state;
    struct put_rate r;
    put_rate_init(&r, 0, 1000, 0);
    assert_int_equal(put_rate_due(&r, 0), 0);
    put_rate_send(&r, 1, 10250); // a large record, all the same
    int64_t due = put_rate_due(&r, 0);
    assert_true(due >= 10000 && due <= 10010);
    assert_int_equal(put_rate_due(&r, due), due);
}

static void test_no_limit(void **state)
{
    (void)state;
    struct put_rate r;
    int64_t now = 0;
    int throttled = 0;
    put_rate_init(&r, 0, 0, 0);
    assert_int_equal(run(&r, &now, 100, 1e9, &throttled), 5000);
    assert_int_equal(throttled, 0);
}

// A shard that takes less than it should: soon few records are throttled, and it gets nearly all
// that it takes. When it takes more again, so it is sent.
static void test_adapts(void **state)
{
    (void)state;
    static const double limits[] = {1000, 0};
    for (int i = 0; i < 2; i++) {
        struct put_rate r;
        int64_t now = 0;
        int throttled = 0;
        put_rate_init(&r, limits[i], 0, 0);
        run(&r, &now, 20000, 200, &throttled);
        throttled = 0;
        int n = run(&r, &now, 20000, 200, &throttled);
        assert_true(n > 20 * 200 * 6 / 10);
        assert_true(throttled < n / 4);
        n = run(&r, &now, 60000, 1e9, &throttled);
        n = run(&r, &now, 1000, 1e9, &throttled);
        assert_true(n > 950);
    }
}

// Sends for `ms`; of ten some are refused, however few are sent. Returns how many were sent.
static int send_refusing(struct put_rate *r, int64_t *now, int64_t ms, int of_ten)
{
    int64_t end = *now + ms;
    int n = 0;
    while (*now < end) {
        int64_t due = put_rate_due(r, *now);
        if (due > *now) {
            *now = due;
            continue;
        }
        put_rate_send(r, 1, 10);
        if (n++ % 10 < of_ten)
            put_rate_throttle(r, *now);
        else
            put_rate_accept(r, 1, *now);
    }
    return n;
}

static void test_refusing_a_part_does_not_starve(void **state)
{
    (void)state;
    static const int least[] = {[3] = 60000, [5] = 57000}; // three of ten do not slow it at all
    for (int of_ten = 3; of_ten <= 5; of_ten += 2) {
        struct put_rate r;
        int64_t now = 0;
        put_rate_init(&r, 1000, 0, 0);
        assert_true(send_refusing(&r, &now, 60000, of_ten) >= least[of_ten]);
    }
}

static void test_never_stops(void **state)
{
    (void)state;
    struct put_rate r;
    int64_t now = 0;
    int throttled = 0;
    put_rate_init(&r, 1000, 0, 0);
    run(&r, &now, 60000, 0, &throttled);
    int before = throttled;
    run(&r, &now, 10000, 0, &throttled);
    assert_true(throttled - before >= 45 && throttled - before <= 55); // PUT_RATE_MIN
}

// A shard that took nothing takes what it can again: it gets it within seconds, and also when it
// goes on refusing three of ten.
static void test_recovers_soon(void **state)
{
    (void)state;
    for (int of_ten = 0; of_ten <= 3; of_ten += 3) {
        struct put_rate r;
        int64_t now = 0;
        int throttled = 0;
        put_rate_init(&r, 1000, 0, 0);
        run(&r, &now, 20000, 0, &throttled);
        send_refusing(&r, &now, 5000, of_ten);
        assert_true(send_refusing(&r, &now, 1000, of_ten) >= 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_no_limit),
        cmocka_unit_test(test_adapts),
        cmocka_unit_test(test_refusing_a_part_does_not_starve),
        cmocka_unit_test(test_never_stops),
        cmocka_unit_test(test_recovers_soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
