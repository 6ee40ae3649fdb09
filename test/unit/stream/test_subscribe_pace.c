// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "lib/test.h"
#include "stream/subscribe_pace.h"

#define START 100000

static struct subscribe_pace p;
static struct subscribe_past past;

static void call(int64_t now_ms)
{
    subscribe_pace_call(&p, &past, now_ms);
}

static void end(int64_t now_ms, int status, double unit)
{
    subscribe_pace_end(&p, &past, now_ms, status, unit);
}

static void begin(void)
{
    subscribe_pace_init(&p, START, SUBSCRIBE_PACE_LIFE_MS);
    assert_int_equal(subscribe_pace_due(&p), START);
}

static void begin_open(void)
{
    begin();
    call(START);
    subscribe_pace_open(&p, &past, START, 0.5);
}

static void test_next_at_once(void **state)
{
    (void)state;
    begin_open();
    subscribe_pace_event(&p, &past);
    end(START + 300000, 0, 0.5);
    assert_true(subscribe_pace_due(&p) <= START + 300000);
    assert_int_equal(subscribe_pace_backoff(&p), 0);
    // One that ends at once: not more than one call a second.
    call(START + 300000);
    end(START + 300010, 0, 0.5);
    assert_int_equal(subscribe_pace_due(&p), START + 300000 + SUBSCRIBE_PACE_GAP_MS);
    // One that was accepted and ends at once: not within the five seconds of a refusal.
    call(START + 302000);
    subscribe_pace_open(&p, &past, START + 302100, 0.5);
    subscribe_pace_event(&p, &past);
    end(START + 302500, ERR_CLOSED, 0.5);
    assert_int_equal(subscribe_pace_due(&p), START + 302100 + SUBSCRIBE_PACE_ACCEPTED_MS);
}

static void test_renewal(void **state)
{
    (void)state;
    int64_t earliest = START + SUBSCRIBE_PACE_LIFE_MS;
    for (double unit = 0; unit < 1; unit += 0.1) {
        begin();
        call(START);
        subscribe_pace_open(&p, &past, START, unit);
        int64_t at = subscribe_pace_renewal(&p);
        assert_in_range(at, START + 255000, START + 285000);
        assert_true(at < earliest); // each at another moment
        earliest = at;
    }
    // While the old one lasts a call that failed is made again, often enough to succeed in time.
    int64_t now = earliest;
    for (int n = 0; n < 3; n++) {
        struct subscribe_past next;
        subscribe_pace_call(&p, &next, now);
        subscribe_pace_event(&p, &past);
        subscribe_pace_not_renewed(&p, now + 10, 0.9);
        assert_in_range(subscribe_pace_renewal(&p), now + SUBSCRIBE_PACE_RENEW_AGAIN_MS,
                        now + 5000);
        now = subscribe_pace_renewal(&p);
    }
    // What the old one was still counts.
    end(now, ERR_CLOSED, 0.9);
    assert_int_equal(subscribe_pace_backoff(&p), 0);
    // A short life does not make calls that the service would refuse.
    subscribe_pace_init(&p, START, 3000);
    call(START);
    subscribe_pace_open(&p, &past, START + 10, 0.5);
    assert_int_equal(subscribe_pace_renewal(&p), START + 10 + SUBSCRIBE_PACE_ACCEPTED_MS);
}

static void test_what_worked_is_repeated_at_once(void **state)
{
    (void)state;
    begin_open();
    subscribe_pace_event(&p, &past);
    end(START + 20000, ERR_CLOSED, 0.5);
    assert_true(subscribe_pace_due(&p) <= START + 20000);
    int64_t now = START + 20000, last = 0;
    for (int i = 0; i < 12; i++) {
        call(now);
        end(now, ERR_CLOSED, 0.5);
        int64_t wait = subscribe_pace_due(&p) - now;
        assert_true(wait >= last && wait <= 2 * SUBSCRIBE_PACE_FAILURE_MAX_MS);
        assert_true(wait >= SUBSCRIBE_PACE_GAP_MS);
        last = wait;
        now += wait;
    }
    assert_true(last >= SUBSCRIBE_PACE_FAILURE_MAX_MS);
    // An event forgets it all.
    subscribe_pace_event(&p, &past);
    assert_true(subscribe_pace_due(&p) <= now + SUBSCRIBE_PACE_GAP_MS);
}

static void test_in_use(void **state)
{
    (void)state;
    begin();
    // Refused for what another process did: again and again until the five seconds are over.
    for (int i = 0; i < 5; i++) {
        call(START);
        end(START + 20, ERR_BUSY, 0);
        assert_int_equal(subscribe_pace_due(&p), START + 20 + SUBSCRIBE_PACE_REFUSED_MS);
    }
    // Two that take over from each other: an event in between does not make it quicker.
    int64_t now = START, last = 0;
    for (int i = 0; i < 8; i++) {
        call(now);
        subscribe_pace_open(&p, &past, now, 0.5);
        subscribe_pace_event(&p, &past);
        end(now + 5000, ERR_BUSY, 0);
        int64_t wait = subscribe_pace_due(&p) - (now + 5000);
        assert_true(wait >= last && wait <= SUBSCRIBE_PACE_IN_USE_MAX_MS);
        last = wait;
        now += wait;
    }
    assert_int_equal(last, SUBSCRIBE_PACE_IN_USE_MAX_MS);
    // One that lived long starts over.
    call(now);
    subscribe_pace_event(&p, &past);
    now += SUBSCRIBE_PACE_SETTLED_MS;
    end(now, 0, 0);
    call(now);
    subscribe_pace_open(&p, &past, now - SUBSCRIBE_PACE_ACCEPTED_MS, 0.5);
    end(now, ERR_BUSY, 0);
    assert_int_equal(subscribe_pace_due(&p), now + SUBSCRIBE_PACE_IN_USE_MS);
}

static void test_throttled(void **state)
{
    (void)state;
    begin();
    call(START);
    end(START, ERR_THROTTLED, 0);
    assert_int_equal(subscribe_pace_due(&p), START + SUBSCRIBE_PACE_THROTTLE_MS);
    for (int i = 0; i < 40; i++)
        end(START, ERR_THROTTLED, 0.999);
    assert_true(subscribe_pace_due(&p) <= START + 2 * SUBSCRIBE_PACE_THROTTLE_MAX_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next_at_once),
        cmocka_unit_test(test_renewal),
        cmocka_unit_test(test_what_worked_is_repeated_at_once),
        cmocka_unit_test(test_in_use),
        cmocka_unit_test(test_throttled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
