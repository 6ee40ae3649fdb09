// SPDX-License-Identifier: Apache-2.0
#include "codec/hash_key.h"
#include "lib/test.h"
#include "lib/test_clock.h"

static struct hash_key parse(const char *s)
{
    struct hash_key h;
    assert_true(hash_key_parse(span_str(s), &h));
    return h;
}

static const char *text(struct hash_key h)
{
    static char out[HASH_KEY_TEXT_MAX];
    size_t n = hash_key_format(h, out);
    assert_int_equal(n, strlen(out));
    return out;
}

#define MAX_TEXT "340282366920938463463374607431768211455"

static void test_text(void **state)
{
    (void)state;
    static const char *const good[] = {
        "0", "1", "9", "10", "4294967296", "18446744073709551616", MAX_TEXT};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_string_equal(text(parse(good[i])), good[i]);
    assert_int_equal(hash_key_cmp(parse(MAX_TEXT), HASH_KEY_MAX), 0);
    static const char *const bad[] = {"",
                                      "-1",
                                      "00",
                                      "01",
                                      "1 ",
                                      "1a",
                                      "340282366920938463463374607431768211456",
                                      "999999999999999999999999999999999999999",
                                      "1000000000000000000000000000000000000000"};
    struct hash_key h;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(hash_key_parse(span_str(bad[i]), &h));
}

static void test_neighbours(void **state)
{
    (void)state;
    struct hash_key h = {1, UINT64_MAX};
    assert_string_equal(text(hash_key_next(h)), "36893488147419103232");
    assert_int_equal(hash_key_cmp(hash_key_prev(hash_key_next(h)), h), 0);
    assert_true(hash_key_cmp(h, hash_key_next(h)) < 0);
    assert_true(hash_key_cmp((struct hash_key){2, 0}, (struct hash_key){1, 5}) > 0);
}

// Figures worked out apart from this code (KCL's table of hash keys, Python's hashlib).
static void test_of_key(void **state)
{
    (void)state;
    assert_string_equal(text(hash_key_of(SPAN("dev-1"))), "35140614086032875006150558022617306177");
    assert_string_equal(text(hash_key_of(SPAN("dev-2"))), "53542529982830996016471184912802752130");
    assert_string_equal(text(hash_key_of(SPAN("a"))), "16955237001963240173058271559858726497");
}

static void test_parts(void **state)
{
    (void)state;
    assert_string_equal(text(hash_key_part(1, 2)), "170141183460469231731687303715884105728");
    assert_string_equal(text(hash_key_part(1, 3)), "113427455640312821154458202477256070485");
    assert_string_equal(text(hash_key_part(2, 3)), "226854911280625642308916404954512140970");
    assert_string_equal(text(hash_key_part(0, 1)), "0");
    for (uint32_t n = 1; n <= 4096; n = n * 3 + 1)
        for (uint32_t i = 1; i < n; i++)
            assert_true(hash_key_cmp(hash_key_part(i - 1, n), hash_key_part(i, n)) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_of_key),
        cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
