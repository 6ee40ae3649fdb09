// SPDX-License-Identifier: Apache-2.0

// A block as a read takes it from the database. What decodes can be written and read again.

#include "base/err.h"
#include "store/block.h"
#include "store/point_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct value *a, const struct value *b)
{
    if (a->type != b->type || a->type >= VALUE_STRING)
        return a->type == b->type && span_eq(a->s, b->s);
    return a->type == VALUE_BOOL ? a->b == b->b : memcmp(&a->i, &b->i, sizeof a->i) == 0;
}

static int keep(void *ctx, uint32_t series, int64_t ts, struct span block)
{
    (void)series;
    (void)ts;
    buf_add_span(ctx, block);
    return 0;
}

// Writes the points of one chunk, and compares what comes back.
static void write_again(uint32_t series, const struct point_list *l)
{
    struct buf out = {0};
    struct block_writer w;
    struct block_reader r;
    struct block_chunk c;
    struct point_list got = {0};
    block_writer_init(&w, keep, &out);
    for (size_t i = 0; i < l->n; i++)
        block_add(&w, series, l->p[i].ts_ms, &l->p[i].value);
    require(block_flush(&w) == 0);
    // Only a small chunk is sure to be one block of one chunk again.
    if (out.n <= BLOCK_BYTES && l->n <= BLOCK_CHUNK_POINTS &&
        block_reader_init(&r, buf_span(&out)) == 0 && block_next(&r, &c) == 1 && c.n == l->n) {
        require(c.series == series && c.t0 == l->p[0].ts_ms && c.t1 == l->p[l->n - 1].ts_ms);
        require(point_list_decode(&got, c.stream, INT64_MIN, INT64_MAX) == 0 && got.n == l->n);
        for (size_t i = 0; i < l->n; i++)
            require(got.p[i].ts_ms == l->p[i].ts_ms && same(&got.p[i].value, &l->p[i].value));
    }
    point_list_free(&got);
    block_writer_free(&w);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct block_reader r;
    struct block_chunk c;
    struct point_list l = {0};
    if (block_reader_init(&r, span_of((const char *)data, size)) != 0)
        return 0;
    while (block_next(&r, &c) > 0) {
        point_list_clear(&l);
        if (point_list_decode(&l, c.stream, INT64_MIN, INT64_MAX) != 0 || l.n == 0)
            continue;
        point_list_settle(&l);
        require(point_list_is_sorted(&l));
        write_again(c.series, &l);
    }
    point_list_free(&l);
    return 0;
}
