// SPDX-License-Identifier: Apache-2.0
#include "stream/producer.h"

#include "base/mem.h"
#include "stream/producer_internal.h"
#include "stream/status_text.h"

// Happy path: producer_put() queues the record with its stream and posts the stream's task, so that
// what is put in one turn of the loop goes out together; step() makes calls of what is ready, up to
// `in_flight` at once; a reply finishes its records. Failure modes: a refused record is delayed by
// itself; a failed call puts all its records back and holds the stream's next call (`gate_ms`); a
// call that the service calls invalid is halved until the one record that is to blame stands alone;
// shards that cannot be listed are written to without being told apart.

#define DEFAULT_IN_FLIGHT 4
#define DEFAULT_MAX_BACKOFF_MS 30000
#define LOG_LINES_A_MINUTE 6
// A stream that has nothing to do is remembered for so long, for what is known of its shards.
#define IDLE_MS 60000
#define MAX_IDLE 32

void producer_finish_entry(struct producer *p, struct producer_entry *en, int status,
                           const char *error)
{
    p->n_pending--;
    en->done(en, status, error);
}

// Status -----------------------------------------------------------------------------------------

static void report(struct producer *p, int status, const char *text)
{
    uint32_t held_back;
    if (log_limit_pass(&p->log, loop_now_ms(p->loop), LOG_LINES_A_MINUTE, &held_back)) {
        if (status == 0)
            log_info("stream", "writing", "held_back=%u", held_back);
        else
            log_warn("stream", "not writing", "text=\"%s\" held_back=%u", text, held_back);
    }
    if (p->on_status && !p->closing)
        p->on_status(p->ctx, status, text);
}

void producer_note_success(struct put_stream *s)
{
    s->failures = 0;
    s->success_ms = loop_now_ms(s->p->loop);
    if (!s->failing)
        return;
    s->failing = false;
    if (--s->p->n_failing == 0)
        report(s->p, 0, "writing");
}

void producer_note_failure(struct put_stream *s, int status, const struct aws_error *error)
{
    char text[STATUS_TEXT_MAX];
    s->failures++;
    if (s->failing || s->failures < status_patience(status))
        return;
    status_text(&(struct status_cause){.operation = kinesis_op_name(KINESIS_PUT_RECORDS),
                                       .stream = s->id,
                                       .host = kinesis_host(s->p->kinesis),
                                       .status = status,
                                       .error = error},
                text);
    s->failing = true;
    s->p->n_failing++;
    report(s->p, status, text);
}

static void note_nothing_to_do(struct put_stream *s)
{
    s->failures = 0;
    s->gate_ms = 0;
    if (!s->failing)
        return;
    s->failing = false;
    if (--s->p->n_failing == 0)
        report(s->p, 0, "nothing to write");
}

// Streams ----------------------------------------------------------------------------------------

static void on_timer(struct timer *t)
{
    producer_step(container_of(t, struct put_stream, timer));
}

static void run_task(struct loop_task *t)
{
    producer_step(container_of(t, struct put_stream, task));
}

static void kick(struct put_stream *s)
{
    if (!list_linked(&s->task.link))
        loop_post(s->p->loop, &s->task);
}

static int on_listed(struct put_lister *l, const struct kinesis_shard *shards, size_t n)
{
    struct put_stream *s = container_of(l, struct put_stream, lister);
    int rc = ERR_UNAVAILABLE;
    if (shards)
        rc = put_queue_set_shards(&s->queue, shards, n, loop_now_ms(s->p->loop));
    put_call_settle_unsure(s, rc < 0);
    kick(s);
    return rc;
}

static void on_lister_stopped(struct put_lister *l)
{
    struct put_stream *s = container_of(l, struct put_stream, lister);
    producer_continue_close(s->p);
}

static struct put_stream *new_stream(struct producer *p, struct span id, bool is_arn)
{
    struct put_stream *s = mem_zalloc(sizeof(*s) + id.n);
    memcpy(s->bytes, id.p, id.n);
    s->p = p;
    s->id = span_of(s->bytes, id.n);
    s->is_arn = is_arn;
    s->success_ms = INT64_MIN / 2;
    s->timer.fire = on_timer;
    s->task.run = run_task;
    list_init(&s->unsure);
    put_queue_init(&s->queue, &p->queue, loop_now_ms(p->loop));
    s->lister = (struct put_lister){.loop = p->loop,
                                    .kinesis = p->kinesis,
                                    .id = s->id,
                                    .is_arn = is_arn,
                                    .on_listed = on_listed,
                                    .on_stopped = on_lister_stopped};
    list_push(&p->streams, &s->link);
    map_put(&p->by_id, s->id, s);
    if (p->predict)
        put_lister_want(&s->lister);
    return s;
}

static struct put_stream *find_stream(struct producer *p, const struct producer_entry *en)
{
    bool is_arn = en->stream_arn.n > 0;
    struct span id = is_arn ? en->stream_arn : en->stream_name;
    struct put_stream *s = map_get(&p->by_id, id);
    return s ? s : new_stream(p, id, is_arn);
}

static void wake_up(struct put_stream *s)
{
    if (!list_linked(&s->idle_link))
        return;
    list_remove(&s->idle_link);
    s->p->n_idle--;
}

// Nothing of it may be queued or under way.
static void forget(struct put_stream *s)
{
    struct producer *p = s->p;
    require(s->n_calls == 0);
    note_nothing_to_do(s);
    wake_up(s);
    timer_stop(&s->timer);
    loop_unpost(&s->task);
    list_remove(&s->link);
    map_remove(&p->by_id, s->id);
    put_lister_deinit(&s->lister);
    put_queue_deinit(&s->queue);
    mem_free(s);
}

// Streams do not pile up: one that rests long enough is forgotten, or the one that has rested
// longest. A listing under way keeps it until its end.
static void rest(struct put_stream *s)
{
    struct producer *p = s->p;
    int64_t now = loop_now_ms(p->loop);
    if (s->n_calls > 0 || s->lister.calling)
        return;
    note_nothing_to_do(s);
    if (!list_linked(&s->idle_link)) {
        s->idle_ms = now;
        list_push(&p->idle, &s->idle_link);
        p->n_idle++;
    }
    int64_t left = s->idle_ms + IDLE_MS - now;
    if (!p->predict || left <= 0) {
        forget(s);
        return;
    }
    timer_start(p->loop, &s->timer, left);
    struct put_stream *first = container_of(p->idle.next, struct put_stream, idle_link);
    if (p->n_idle > MAX_IDLE && !first->lister.calling)
        forget(first);
}

// Closing ----------------------------------------------------------------------------------------

static void cancel_queued(struct put_stream *s)
{
    struct producer_entry *en;
    while ((en = put_queue_drain(&s->queue)))
        producer_finish_entry(s->p, en, ERR_CANCELED, "the producer was closed");
}

static void run_close(struct loop_task *t)
{
    struct producer *p = container_of(t, struct producer, close_task);
    list_for_safe(it, &p->streams)
    {
        struct put_stream *s = container_of(it, struct put_stream, link);
        bool listing = !put_lister_stop(&s->lister);
        put_call_settle_unsure(s, true);
        cancel_queued(s);
        if (s->n_calls == 0 && !listing)
            forget(s);
    }
    if (!list_empty(&p->streams))
        return;
    void (*cb)(void *ctx) = p->close_cb;
    void *ctx = p->close_ctx;
    map_free(&p->by_id);
    mem_free(p);
    if (cb)
        cb(ctx);
}

void producer_continue_close(struct producer *p)
{
    if (!list_linked(&p->close_task.link))
        loop_post(p->loop, &p->close_task);
}

// Calls ------------------------------------------------------------------------------------------

static void sleep_until(struct put_stream *s, int64_t due_ms)
{
    if (due_ms == INT64_MAX)
        return;
    timer_start(s->p->loop, &s->timer, due_ms - loop_now_ms(s->p->loop));
}

// When the next call may start; INT64_MAX = not before something else happens.
static int64_t next_start(struct put_stream *s, int64_t now)
{
    const struct producer *p = s->p;
    // While calls fail, one at a time tries.
    unsigned most = s->failures > 0 ? 1 : p->in_flight;
    if (s->n_calls >= most)
        return INT64_MAX;
    int64_t at = put_queue_sendable(&s->queue, now);
    if (at <= now && p->linger_ms > 0 && !put_queue_has_full(&s->queue))
        at = s->queue.ready_since_ms + p->linger_ms;
    int64_t due = put_queue_due(&s->queue);
    at = due < at ? due : at;
    return at > s->gate_ms ? at : s->gate_ms;
}

void producer_step(struct put_stream *s)
{
    struct producer *p = s->p;
    if (p->closing)
        return;
    int64_t now = loop_now_ms(p->loop);
    timer_stop(&s->timer);
    if (s->queue.n > 0)
        wake_up(s);
    for (;;) {
        put_queue_wake(&s->queue, now);
        int64_t at = next_start(s, now);
        if (at > now) {
            sleep_until(s, at);
            break;
        }
        put_call_start(s);
        if (p->closing)
            return;
    }
    if (s->queue.n == 0)
        rest(s);
}

// For the owner ----------------------------------------------------------------------------------

int producer_new(const struct producer_options *o, struct producer **out)
{
    if (o->linger_ms < 0 || o->max_backoff_ms < 0)
        return ERR_CONFIG;
    struct producer *p = mem_new(struct producer);
    p->loop = o->loop;
    p->kinesis = o->kinesis;
    p->in_flight = o->in_flight ? o->in_flight : DEFAULT_IN_FLIGHT;
    p->linger_ms = o->linger_ms;
    p->max_backoff_ms = o->max_backoff_ms ? o->max_backoff_ms : DEFAULT_MAX_BACKOFF_MS;
    p->predict = o->predict;
    p->queue = (struct put_queue_options){o->shard_records, o->shard_bytes, o->aggregate};
    p->on_status = o->on_status;
    p->ctx = o->ctx;
    p->close_task.run = run_close;
    list_init(&p->streams);
    list_init(&p->idle);
    *out = p;
    return 0;
}

int producer_put(struct producer *p, struct producer_entry *en, struct err *e)
{
    if (p->closing)
        return err_set(e, ERR_CANCELED, "the producer is being closed");
    int rc = put_check(en, e);
    if (rc)
        return rc;
    struct put_stream *s = find_stream(p, en);
    p->n_pending++;
    put_queue_add(&s->queue, en, loop_now_ms(p->loop));
    kick(s);
    return 0;
}

size_t producer_pending(const struct producer *p)
{
    return p->n_pending;
}

void producer_close(struct producer *p, void (*cb)(void *ctx), void *ctx)
{
    require(!p->closing);
    p->closing = true;
    p->close_cb = cb;
    p->close_ctx = ctx;
    list_for(it, &p->streams)
    {
        struct put_stream *s = container_of(it, struct put_stream, link);
        timer_stop(&s->timer);
        loop_unpost(&s->task);
    }
    producer_continue_close(p);
}

void producer_get_stats(const struct producer *p, struct producer_stats *out)
{
    *out = p->stats;
}
