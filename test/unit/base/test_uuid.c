// SPDX-License-Identifier: Apache-2.0
#include "base/uuid.h"

#include "lib/test.h"
#include "lib/test_clock.h"

static uint64_t ticks_of(struct uuid u)
{
    uint64_t low = 0;
    for (int i = 0; i < 4; i++) {
        low = low << 8 | u.b[i];
    }
    uint64_t mid = (uint64_t)u.b[4] << 8 | u.b[5];
    uint64_t high = (uint64_t)(u.b[6] & 0x0f) << 8 | u.b[7];
    return high << 48 | mid << 32 | low;
}

// The generator's state is the process's, so each test starts after the one before.
static struct test_clock after_all_before(void)
{
    static int64_t start_ms = TEST_CLOCK_WALL_MS;
    struct test_clock c;
    test_clock_init(&c, 7);
    start_ms += 1000 * 1000;
    c.wall_ms = start_ms;
    return c;
}

static void test_v1_holds_time_version_and_variant(void **state)
{
    (void)state;
    struct test_clock c = after_all_before();
    c.clock.ctx = &c;
    struct uuid u = uuid_new_v1(&c.clock);
    assert_int_equal(u.b[6] >> 4, 1);
    assert_int_equal(u.b[8] >> 6, 2);
    assert_int_equal(u.b[10] & 1, 1);
    // RFC 9562 section 5.1: 100 ns ticks since 1582-10-15.
    assert_true(ticks_of(u) == (uint64_t)c.wall_ms * 10000 + 122192928000000000u);
}

static void test_v1_is_monotonic(void **state)
{
    (void)state;
    struct test_clock c = after_all_before();
    c.clock.ctx = &c;
    uint64_t random = 3, last = 0;
    for (int i = 0; i < 50000; i++) {
        uint64_t ticks = ticks_of(uuid_new_v1(&c.clock));
        assert_true(ticks > last);
        last = ticks;
        if (i % 100 == 0) {
            // Stands still most of the time, goes on a little, and is set back now and then.
            test_clock_jump(&c, (int64_t)test_random_below(&random, 50) - 25);
        }
    }
}

static void test_v1_keeps_its_node(void **state)
{
    (void)state;
    struct test_clock c = after_all_before();
    c.clock.ctx = &c;
    struct uuid a = uuid_new_v1(&c.clock), b = uuid_new_v1(&c.clock);
    assert_memory_equal(a.b + 8, b.b + 8, 8);
    // It is random: eight times zero would be a wonder.
    assert_memory_not_equal(a.b + 8, "\x80\0\x01\0\0\0\0\0", 8);
    assert_false(uuid_eq(a, b));
}

static void test_v4(void **state)
{
    (void)state;
    struct test_clock c;
    test_clock_init(&c, 1);
    struct uuid a = uuid_new_v4(&c.clock), b = uuid_new_v4(&c.clock);
    assert_false(uuid_eq(a, b));
    assert_int_equal(a.b[6] >> 4, 4);
    assert_int_equal(a.b[8] >> 6, 2);
    test_clock_init(&c, 1);
    struct uuid again = uuid_new_v4(&c.clock);
    assert_true(uuid_eq(a, again));
    assert_true(uuid_eq(uuid_new_v4(&clock_system), a) == false);
}

static void test_text(void **state)
{
    (void)state;
    char text[UUID_TEXT_LEN + 1];
    struct uuid u;
    uuid_format(uuid_null, text);
    assert_string_equal(text, "13814000-1dd2-11b2-8080-808080808080");
    assert_true(uuid_parse(span_str(text), &u));
    assert_true(uuid_eq(u, uuid_null));
    assert_true(uuid_parse(SPAN("ABCDEF01-2345-6789-abcd-ef0123456789"), &u));
    uuid_format(u, text);
    assert_string_equal(text, "abcdef01-2345-6789-abcd-ef0123456789");
    assert_int_equal(uuid_span(&u).n, 16);
}

static void test_wrong_text(void **state)
{
    (void)state;
    char text[] = "13814000-1dd2-11b2-8080-808080808080";
    struct uuid u;
    for (size_t i = 0; i < UUID_TEXT_LEN; i++) {
        char was = text[i];
        text[i] = was == '-' ? '0' : '-';
        assert_false(uuid_parse(span_str(text), &u));
        text[i] = 'g';
        assert_false(uuid_parse(span_str(text), &u));
        text[i] = '\0';
        assert_false(uuid_parse(span_of(text, UUID_TEXT_LEN), &u));
        text[i] = was;
    }
    assert_false(uuid_parse(span_of(text, UUID_TEXT_LEN - 1), &u));
    assert_false(uuid_parse(SPAN("13814000-1dd2-11b2-8080-8080808080800"), &u));
    assert_false(uuid_parse(SPAN("138140001dd211b28080808080808080"), &u));
    assert_false(uuid_parse(SPAN("{13814000-1dd2-11b2-8080-808080808}"), &u));
    assert_false(uuid_parse(SPAN_NONE, &u));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v1_holds_time_version_and_variant),
        cmocka_unit_test(test_v1_is_monotonic),
        cmocka_unit_test(test_v1_keeps_its_node),
        cmocka_unit_test(test_v4),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_wrong_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
