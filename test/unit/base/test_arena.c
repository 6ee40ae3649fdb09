// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include "lib/test.h"
#include "lib/test_clock.h"

static bool is_aligned(const void *p)
{
    return (uintptr_t)p % 16 == 0;
}

static void test_pieces_do_not_overlap(void **state)
{
    (void)state;
    struct arena a = {0};
    struct {
        unsigned char *p;
        size_t n;
    } piece[500];
    uint64_t random = 1;
    for (size_t i = 0; i < 500; i++) {
        size_t n = (size_t)test_random_below(&random, i % 50 == 0 ? 400000 : 300);
        piece[i].n = n;
        if (i % 3 == 0) {
            char source[300] = {0};
            piece[i].n = n = n % 300;
            piece[i].p = (unsigned char *)arena_dup(&a, source, n);
        } else {
            piece[i].p = arena_alloc(&a, n);
            assert_true(is_aligned(piece[i].p));
        }
        memset(piece[i].p, (int)(i & 0xff), n);
    }
    for (size_t i = 0; i < 500; i++) {
        for (size_t j = 0; j < piece[i].n; j++) {
            assert_int_equal(piece[i].p[j], i & 0xff);
        }
    }
    arena_free(&a);
    assert_int_equal(a.bytes, 0);
}

static void test_a_large_piece_leaves_the_current_chunk_in_use(void **state)
{
    (void)state;
    struct arena a = {0};
    char *small = arena_alloc(&a, 16);
    arena_alloc(&a, 1 << 20);
    char *next = arena_alloc(&a, 16);
    assert_ptr_equal(next, small + 16);
    arena_free(&a);
}

static void test_a_chunk_is_used_to_its_end(void **state)
{
    (void)state;
    struct arena a = {0};
    arena_alloc(&a, 16);
    size_t bytes = a.bytes, left = (size_t)(a.end - a.at);
    memset(arena_alloc(&a, left - 16), 1, left - 16);
    memset(arena_dup(&a, "0123456789abcde", 15), 1, 15);
    char *last = arena_dup(&a, "x", 1);
    assert_ptr_equal(last + 1, a.end);
    assert_int_equal(a.bytes, bytes);
    arena_dup(&a, "y", 1);
    assert_true(a.bytes > bytes);

    arena_reset(&a);
    bytes = a.bytes;
    left = (size_t)(a.end - a.at);
    char *p = arena_alloc(&a, 1);
    assert_ptr_equal(arena_grow(&a, p, 1, left), p);
    assert_ptr_equal(p + left, a.end);
    assert_int_equal(a.bytes, bytes);
    assert_ptr_not_equal(arena_grow(&a, p, left, left + 1), p);
    arena_free(&a);
}

static void test_copies(void **state)
{
    (void)state;
    struct arena a = {0};
    struct span s = arena_span(&a, SPAN("penstock"));
    assert_span_is(s, "penstock");
    assert_string_equal(arena_cstr(&a, SPAN("ab")), "ab");
    assert_string_equal(arena_cstr(&a, SPAN_NONE), "");
    assert_span_is(arena_printf(&a, "%s-%d", "x", 42), "x-42");
    unsigned char *zero = arena_zalloc(&a, 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(zero[i], 0);
    }
    arena_free(&a);
}

static void test_grow_in_place_when_last(void **state)
{
    (void)state;
    struct arena a = {0};
    char *p = arena_alloc(&a, 10);
    memcpy(p, "0123456789", 10);
    assert_ptr_equal(arena_grow(&a, p, 10, 20), p);
    arena_alloc(&a, 1);
    char *q = arena_grow(&a, p, 20, 40);
    assert_ptr_not_equal(q, p);
    assert_memory_equal(q, "0123456789", 10);
    char *big = arena_grow(&a, q, 40, 300000);
    assert_memory_equal(big, "0123456789", 10);
    assert_non_null(arena_grow(&a, NULL, 0, 8));
    arena_free(&a);
}

static void test_reset_keeps_one_chunk(void **state)
{
    (void)state;
    struct arena a = {0};
    arena_reset(&a);
    for (int i = 0; i < 1000; i++) {
        arena_alloc(&a, 1000);
    }
    arena_reset(&a);
    size_t kept = a.bytes;
    assert_in_range(kept, 1, 256 * 1024);
    for (int round = 0; round < 5; round++) {
        memset(arena_alloc(&a, 100000), 7, 100000);
        assert_int_equal(a.bytes, kept);
        arena_reset(&a);
        assert_int_equal(a.bytes, kept);
    }
    arena_free(&a);
}

static void test_reset_gives_back_a_large_chunk(void **state)
{
    (void)state;
    struct arena a = {0};
    memset(arena_alloc(&a, 10 << 20), 1, 10 << 20);
    arena_reset(&a);
    assert_in_range(a.bytes, 0, 256 * 1024);
    memset(arena_alloc(&a, 100), 1, 100);
    arena_free(&a);
}

static void alloc_too_much(void *arg)
{
    struct arena a = {0};
    arena_alloc(&a, *(size_t *)arg);
}

static void array_too_much(void *arg)
{
    struct arena a = {0};
    arena_array(&a, uint64_t, *(size_t *)arg);
}

static void test_overflow_aborts(void **state)
{
    (void)state;
    size_t n = SIZE_MAX - 8, items = SIZE_MAX / 8 + 2;
    assert_true(test_aborts(alloc_too_much, &n));
    assert_true(test_aborts(array_too_much, &items));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_do_not_overlap),
        cmocka_unit_test(test_a_large_piece_leaves_the_current_chunk_in_use),
        cmocka_unit_test(test_a_chunk_is_used_to_its_end),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_grow_in_place_when_last),
        cmocka_unit_test(test_reset_keeps_one_chunk),
        cmocka_unit_test(test_reset_gives_back_a_large_chunk),
        cmocka_unit_test(test_overflow_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
