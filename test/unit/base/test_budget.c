// SPDX-License-Identifier: Apache-2.0
#include "base/budget.h"

#include "lib/test.h"
#include "lib/test_clock.h"

#define LIMIT 100
#define RESERVE 30

struct taker {
    struct budget_waiter waiter;
    struct budget *budget;
    int name;
    bool has;
    bool gives_back_at_once;
};

static int woken[64];
static size_t n_woken;

static void on_wake(struct budget_waiter *w)
{
    struct taker *t = container_of(w, struct taker, waiter);
    assert_false(list_linked(&w->link));
    assert_false(t->has);
    woken[n_woken++] = t->name;
    t->has = true;
    if (t->gives_back_at_once) {
        t->has = false;
        budget_give(t->budget, w->need);
    }
}

static void wait_for(struct budget *b, struct taker *t, int name, size_t need, bool first)
{
    *t = (struct taker){.waiter.wake = on_wake, .budget = b, .name = name};
    assert_false(budget_try(b, need, first));
    budget_wait(b, &t->waiter, need, first);
}

static int reset(void **state)
{
    (void)state;
    n_woken = 0;
    return 0;
}

static void test_limit_and_reserve(void **state)
{
    (void)state;
    struct budget b;
    budget_init(&b, LIMIT, RESERVE);
    assert_true(budget_try(&b, 1, false));
    assert_false(budget_try(&b, LIMIT - RESERVE, false));
    assert_true(budget_try(&b, LIMIT - RESERVE - 1, false));
    assert_false(budget_try(&b, 1, false));
    assert_false(budget_try(&b, RESERVE + 1, true));
    assert_true(budget_try(&b, RESERVE, true));
    assert_false(budget_try(&b, 1, true));
    assert_int_equal(b.used, LIMIT);
    budget_give(&b, LIMIT);
    assert_int_equal(b.used, 0);
    assert_int_equal(b.peak, LIMIT);
}

static void test_one_larger_than_all_gets_through_alone(void **state)
{
    (void)state;
    struct budget b;
    budget_init(&b, LIMIT, RESERVE);
    assert_true(budget_try(&b, 5 * LIMIT, false));
    assert_false(budget_try(&b, 0, true));
    budget_give(&b, 5 * LIMIT);
    assert_true(budget_try(&b, 1, false));
    assert_false(budget_try(&b, LIMIT, true));
}

static void test_force_goes_over_and_is_counted(void **state)
{
    (void)state;
    struct budget b;
    struct taker t;
    budget_init(&b, LIMIT, RESERVE);
    budget_force(&b, 3 * LIMIT);
    wait_for(&b, &t, 1, 10, false);
    budget_give(&b, 2 * LIMIT);
    assert_int_equal(n_woken, 0);
    budget_give(&b, LIMIT);
    assert_int_equal(n_woken, 1);
    assert_int_equal(b.used, 10);
    assert_int_equal(b.peak, 3 * LIMIT);
}

static void test_waiters_wake_in_order(void **state)
{
    (void)state;
    struct budget b;
    struct taker t[3];
    budget_init(&b, LIMIT, RESERVE);
    assert_true(budget_try(&b, 70, false));
    wait_for(&b, &t[0], 0, 20, false);
    wait_for(&b, &t[1], 1, 20, false);
    wait_for(&b, &t[2], 2, 20, false);
    budget_give(&b, 45);
    assert_int_equal(n_woken, 2);
    budget_give(&b, 25);
    assert_int_equal(n_woken, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(woken[i], i);
    }
    assert_int_equal(b.used, 60);
}

// A large one that waits must not be passed for ever by small ones behind it.
static void test_a_small_waiter_does_not_pass_a_large_one(void **state)
{
    (void)state;
    struct budget b;
    struct taker large, small;
    budget_init(&b, LIMIT, RESERVE);
    assert_true(budget_try(&b, 70, false));
    wait_for(&b, &large, 1, 60, false);
    wait_for(&b, &small, 2, 5, false);
    budget_give(&b, 40);
    assert_int_equal(n_woken, 0);
    budget_give(&b, 20);
    assert_int_equal(n_woken, 1);
    assert_int_equal(woken[0], 1);
    budget_give(&b, 10);
    assert_int_equal(n_woken, 2);
}

static void test_a_newcomer_does_not_pass_a_waiter(void **state)
{
    (void)state;
    struct budget b;
    struct taker t;
    budget_init(&b, LIMIT, RESERVE);
    assert_true(budget_try(&b, 50, false));
    wait_for(&b, &t, 1, 40, false);
    assert_false(budget_try(&b, 5, false));
    // The reserve is for those that hold nothing: nobody of them waits.
    assert_true(budget_try(&b, 5, true));
    budget_cancel(&b, &t.waiter);
    assert_true(budget_try(&b, 5, false));
}

static void test_a_first_taker_passes_those_that_hold_something(void **state)
{
    (void)state;
    struct budget b;
    struct taker other, first, second_first;
    budget_init(&b, LIMIT, RESERVE);
    assert_true(budget_try(&b, 70, false));
    assert_true(budget_try(&b, 30, true));
    wait_for(&b, &other, 1, 60, false);
    wait_for(&b, &first, 2, 25, true);
    wait_for(&b, &second_first, 3, 25, true);
    budget_give(&b, 30);
    assert_int_equal(n_woken, 1);
    assert_int_equal(woken[0], 2);
    assert_false(budget_try(&b, 1, true));
    budget_give(&b, 70);
    assert_int_equal(n_woken, 2);
    assert_int_equal(woken[1], 3);
    budget_give(&b, 25);
    budget_give(&b, 25);
    assert_int_equal(n_woken, 3);
    assert_int_equal(woken[2], 1);
}

static void test_cancel_takes_nothing(void **state)
{
    (void)state;
    struct budget b;
    struct taker t;
    budget_init(&b, LIMIT, RESERVE);
    assert_true(budget_try(&b, 70, false));
    wait_for(&b, &t, 1, 10, false);
    budget_cancel(&b, &t.waiter);
    budget_cancel(&b, &t.waiter);
    budget_give(&b, 70);
    assert_int_equal(n_woken, 0);
    assert_int_equal(b.used, 0);
}

static void test_giving_back_inside_wake(void **state)
{
    (void)state;
    struct budget b;
    struct taker t[5];
    budget_init(&b, LIMIT, RESERVE);
    assert_true(budget_try(&b, 70, false));
    for (int i = 0; i < 5; i++) {
        wait_for(&b, &t[i], i, 60, false);
        t[i].gives_back_at_once = true;
    }
    budget_give(&b, 70);
    assert_int_equal(n_woken, 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(woken[i], i);
    }
    assert_int_equal(b.used, 0);
}

// Whatever the order of events: the limit holds, everyone who waits is served in the end.
static void test_random_traffic(void **state)
{
    (void)state;
    enum { TAKERS = 8 };
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct budget b;
        struct taker t[TAKERS] = {0};
        uint64_t random = seed;
        size_t held[TAKERS] = {0};
        budget_init(&b, LIMIT, RESERVE);
        for (int step = 0; step < 500; step++) {
            size_t i = (size_t)test_random_below(&random, TAKERS);
            if (t[i].has) {
                t[i].has = false;
                n_woken = 0;
                budget_give(&b, held[i]);
            } else if (!list_linked(&t[i].waiter.link)) {
                held[i] = 1 + (size_t)test_random_below(&random, RESERVE);
                bool first = test_random(&random) & 1;
                t[i] = (struct taker){.waiter.wake = on_wake, .budget = &b, .name = (int)i};
                t[i].has = budget_try(&b, held[i], first);
                if (!t[i].has) {
                    budget_wait(&b, &t[i].waiter, held[i], first);
                }
            }
            size_t sum = 0;
            for (size_t k = 0; k < TAKERS; k++) {
                sum += t[k].has ? held[k] : 0;
            }
            assert_int_equal(sum, b.used);
            assert_true(b.used <= LIMIT);
        }
        for (int round = 0; round < TAKERS; round++) {
            for (size_t i = 0; i < TAKERS; i++) {
                if (t[i].has) {
                    t[i].has = false;
                    n_woken = 0;
                    budget_give(&b, held[i]);
                }
            }
        }
        assert_true(list_empty(&b.waiters));
        assert_int_equal(b.used, 0);
    }
}

static void init_with_all_reserved(void *arg)
{
    budget_init(arg, LIMIT, LIMIT);
}

static void give_too_much(void *arg)
{
    budget_give(arg, 1);
}

static void test_giving_more_than_taken_aborts(void **state)
{
    (void)state;
    struct budget b;
    budget_init(&b, LIMIT, RESERVE);
    assert_true(test_aborts(give_too_much, &b));
    assert_true(test_aborts(init_with_all_reserved, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_limit_and_reserve, reset),
        cmocka_unit_test_setup(test_one_larger_than_all_gets_through_alone, reset),
        cmocka_unit_test_setup(test_force_goes_over_and_is_counted, reset),
        cmocka_unit_test_setup(test_waiters_wake_in_order, reset),
        cmocka_unit_test_setup(test_a_small_waiter_does_not_pass_a_large_one, reset),
        cmocka_unit_test_setup(test_a_newcomer_does_not_pass_a_waiter, reset),
        cmocka_unit_test_setup(test_a_first_taker_passes_those_that_hold_something, reset),
        cmocka_unit_test_setup(test_cancel_takes_nothing, reset),
        cmocka_unit_test_setup(test_giving_back_inside_wake, reset),
        cmocka_unit_test_setup(test_random_traffic, reset),
        cmocka_unit_test_setup(test_giving_more_than_taken_aborts, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
