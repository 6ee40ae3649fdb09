// SPDX-License-Identifier: Apache-2.0
#include "store/block.h"

#include <stdlib.h>

#include "base/err.h"
#include "lib/test.h"
#include "lib/test_clock.h"

#define BLOCKS_MAX 4096

struct emitted {
    struct {
        uint32_t series;
        int64_t ts;
        struct buf data;
    } block[BLOCKS_MAX];
    size_t n;
    int status;
};

static struct emitted out;

static int on_block(void *ctx, uint32_t series, int64_t ts, struct span block)
{
    struct emitted *e = ctx;
    assert_true(e->n < BLOCKS_MAX);
    e->block[e->n].series = series;
    e->block[e->n].ts = ts;
    buf_add_span(&e->block[e->n].data, block);
    e->n++;
    return e->status;
}

static void begin(struct block_writer *w)
{
    for (size_t i = 0; i < out.n; i++)
        buf_free(&out.block[i].data);
    out.n = 0;
    out.status = 0;
    block_writer_init(w, on_block, &out);
}

struct reading {
    size_t block;
    struct block_reader reader;
    struct block_chunk chunk;
    struct unpack u;
    struct points_state st;
    uint32_t left;
};

// The next point of all that was emitted; false at the end.
static bool next_point(struct reading *r, uint32_t *series, int64_t *ts, struct value *v)
{
    while (r->left == 0) {
        int rc = r->block ? block_next(&r->reader, &r->chunk) : 0;
        assert_true(rc >= 0);
        if (rc == 0) {
            if (r->block == out.n)
                return false;
            assert_int_equal(block_reader_init(&r->reader, buf_span(&out.block[r->block].data)), 0);
            struct block_reader probe = r->reader;
            struct block_chunk first;
            assert_int_equal(block_next(&probe, &first), 1);
            assert_int_equal(first.series, out.block[r->block].series);
            assert_int_equal(first.t0, out.block[r->block].ts);
            r->block++;
            continue;
        }
        r->st = (struct points_state){0};
        r->u = unpack_of(r->chunk.stream);
        r->left = r->chunk.n;
    }
    assert_int_equal(points_decode(&r->st, &r->u, ts, v), 1);
    if (r->left == r->chunk.n)
        assert_int_equal(*ts, r->chunk.t0);
    if (--r->left == 0) {
        assert_int_equal(*ts, r->chunk.t1);
        assert_true(r->u.p == r->u.end);
    }
    *series = r->chunk.series;
    return true;
}

static void test_one_series_splits_at_1000_points(void **state)
{
    struct block_writer w;
    struct block_reader r;
    struct block_chunk c;
    (void)state;
    begin(&w);
    for (int i = 0; i < 1001; i++)
        block_add(&w, 7, i * 1000, &(struct value){.type = VALUE_LONG, .i = 5});
    assert_int_equal(block_flush(&w), 0);
    assert_int_equal(out.n, 1);
    assert_int_equal(w.points, 1001);
    assert_int_equal(w.min_ts, 0);
    assert_int_equal(w.max_ts, 1000000);
    assert_int_equal(block_reader_init(&r, buf_span(&out.block[0].data)), 0);
    assert_int_equal(block_next(&r, &c), 1);
    assert_int_equal(c.n, BLOCK_CHUNK_POINTS);
    assert_int_equal(c.t1, 999000);
    assert_int_equal(block_next(&r, &c), 1);
    assert_int_equal(c.n, 1);
    assert_int_equal(c.t0, 1000000);
    assert_int_equal(block_next(&r, &c), 0);
    block_writer_free(&w);
}

// Random series with few or many points each: all come back, no block is too long, few are short.
static void test_random_round_trip(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct block_writer w;
        uint64_t random, bytes = 0;
        begin(&w);
        for (int pass = 0; pass < 2; pass++) {
            struct reading r = {0};
            uint32_t series = 0, got_series;
            int64_t got_ts;
            struct value got;
            uint64_t total = 0;
            random = seed;
            for (int i = 0; i < 300; i++) {
                series += 1 + (uint32_t)test_random_below(&random, 3);
                int64_t ts = (int64_t)test_random_below(&random, 1u << 30);
                uint64_t n = test_random_below(&random, 20) ? 30 : 3000;
                for (uint64_t k = 0; k < n; k++) {
                    ts += 1 + (int64_t)test_random_below(&random, 2000);
                    struct value v = value_double((double)test_random(&random) / 3);
                    total++;
                    if (pass == 0) {
                        block_add(&w, series, ts, &v);
                        continue;
                    }
                    assert_true(next_point(&r, &got_series, &got_ts, &got));
                    assert_int_equal(got_series, series);
                    assert_int_equal(got_ts, ts);
                    assert_memory_equal(&got.d, &v.d, sizeof v.d);
                }
            }
            if (pass == 0) {
                assert_int_equal(block_flush(&w), 0);
                assert_int_equal(w.points, total);
            } else {
                assert_false(next_point(&r, &got_series, &got_ts, &got));
            }
        }
        for (size_t i = 0; i < out.n; i++) {
            assert_true(out.block[i].data.n <= BLOCK_BYTES);
            bytes += out.block[i].data.n;
        }
        assert_int_equal(bytes, w.bytes);
        assert_true(bytes > (out.n - 1) * BLOCK_BYTES * 98 / 100);
        block_writer_free(&w);
    }
}

// A text that just fits beside another point, one that does not, and one longer than a block.
static void test_large_values(void **state)
{
    static char text[3 * BLOCK_BYTES];
    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t n = BLOCK_BYTES - 80; n <= BLOCK_BYTES + 1; n++) {
        struct block_writer w;
        struct reading r = {0};
        uint32_t series;
        int64_t ts;
        struct value v, small = value_long(1), large = value_string(span_of(text, n));
        begin(&w);
        block_add(&w, 1, 1, &small);
        block_add(&w, 1, 2, &large);
        block_add(&w, 1, 3, &small);
        block_add(&w, 2, 1, &large);
        large = value_string(span_of(text, sizeof text));
        block_add(&w, 2, 2, &large);
        assert_int_equal(block_flush(&w), 0);
        for (int i = 0; i < 5; i++) {
            assert_true(next_point(&r, &series, &ts, &v));
            assert_int_equal(series, i < 3 ? 1 : 2);
            assert_int_equal(ts, i < 3 ? i + 1 : i - 2);
            if (i == 1 || i == 3)
                assert_int_equal(v.s.n, n);
        }
        assert_int_equal(v.s.n, sizeof text);
        assert_false(next_point(&r, &series, &ts, &v));
        block_writer_free(&w);
    }
}

static void test_emit_failure_is_reported(void **state)
{
    struct block_writer w;
    (void)state;
    begin(&w);
    out.status = ERR_NOSPACE;
    for (int i = 0; i < 20000; i++)
        block_add(&w, 1, i, &(struct value){.type = VALUE_LONG, .i = i * 7919});
    assert_int_equal(block_flush(&w), ERR_NOSPACE);
    assert_true(out.n > 1);
    block_writer_free(&w);
}

static int read_all(struct span block)
{
    struct block_reader r;
    struct block_chunk c;
    int rc = block_reader_init(&r, block);
    while (rc == 0 && (rc = block_next(&r, &c)) > 0)
        rc = 0;
    return rc;
}

static void test_damaged_blocks(void **state)
{
    struct block_writer w;
    (void)state;
    begin(&w);
    for (int i = 0; i < 2000; i++)
        block_add(&w, 1 + (uint32_t)i / 20, i, &(struct value){.type = VALUE_LONG, .i = i});
    block_flush(&w);
    block_writer_free(&w);
    struct span good = buf_span(&out.block[0].data);
    assert_int_equal(read_all(span_of("", 0)), ERR_INVALID);
    assert_int_equal(read_all(span_of("\x02", 1)), ERR_INVALID); // version
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        uint64_t random = seed;
        size_t n = test_random_below(&random, 2) ? good.n : test_random_below(&random, good.n);
        char *copy = malloc(n + 1);
        memcpy(copy, good.p, n);
        for (int k = 0; k < 3 && n; k++)
            copy[test_random_below(&random, n)] ^= (char)(1 << test_random_below(&random, 8));
        int rc = read_all(span_of(copy, n));
        assert_true(rc == 0 || rc == ERR_INVALID);
        free(copy);
    }
}

// Merging goes by the order of chunks: a block that lies about it must not pass.
static void test_chunks_out_of_order(void **state)
{
    struct block_writer w;
    struct buf b = {0};
    (void)state;
    struct value v = value_long(1);
    for (int order = 0; order < 2; order++) {
        begin(&w);
        for (int i = 0; i < 1001; i++)
            block_add(&w, 3, i, &v);
        block_flush(&w);
        block_writer_free(&w);
    }
    assert_int_equal(read_all(buf_span(&out.block[0].data)), 0);
    buf_add_span(&b, buf_span(&out.block[0].data));
    // The same chunks again, as of the same series: difference 0 in place of 3.
    size_t first = b.n;
    buf_add(&b, out.block[0].data.p + 1, out.block[0].data.n - 1);
    assert_int_equal(b.p[first], 3);
    assert_int_equal(read_all(buf_span(&b)), 0); // series 6
    b.p[first] = 0;
    assert_int_equal(read_all(buf_span(&b)), ERR_INVALID);
    b.p[1] = 0; // series 0
    assert_int_equal(read_all(span_of(b.p, first)), ERR_INVALID);
    buf_free(&b);
    begin(&w);
    block_writer_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_series_splits_at_1000_points),
        cmocka_unit_test(test_random_round_trip),
        cmocka_unit_test(test_large_values),
        cmocka_unit_test(test_emit_failure_is_reported),
        cmocka_unit_test(test_damaged_blocks),
        cmocka_unit_test(test_chunks_out_of_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
