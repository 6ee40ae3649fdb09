// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_DB_H
#define PENSTOCK_STORE_DB_H

// A thin layer over one SQLite connection: the only place that includes sqlite3.h. A connection
// belongs to one thread at a time. Statements come from store/sql.h, are prepared at first use and
// kept. Codes of SQLite are mapped to ERR_*; db_error() has the text of the last failure.

#include "base/err.h"
#include "base/span.h"
#include "base/uuid.h"
#include "store/sql.h"

struct db;
struct stmt;

// Of databases we make. Larger pages take fewer of them in a transaction.
#define DB_PAGE_BYTES 8192

// The file must exist. A read-only connection sees commits of the writing one.
int db_open(const char *path, bool read_only, struct db **out, struct err *e);
void db_close(struct db *db); // NULL is fine
// Code and text of the last failure on this connection.
int db_error(struct db *db, struct err *e);
// Why work on this connection failed with `rc`, which may be no failure of SQLite's.
int db_error_of(struct db *db, int rc, struct err *e);

// Runs SQL text that gives no rows (or whose rows are of no interest).
int db_exec(struct db *db, const char *sql) MUST_CHECK;
// First column of the first row, or `none`.
int db_query_int(struct db *db, const char *sql, int64_t none, int64_t *out) MUST_CHECK;
int db_begin(struct db *db) MUST_CHECK;      // takes the write lock
int db_begin_read(struct db *db) MUST_CHECK; // a steady view until db_rollback()
int db_commit(struct db *db) MUST_CHECK;
void db_rollback(struct db *db); // fine outside a transaction

// Pages written to the WAL since the last checkpoint, which moves them into the database as far as
// readers permit. truncate: also empties the file, and fails when a reader is in the way.
unsigned db_wal_pages(const struct db *db);
int db_checkpoint(struct db *db, bool truncate) MUST_CHECK;
void db_shrink(struct db *db); // gives cached pages back

// Statement `id`, reset and ready for binding. Never NULL: what goes wrong shows in stmt_step().
// Bound spans must live until the statement has run.
struct stmt *db_stmt(struct db *db, enum sql_id id);
void stmt_int(struct stmt *s, int i, int64_t v);
void stmt_double(struct stmt *s, int i, double v);
void stmt_text(struct stmt *s, int i, struct span v);
void stmt_blob(struct stmt *s, int i, struct span v);
void stmt_uuid(struct stmt *s, int i, const struct uuid *v);
// 1 = a row, 0 = done (and reset), negative = failed (and reset).
int stmt_step(struct stmt *s) MUST_CHECK;
// Runs to the end: 0 or negative.
int stmt_run(struct stmt *s) MUST_CHECK;
void stmt_reset(struct stmt *s);
int64_t db_changes(struct db *db); // rows that the last statement changed

// Columns of the current row, from 0. Spans are valid until the next step or reset.
int64_t stmt_col_int(struct stmt *s, int i);
double stmt_col_double(struct stmt *s, int i);
struct span stmt_col_span(struct stmt *s, int i);
// False when the column is not 16 bytes long.
bool stmt_col_uuid(struct stmt *s, int i, struct uuid *out);

#endif
