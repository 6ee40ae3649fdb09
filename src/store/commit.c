// SPDX-License-Identifier: Apache-2.0
#include "store/writer.h"

// Operations of a transaction, as SQL. The packed fields are those of txn.c.

static int run_key(struct writer *w, struct unpack *u)
{
    struct stmt *s = db_stmt(w->db, SQL_ADD_KEY);
    stmt_int(s, 1, (int64_t)unpack_u64(u));
    stmt_text(s, 2, unpack_span(u));
    return stmt_run(s);
}

static int run_device(struct writer *w, struct unpack *u)
{
    struct stmt *s = db_stmt(w->db, SQL_ADD_DEVICE);
    stmt_int(s, 1, unpack_i64(u));
    struct uuid id = unpack_uuid(u);
    stmt_uuid(s, 2, &id);
    stmt_int(s, 4, unpack_byte(u));
    stmt_text(s, 3, unpack_span(u));
    stmt_text(s, 5, unpack_span(u));
    struct uuid profile = unpack_uuid(u);
    stmt_uuid(s, 6, &profile);
    stmt_int(s, 7, unpack_i64(u));
    stmt_blob(s, 8, unpack_span(u));
    return stmt_run(s);
}

static int run_update_device(struct writer *w, struct unpack *u)
{
    struct stmt *s = db_stmt(w->db, SQL_UPDATE_DEVICE);
    stmt_int(s, 1, unpack_i64(u));
    stmt_text(s, 2, unpack_span(u));
    struct uuid profile = unpack_uuid(u);
    stmt_uuid(s, 3, &profile);
    return stmt_run(s);
}

static int run_delete_device(struct writer *w, struct unpack *u)
{
    int64_t id = unpack_i64(u), devices = unpack_i64(u), series = unpack_i64(u);
    struct stmt *s = db_stmt(w->db, SQL_DELETE_DEVICE);
    stmt_int(s, 1, id);
    int rc = stmt_run(s);
    if (rc == 0) {
        s = db_stmt(w->db, SQL_DELETE_ATTRIBUTES);
        stmt_int(s, 1, id);
        rc = stmt_run(s);
    }
    if (w->counts.device_floor < devices)
        w->counts.device_floor = devices;
    if (w->counts.series_floor < series)
        w->counts.series_floor = series;
    return rc;
}

static int run_series(struct writer *w, struct unpack *u)
{
    struct stmt *s = db_stmt(w->db, SQL_SET_SERIES);
    stmt_int(s, 1, unpack_i64(u));
    stmt_blob(s, 2, unpack_span(u));
    return stmt_run(s);
}

static int run_attribute(struct writer *w, struct unpack *u)
{
    static const enum sql_id by_flags[] = {
        [0] = SQL_PUT_ATTRIBUTE,
        [TXN_ONLY_CHANGED] = SQL_CHANGE_ATTRIBUTE,
        [TXN_KEEP_NEWER] = SQL_PUT_NEWER_ATTRIBUTE,
        [TXN_ONLY_CHANGED | TXN_KEEP_NEWER] = SQL_CHANGE_NEWER_ATTRIBUTE,
    };
    uint8_t flags = unpack_byte(u);
    require(flags < sizeof by_flags / sizeof *by_flags);
    struct stmt *s = db_stmt(w->db, by_flags[flags]);
    stmt_int(s, 1, unpack_i64(u));
    stmt_int(s, 2, unpack_byte(u));
    stmt_text(s, 3, unpack_span(u));
    struct value v = txn_unpack_value(u);
    stmt_int(s, 4, v.type);
    if (v.type == VALUE_BOOL)
        stmt_int(s, 5, v.b);
    else if (v.type == VALUE_LONG)
        stmt_int(s, 5, v.i);
    else if (v.type == VALUE_DOUBLE)
        stmt_double(s, 5, v.d);
    else
        stmt_text(s, 5, v.s);
    stmt_int(s, 6, unpack_i64(u));
    return stmt_run(s);
}

static int run_delete_attribute(struct writer *w, struct unpack *u)
{
    struct stmt *s = db_stmt(w->db, SQL_DELETE_ATTRIBUTE);
    stmt_int(s, 1, unpack_i64(u));
    stmt_int(s, 2, unpack_byte(u));
    stmt_text(s, 3, unpack_span(u));
    return stmt_run(s);
}

static int run_checkpoint(struct writer *w, struct unpack *u)
{
    struct stmt *s = db_stmt(w->db, SQL_PUT_CHECKPOINT);
    struct uuid integration = unpack_uuid(u);
    stmt_uuid(s, 1, &integration);
    stmt_text(s, 2, unpack_span(u));
    stmt_text(s, 3, unpack_span(u));
    stmt_text(s, 4, unpack_span(u));
    stmt_int(s, 5, (int64_t)unpack_u64(u));
    stmt_int(s, 6, (int64_t)unpack_u64(u));
    stmt_int(s, 7, unpack_byte(u));
    return stmt_run(s);
}

static int run_delete_checkpoints(struct writer *w, struct unpack *u)
{
    struct stmt *s = db_stmt(w->db, SQL_DELETE_CHECKPOINTS);
    struct uuid integration = unpack_uuid(u);
    stmt_uuid(s, 1, &integration);
    return stmt_run(s);
}

static int run_put_doc(struct writer *w, struct unpack *u)
{
    struct stmt *s = db_stmt(w->db, SQL_PUT_DOC);
    stmt_int(s, 1, unpack_byte(u));
    struct uuid id = unpack_uuid(u);
    stmt_uuid(s, 2, &id);
    stmt_text(s, 3, unpack_span(u));
    stmt_text(s, 4, unpack_span(u));
    return stmt_run(s);
}

static int run_delete_doc(struct writer *w, struct unpack *u)
{
    struct stmt *s = db_stmt(w->db, SQL_DELETE_DOC);
    stmt_int(s, 1, unpack_byte(u));
    struct uuid id = unpack_uuid(u);
    stmt_uuid(s, 2, &id);
    return stmt_run(s);
}

typedef int op_fn(struct writer *w, struct unpack *u);
static op_fn *const op_fns[] = {
    [OP_KEY] = run_key,
    [OP_DEVICE] = run_device,
    [OP_SERIES] = run_series,
    [OP_ATTRIBUTE] = run_attribute,
    [OP_DELETE_ATTRIBUTE] = run_delete_attribute,
    [OP_CHECKPOINT] = run_checkpoint,
    [OP_DELETE_CHECKPOINTS] = run_delete_checkpoints,
    [OP_OUTBOX_ADD] = outbox_run_add,
    [OP_OUTBOX_REMOVE] = outbox_run_remove,
    [OP_OUTBOX_KEEP] = outbox_run_keep,
    [OP_DELETE_OUTBOX] = outbox_run_delete,
    [OP_DEAD_LETTER] = dead_add,
    [OP_DEAD_FAILED] = dead_note_failure,
    [OP_DEAD_REMOVE] = dead_remove,
    [OP_DELETE_DEAD] = dead_remove_all,
    [OP_PUT_DOC] = run_put_doc,
    [OP_DELETE_DOC] = run_delete_doc,
    [OP_UPDATE_DEVICE] = run_update_device,
    [OP_DELETE_DEVICE] = run_delete_device,
};

static int run_ops(struct writer *w, struct span ops)
{
    struct unpack u = unpack_of(ops);
    int rc = 0;
    while (rc == 0 && unpack_more(&u)) {
        uint8_t code = unpack_byte(&u);
        require(code > 0 && code < sizeof op_fns / sizeof *op_fns);
        rc = op_fns[code](w, &u);
        require(!u.bad); // our own bytes
    }
    return rc;
}

static int put_log_row(struct writer *w)
{
    struct stmt *s = db_stmt(w->db, SQL_ADD_LOG);
    stmt_int(s, 1, w->counts.next_log++);
    stmt_blob(s, 2, buf_span(&w->scratch));
    int rc = stmt_run(s);
    buf_clear(&w->scratch);
    return rc;
}

static int put_log(struct writer *w, const struct list *txns)
{
    int rc = 0;
    buf_clear(&w->scratch);
    list_for(it, txns)
    {
        const struct store_txn *t = container_of(it, struct store_txn, link);
        if (t->points.n == 0)
            continue;
        if (w->scratch.n > LOG_ROW_BYTES)
            rc = put_log_row(w);
        if (rc != 0)
            return rc;
        if (w->scratch.n == 0)
            buf_add_char(&w->scratch, LOG_VERSION);
        pack_span(&w->scratch, buf_span(&t->points));
    }
    if (w->scratch.n)
        rc = put_log_row(w);
    if (w->scratch.cap > 2 * LOG_ROW_BYTES)
        buf_free(&w->scratch);
    return rc;
}

int commit_txns(struct writer *w, struct write_job *job)
{
    outbox_drop_open(w); // of a commit that failed
    int rc = run_ops(w, buf_span(&job->rows));
    list_for(it, &job->txns)
    {
        if (rc == 0)
            rc = run_ops(w, buf_span(&container_of(it, struct store_txn, link)->ops));
    }
    if (rc == 0)
        rc = outbox_write_open(w);
    if (rc == 0)
        rc = put_log(w, &job->txns);
    job->log_id = w->counts.next_log - 1;
    return rc;
}
