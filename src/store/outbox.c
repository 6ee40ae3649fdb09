// SPDX-License-Identifier: Apache-2.0
#include "store/outbox.h"

#include "store/reader.h"
#include "store/writer.h"

#define IMPORT_ROWS 1000

void outbox_pack_row(struct buf *b, const struct store_outbox_row *r)
{
    pack_i64(b, r->created_ms);
    pack_span(b, r->stream);
    pack_span(b, r->stream_arn);
    pack_span(b, r->partition_key);
    pack_span(b, r->explicit_hash_key);
    pack_span(b, r->data);
}

struct store_outbox_row outbox_unpack_row(struct unpack *u)
{
    struct store_outbox_row r = {.created_ms = unpack_i64(u)};
    r.stream = unpack_span(u);
    r.stream_arn = unpack_span(u);
    r.partition_key = unpack_span(u);
    r.explicit_hash_key = unpack_span(u);
    r.data = unpack_span(u);
    return r;
}

// Writing ----------------------------------------------------------------------------------------

static int write_chunk(struct writer *w, struct outbox_open_chunk *c)
{
    struct stmt *s = db_stmt(w->db, SQL_ADD_OUTBOX);
    stmt_int(s, 1, w->counts.next_outbox++);
    stmt_uuid(s, 2, &c->integration);
    stmt_int(s, 3, c->rows);
    stmt_int(s, 4, (int64_t)c->data.n);
    stmt_blob(s, 5, buf_span(&c->data));
    int rc = stmt_run(s);
    w->counts.outbox_rows += c->rows;
    w->counts.outbox_bytes += (int64_t)c->data.n;
    c->rows = 0;
    if (c->data.cap > 2 * OUTBOX_CHUNK_BYTES)
        buf_free(&c->data);
    buf_clear(&c->data);
    return rc;
}

int outbox_write_open(struct writer *w)
{
    int rc = 0;
    for (uint32_t i = 0; i < w->outbox.n && rc == 0; i++) {
        if (w->outbox.chunks[i].rows)
            rc = write_chunk(w, &w->outbox.chunks[i]);
    }
    outbox_drop_open(w);
    return rc;
}

void outbox_drop_open(struct writer *w)
{
    for (uint32_t i = 0; i < OUTBOX_OPEN_CHUNKS; i++) {
        buf_clear(&w->outbox.chunks[i].data);
        w->outbox.chunks[i].rows = 0;
    }
    w->outbox.n = 0;
}

void outbox_free_open(struct writer *w)
{
    for (uint32_t i = 0; i < OUTBOX_OPEN_CHUNKS; i++)
        buf_free(&w->outbox.chunks[i].data);
}

static int open_chunk(struct writer *w, struct uuid integration, struct outbox_open_chunk **out)
{
    struct outbox_open *o = &w->outbox;
    for (uint32_t i = 0; i < o->n; i++) {
        *out = &o->chunks[i];
        if (uuid_eq((*out)->integration, integration))
            return 0;
    }
    if (o->n == OUTBOX_OPEN_CHUNKS) {
        int rc = outbox_write_open(w);
        if (rc != 0)
            return rc;
    }
    *out = &o->chunks[o->n++];
    (*out)->integration = integration;
    return 0;
}

static int gather(struct writer *w, struct uuid integration, struct span packed)
{
    struct outbox_open_chunk *c;
    int rc = open_chunk(w, integration, &c);
    if (rc == 0 && c->rows &&
        (c->rows == OUTBOX_CHUNK_ROWS || c->data.n + packed.n > OUTBOX_CHUNK_BYTES))
        rc = write_chunk(w, c);
    if (rc != 0)
        return rc;
    buf_add_span(&c->data, packed);
    c->rows++;
    return 0;
}

int outbox_run_add(struct writer *w, struct unpack *u)
{
    struct uuid integration = unpack_uuid(u);
    const char *from = (const char *)u->p;
    (void)outbox_unpack_row(u);
    return gather(w, integration, span_of(from, (size_t)((const char *)u->p - from)));
}

int outbox_run_remove(struct writer *w, struct unpack *u)
{
    struct stmt *s = db_stmt(w->db, SQL_REMOVE_OUTBOX);
    stmt_int(s, 1, unpack_i64(u));
    int64_t rows = unpack_i64(u), bytes = unpack_i64(u);
    int rc = stmt_run(s);
    if (rc == 0 && db_changes(w->db) > 0) {
        w->counts.outbox_rows -= rows;
        w->counts.outbox_bytes -= bytes;
    }
    return rc;
}

int outbox_run_keep(struct writer *w, struct unpack *u)
{
    struct stmt *s = db_stmt(w->db, SQL_KEEP_OUTBOX);
    stmt_int(s, 1, unpack_i64(u));
    int64_t rows = unpack_i64(u), bytes = unpack_i64(u), left = unpack_i64(u);
    struct span data = unpack_span(u);
    stmt_int(s, 2, left);
    stmt_int(s, 3, (int64_t)data.n);
    stmt_blob(s, 4, data);
    int rc = stmt_run(s);
    if (rc == 0 && db_changes(w->db) > 0) {
        w->counts.outbox_rows += left - rows;
        w->counts.outbox_bytes += (int64_t)data.n - bytes;
    }
    return rc;
}

int outbox_run_delete(struct writer *w, struct unpack *u)
{
    struct uuid integration = unpack_uuid(u);
    int rc = outbox_write_open(w);
    if (rc != 0)
        return rc;
    struct stmt *s = db_stmt(w->db, SQL_SUM_OUTBOX);
    stmt_uuid(s, 1, &integration);
    rc = stmt_step(s);
    if (rc < 0)
        return rc;
    w->counts.outbox_rows -= stmt_col_int(s, 0);
    w->counts.outbox_bytes -= stmt_col_int(s, 1);
    stmt_reset(s);
    s = db_stmt(w->db, SQL_DELETE_OUTBOX);
    stmt_uuid(s, 1, &integration);
    return stmt_run(s);
}

// Start-up ---------------------------------------------------------------------------------------

static int import_row(struct writer *w, struct stmt *s, struct buf *packed)
{
    struct uuid integration;
    struct store_outbox_row r = {.stream = stmt_col_span(s, 2),
                                 .stream_arn = stmt_col_span(s, 3),
                                 .partition_key = stmt_col_span(s, 4),
                                 .explicit_hash_key = stmt_col_span(s, 5),
                                 .created_ms = stmt_col_int(s, 6),
                                 .data = stmt_col_span(s, 7)};
    if (!stmt_col_uuid(s, 1, &integration))
        return ERR_INVALID;
    buf_clear(packed);
    outbox_pack_row(packed, &r);
    return gather(w, integration, buf_span(packed));
}

// One transaction; *last: id of the last row that became part of a chunk, 0 = there was none.
static int import_some(struct writer *w, int64_t *last)
{
    struct buf packed = {0};
    struct stmt *s = db_stmt(w->db, SQL_GET_OLD_OUTBOX);
    stmt_int(s, 1, IMPORT_ROWS);
    int rc;
    *last = 0;
    while ((rc = stmt_step(s)) > 0) {
        *last = stmt_col_int(s, 0);
        rc = import_row(w, s, &packed);
        if (rc != 0) {
            stmt_reset(s);
            break;
        }
    }
    buf_free(&packed);
    if (rc == 0)
        rc = outbox_write_open(w);
    s = db_stmt(w->db, SQL_REMOVE_OLD_OUTBOX);
    stmt_int(s, 1, *last);
    return rc == 0 ? stmt_run(s) : rc;
}

int outbox_import(struct writer *w)
{
    int64_t last = 1;
    int rc = 0;
    while (rc == 0 && last > 0) {
        struct writer_counts before = w->counts;
        rc = db_begin(w->db);
        if (rc == 0)
            rc = import_some(w, &last);
        if (rc == 0 && last > 0)
            rc = writer_save_marks(w, &before);
        if (rc == 0)
            rc = db_commit(w->db);
        if (rc != 0)
            db_rollback(w->db);
    }
    return rc;
}

// Reading ----------------------------------------------------------------------------------------

static int unpack_chunk(struct store_read *r, struct store_outbox_chunk *c, struct span data)
{
    struct unpack u = unpack_of(arena_span(&r->arena, data));
    c->bytes = data.n;
    // A row has at least its six fields' lengths.
    if (c->n > data.n / 6)
        return ERR_INVALID;
    c->rows = arena_array(&r->arena, struct store_outbox_row, c->n);
    for (size_t i = 0; i < c->n; i++) {
        c->rows[i] = outbox_unpack_row(&u);
        c->rows[i].integration = r->integration;
    }
    return u.bad || unpack_more(&u) ? ERR_INVALID : 0;
}

int outbox_read(struct db *db, struct read_job *job)
{
    struct store_read *r = job->r;
    struct stmt *s = db_stmt(db, SQL_GET_OUTBOX);
    stmt_uuid(s, 1, &r->integration);
    stmt_int(s, 2, r->after_id);
    size_t rows = 0;
    int rc;
    while ((rc = stmt_step(s)) > 0) {
        struct store_outbox_chunk c = {.id = stmt_col_int(s, 0), .n = (size_t)stmt_col_int(s, 1)};
        rc = unpack_chunk(r, &c, stmt_col_span(s, 2));
        if (rc < 0)
            break;
        r->outbox_out = reader_grow(&r->arena, r->outbox_out, r->n_outbox, sizeof c);
        r->outbox_out[r->n_outbox++] = c;
        rows += c.n;
        if (r->arena.bytes >= OUTBOX_READ_BYTES || (r->limit && rows >= r->limit))
            break;
    }
    stmt_reset(s);
    return rc < 0 ? rc : 0;
}
