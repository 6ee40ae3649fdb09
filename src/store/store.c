// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "store/store_internal.h"

// Happy path: store_commit() queues; at the end of the turn store_pump() hands the whole queue to
// the writer as one job; when that is done the next one is submitted, memory takes the points, and
// the callbacks run.
// Failure modes: a commit that SQLite refuses stays as it is and is tried again later; only closing
// gives up on it. Upkeep (flush, tidying, checkpoints) has a retry of its own, and holds commits up
// only when the head is full.

static void answer_commits(struct list *txns, int status)
{
    for (struct list *it; (it = list_pop(txns));) {
        struct store_txn *t = container_of(it, struct store_txn, link);
        void (*cb)(void *, int) = t->cb;
        void *ctx = t->ctx;
        store_txn_free(t);
        if (cb)
            cb(ctx, status);
    }
}

// Trouble -----------------------------------------------------------------------------------------

static void note_trouble(struct store *s, struct store_trouble *t, const char *what)
{
    uint32_t suppressed;
    t->err = s->job.err;
    err_wrap(&t->err, "%s: %s", s->db_path, what);
    t->wait_ms = t->wait_ms ? t->wait_ms * 2 : STORE_RETRY_MIN_MS;
    if (t->wait_ms > STORE_RETRY_MAX_MS)
        t->wait_ms = STORE_RETRY_MAX_MS;
    if (!s->closing)
        timer_start(s->loop, &t->retry, t->wait_ms);
    if (log_limit_pass(&t->log, loop_now_ms(s->loop), 6, &suppressed))
        log_error("store", "the database does not take writes", "error=\"%s\" retry_ms=%lld",
                  t->err.msg, (long long)t->wait_ms);
}

static void clear_trouble(struct store_trouble *t)
{
    if (!t->err.code)
        return;
    log_info("store", "the database takes writes again");
    t->err = (struct err){0};
    t->wait_ms = 0;
    timer_stop(&t->retry);
}

int store_health(const struct store *s, struct err *e)
{
    const struct err *stuck =
        s->commit_trouble.err.code ? &s->commit_trouble.err : &s->upkeep_trouble.err;
    if (stuck->code && e)
        *e = *stuck;
    return stuck->code;
}

// Jobs of the writer ------------------------------------------------------------------------------

static void submit(struct store *s, enum write_kind kind)
{
    s->job.kind = kind;
    s->job.wall_ms = loop_wall_ms(s->loop);
    s->job.head = s->frozen;
    s->job.log_id = s->frozen_log_id;
    s->job_running = true;
    s->idle = false;
    s->after_commit = kind == WRITE_COMMIT;
    timer_stop(&s->idle_timer);
    require(worker_pool_submit(s->writers, &s->job.wj) == 0);
}

static void submit_commit(struct store *s)
{
    if (!s->commit_failed) {
        struct txn_rows rows = {.dir = &s->dir};
        list_for(it, &s->queue) txn_submit_rows(container_of(it, struct store_txn, link), &rows);
        txn_finish_rows(&rows);
        list_move_all(&s->job.txns, &s->queue);
        s->n_queue = 0;
        s->job.rows = rows.ops;
    }
    s->last_commit_ms = loop_now_ms(s->loop);
    submit(s, WRITE_COMMIT);
}

// Whether a commit may start now. When only the interval is in the way, its timer is set.
static bool may_commit(struct store *s)
{
    if (!s->commit_failed && list_empty(&s->queue))
        return false;
    if (s->closing || s->last_try)
        return true;
    if (timer_active(&s->commit_trouble.retry) || (s->frozen && store_head_full(s)))
        return false;
    int64_t wait = s->last_commit_ms + s->commit_interval_ms - loop_now_ms(s->loop);
    if (s->commit_interval_ms == 0 || wait <= 0)
        return true;
    if (!timer_active(&s->interval_timer))
        timer_start(s->loop, &s->interval_timer, wait);
    return false;
}

// What else the writer has to do; false when there is nothing.
static bool pick_upkeep(const struct store *s, enum write_kind *kind)
{
    if (s->closing || timer_active(&s->upkeep_trouble.retry))
        return false;
    if (s->wal_pages >= STORE_WAL_PAGES)
        *kind = WRITE_CHECKPOINT;
    else if (s->frozen)
        *kind = WRITE_FLUSH;
    else if (s->tidy_due)
        *kind = WRITE_TIDY;
    else if (s->idle && s->wal_pages > 0)
        *kind = WRITE_CHECKPOINT;
    else
        return false;
    return true;
}

static void on_writers_closed(void *ctx)
{
    struct store *s = ctx;
    void (*cb)(void *) = s->close_cb;
    void *cb_ctx = s->close_ctx;
    store_free(s);
    if (cb)
        cb(cb_ctx);
}

static void on_readers_closed(void *ctx)
{
    struct store *s = ctx;
    s->readers = NULL;
    store_pump(s);
}

// One thing after the other: the last commits are done; the readers, what waits to be told, the
// WAL, the writer.
static void go_on_closing(struct store *s)
{
    if (s->readers) {
        if (!s->readers_closing)
            worker_pool_close(s->readers, on_readers_closed, s);
        s->readers_closing = true;
        return;
    }
    if (s->n_reads > 0 || !list_empty(&s->refused))
        return;
    if (!s->wal_closed) {
        s->wal_closed = true;
        submit(s, WRITE_CLOSE);
        return;
    }
    worker_pool_close(s->writers, on_writers_closed, s);
}

void store_pump(struct store *s)
{
    enum write_kind kind;
    if (s->job_running)
        return;
    bool commit = may_commit(s), upkeep = pick_upkeep(s, &kind);
    if (commit && !(upkeep && s->after_commit))
        submit_commit(s);
    else if (upkeep)
        submit(s, kind);
    else if (s->closing)
        go_on_closing(s);
    else if (s->wal_pages > 0 && !timer_active(&s->idle_timer))
        timer_start(s->loop, &s->idle_timer, STORE_IDLE_MS);
}

// Takes the transactions of the job that failed, and all behind them.
static void give_up(struct store *s)
{
    struct list all;
    list_init(&all);
    list_move_all(&all, &s->job.txns);
    list_move_all(&all, &s->queue);
    buf_free(&s->job.rows);
    s->n_queue = 0;
    s->commit_failed = false;
    s->gave_up = true;
    answer_commits(&all, ERR_CANCELED);
}

static void show(struct store *s, const struct list *txns, int64_t log_id)
{
    list_for(it, txns)
    {
        struct store_txn *t = container_of(it, struct store_txn, link);
        txn_rows_durable(t, &s->dir);
        require(store_apply_points(s, buf_span(&t->points)) == 0);
        s->stats.transactions++;
    }
    s->applied_log_id = log_id;
    if (head_bytes(s->active) > 0 && !timer_active(&s->age_timer) && !s->closing)
        timer_start(s->loop, &s->age_timer, s->head_age_ms);
    store_freeze_head(s, false);
}

static void on_committed(struct store *s)
{
    struct list txns;
    int64_t log_id = s->job.log_id;
    s->commit_failed = s->job.status != 0;
    if (s->commit_failed) {
        note_trouble(s, &s->commit_trouble, "cannot commit");
        if (s->closing || s->last_try)
            give_up(s);
        store_pump(s);
        return;
    }
    clear_trouble(&s->commit_trouble);
    s->stats.commits++;
    s->stats.last_commit_us = s->job.took_us;
    list_init(&txns);
    list_move_all(&txns, &s->job.txns);
    buf_free(&s->job.rows);
    // The writer goes on while memory takes what is durable now.
    store_pump(s);
    show(s, &txns, log_id);
    store_pump(s);
    answer_commits(&txns, 0);
}

static void on_upkeep(struct store *s)
{
    enum write_kind kind = s->job.kind;
    if (s->job.status != 0) {
        note_trouble(s, &s->upkeep_trouble,
                     kind == WRITE_FLUSH ? "cannot write telemetry blocks" : "cannot tidy up");
    } else {
        clear_trouble(&s->upkeep_trouble);
        if (kind == WRITE_TIDY)
            s->tidy_due = s->job.more;
    }
    if (s->job.status == 0 && kind == WRITE_FLUSH && !s->job.more) {
        head_free(s->frozen);
        s->frozen = NULL;
        s->tidy_due = true;
        s->stats.flushes++;
        store_freeze_head(s, false);
    }
    store_pump(s);
}

void store_note_counts(struct store *s, const struct writer_counts *c)
{
    s->stats.outbox_rows = (uint64_t)c->outbox_rows;
    s->stats.outbox_bytes = (uint64_t)c->outbox_bytes;
    s->stats.dead_letters = (uint64_t)c->dead_rows;
    s->stats.dead_letters_added = (uint64_t)c->dead_added;
    s->stats.dead_letters_replayed = (uint64_t)c->dead_replayed;
    s->stats.dead_letters_discarded = (uint64_t)c->dead_discarded;
    s->stats.dead_letters_dropped = (uint64_t)c->dead_dropped;
}

static void on_job_done(struct worker_job *wj)
{
    struct store *s = container_of(wj, struct store, job.wj);
    s->job_running = false;
    s->wal_pages = s->job.wal_pages;
    s->stats.db_bytes = s->job.db_bytes;
    store_note_counts(s, &s->job.counts);
    if (s->job.kind == WRITE_COMMIT)
        on_committed(s);
    else
        on_upkeep(s);
}

// Timers ------------------------------------------------------------------------------------------

static void on_pump_task(struct loop_task *t)
{
    store_pump(container_of(t, struct store, pump_task));
}

static void on_interval(struct timer *t)
{
    store_pump(container_of(t, struct store, interval_timer));
}

static void on_commit_retry(struct timer *t)
{
    store_pump(container_of(t, struct store, commit_trouble.retry));
}

static void on_upkeep_retry(struct timer *t)
{
    store_pump(container_of(t, struct store, upkeep_trouble.retry));
}

static void on_idle(struct timer *t)
{
    struct store *s = container_of(t, struct store, idle_timer);
    s->idle = true;
    store_pump(s);
}

static void on_age(struct timer *t)
{
    struct store *s = container_of(t, struct store, age_timer);
    if (s->frozen)
        timer_start(s->loop, t, STORE_RETRY_MAX_MS);
    store_freeze_head(s, true);
    store_pump(s);
}

static void on_dead_age(struct timer *t)
{
    struct store *s = container_of(t, struct store, dead_timer);
    timer_start(s->loop, t, STORE_DEAD_CHECK_MS);
    if (s->stats.dead_letters == 0)
        return;
    s->tidy_due = true;
    store_pump(s);
}

void store_init_writing(struct store *s)
{
    list_init(&s->queue);
    list_init(&s->job.txns);
    s->job.wj.run = writer_run;
    s->job.wj.done = on_job_done;
    s->pump_task.run = on_pump_task;
    s->interval_timer.fire = on_interval;
    s->idle_timer.fire = on_idle;
    s->age_timer.fire = on_age;
    s->dead_timer.fire = on_dead_age;
    if (s->writer.dead.age_ms > 0)
        timer_start(s->loop, &s->dead_timer, STORE_DEAD_CHECK_MS);
    s->commit_trouble.retry.fire = on_commit_retry;
    s->upkeep_trouble.retry.fire = on_upkeep_retry;
    s->last_commit_ms = INT64_MIN / 2;
    s->tidy_due = true; // what the last process left
}

// Interface ---------------------------------------------------------------------------------------

void store_commit(struct store *s, struct store_txn *t, void (*cb)(void *ctx, int status),
                  void *ctx)
{
    require(t->store == s && t->points.n <= STORE_VALUE_MAX);
    t->cb = cb;
    t->ctx = ctx;
    if (s->closing || s->gave_up) {
        list_push(&s->refused, &t->link);
        store_answer_later(s);
        return;
    }
    list_push(&s->queue, &t->link);
    s->n_queue++;
    if (!s->job_running && !list_linked(&s->pump_task.link))
        loop_post(s->loop, &s->pump_task);
}

void store_stop_retrying(struct store *s)
{
    s->last_try = true;
    if (!list_linked(&s->pump_task.link))
        loop_post(s->loop, &s->pump_task);
}

void store_close(struct store *s, void (*cb)(void *ctx), void *ctx)
{
    require(!s->closing);
    s->closing = true;
    s->close_cb = cb;
    s->close_ctx = ctx;
    timer_stop(&s->interval_timer);
    timer_stop(&s->idle_timer);
    timer_stop(&s->age_timer);
    timer_stop(&s->dead_timer);
    timer_stop(&s->commit_trouble.retry);
    timer_stop(&s->upkeep_trouble.retry);
    if (!list_linked(&s->pump_task.link))
        loop_post(s->loop, &s->pump_task);
}

bool store_outbox_has_room(const struct store *s, uint64_t rows, uint64_t bytes)
{
    return s->stats.outbox_rows + s->outbox_adding_rows + rows <= (uint64_t)s->outbox_rows_max &&
           s->stats.outbox_bytes + s->outbox_adding_bytes + bytes <= (uint64_t)s->outbox_bytes_max;
}

void store_get_stats(const struct store *s, struct store_stats *out)
{
    *out = s->stats;
    out->head_bytes = head_bytes(s->active) + (s->frozen ? head_bytes(s->frozen) : 0);
    out->queued = s->n_queue;
}
