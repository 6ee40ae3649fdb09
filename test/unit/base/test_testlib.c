// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"

#include "base/buf.h"
#include "lib/test_clock.h"
#include "lib/test_fault.h"
#include "lib/test_files.h"
#include "lib/test_split.h"

static void test_clock(void **state)
{
    (void)state;
    struct test_clock c, same;
    char a[21], b[21];
    test_clock_init(&c, 5);
    test_clock_init(&same, 5);
    int64_t wall = c.clock.wall_ms(c.clock.ctx), mono = c.clock.mono_ms(c.clock.ctx);
    assert_true(c.clock.wall_ms(c.clock.ctx) == wall);
    test_clock_advance(&c, 250);
    test_clock_jump(&c, -1000);
    assert_true(c.clock.wall_ms(c.clock.ctx) == wall - 750);
    assert_true(c.clock.mono_ms(c.clock.ctx) == mono + 250);
    c.clock.random(c.clock.ctx, a, sizeof a);
    same.clock.random(same.clock.ctx, b, sizeof b);
    assert_memory_equal(a, b, sizeof a);
    double unit = clock_random_unit(&c.clock);
    assert_true(unit >= 0 && unit < 1);
    assert_true(clock_random_u64(&c.clock) != clock_random_u64(&c.clock));
}

static void test_system_clock(void **state)
{
    (void)state;
    const struct clock *c = &clock_system;
    assert_true(c->wall_ms(c->ctx) > 1700000000000);
    int64_t before = c->mono_ms(c->ctx);
    assert_true(c->mono_ms(c->ctx) >= before);
    assert_true(clock_random_u64(c) != clock_random_u64(c));
}

static void test_fault(void **state)
{
    (void)state;
    struct test_fault f = test_fault_at(2, 2), never = test_fault_at(0, 1);
    assert_false(test_fault_hit(&f));
    f.paused = true;
    assert_false(test_fault_hit(&f));
    f.paused = false;
    assert_true(test_fault_hit(&f));
    assert_true(test_fault_hit(&f));
    assert_false(test_fault_hit(&f));
    assert_false(test_fault_hit(&never));
}

static bool collect(void *ctx, struct span piece)
{
    buf_add_span(ctx, piece);
    return ((struct buf *)ctx)->n < 1000;
}

static void test_splits(void **state)
{
    (void)state;
    for (int way = 0; way < TEST_SPLITS; way++) {
        struct buf b = {0};
        assert_true(test_split(SPAN("a text to be cut"), way, collect, &b));
        assert_span_is(buf_span(&b), "a text to be cut");
        b.n = 1000;
        assert_false(test_split(SPAN("xyz"), way, collect, &b));
        buf_free(&b);
    }
}

static void test_files(void **state)
{
    (void)state;
    char path[TEST_PATH_MAX];
    test_source_path("unit/base/test_testlib.c", path);
    struct buf b = test_read_file(path);
    assert_true(span_has_prefix(buf_span(&b), SPAN("// SPDX-License-Identifier: Apache-2.0\n")));
    buf_free(&b);
    assert_true(test_vectors_path("cbor/kinesis_cbor.json", path));
    assert_false(test_vectors_path("no/such/suite", path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock), cmocka_unit_test(test_system_clock),
        cmocka_unit_test(test_fault), cmocka_unit_test(test_splits),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
