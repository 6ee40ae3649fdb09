// SPDX-License-Identifier: Apache-2.0
#include "store/db.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>

#include "base/mem.h"

// Small page caches: the operating system's cache stands behind them, and an idle gateway is to
// stay small.
#define CACHE_WRITER "PRAGMA cache_size=-1024"
#define CACHE_READER "PRAGMA cache_size=-512"

struct stmt {
    struct db *db;
    sqlite3_stmt *s;
    int bind_rc;
};

struct db {
    sqlite3 *sq;
    unsigned wal_pages; // written since the last checkpoint
    unsigned wal_end;   // in the WAL at the last commit
    int code;           // of the last failure
    char text[200];
    struct stmt stmts[SQL_N];
};

static const char *const sql_text[SQL_N] = {
#define SQL_TEXT(id, text) [id] = text,
    SQL_LIST(SQL_TEXT)
#undef SQL_TEXT
};

static int map_code(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return ERR_NOSPACE;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_NOMEM:
        return ERR_MEMORY;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return ERR_INVALID;
    case SQLITE_TOOBIG:
        return ERR_LIMIT;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_PROTOCOL:
        return ERR_IO;
    default:
        return ERR_BUG;
    }
}

static int fail(struct db *db, int rc)
{
    db->code = map_code(rc);
    snprintf(db->text, sizeof db->text, "%s (SQLite code %d)", sqlite3_errmsg(db->sq),
             sqlite3_extended_errcode(db->sq));
    return db->code;
}

static int on_wal(void *ctx, sqlite3 *sq, const char *name, int pages)
{
    (void)sq;
    (void)name;
    struct db *db = ctx;
    // Fewer than before: SQLite has begun to fill the WAL from its start again.
    db->wal_pages += (unsigned)pages - ((unsigned)pages > db->wal_end ? db->wal_end : 0);
    db->wal_end = (unsigned)pages;
    return SQLITE_OK;
}

static pthread_once_t configured = PTHREAD_ONCE_INIT;

static void configure_library(void)
{
    // Before the library's first use; counters of its memory cost a lock in each allocation.
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int db_open(const char *path, bool read_only, struct db **out, struct err *e)
{
    pthread_once(&configured, configure_library);
    struct db *db = mem_new(struct db);
    int flags = SQLITE_OPEN_NOMUTEX | (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    int rc = sqlite3_open_v2(path, &db->sq, flags, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_extended_result_codes(db->sq, 1);
        // In place of SQLite's own, which checkpoints inside some unlucky commit.
        sqlite3_wal_hook(db->sq, on_wal, db);
        rc = sqlite3_exec(db->sq,
                          read_only ? CACHE_READER ";PRAGMA temp_store=MEMORY"
                                    : CACHE_WRITER ";PRAGMA temp_store=MEMORY",
                          NULL, NULL, NULL);
    }
    if (rc != SQLITE_OK) {
        int code = fail(db, rc);
        err_set(e, code, "%s: cannot open: %s", path, db->text);
        db_close(db);
        return code;
    }
    *out = db;
    return 0;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    for (int i = 0; i < SQL_N; i++)
        sqlite3_finalize(db->stmts[i].s);
    require(sqlite3_close(db->sq) == SQLITE_OK);
    mem_free(db);
}

int db_error(struct db *db, struct err *e)
{
    return err_set(e, db->code, "%s", db->text);
}

int db_error_of(struct db *db, int rc, struct err *e)
{
    if (rc == db->code)
        return db_error(db, e);
    if (rc == ERR_INVALID)
        return err_set(e, rc, "damaged database: what is stored makes no sense");
    return err_set(e, rc, "%s", err_text(rc));
}

int db_exec(struct db *db, const char *sql)
{
    int rc = sqlite3_exec(db->sq, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : fail(db, rc);
}

int db_query_int(struct db *db, const char *sql, int64_t none, int64_t *out)
{
    sqlite3_stmt *s;
    *out = none;
    int rc = sqlite3_prepare_v2(db->sq, sql, -1, &s, NULL);
    if (rc != SQLITE_OK)
        return fail(db, rc);
    rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(s, 0);
    int code = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : fail(db, rc);
    sqlite3_finalize(s);
    return code;
}

int db_begin(struct db *db)
{
    return db_exec(db, "BEGIN IMMEDIATE");
}

int db_begin_read(struct db *db)
{
    return db_exec(db, "BEGIN");
}

int db_commit(struct db *db)
{
    return db_exec(db, "COMMIT");
}

void db_rollback(struct db *db)
{
    if (!sqlite3_get_autocommit(db->sq))
        sqlite3_exec(db->sq, "ROLLBACK", NULL, NULL, NULL);
}

unsigned db_wal_pages(const struct db *db)
{
    return db->wal_pages;
}

int db_checkpoint(struct db *db, bool truncate)
{
    int in_wal, moved;
    int rc = sqlite3_wal_checkpoint_v2(
        db->sq, NULL, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &in_wal,
        &moved);
    if (rc != SQLITE_OK)
        return fail(db, rc);
    // What a reader held back waits for the next time.
    db->wal_pages = 0;
    return 0;
}

void db_shrink(struct db *db)
{
    sqlite3_db_release_memory(db->sq);
}

int64_t db_changes(struct db *db)
{
    return sqlite3_changes64(db->sq);
}

struct stmt *db_stmt(struct db *db, enum sql_id id)
{
    struct stmt *s = &db->stmts[id];
    s->db = db;
    s->bind_rc = SQLITE_OK;
    if (!s->s)
        s->bind_rc =
            sqlite3_prepare_v3(db->sq, sql_text[id], -1, SQLITE_PREPARE_PERSISTENT, &s->s, NULL);
    return s;
}

static void bound(struct stmt *s, int rc)
{
    if (rc != SQLITE_OK && s->bind_rc == SQLITE_OK)
        s->bind_rc = rc;
}

void stmt_int(struct stmt *s, int i, int64_t v)
{
    bound(s, sqlite3_bind_int64(s->s, i, v));
}

void stmt_double(struct stmt *s, int i, double v)
{
    bound(s, sqlite3_bind_double(s->s, i, v));
}

void stmt_text(struct stmt *s, int i, struct span v)
{
    bound(s, sqlite3_bind_text64(s->s, i, v.p ? v.p : "", v.n, SQLITE_STATIC, SQLITE_UTF8));
}

void stmt_blob(struct stmt *s, int i, struct span v)
{
    bound(s, sqlite3_bind_blob64(s->s, i, v.p ? v.p : "", v.n, SQLITE_STATIC));
}

void stmt_uuid(struct stmt *s, int i, const struct uuid *v)
{
    stmt_blob(s, i, uuid_span(v));
}

int stmt_step(struct stmt *s)
{
    int rc = s->bind_rc;
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s->s);
    if (rc == SQLITE_ROW)
        return 1;
    // The text of the error is there until the reset.
    int code = rc == SQLITE_DONE ? 0 : fail(s->db, rc);
    stmt_reset(s);
    return code;
}

int stmt_run(struct stmt *s)
{
    int rc;
    while ((rc = stmt_step(s)) > 0)
        ;
    return rc;
}

void stmt_reset(struct stmt *s)
{
    sqlite3_reset(s->s);
}

int64_t stmt_col_int(struct stmt *s, int i)
{
    return sqlite3_column_int64(s->s, i);
}

double stmt_col_double(struct stmt *s, int i)
{
    return sqlite3_column_double(s->s, i);
}

struct span stmt_col_span(struct stmt *s, int i)
{
    const char *p = sqlite3_column_blob(s->s, i);
    return (struct span){p, (size_t)sqlite3_column_bytes(s->s, i)};
}

bool stmt_col_uuid(struct stmt *s, int i, struct uuid *out)
{
    struct span v = stmt_col_span(s, i);
    if (v.n != sizeof out->b)
        return false;
    memcpy(out->b, v.p, v.n);
    return true;
}
