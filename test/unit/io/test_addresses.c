// SPDX-License-Identifier: Apache-2.0
#include "io/addresses.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "lib/test.h"

static struct addresses list;
static struct bad_addresses bad;

static int setup(void **state)
{
    (void)state;
    memset(&list, 0, sizeof list);
    memset(&bad, 0, sizeof bad);
    return 0;
}

static union address address(const char *text, uint16_t port)
{
    union address a = {0};
    if (strchr(text, ':')) {
        a.v6.sin6_family = AF_INET6;
        a.v6.sin6_port = htons(port);
        assert_int_equal(inet_pton(AF_INET6, text, &a.v6.sin6_addr), 1);
    } else {
        a.v4.sin_family = AF_INET;
        a.v4.sin_port = htons(port);
        assert_int_equal(inet_pton(AF_INET, text, &a.v4.sin_addr), 1);
    }
    return a;
}

static void add(const char *text)
{
    union address a = address(text, 1);
    addresses_add(&list, &a.any, 443);
}

static void check(const char *const *want, unsigned n)
{
    assert_int_equal(list.n, n);
    for (unsigned i = 0; i < n; i++) {
        union address a = address(want[i], 443);
        assert_true(address_eq(&list.at[i], &a));
    }
}

#define CHECK(...)                                                                                 \
    do {                                                                                           \
        const char *const want[] = {__VA_ARGS__};                                                  \
        check(want, sizeof want / sizeof *want);                                                   \
    } while (0)

static void fail_now(const char *text, int64_t now_ms)
{
    union address a = address(text, 443);
    bad_addresses_add(&bad, &a, now_ms);
}

static void test_families_take_turns(void **state)
{
    (void)state;
    add("::1");
    add("::2");
    add("::3");
    add("10.0.0.1");
    add("10.0.0.2");
    addresses_order(&list, &bad, 0);
    CHECK("::1", "10.0.0.1", "::2", "10.0.0.2", "::3");
}

static void test_the_first_family_stays_first(void **state)
{
    (void)state;
    add("10.0.0.1");
    add("::1");
    add("::2");
    addresses_order(&list, &bad, 0);
    CHECK("10.0.0.1", "::1", "::2");
}

static void test_failed_ones_come_last(void **state)
{
    (void)state;
    add("::1");
    add("10.0.0.1");
    add("10.0.0.2");
    fail_now("::1", 1000);
    fail_now("10.0.0.1", 1000);
    addresses_order(&list, &bad, 1000);
    CHECK("10.0.0.2", "::1", "10.0.0.1");
}

static void test_failures_are_forgotten(void **state)
{
    (void)state;
    union address a = address("::1", 443), other_port = address("::1", 80);
    fail_now("::1", 1000);
    assert_true(bad_addresses_has(&bad, &a, 1000 + ADDRESSES_BAD_MS - 1));
    assert_false(bad_addresses_has(&bad, &a, 1000 + ADDRESSES_BAD_MS));
    assert_false(bad_addresses_has(&bad, &other_port, 1000));
    bad_addresses_remove(&bad, &a);
    assert_false(bad_addresses_has(&bad, &a, 1000));
}

static void test_the_oldest_failure_makes_room(void **state)
{
    (void)state;
    char text[32];
    union address first = address("10.0.0.0", 443), second = address("10.0.0.1", 443);
    for (int i = 0; i < ADDRESSES_BAD_MAX; i++) {
        snprintf(text, sizeof text, "10.0.0.%d", i);
        fail_now(text, 0);
    }
    assert_true(bad_addresses_has(&bad, &first, 0));
    fail_now("10.1.0.0", 0);
    assert_false(bad_addresses_has(&bad, &first, 0));
    assert_true(bad_addresses_has(&bad, &second, 0));
}

static void test_what_is_left_out(void **state)
{
    (void)state;
    char text[32];
    struct sockaddr other = {.sa_family = AF_UNIX};
    addresses_add(&list, &other, 443);
    add("10.0.0.1");
    add("10.0.0.1");
    add("::1");
    add("::1");
    assert_int_equal(list.n, 2);
    for (int i = 0; i < ADDRESSES_MAX; i++) {
        snprintf(text, sizeof text, "10.0.1.%d", i);
        add(text);
    }
    assert_int_equal(list.n, ADDRESSES_MAX);
    addresses_order(&list, &bad, 0);
    assert_int_equal(list.n, ADDRESSES_MAX);
}

static void test_none(void **state)
{
    (void)state;
    addresses_order(&list, &bad, 0);
    assert_int_equal(list.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_families_take_turns, setup),
        cmocka_unit_test_setup(test_the_first_family_stays_first, setup),
        cmocka_unit_test_setup(test_failed_ones_come_last, setup),
        cmocka_unit_test_setup(test_failures_are_forgotten, setup),
        cmocka_unit_test_setup(test_the_oldest_failure_makes_room, setup),
        cmocka_unit_test_setup(test_what_is_left_out, setup),
        cmocka_unit_test_setup(test_none, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
