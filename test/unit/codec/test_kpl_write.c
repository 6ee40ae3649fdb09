// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "codec/kpl_write.h"
#include "lib/test.h"
#include "lib/test_clock.h"

static void check(const struct kpl_record *records, size_t n)
{
    struct buf b = {0};
    struct arena a = {0};
    struct kpl_reader r;
    struct kpl_record got;
    buf_add_str(&b, "before");
    kpl_write(&b, records, n);
    assert_true(kpl_open(&r, span_of(b.p + 6, b.n - 6), &a));
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(kpl_next(&r, &got), KPL_RECORD);
        assert_span_equal(got.partition_key, records[i].partition_key);
        assert_span_equal(got.explicit_hash_key, records[i].explicit_hash_key);
        assert_span_equal(got.data, records[i].data);
    }
    assert_int_equal(kpl_next(&r, &got), KPL_END);
    arena_free(&a);
    buf_free(&b);
}

static void test_read_back(void **state)
{
    (void)state;
    const struct kpl_record records[] = {
        {SPAN("a"), SPAN_NONE, SPAN("one")}, {SPAN("b"), SPAN("0"), SPAN("")},
        {SPAN("a"), SPAN("7"), SPAN("\0x")}, {SPAN("b"), SPAN("0"), SPAN("four")},
        {SPAN(""), SPAN_NONE, SPAN("five")}, {SPAN(""), SPAN("7"), SPAN("six")},
    };
    for (size_t n = 1; n <= sizeof records / sizeof *records; n++)
        check(records, n);
}

// Bytes as the format says (facts/kcl.md section 5), up to the digest.
static void test_bytes(void **state)
{
    (void)state;
    const struct kpl_record records[] = {{SPAN("pk"), SPAN_NONE, SPAN("A")},
                                         {SPAN("pk"), SPAN("5"), SPAN("BC")}};
    static const char want[] = "\xf3\x89\x9a\xc2"
                               "\x0a\x02pk"
                               "\x12\x01"
                               "5"
                               "\x1a\x05\x08\x00\x1a\x01"
                               "A"
                               "\x1a\x08\x08\x00\x10\x00\x1a\x02"
                               "BC";
    struct buf b = {0};
    kpl_write(&b, records, 2);
    assert_int_equal(b.n, sizeof want - 1 + 16);
    assert_memory_equal(b.p, want, sizeof want - 1);
    buf_free(&b);
}

static void test_many(void **state)
{
    (void)state;
    enum { N = 3000 };
    static struct kpl_record records[N];
    static char keys[N][24], hash_keys[N][24], data[400];
    uint64_t random = 5;
    for (int i = 0; i < N; i++) {
        snprintf(keys[i], sizeof keys[i], "key-%d", (int)test_random_below(&random, 700));
        snprintf(hash_keys[i], sizeof hash_keys[i], "%d", (int)test_random_below(&random, 300));
        bool hashed = test_random_below(&random, 3) == 0;
        records[i] =
            (struct kpl_record){span_str(keys[i]), hashed ? span_str(hash_keys[i]) : SPAN_NONE,
                                span_of(data, test_random_below(&random, sizeof data))};
    }
    check(records, N);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_back),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
