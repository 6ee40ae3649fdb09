// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/schema.h"
#include "store/store_internal.h"

#define HEAD_BYTES_DEFAULT ((size_t)16 * 1024 * 1024)
#define HEAD_AGE_DEFAULT_MS (15 * 60 * 1000)

static char *join(const char *dir, const char *name)
{
    size_t n = strlen(dir) + strlen(name) + 2;
    char *path = mem_alloc(n);
    snprintf(path, n, "%s/%s", dir, name);
    return path;
}

static int fail_errno(struct err *e, const char *what, const char *path)
{
    int code = errno == ENOSPC || errno == EDQUOT ? ERR_NOSPACE : ERR_IO;
    return err_set(e, code, "%s %s: %s", what, path, strerror(errno));
}

// A power cut must not take the directory with it.
static int sync_parent(int dir_fd, const char *dir, struct err *e)
{
    int fd = openat(dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);
    if (rc != 0)
        rc = fail_errno(e, "cannot sync the directory above", dir);
    if (fd >= 0)
        close(fd);
    return rc;
}

// One process at a time, for what memory knows is only right when nobody else writes. The lock is
// on the directory: closing a descriptor of the database would drop SQLite's own locks on it.
static int lock_dir(struct store *s, const char *dir, struct err *e)
{
    bool made = mkdir(dir, 0700) == 0;
    if (!made && errno != EEXIST)
        return fail_errno(e, "cannot create the data directory", dir);
    s->lock_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->lock_fd < 0)
        return fail_errno(e, "cannot open the data directory", dir);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return made ? sync_parent(s->lock_fd, dir, e) : 0;
    if (errno != EWOULDBLOCK)
        return fail_errno(e, "cannot lock the data directory", dir);
    return err_set(e, ERR_BUSY,
                   "the data directory %s is in use by another penstock: stop that one, or choose "
                   "another directory",
                   dir);
}

// SQLite would make the file readable for all that the umask lets in.
static int make_file(const char *path, int dir_fd, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(e, "cannot open the database", path);
    close(fd);
    return fsync(dir_fd) == 0 ? 0 : fail_errno(e, "cannot sync the directory of", path);
}

static int fail_db(struct db *db, const char *path, struct err *e)
{
    db_error(db, e);
    return err_wrap(e, "%s", path);
}

static int open_writer_db(const char *path, bool synchronous_normal, struct db **out, struct err *e)
{
    char page_size[64];
    int rc = db_open(path, false, out, e);
    if (rc != 0)
        return rc;
    // Says so when the file is no database, before anything is changed.
    int64_t version;
    rc = db_query_int(*out, "PRAGMA schema_version", 0, &version);
    snprintf(page_size, sizeof page_size, "PRAGMA page_size=%d", DB_PAGE_BYTES);
    if (rc == 0 && version == 0)
        rc = db_exec(*out, page_size);
    if (rc == 0 && version == 0)
        rc = db_exec(*out, "PRAGMA journal_mode=WAL");
    if (rc == 0)
        rc = db_exec(*out,
                     synchronous_normal ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL");
    // A WAL that has grown while a reader held checkpoints back is cut again.
    if (rc == 0)
        rc = db_exec(*out, "PRAGMA journal_size_limit=67108864");
    if (rc != 0)
        return fail_db(*out, path, e);
    rc = schema_apply(*out, &schema_current, path, e);
    if (rc != 0)
        return rc;
    // After the check, so that another program's database stays as it is.
    rc = db_exec(*out, "PRAGMA journal_mode=WAL");
    return rc == 0 ? 0 : fail_db(*out, path, e);
}

static int load_docs(struct store *s, struct db *db)
{
    struct stmt *st = db_stmt(db, SQL_LOAD_DOCS);
    struct store_doc **end = &s->docs;
    int rc;
    while ((rc = stmt_step(st)) > 0) {
        struct store_doc *d = arena_new(&s->docs_arena, struct store_doc);
        d->kind = (enum store_doc_kind)stmt_col_int(st, 0);
        if (!stmt_col_uuid(st, 1, &d->id))
            continue;
        d->name = arena_span(&s->docs_arena, stmt_col_span(st, 2));
        d->json = arena_span(&s->docs_arena, stmt_col_span(st, 3));
        *end = d;
        end = &d->next;
    }
    return rc;
}

int store_load_docs(struct store *s, store_doc_fn *fn, void *ctx)
{
    for (const struct store_doc *d = s->docs; d; d = d->next)
        fn(ctx, d->kind, d->id, d->name, d->json);
    return 0;
}

static void on_docs_task(struct loop_task *t)
{
    struct store *s = container_of(t, struct store, docs_task);
    s->docs = NULL;
    arena_free_wiped(&s->docs_arena);
}

static int load(struct store *s, struct db *db, struct err *e)
{
    int rc = writer_init(&s->writer, db, e);
    if (rc == 0)
        rc = directory_load(&s->dir, db, e);
    if (rc == 0)
        directory_skip(&s->dir, s->writer.counts.device_floor, s->writer.counts.series_floor);
    if (rc == 0)
        rc = store_replay_log(s, db, e);
    if (rc == 0 && load_docs(s, db) < 0)
        rc = db_error(db, e);
    store_note_counts(s, &s->writer.counts);
    return rc == 0 ? 0 : err_wrap(e, "%s", s->db_path);
}

static void *writer_start(void *ctx)
{
    return ctx;
}

static int start_threads(struct store *s, const struct store_options *o, struct err *e)
{
    s->reader_config.path = s->db_path;
    struct worker_options writers = {
        .name = "store", .threads = 1, .ctx = &s->writer, .thread_start = writer_start};
    struct worker_options readers = {.name = "store-read",
                                     .threads = o->readers ? o->readers : 1,
                                     .ctx = &s->reader_config,
                                     .thread_start = reader_start,
                                     .thread_stop = reader_stop};
    if (worker_pool_new(s->loop, &writers, &s->writers) == 0 &&
        worker_pool_new(s->loop, &readers, &s->readers) == 0)
        return 0;
    if (s->writers)
        worker_pool_close(s->writers, NULL, NULL);
    return err_set(e, ERR_LIMIT, "cannot start the store's threads: raise the limit of threads");
}

void store_free(struct store *s)
{
    timer_stop(&s->dead_timer);
    loop_unpost(&s->pump_task);
    loop_unpost(&s->answer_task);
    loop_unpost(&s->peek_task);
    loop_unpost(&s->docs_task);
    head_free(s->active);
    head_free(s->frozen);
    directory_free(&s->dir);
    arena_free(&s->peeked[0]);
    arena_free(&s->peeked[1]);
    arena_free(&s->docs_arena);
    writer_free(&s->writer);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    mem_free(s->db_path);
    mem_free(s);
}

static int open_all(struct store *s, const struct store_options *o, struct err *e)
{
    int rc = lock_dir(s, o->dir, e);
    if (rc == 0)
        rc = make_file(s->db_path, s->lock_fd, e);
    if (rc == 0)
        rc = open_writer_db(s->db_path, o->synchronous_normal, &s->writer.db, e);
    if (rc == 0)
        rc = store_rewrite_docs(s->writer.db, o, e);
    if (rc == 0)
        rc = load(s, s->writer.db, e);
    if (rc == 0)
        rc = start_threads(s, o, e);
    return rc;
}

int store_open_hooked(struct loop *l, const struct store_options *o,
                      const struct store_hooks *hooks, struct store **out, struct err *e)
{
    struct store *s = mem_new(struct store);
    s->loop = l;
    s->head_bytes = o->head_bytes ? o->head_bytes : HEAD_BYTES_DEFAULT;
    s->head_age_ms = o->head_age_ms ? o->head_age_ms : HEAD_AGE_DEFAULT_MS;
    s->commit_interval_ms = o->commit_interval_ms;
    s->outbox_rows_max = o->outbox_rows ? o->outbox_rows : STORE_OUTBOX_ROWS_DEFAULT;
    s->outbox_bytes_max = o->outbox_bytes ? o->outbox_bytes : STORE_OUTBOX_BYTES_DEFAULT;
    s->db_path = join(o->dir, "penstock.db");
    s->lock_fd = -1;
    s->writer.hooks = hooks;
    s->writer.dead = (struct dead_limits){.rows_max = o->dead_rows_max ? o->dead_rows_max
                                                                       : STORE_DEAD_ROWS_DEFAULT,
                                          .age_ms = o->dead_age_ms};
    s->active = head_new(1);
    store_init_writing(s);
    store_init_reading(s);
    s->docs_task.run = on_docs_task;
    int rc = open_all(s, o, e);
    if (rc != 0) {
        store_free(s);
        return rc;
    }
    loop_post(l, &s->docs_task);
    // A full head, a flush or a merge that the last process did not finish.
    store_freeze_head(s, false);
    loop_post(l, &s->pump_task);
    *out = s;
    return 0;
}

int store_open(struct loop *l, const struct store_options *o, struct store **out, struct err *e)
{
    return store_open_hooked(l, o, NULL, out, e);
}
