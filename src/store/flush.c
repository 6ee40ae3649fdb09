// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "base/mem.h"
#include "store/gens.h"
#include "store/point_list.h"
#include "store/writer.h"

// A frozen head becomes a generation of blocks, some series in each step. The generation is not for
// readers until the last step, which also moves the log's floor; until then the loop reads the
// head.
struct flush {
    const struct head *head;
    struct head_run *order; // runs by series
    size_t n;
    // Committed, and as the current step leaves it.
    size_t done, at;
    struct gen saved, gen;
};

static int by_series(const void *a, const void *b)
{
    const struct head_run *x = a, *y = b;
    return x->series < y->series ? -1 : x->series > y->series;
}

static void begin(struct writer *w, const struct head *head)
{
    const struct head_run *runs;
    struct flush *f = mem_new(struct flush);
    f->head = head;
    f->n = head_runs(head, &runs);
    f->order = mem_alloc_array(f->n, sizeof *runs);
    if (f->n)
        memcpy(f->order, runs, f->n * sizeof *runs);
    qsort(f->order, f->n, sizeof *f->order, by_series);
    w->flush = f;
}

static int write_run(struct flush *f, const struct head_run *run, struct block_writer *out,
                     struct buf *stream, struct point_list *points)
{
    buf_clear(stream);
    point_list_clear(points);
    head_read(f->head, run, stream);
    int rc = point_list_decode(points, buf_span(stream), INT64_MIN, INT64_MAX);
    require(rc == 0); // our own bytes
    point_list_settle(points);
    for (size_t i = 0; i < points->n; i++)
        block_add(out, run->series, points->p[i].ts_ms, &points->p[i].value);
    return out->status;
}

static int write_some(struct writer *w, struct flush *f)
{
    struct gen_blocks to = {w->db, f->gen.id};
    struct block_writer out;
    struct buf stream = {0};
    struct point_list points = {0};
    int rc = 0;
    block_writer_init(&out, gen_put_block, &to);
    while (rc == 0 && f->at < f->n && out.bytes < GENS_STEP_BYTES)
        rc = write_run(f, &f->order[f->at++], &out, &stream, &points);
    int flushed = block_flush(&out);
    gen_count(&f->gen, &out);
    block_writer_free(&out);
    buf_free(&stream);
    point_list_free(&points);
    return rc ? rc : flushed;
}

int flush_step(struct writer *w, struct write_job *job)
{
    if (!w->flush)
        begin(w, job->head);
    struct flush *f = w->flush;
    int rc = 0;
    if (f->gen.id == 0) {
        f->gen.id = f->gen.rank = w->counts.next_gen++;
        f->gen.state = GEN_BUILDING;
        rc = gen_add(w->db, &f->gen);
    }
    if (rc == 0)
        rc = write_some(w, f);
    job->more = f->at < f->n;
    if (rc == 0 && !job->more) {
        f->gen.state = GEN_LIVE;
        rc = gen_save(w->db, &f->gen);
        w->counts.log_floor = job->log_id;
    }
    return rc;
}

void flush_drop(struct writer *w)
{
    if (!w->flush)
        return;
    mem_free(w->flush->order);
    mem_free(w->flush);
    w->flush = NULL;
}

void flush_settle(struct writer *w, bool committed)
{
    struct flush *f = w->flush;
    if (committed) {
        f->done = f->at;
        f->saved = f->gen;
    } else {
        f->at = f->done;
        f->gen = f->saved;
    }
    if (committed && f->gen.state == GEN_LIVE)
        flush_drop(w);
}
