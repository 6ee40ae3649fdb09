// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"
#include "store/store_internal.h"

// Gives every document to the filter of the options at opening, and leaves nothing behind of those
// that it changed, in the database or its WAL.

// A larger database would take minutes to write anew.
#define VACUUM_MAX_BYTES (INT64_C(256) * 1024 * 1024)

struct changed {
    struct changed *next;
    enum store_doc_kind kind;
    struct uuid id;
    struct span name, json;
};

static int filter_row(struct stmt *st, const struct store_options *o, struct arena *a,
                      struct changed **list, struct err *e)
{
    struct uuid id;
    struct buf text = {0};
    enum store_doc_kind kind = (enum store_doc_kind)stmt_col_int(st, 0);
    if (!stmt_col_uuid(st, 1, &id))
        return 0;
    int rc = o->filter(o->filter_ctx, kind, id, stmt_col_span(st, 3), &text, e);
    if (rc > 0) {
        struct changed *c = arena_new(a, struct changed);
        *c = (struct changed){*list, kind, id, arena_span(a, stmt_col_span(st, 2)),
                              arena_span(a, buf_span(&text))};
        *list = c;
    }
    buf_free(&text);
    return rc < 0 ? rc : 0;
}

static int write_all(struct db *db, const struct changed *list)
{
    int rc = db_begin(db);
    for (const struct changed *c = list; rc == 0 && c; c = c->next) {
        struct stmt *st = db_stmt(db, SQL_PUT_DOC);
        stmt_int(st, 1, c->kind);
        stmt_uuid(st, 2, &c->id);
        stmt_text(st, 3, c->name);
        stmt_text(st, 4, c->json);
        rc = stmt_run(st);
    }
    if (rc == 0)
        rc = db_commit(db);
    return rc;
}

// Bytes of texts that were replaced or removed before lie about in free parts of pages.
static int forget_older(struct db *db)
{
    int64_t pages = 0, page_bytes = 0;
    int rc = db_query_int(db, "PRAGMA page_count", 0, &pages);
    if (rc == 0)
        rc = db_query_int(db, "PRAGMA page_size", 0, &page_bytes);
    if (rc != 0)
        return rc;
    if (pages <= VACUUM_MAX_BYTES / (page_bytes ? page_bytes : 1))
        return db_exec(db, "VACUUM");
    log_warn("store", "old texts of documents may be left in the database: run VACUUM once while "
                      "stopped, or change the secrets");
    return 0;
}

// Many builds of SQLite overwrite what is deleted by themselves (Debian's does).
static int replace(struct db *db, const struct changed *list)
{
    int64_t always = 0;
    int rc = db_query_int(db, "PRAGMA secure_delete", 0, &always);
    if (rc == 0 && !always)
        rc = db_exec(db, "PRAGMA secure_delete=ON");
    if (rc == 0)
        rc = write_all(db, list);
    if (rc == 0 && !always)
        rc = forget_older(db);
    if (rc == 0)
        rc = db_checkpoint(db, true);
    if (rc == 0 && !always)
        rc = db_exec(db, "PRAGMA secure_delete=OFF");
    return rc;
}

int store_rewrite_docs(struct db *db, const struct store_options *o, struct err *e)
{
    struct arena a = {0};
    struct changed *list = NULL;
    if (!o->filter)
        return 0;
    struct stmt *st = db_stmt(db, SQL_LOAD_DOCS);
    int rc, status = 0;
    while (status == 0 && (rc = stmt_step(st)) > 0)
        status = filter_row(st, o, &a, &list, e);
    stmt_reset(st);
    if (status == 0 && rc == 0 && list)
        rc = replace(db, list);
    if (status == 0 && rc < 0) {
        db_rollback(db);
        status = db_error(db, e);
    }
    arena_free(&a);
    return status;
}
