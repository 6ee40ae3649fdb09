// SPDX-License-Identifier: Apache-2.0
#include "emulator/sequence.h"
#include "lib/test.h"
#include "lib/test_clock.h"

static struct span format(const struct emu_sequence *q)
{
    static char out[EMU_SEQUENCE_LEN];
    emu_sequence_format(q, out);
    return span_of(out, sizeof out);
}

// Numbers that the real service gave out (the hub's tutorial).
static void test_real_numbers(void **state)
{
    (void)state;
    struct emu_sequence q;
    struct span start = SPAN("49599874927422395224927130964668873176443726009932447746");
    assert_true(emu_sequence_parse(start, &q));
    assert_int_equal(q.shard, 0);
    assert_int_equal(q.index, 0);
    assert_int_equal(q.created_s, q.time_s);
    // 2019-09-26, within the minute of the stream's creation time.
    assert_true(q.created_s > 1569503600 && q.created_s < 1569503700);
    assert_span_equal(format(&q), start);
}

static void test_fields(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < 2000; i++) {
        struct emu_sequence q = {
            .created_s = (int64_t)test_random_below(&seed, 1ULL << 36),
            .shard = (uint32_t)test_random(&seed),
            .index = test_random(&seed) >> (1 + i % 40),
            .time_s = (int64_t)test_random_below(&seed, 1ULL << 36),
        };
        struct emu_sequence r = {0};
        if (q.created_s >= 1LL << 35)
            q.created_s -= 1LL << 35; // beyond, in the year 3058, the numbers get a 57th digit
        assert_true(emu_sequence_parse(format(&q), &r));
        assert_int_equal(r.created_s, q.created_s);
        assert_int_equal(r.shard, q.shard);
        assert_true(r.index == q.index);
        assert_int_equal(r.time_s, q.time_s);
    }
}

static void test_others_are_refused(void **state)
{
    (void)state;
    struct emu_sequence q;
    static const char *const bad[] = {
        "",
        "0",
        "123",
        "49599874927422395224927130964668873176443726009932447747", // another version
        "4959987492742239522492713096466887317644372600993244774x",
        "99999999999999999999999999999999999999999999999999999999",
        "00000000000000000000000000000000000000000000000000000002",
        "495998749274223952249271309646688731764437260099324477460",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(emu_sequence_parse(span_str(bad[i]), &q));
}

// The fast way of making numbers gives what the plain one gives, and always larger ones.
static void test_generator(void **state)
{
    (void)state;
    struct emu_sequence_gen g;
    uint64_t seed = 3;
    int64_t time = 1754611200;
    char got[EMU_SEQUENCE_LEN], before[EMU_SEQUENCE_LEN] = {0};
    emu_sequence_gen_init(&g, time, 11);
    for (uint64_t i = 1; i < 20000; i++) {
        time += test_random_below(&seed, 50) == 0;
        emu_sequence_gen_make(&g, i, time, got);
        struct emu_sequence q = {1754611200, 11, i, time};
        assert_span_equal(span_of(got, sizeof got), format(&q));
        assert_true(memcmp(before, got, sizeof got) < 0);
        memcpy(before, got, sizeof got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_numbers),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_others_are_refused),
        cmocka_unit_test(test_generator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
