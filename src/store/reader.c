// SPDX-License-Identifier: Apache-2.0
#include "store/reader.h"

#include "base/mem.h"
#include "store/outbox.h"

struct reader {
    const char *path;
    struct db *db; // NULL until the first job
};

void *reader_start(void *ctx)
{
    struct reader *rd = mem_new(struct reader);
    rd->path = ((const struct reader_config *)ctx)->path;
    return rd;
}

void reader_stop(void *ctx, void *thread)
{
    (void)ctx;
    struct reader *rd = thread;
    db_close(rd->db);
    mem_free(rd);
}

static struct span copy(struct arena *a, struct stmt *s, int i)
{
    return arena_span(a, stmt_col_span(s, i));
}

void *reader_grow(struct arena *a, void *p, size_t n, size_t size)
{
    if (n & (n - 1) || n == 0)
        return n ? p : arena_alloc(a, size);
    return arena_grow(a, p, n * size, 2 * n * size);
}

// stmt_step(), unless the result has become too large.
static int step(struct store_read *r, struct stmt *s)
{
    if (r->arena.bytes > STORE_RESULT_BYTES_MAX) {
        stmt_reset(s);
        return ERR_LIMIT;
    }
    return stmt_step(s);
}

static bool get_value(struct arena *a, struct stmt *s, int type_col, struct value *v)
{
    *v = (struct value){.type = (enum value_type)stmt_col_int(s, type_col)};
    switch (v->type) {
    case VALUE_BOOL:
        v->b = stmt_col_int(s, type_col + 1) != 0;
        return true;
    case VALUE_LONG:
        v->i = stmt_col_int(s, type_col + 1);
        return true;
    case VALUE_DOUBLE:
        v->d = stmt_col_double(s, type_col + 1);
        return true;
    case VALUE_STRING:
    case VALUE_JSON:
        v->s = copy(a, s, type_col + 1);
        return true;
    }
    return false;
}

static bool key_wanted(const struct read_job *job, struct span key)
{
    for (size_t i = 0; i < job->r->n_keys; i++) {
        if (span_eq(job->keys[i], key))
            return true;
    }
    return job->r->n_keys == 0;
}

static int read_attributes(struct db *db, struct read_job *job)
{
    struct store_read *r = job->r;
    struct stmt *s = db_stmt(db, r->scope ? SQL_GET_SCOPE : SQL_GET_ATTRIBUTES);
    stmt_int(s, 1, job->device_id);
    if (r->scope)
        stmt_int(s, 2, r->scope);
    int rc;
    while ((rc = step(r, s)) > 0) {
        struct store_attribute_out a = {.scope = (enum store_scope)stmt_col_int(s, 0),
                                        .ts_ms = stmt_col_int(s, 4)};
        if (!key_wanted(job, stmt_col_span(s, 1)))
            continue;
        a.key = copy(&r->arena, s, 1);
        if (!get_value(&r->arena, s, 2, &a.value)) {
            stmt_reset(s);
            return ERR_INVALID;
        }
        r->attributes_out = reader_grow(&r->arena, r->attributes_out, r->n_attributes, sizeof a);
        r->attributes_out[r->n_attributes++] = a;
    }
    return rc;
}

static enum sql_id devices_sql(const struct store_read *r)
{
    bool search = r->text.n > 0, up = r->ascending;
    switch (r->sort) {
    case STORE_SORT_NAME:
        if (search)
            return up ? SQL_SEARCH_NAME : SQL_SEARCH_NAME_DESC;
        return up ? SQL_DEVICES_NAME : SQL_DEVICES_NAME_DESC;
    case STORE_SORT_LABEL:
        if (search)
            return up ? SQL_SEARCH_LABEL : SQL_SEARCH_LABEL_DESC;
        return up ? SQL_DEVICES_LABEL : SQL_DEVICES_LABEL_DESC;
    case STORE_SORT_PROFILE:
        return up ? SQL_SEARCH_PROFILE : SQL_SEARCH_PROFILE_DESC;
    default:
        if (search)
            return up ? SQL_SEARCH_CREATED : SQL_SEARCH_CREATED_DESC;
        return up ? SQL_DEVICES_CREATED : SQL_DEVICES_CREATED_DESC;
    }
}

static struct stmt *bind_devices(struct db *db, enum sql_id id, const struct read_job *job)
{
    struct stmt *s = db_stmt(db, id);
    stmt_int(s, 1, job->r->is_asset);
    stmt_blob(s, 2, job->r->by_profile ? uuid_span(&job->r->profile) : SPAN_NONE);
    if (id >= SQL_SEARCH_CREATED && id <= SQL_SEARCH_COUNT)
        stmt_text(s, 3, buf_span(&job->text));
    return s;
}

static int64_t page_offset(const struct store_read *r)
{
    uint64_t offset;
    if (__builtin_mul_overflow((uint64_t)r->page, (uint64_t)r->page_size, &offset) ||
        offset > INT64_MAX)
        return INT64_MAX;
    return (int64_t)offset;
}

static int64_t at_most(size_t n)
{
    return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static int read_total(struct stmt *s, struct store_read *r)
{
    int rc = stmt_step(s);
    if (rc > 0)
        r->total = (uint64_t)stmt_col_int(s, 0);
    stmt_reset(s);
    return rc < 0 ? rc : 0;
}

static int read_devices(struct db *db, struct read_job *job)
{
    struct store_read *r = job->r;
    int rc = read_total(bind_devices(db, r->text.n ? SQL_SEARCH_COUNT : SQL_DEVICES_COUNT, job), r);
    if (rc < 0)
        return rc;
    struct stmt *s = bind_devices(db, devices_sql(r), job);
    stmt_int(s, 4, at_most(r->page_size));
    stmt_int(s, 5, page_offset(r));
    while ((rc = step(r, s)) > 0) {
        struct store_device_out d = {.created_ms = stmt_col_int(s, 4)};
        if (!stmt_col_uuid(s, 0, &d.uuid) || !stmt_col_uuid(s, 1, &d.profile)) {
            stmt_reset(s);
            return ERR_INVALID;
        }
        d.name = copy(&r->arena, s, 2);
        d.label = copy(&r->arena, s, 3);
        r->devices_out = reader_grow(&r->arena, r->devices_out, r->n_devices, sizeof d);
        r->devices_out[r->n_devices++] = d;
    }
    return rc;
}

static int read_checkpoints(struct db *db, struct read_job *job)
{
    struct store_read *r = job->r;
    struct stmt *s = db_stmt(db, SQL_GET_CHECKPOINTS);
    stmt_uuid(s, 1, &r->integration);
    int rc;
    while ((rc = stmt_step(s)) > 0) {
        struct store_checkpoint c = {.integration = r->integration,
                                     .stream = copy(&r->arena, s, 0),
                                     .shard_id = copy(&r->arena, s, 1),
                                     .sequence = copy(&r->arena, s, 2),
                                     .sub_sequence = (uint64_t)stmt_col_int(s, 3),
                                     .records_applied = (uint64_t)stmt_col_int(s, 4),
                                     .shard_end = stmt_col_int(s, 5) != 0};
        r->checkpoints_out = reader_grow(&r->arena, r->checkpoints_out, r->n_checkpoints, sizeof c);
        r->checkpoints_out[r->n_checkpoints++] = c;
    }
    return rc;
}

static void take_dead(struct store_read *r, struct stmt *s)
{
    struct store_dead_letter d = {.id = stmt_col_int(s, 0),
                                  .integration = r->integration,
                                  .downlink = stmt_col_int(s, 1) != 0,
                                  .error = copy(&r->arena, s, 2),
                                  .shard_id = copy(&r->arena, s, 3),
                                  .sequence = copy(&r->arena, s, 4),
                                  .sub_sequence = (uint64_t)stmt_col_int(s, 5),
                                  .partition_key = copy(&r->arena, s, 6),
                                  .arrival_ms = stmt_col_int(s, 7),
                                  .created_ms = stmt_col_int(s, 8),
                                  .size = (uint64_t)stmt_col_int(s, 9),
                                  .tries = (uint64_t)stmt_col_int(s, 10),
                                  .last_try_ms = stmt_col_int(s, 11),
                                  .stream = copy(&r->arena, s, 12),
                                  .stream_arn = copy(&r->arena, s, 13),
                                  .explicit_hash_key = copy(&r->arena, s, 14),
                                  .msg_type = copy(&r->arena, s, 15),
                                  .metadata = copy(&r->arena, s, 16),
                                  .payload = copy(&r->arena, s, 17)};
    r->dead_out = reader_grow(&r->arena, r->dead_out, r->n_dead, sizeof d);
    r->dead_out[r->n_dead++] = d;
}

// How many there are in (after_id, until_id], and the newest of them.
static int count_dead(struct db *db, struct store_read *r, int64_t after_id, int64_t *until_id)
{
    struct stmt *s = db_stmt(db, SQL_COUNT_DEAD);
    stmt_uuid(s, 1, &r->integration);
    stmt_int(s, 2, after_id);
    stmt_int(s, 3, *until_id);
    int rc = stmt_step(s);
    if (rc > 0) {
        r->total = (uint64_t)stmt_col_int(s, 0);
        *until_id = stmt_col_int(s, 1);
    }
    stmt_reset(s);
    return rc < 0 ? rc : 0;
}

static int read_dead_page(struct db *db, struct store_read *r)
{
    int64_t until_id = INT64_MAX;
    int rc = count_dead(db, r, 0, &until_id);
    if (rc < 0)
        return rc;
    struct stmt *s = db_stmt(db, SQL_GET_DEAD);
    stmt_uuid(s, 1, &r->integration);
    stmt_int(s, 2, at_most(r->page_size));
    stmt_int(s, 3, page_offset(r));
    stmt_int(s, 4, r->limit ? at_most(r->limit) : (int64_t)STORE_VALUE_MAX);
    while ((rc = step(r, s)) > 0)
        take_dead(r, s);
    return rc;
}

static int read_dead_one(struct db *db, struct store_read *r)
{
    struct stmt *s = db_stmt(db, SQL_GET_DEAD_ONE);
    stmt_uuid(s, 1, &r->integration);
    stmt_int(s, 2, r->after_id);
    int rc;
    while ((rc = step(r, s)) > 0)
        take_dead(r, s);
    return rc;
}

static int read_dead_after(struct db *db, struct store_read *r)
{
    int64_t newest = r->until_id ? r->until_id : INT64_MAX;
    int rc = count_dead(db, r, r->after_id, &newest);
    if (rc < 0)
        return rc;
    if (!r->until_id)
        r->until_id = newest;
    struct stmt *s = db_stmt(db, SQL_GET_DEAD_AFTER);
    stmt_uuid(s, 1, &r->integration);
    stmt_int(s, 2, r->after_id);
    stmt_int(s, 3, r->until_id);
    stmt_int(s, 4, r->limit ? at_most(r->limit) : INT64_MAX);
    while ((rc = step(r, s)) > 0) {
        take_dead(r, s);
        if (r->arena.bytes > STORE_DEAD_PAGE_BYTES) {
            stmt_reset(s);
            return 0;
        }
    }
    return rc;
}

static int run_read(struct db *db, struct read_job *job)
{
    switch (job->r->kind) {
    case STORE_READ_LATEST:
        return read_series_latest(db, job);
    case STORE_READ_RANGE:
        return read_series_range(db, job);
    case STORE_READ_ATTRIBUTES:
        return read_attributes(db, job);
    case STORE_READ_DEVICES:
        return read_devices(db, job);
    case STORE_READ_CHECKPOINTS:
        return read_checkpoints(db, job);
    case STORE_READ_OUTBOX:
        return outbox_read(db, job);
    case STORE_READ_DEAD_LETTERS:
        return read_dead_page(db, job->r);
    case STORE_READ_DEAD_LETTER:
        return read_dead_one(db, job->r);
    case STORE_READ_DEAD_AFTER:
        return read_dead_after(db, job->r);
    case STORE_READ_KEYS:
        break;
    }
    return ERR_BUG; // from memory, never here
}

void reader_run(struct worker_job *wj, void *thread)
{
    struct read_job *job = container_of(wj, struct read_job, wj);
    struct reader *rd = thread;
    job->status = rd->db ? 0 : db_open(rd->path, true, &rd->db, &job->err);
    if (!rd->db)
        return;
    job->status = db_begin_read(rd->db);
    if (job->status == 0)
        job->status = run_read(rd->db, job);
    if (job->status != 0)
        db_error_of(rd->db, job->status, &job->err);
    db_rollback(rd->db);
}
