// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "lib/test.h"
#include "stream/subscribe_pace.h"

#define START 100000

static struct subscribe_pace started(void)
{
    struct subscribe_pace p;
    subscribe_pace_init(&p, START);
    assert_int_equal(subscribe_pace_due(&p), START);
    subscribe_pace_call(&p, START);
    subscribe_pace_open(&p, START);
    return p;
}

static void test_next_at_once(void **state)
{
    (void)state;
    struct subscribe_pace p = started();
    subscribe_pace_event(&p);
    subscribe_pace_end(&p, START + 300000, 0, 0.5);
    assert_true(subscribe_pace_due(&p) <= START + 300000);
    assert_int_equal(subscribe_pace_backoff(&p), 0);
    // One that ends at once: not more than one call a second.
    subscribe_pace_call(&p, START + 300000);
    subscribe_pace_end(&p, START + 300010, 0, 0.5);
    assert_int_equal(subscribe_pace_due(&p), START + 300000 + SUBSCRIBE_PACE_GAP_MS);
    // One that was accepted and ends at once: not within the five seconds of a refusal.
    subscribe_pace_call(&p, START + 302000);
    subscribe_pace_open(&p, START + 302100);
    subscribe_pace_event(&p);
    subscribe_pace_end(&p, START + 302500, ERR_CLOSED, 0.5);
    assert_int_equal(subscribe_pace_due(&p), START + 302100 + SUBSCRIBE_PACE_ACCEPTED_MS);
}

static void test_what_worked_is_repeated_at_once(void **state)
{
    (void)state;
    struct subscribe_pace p = started();
    subscribe_pace_event(&p);
    subscribe_pace_end(&p, START + 20000, ERR_CLOSED, 0.5);
    assert_true(subscribe_pace_due(&p) <= START + 20000);
    int64_t now = START + 20000, last = 0;
    for (int i = 0; i < 12; i++) {
        subscribe_pace_call(&p, now);
        subscribe_pace_end(&p, now, ERR_CLOSED, 0.5);
        int64_t wait = subscribe_pace_due(&p) - now;
        assert_true(wait >= last && wait <= 2 * SUBSCRIBE_PACE_FAILURE_MAX_MS);
        assert_true(wait >= SUBSCRIBE_PACE_GAP_MS);
        last = wait;
        now += wait;
    }
    assert_true(last >= SUBSCRIBE_PACE_FAILURE_MAX_MS);
    // An event forgets it all.
    subscribe_pace_event(&p);
    assert_true(subscribe_pace_due(&p) <= now + SUBSCRIBE_PACE_GAP_MS);
}

static void test_in_use(void **state)
{
    (void)state;
    struct subscribe_pace p;
    subscribe_pace_init(&p, START);
    // Refused for what another process did: again and again until the five seconds are over.
    for (int i = 0; i < 5; i++) {
        subscribe_pace_call(&p, START);
        subscribe_pace_end(&p, START + 20, ERR_BUSY, 0);
        assert_int_equal(subscribe_pace_due(&p), START + 20 + SUBSCRIBE_PACE_REFUSED_MS);
    }
    // Two that take over from each other: an event in between does not make it quicker.
    int64_t now = START, last = 0;
    for (int i = 0; i < 8; i++) {
        subscribe_pace_call(&p, now);
        subscribe_pace_open(&p, now);
        subscribe_pace_event(&p);
        subscribe_pace_end(&p, now + 5000, ERR_BUSY, 0);
        int64_t wait = subscribe_pace_due(&p) - (now + 5000);
        assert_true(wait >= last && wait <= SUBSCRIBE_PACE_IN_USE_MAX_MS);
        last = wait;
        now += wait;
    }
    assert_int_equal(last, SUBSCRIBE_PACE_IN_USE_MAX_MS);
    // One that lived long starts over.
    subscribe_pace_call(&p, now);
    subscribe_pace_event(&p);
    now += SUBSCRIBE_PACE_SETTLED_MS;
    subscribe_pace_end(&p, now, 0, 0);
    subscribe_pace_call(&p, now);
    subscribe_pace_open(&p, now - SUBSCRIBE_PACE_ACCEPTED_MS);
    subscribe_pace_end(&p, now, ERR_BUSY, 0);
    assert_int_equal(subscribe_pace_due(&p), now + SUBSCRIBE_PACE_IN_USE_MS);
}

static void test_throttled(void **state)
{
    (void)state;
    struct subscribe_pace p;
    subscribe_pace_init(&p, START);
    subscribe_pace_call(&p, START);
    subscribe_pace_end(&p, START, ERR_THROTTLED, 0);
    assert_int_equal(subscribe_pace_due(&p), START + SUBSCRIBE_PACE_THROTTLE_MS);
    for (int i = 0; i < 40; i++)
        subscribe_pace_end(&p, START, ERR_THROTTLED, 0.999);
    assert_true(subscribe_pace_due(&p) <= START + 2 * SUBSCRIBE_PACE_THROTTLE_MAX_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next_at_once),
        cmocka_unit_test(test_what_worked_is_repeated_at_once),
        cmocka_unit_test(test_in_use),
        cmocka_unit_test(test_throttled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
