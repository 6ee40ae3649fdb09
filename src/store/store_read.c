// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "store/store_internal.h"

// Happy path: the loop looks up the series, answers from memory what it can, copies the head's part
// of the rest into the job, and a reader thread fills in the result.
// Failure modes: a damaged block or a file that cannot be read fails this read alone; closing
// cancels what has not started.

// Memory ------------------------------------------------------------------------------------------

struct found {
    uint32_t id;
    struct series *series; // NULL: none that is durable
};

static struct found visible(struct store *s, const struct series_ref *ref)
{
    struct series *series = ref ? directory_series(&s->dir, ref->series) : NULL;
    if (!series || series->state != ROW_DURABLE)
        return (struct found){0, NULL};
    return (struct found){ref->series, series};
}

static struct found find_series(struct store *s, struct store_device *d, struct span key,
                                uint32_t guess)
{
    return visible(s, directory_find_series(&s->dir, device_of(d), key, guess));
}

struct store_device *store_find_device(const struct store *s, struct span name, bool is_asset)
{
    struct device *d = directory_find(&s->dir, name, is_asset);
    return d ? &d->pub : NULL;
}

struct store_device *store_find_device_id(const struct store *s, struct uuid id)
{
    struct device *d = directory_find_uuid(&s->dir, id);
    return d ? &d->pub : NULL;
}

struct store_device *store_add_device(struct store *s, struct uuid id, struct span name,
                                      struct span label, struct uuid profile, bool is_asset,
                                      int64_t now_ms)
{
    require(name.n <= STORE_VALUE_MAX && label.n <= STORE_VALUE_MAX);
    require(!directory_find(&s->dir, name, is_asset));
    struct store_device d = {.uuid = id,
                             .profile = profile,
                             .name = name,
                             .label = label,
                             .created_ms = now_ms,
                             .is_asset = is_asset};
    return &directory_add(&s->dir, &d)->pub;
}

void store_set_device(struct store *s, struct store_device *d, struct span label,
                      struct uuid profile)
{
    if (!span_eq(d->label, label))
        d->label = arena_span(&s->dir.arena, label);
    d->profile = profile;
}

size_t store_count_devices(const struct store *s)
{
    return s->dir.n_devices - s->dir.n_gone;
}

static struct value copy_value(struct arena *a, const struct value *v)
{
    struct value out = *v;
    if (v->type >= VALUE_STRING)
        out.s = arena_span(a, v->s);
    return out;
}

// The point stays put while its series goes on: a copy, kept for this turn and the next.
const struct store_point *store_peek_latest(struct store *s, struct store_device *d,
                                            struct span key)
{
    struct series *series = find_series(s, d, key, 0).series;
    struct store_point p;
    if (!series || !series->known || !series_get_latest(series, &p))
        return NULL;
    struct store_point *out = arena_new(&s->peeked[0], struct store_point);
    *out = (struct store_point){p.ts_ms, copy_value(&s->peeked[0], &p.value)};
    if (!list_linked(&s->peek_task.link))
        loop_post(s->loop, &s->peek_task);
    return out;
}

static void on_peek_task(struct loop_task *t)
{
    struct store *s = container_of(t, struct store, peek_task);
    arena_free(&s->peeked[1]);
    s->peeked[1] = s->peeked[0];
    s->peeked[0] = (struct arena){0};
    if (s->peeked[1].chunks)
        loop_post(s->loop, &s->peek_task);
}

// Series of a read --------------------------------------------------------------------------------

// Fills series_out with the keys asked for, or all of the device, and `found` with the series (or
// NULL) of each.
static void list_series(struct store *s, struct store_read *r, struct found *found)
{
    struct device *d = device_of(r->device);
    for (size_t i = 0; i < r->n_series; i++) {
        struct store_series_out *out = &r->series_out[i];
        *out = (struct store_series_out){.key = arena_span(&r->arena, r->keys[i])};
        found[i] = find_series(s, &d->pub, r->keys[i], (uint32_t)i);
    }
}

static void list_all_series(struct store *s, struct store_read *r, struct found *found)
{
    struct device *d = device_of(r->device);
    size_t n = 0;
    for (uint32_t i = 0; i < d->n_refs; i++) {
        found[n] = visible(s, &d->refs[i]);
        if (!found[n].series)
            continue;
        struct span key = s->dir.keys[d->refs[i].key].name;
        r->series_out[n++] = (struct store_series_out){.key = arena_span(&r->arena, key)};
    }
    r->n_series = n;
}

static struct found *open_series(struct store *s, struct store_read *r)
{
    struct device *d = device_of(r->device);
    directory_unpack(&s->dir, d);
    r->n_series = r->n_keys ? r->n_keys : d->n_refs;
    r->series_out = arena_array(&r->arena, struct store_series_out, r->n_series);
    struct found *found = arena_array(&r->arena, struct found, r->n_series);
    if (r->n_keys)
        list_series(s, r, found);
    else
        list_all_series(s, r, found);
    return found;
}

static void put_latest(struct store_read *r, size_t i, const struct series *series)
{
    struct store_point p;
    if (!series || !series_get_latest(series, &p))
        return;
    struct store_series_out *out = &r->series_out[i];
    out->points = arena_array(&r->arena, struct store_point, 1);
    out->points[0] = (struct store_point){p.ts_ms, copy_value(&r->arena, &p.value)};
    out->n = 1;
}

// The arena may hold what the caller has put there.
static void clear_results(struct store_read *r)
{
    r->series_out = NULL;
    r->attributes_out = NULL;
    r->devices_out = NULL;
    r->checkpoints_out = NULL;
    r->outbox_out = NULL;
    r->dead_out = NULL;
    r->n_series = r->n_attributes = r->n_devices = r->n_checkpoints = r->n_outbox = r->n_dead = 0;
    r->total = 0;
}

static bool all_known(struct store *s, const struct store_read *r)
{
    struct device *d = device_of(r->device);
    directory_unpack(&s->dir, d);
    size_t n = r->n_keys ? r->n_keys : d->n_refs;
    for (size_t i = 0; i < n; i++) {
        struct found found = r->n_keys ? find_series(s, r->device, r->keys[i], (uint32_t)i)
                                       : visible(s, &d->refs[i]);
        if (found.series && !found.series->known)
            return false;
    }
    return true;
}

bool store_latest_now(struct store *s, struct store_read *r)
{
    clear_results(r);
    if (!all_known(s, r))
        return false;
    struct found *found = open_series(s, r);
    for (size_t i = 0; i < r->n_series; i++)
        put_latest(r, i, found[i].series);
    return true;
}

void store_read_free(struct store_read *r)
{
    arena_free(&r->arena);
    clear_results(r);
}

// Jobs --------------------------------------------------------------------------------------------

static void free_job(struct read_job *job)
{
    buf_free(&job->text);
    mem_free(job->series);
    mem_free(job);
}

// Blocks and memory together give the latest value, and memory knows it from now on. At equal times
// what memory has was written later.
static void learn_latest(struct read_job *job)
{
    for (size_t i = 0; i < job->n_series; i++) {
        struct read_series *rs = &job->series[i];
        struct series *series = rs->series;
        if (rs->ask && rs->found && !series->known &&
            (!series->latest_type || rs->point.ts_ms > series->latest_ts))
            series_set_latest(series, rs->point.ts_ms, &rs->point.value);
        if (rs->ask)
            series->known = true;
        put_latest(job->r, i, series);
    }
}

static void finish(struct read_job *job)
{
    struct store *s = job->store;
    struct store_read *r = job->r;
    int status = job->status;
    if (status == 0 && r->kind == STORE_READ_LATEST && job->series)
        learn_latest(job);
    free_job(job);
    r->internal = NULL;
    s->n_reads--;
    r->done(r, status);
}

static void on_job_done(struct worker_job *wj)
{
    struct read_job *job = container_of(wj, struct read_job, wj);
    struct store *s = job->store;
    uint32_t suppressed;
    if (wj->canceled)
        job->status = ERR_CANCELED;
    else if (job->err.code && log_limit_pass(&s->read_log, loop_now_ms(s->loop), 6, &suppressed))
        log_error("store", "a read failed", "path=%s error=\"%s\"", s->db_path, job->err.msg);
    finish(job);
}

static void answer_now(struct store *s, struct read_job *job, int status)
{
    job->status = status;
    list_push(&s->answered, &job->link);
    store_answer_later(s);
}

// Copies the head's streams of all series into one buffer, and then, when that grows no more,
// points into it.
static void copy_heads(struct store *s, struct read_job *job)
{
    for (size_t i = 0; i < job->n_series; i++) {
        struct read_series *rs = &job->series[i];
        if (!rs->series)
            continue;
        size_t start = job->text.n;
        head_read_frozen(s->frozen, s->active, &rs->series->cursor, rs->id, &job->text);
        rs->frozen.n = job->text.n - start;
        head_read_active(s->active, &rs->series->cursor, &job->text);
        rs->active.n = job->text.n - start - rs->frozen.n;
    }
    size_t at = 0;
    for (size_t i = 0; i < job->n_series && job->text.n; i++) {
        struct read_series *rs = &job->series[i];
        rs->frozen.p = job->text.p + at;
        rs->active.p = rs->frozen.p + rs->frozen.n;
        at += rs->frozen.n + rs->active.n;
    }
}

// True when a thread has to look.
static bool prepare_series(struct store *s, struct read_job *job)
{
    struct store_read *r = job->r;
    bool latest = r->kind == STORE_READ_LATEST, ask = false;
    struct found *found = open_series(s, r);
    if (r->kind == STORE_READ_KEYS)
        return false;
    job->n_series = r->n_series;
    job->series = mem_zalloc(r->n_series * sizeof *job->series);
    for (size_t i = 0; i < r->n_series; i++) {
        struct read_series *rs = &job->series[i];
        rs->series = found[i].series;
        rs->id = found[i].id;
        rs->ask = rs->series && !(latest && rs->series->known);
        ask |= rs->ask;
    }
    if (!latest)
        copy_heads(s, job);
    return ask;
}

static void prepare_devices(struct read_job *job)
{
    if (job->r->text.n == 0)
        return;
    buf_add_char(&job->text, '%');
    for (size_t i = 0; i < job->r->text.n; i++) {
        char c = job->r->text.p[i];
        if (c == '%' || c == '_' || c == '\\')
            buf_add_char(&job->text, '\\');
        buf_add_char(&job->text, c);
    }
    buf_add_char(&job->text, '%');
}

static void prepare_attributes(struct read_job *job)
{
    struct store_read *r = job->r;
    job->device_id = r->device->id;
    job->keys = arena_array(&r->arena, struct span, r->n_keys);
    for (size_t i = 0; i < r->n_keys; i++)
        job->keys[i] = arena_span(&r->arena, r->keys[i]);
}

static bool prepare(struct store *s, struct read_job *job)
{
    switch (job->r->kind) {
    case STORE_READ_LATEST:
    case STORE_READ_RANGE:
    case STORE_READ_KEYS:
        return prepare_series(s, job);
    case STORE_READ_ATTRIBUTES:
        prepare_attributes(job);
        return true;
    case STORE_READ_DEVICES:
        prepare_devices(job);
        return true;
    default:
        return true;
    }
}

void store_read(struct store *s, struct store_read *r)
{
    struct read_job *job = mem_new(struct read_job);
    job->wj.run = reader_run;
    job->wj.done = on_job_done;
    job->store = s;
    job->r = r;
    r->internal = job;
    s->n_reads++;
    clear_results(r);
    if (s->closing)
        answer_now(s, job, ERR_CANCELED);
    else if (prepare(s, job))
        require(worker_pool_submit(s->readers, &job->wj) == 0);
    else
        answer_now(s, job, 0);
}

static void on_answer_task(struct loop_task *t)
{
    struct store *s = container_of(t, struct store, answer_task);
    struct list answered, refused;
    list_init(&answered);
    list_init(&refused);
    list_move_all(&answered, &s->answered);
    list_move_all(&refused, &s->refused);
    for (struct list *it; (it = list_pop(&answered));)
        finish(container_of(it, struct read_job, link));
    for (struct list *it; (it = list_pop(&refused));) {
        struct store_txn *txn = container_of(it, struct store_txn, link);
        void (*cb)(void *, int) = txn->cb;
        void *ctx = txn->ctx;
        store_txn_free(txn);
        if (cb)
            cb(ctx, ERR_CANCELED);
    }
    if (s->closing)
        store_pump(s);
}

void store_answer_later(struct store *s)
{
    if (!list_linked(&s->answer_task.link))
        loop_post(s->loop, &s->answer_task);
}

void store_init_reading(struct store *s)
{
    list_init(&s->answered);
    list_init(&s->refused);
    s->answer_task.run = on_answer_task;
    s->peek_task.run = on_peek_task;
}
