// SPDX-License-Identifier: Apache-2.0
#include "syntax/source_map.h"

#include "lib/test.h"

static void test_find(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct source_map m = {0};
    assert_int_equal(source_map_find(&m, 5), 5);
    source_map_add(&m, &arena, 0, 0);
    source_map_add(&m, &arena, 10, 10); // goes on: no run of its own
    assert_int_equal(m.n, 1);
    source_map_add(&m, &arena, 20, 100 | SOURCE_MAP_MADE);
    source_map_add(&m, &arena, 25, 100 | SOURCE_MAP_MADE);
    assert_int_equal(m.n, 2);
    source_map_add(&m, &arena, 30, 107);
    source_map_add(&m, &arena, 30, 108); // replaces the empty run
    assert_int_equal(m.n, 3);
    static const uint32_t rows[][2] = {{0, 0},    {19, 19},  {20, 100},
                                       {29, 100}, {30, 108}, {40, 118}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(source_map_find(&m, rows[i][0]), rows[i][1]);
    arena_free(&arena);
}

static void test_many(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct source_map m = {0};
    for (uint32_t i = 0; i < 1000; i++)
        source_map_add(&m, &arena, i * 3, i | SOURCE_MAP_MADE);
    for (uint32_t i = 0; i < 3000; i++)
        assert_int_equal(source_map_find(&m, i), i / 3);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_find), cmocka_unit_test(test_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
