// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"

#include "hub/json_members.h"
#include "hub/key_pattern.h"
#include "hub/save_strategy.h"
#include "hub/script_guard.h"

// The pure parts of the rule nodes.

static bool fits(const char *pattern, const char *key)
{
    struct arena a = {0};
    struct key_patterns k = {0};
    struct err e = {0};
    if (key_patterns_add(&k, &a, span_str(pattern), &e) < 0)
        fail_msg("%s: %s", pattern, e.msg);
    bool yes = key_patterns_match(&k, span_str(key));
    key_patterns_free(&k);
    arena_free(&a);
    return yes;
}

static void patterns_fit_whole_keys(void **state)
{
    (void)state;
    assert_true(fits("temp", "temp"));
    assert_false(fits("temp", "temperature"));
    assert_true(fits("temp.*", "temperature"));
    assert_false(fits("temp.*", "a temp"));
    assert_true(fits("a|b", "b"));
    assert_false(fits("a|b", "ab"));
    assert_true(fits("k\\d+", "k12"));
    assert_false(fits("k\\d+", "k"));
    assert_true(fits("[\\w-]+", "a_B-1"));
    assert_true(fits("(?:ab)+", "abab"));
    assert_true(fits("(a+b|c)d{1,2}", "aabdd"));
    assert_true(fits("a\\.b", "a.b"));
    assert_false(fits("a\\.b", "axb"));
    assert_true(fits("\\S{2}", "ab"));
    assert_false(fits("\\S{2}", "a "));
}

static void patterns_of_another_kind_are_refused(void **state)
{
    static const char *const odd[] = {"a*?",
                                      "(?=a)",
                                      "\\bx",
                                      "(a)\\1",
                                      "[a&&b]",
                                      "[[a]",
                                      "(",
                                      "a\\",
                                      "[a",
                                      "\\pL",
                                      "(a*)*",
                                      "((a+)b)+",
                                      "a**",
                                      "a{2}{3}",
                                      "a{33}",
                                      "a{2",
                                      "a{3,2}",
                                      ")",
                                      "(((((((((a)))))))))",
                                      "a{1}b{1}c{1}d{1}e{1}"};
    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct arena a = {0};
        struct key_patterns k = {0};
        struct err e = {0};
        if (key_patterns_add(&k, &a, span_str(odd[i]), &e) != ERR_INVALID)
            fail_msg("%s was taken", odd[i]);
        key_patterns_free(&k);
        arena_free(&a);
    }
}

static void patterns_are_bounded(void **state)
{
    struct arena a = {0};
    struct key_patterns k = {0};
    struct err e = {0};
    char text[KEY_PATTERN_MAX_BYTES + 1];
    (void)state;
    memset(text, 'a', sizeof text);
    assert_int_equal(key_patterns_add(&k, &a, span_of(text, sizeof text), &e), ERR_LIMIT);
    for (int i = 0; i < KEY_PATTERNS_MAX; i++)
        assert_int_equal(key_patterns_add(&k, &a, span_of(text, sizeof text - 1), &e), 0);
    assert_int_equal(key_patterns_add(&k, &a, SPAN("b"), &e), ERR_LIMIT);
    key_patterns_free(&k);
    arena_free(&a);
}

static struct span edit(struct arena *a, const char *json)
{
    struct json_members m;
    struct err e = {0};
    assert_int_equal(json_members_read(span_str(json), a, &m, &e), 0);
    json_members_remove(&m, SPAN("gone"));
    json_members_set(&m, a, SPAN("new"), SPAN("[1]"));
    return json_members_write(&m, a);
}

static void members_keep_what_is_not_touched(void **state)
{
    struct arena a = {0};
    (void)state;
    assert_span_is(edit(&a, "{}"), "{\"new\":[1]}");
    assert_span_is(
        edit(&a, " { \"a\" : 1.50 , \"gone\":{} , \"b\\u0022\":\"\\u00e9\", \"gone\":1}"),
        "{\"a\":1.50,\"b\\\"\":\"\\u00e9\",\"new\":[1]}");
    assert_span_is(edit(&a, "{\"new\":0,\"a\":12345678901234567890}"),
                   "{\"new\":[1],\"a\":12345678901234567890}");
    arena_free(&a);
}

static void members_refuse_what_is_no_object(void **state)
{
    static const char *const bad[] = {"", "[]", "1", "{", "{\"a\"}", "{\"a\":}", "{} {}"};
    struct arena a = {0};
    struct json_members m;
    struct err e = {0};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(json_members_read(span_str(bad[i]), &a, &m, &e), ERR_INVALID);
    arena_free(&a);
}

static void a_hanging_script_is_suspended(void **state)
{
    struct script_guard g = {0};
    (void)state;
    assert_int_equal(script_guard_allow(&g, 0), SCRIPT_BATCH_MAX);
    script_guard_ran(&g, true, 1000);
    // Careful at first: one at a time, then more again.
    assert_int_equal(script_guard_allow(&g, 1000), 1);
    script_guard_ran(&g, false, 1000);
    assert_int_equal(script_guard_allow(&g, 1000), 2);
    script_guard_ran(&g, true, 2000);
    assert_int_equal(script_guard_allow(&g, 2000), 1);
    assert_int_equal(script_guard_wait_ms(&g, 2000), 0);
    script_guard_ran(&g, true, 3000);
    assert_int_equal(script_guard_allow(&g, 3000), 0);
    assert_int_equal(script_guard_wait_ms(&g, 3000), 1000 + SCRIPT_CREDIT_MS - 3000);
    assert_int_equal(script_guard_allow(&g, 1000 + SCRIPT_CREDIT_MS - 1), 0);
    // One credit is back: one try, and suspended again when it hangs.
    assert_int_equal(script_guard_allow(&g, 1000 + SCRIPT_CREDIT_MS), 1);
    script_guard_ran(&g, true, 1000 + SCRIPT_CREDIT_MS);
    assert_int_equal(script_guard_allow(&g, 1001 + SCRIPT_CREDIT_MS), 0);
    // All are back after as many times.
    assert_int_equal(script_guard_allow(&g, 1000 + 10 * SCRIPT_CREDIT_MS), 1);
    for (int i = 0; i < 20; i++)
        script_guard_ran(&g, false, 1000 + 10 * SCRIPT_CREDIT_MS);
    assert_int_equal(script_guard_allow(&g, 1000 + 10 * SCRIPT_CREDIT_MS), SCRIPT_BATCH_MAX);
}

static int read_strategy(const char *text, struct save_strategy *s, struct err *e)
{
    static const char *const parts[] = {"timeseries", "latest", NULL};
    struct json *j = json_parse(span_str(text), e);
    assert_non_null(j);
    int rc = save_strategy_read(j, parts, s, e);
    json_free(j);
    return rc;
}

static void strategies_say_when_to_save(void **state)
{
    struct save_strategy s;
    struct store_device a = {.id = 1}, b = {.id = 500};
    struct err e = {0};
    (void)state;
    assert_int_equal(read_strategy("{}", &s, &e), 0);
    assert_true(save_strategy_wants(&s, &a, 1));
    assert_int_equal(
        read_strategy("{\"processingSettings\":{\"type\":\"WEBSOCKETS_ONLY\"}}", &s, &e), 0);
    assert_false(save_strategy_wants(&s, &a, 1));
    assert_int_equal(read_strategy("{\"processingSettings\":{\"type\":\"DEDUPLICATE\","
                                   "\"deduplicationIntervalSecs\":10}}",
                                   &s, &e),
                     0);
    assert_true(save_strategy_wants(&s, &a, 10000));
    assert_false(save_strategy_wants(&s, &a, 19999));
    assert_true(save_strategy_wants(&s, &b, 19999));
    assert_true(save_strategy_wants(&s, &a, 20000));
    save_strategy_free(&s);
    assert_int_equal(read_strategy("{\"processingSettings\":{\"type\":\"ADVANCED\",\"timeseries\":"
                                   "{\"type\":\"SKIP\"},\"latest\":{\"type\":\"SKIP\"},"
                                   "\"webSockets\":{\"type\":\"ON_EVERY_MESSAGE\"}}}",
                                   &s, &e),
                     0);
    assert_false(save_strategy_wants(&s, &a, 1));
    save_strategy_free(&s);
    assert_int_equal(read_strategy("{\"processingSettings\":{\"type\":\"ADVANCED\",\"timeseries\":"
                                   "{\"type\":\"SKIP\"},\"latest\":{\"type\":\"DEDUPLICATE\"}}}",
                                   &s, &e),
                     0);
    assert_true(save_strategy_wants(&s, &a, 1));
    assert_false(save_strategy_wants(&s, &a, 2));
    save_strategy_free(&s);
    assert_int_equal(read_strategy("{\"processingSettings\":{\"type\":\"NO\"}}", &s, &e),
                     ERR_INVALID);
    assert_int_equal(read_strategy("{\"processingSettings\":{\"type\":\"DEDUPLICATE\","
                                   "\"deduplicationIntervalSecs\":86401}}",
                                   &s, &e),
                     ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_fit_whole_keys),
        cmocka_unit_test(patterns_of_another_kind_are_refused),
        cmocka_unit_test(patterns_are_bounded),
        cmocka_unit_test(members_keep_what_is_not_touched),
        cmocka_unit_test(members_refuse_what_is_no_object),
        cmocka_unit_test(a_hanging_script_is_suspended),
        cmocka_unit_test(strategies_say_when_to_save),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
