// SPDX-License-Identifier: Apache-2.0
#include "store/block.h"

#include "base/err.h"

#define CHUNK_HEAD_MAX (5 + 2 + PACK_VARINT_MAX + 5)
// Less room than this is not worth a chunk of its own.
#define ROOM_MIN (CHUNK_HEAD_MAX + 40)

void block_writer_init(struct block_writer *w, block_emit_fn *emit, void *ctx)
{
    *w = (struct block_writer){.emit = emit, .ctx = ctx, .min_ts = INT64_MAX, .max_ts = INT64_MIN};
}

static void close_chunk(struct block_writer *w)
{
    if (w->n == 0)
        return;
    if (w->block.n == 0) {
        buf_add_char(&w->block, BLOCK_VERSION);
        w->first_series = w->series;
        w->first_ts = w->t0;
        w->last_series = 0;
    }
    pack_u64(&w->block, w->series - w->last_series);
    pack_u64(&w->block, w->n);
    pack_u64(&w->block, (uint64_t)w->st.ts - (uint64_t)w->t0);
    pack_span(&w->block, buf_span(&w->chunk));
    w->last_series = w->series;
    if (w->t0 < w->min_ts)
        w->min_ts = w->t0;
    if (w->st.ts > w->max_ts)
        w->max_ts = w->st.ts;
    w->points += w->n;
    w->n = 0;
}

static void emit_block(struct block_writer *w)
{
    if (w->block.n == 0)
        return;
    int status = w->emit(w->ctx, w->first_series, w->first_ts, buf_span(&w->block));
    if (w->status == 0)
        w->status = status;
    w->bytes += w->block.n;
    buf_clear(&w->block);
}

// Encodes into the open chunk; false, with nothing changed, when the block would be too long.
static bool try_add(struct block_writer *w, int64_t ts, const struct value *v)
{
    struct points_state before = w->st;
    size_t length = w->chunk.n;
    uint8_t *p = (uint8_t *)buf_reserve(&w->chunk, POINTS_FIXED_MAX);
    buf_commit(&w->chunk, (size_t)(points_encode(&w->st, ts, v, p) - p));
    size_t text = v->type >= VALUE_STRING ? v->s.n : 0;
    bool alone = w->block.n == 0 && w->n == 0; // a value longer than a block still gets one
    if (!alone && w->block.n + 1 + CHUNK_HEAD_MAX + w->chunk.n + text > BLOCK_BYTES) {
        w->st = before;
        w->chunk.n = length;
        return false;
    }
    buf_add(&w->chunk, v->s.p, text);
    w->n++;
    return true;
}

static void open_chunk(struct block_writer *w, uint32_t series, int64_t ts)
{
    w->st = (struct points_state){0};
    buf_clear(&w->chunk);
    w->series = series;
    w->t0 = ts;
}

void block_add(struct block_writer *w, uint32_t series, int64_t ts, const struct value *v)
{
    if (w->n && (w->series != series || w->n == BLOCK_CHUNK_POINTS))
        close_chunk(w);
    if (w->n == 0) {
        if (w->block.n + ROOM_MIN > BLOCK_BYTES)
            emit_block(w);
        open_chunk(w, series, ts);
    }
    if (try_add(w, ts, v))
        return;
    close_chunk(w);
    emit_block(w);
    open_chunk(w, series, ts);
    require(try_add(w, ts, v));
}

int block_flush(struct block_writer *w)
{
    close_chunk(w);
    emit_block(w);
    int status = w->status;
    w->status = 0;
    return status;
}

void block_writer_free(struct block_writer *w)
{
    buf_free(&w->block);
    buf_free(&w->chunk);
}

int block_reader_init(struct block_reader *r, struct span block)
{
    *r = (struct block_reader){.u = unpack_of(block)};
    if (unpack_byte(&r->u) == BLOCK_VERSION)
        return 0;
    unpack_fail(&r->u);
    return ERR_INVALID;
}

int block_next(struct block_reader *r, struct block_chunk *out)
{
    if (r->u.p == r->u.end)
        return r->u.bad ? ERR_INVALID : 0;
    uint64_t id = r->series + unpack_u64(&r->u);
    uint64_t n = unpack_u64(&r->u), length = unpack_u64(&r->u);
    out->stream = unpack_span(&r->u);
    if (r->u.bad || id > UINT32_MAX || id < r->series || id == 0 || n == 0 ||
        n > BLOCK_CHUNK_POINTS)
        return ERR_INVALID;
    struct points_state st = {0};
    struct unpack stream = unpack_of(out->stream);
    struct value v;
    if (points_decode(&st, &stream, &out->t0, &v) != 1)
        return ERR_INVALID;
    out->t1 = (int64_t)((uint64_t)out->t0 + length);
    if (out->t1 < out->t0 || (id == r->series && out->t0 <= r->t1))
        return ERR_INVALID;
    out->series = r->series = (uint32_t)id;
    out->n = (uint32_t)n;
    r->t1 = out->t1;
    return 1;
}
