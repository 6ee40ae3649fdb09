// SPDX-License-Identifier: Apache-2.0
#include "stream/producer.h"

#include "base/log.h"
#include "base/mem.h"
#include "stream/poll_pace.h"
#include "stream/put_queue.h"
#include "stream/status_text.h"

// Happy path: producer_put() queues the record with its stream and posts the stream's task, so that
// what is put in one turn of the loop goes out together; step() makes calls of what is ready, up to
// `in_flight` at once; a reply finishes its records. Failure modes: a refused record is delayed by
// itself; a failed call puts all its records back and holds the stream's next call (`gate_ms`); a
// call that the service calls invalid is halved until the one record that is to blame stands alone.

#define DEFAULT_IN_FLIGHT 4
#define DEFAULT_MAX_BACKOFF_MS 30000
#define THROTTLE_BACKOFF_MS 1000
#define LOG_LINES_A_MINUTE 6
#define HTTP_CONTENT_TOO_LARGE 413

struct put_stream {
    struct producer *p;
    struct list link;
    struct span id; // name or ARN, in bytes[]
    bool is_arn;
    struct put_queue queue;
    unsigned n_calls;
    unsigned failures; // calls in a row that put nothing on the stream
    bool failing;      // reported
    int64_t gate_ms;   // no call before
    struct timer timer;
    struct loop_task task;
    char bytes[];
};

struct put_call {
    struct kinesis_call call;
    struct put_stream *stream;
    struct put_batch batch;
    struct kinesis_input in;
    struct kinesis_put_entry entries[];
};

struct producer {
    struct loop *loop;
    struct kinesis *kinesis;
    unsigned in_flight;
    int64_t linger_ms;
    int64_t max_backoff_ms;
    void (*on_status)(void *ctx, int status, const char *text);
    void *ctx;
    struct list streams;
    struct map by_id;
    size_t n_pending;
    size_t n_failing;
    struct producer_stats stats;
    struct log_limit log;
    bool closing;
    struct loop_task close_task;
    void (*close_cb)(void *ctx);
    void *close_ctx;
};

static void step(struct put_stream *s);

static double unit(struct producer *p)
{
    return clock_random_unit(loop_clock(p->loop));
}

static struct producer_entry *entry_of(struct list *it)
{
    return container_of(it, struct producer_entry, link);
}

static void finish_entry(struct producer *p, struct producer_entry *en, int status,
                         const char *error)
{
    p->n_pending--;
    en->done(en, status, error);
}

// Streams ----------------------------------------------------------------------------------------

static void on_timer(struct timer *t)
{
    step(container_of(t, struct put_stream, timer));
}

static void run_task(struct loop_task *t)
{
    step(container_of(t, struct put_stream, task));
}

static struct put_stream *find_stream(struct producer *p, const struct producer_entry *en)
{
    bool is_arn = en->stream_arn.n > 0;
    struct span id = is_arn ? en->stream_arn : en->stream_name;
    struct put_stream *s = map_get(&p->by_id, id);
    if (s)
        return s;
    s = mem_zalloc(sizeof(*s) + id.n);
    memcpy(s->bytes, id.p, id.n);
    s->p = p;
    s->id = span_of(s->bytes, id.n);
    s->is_arn = is_arn;
    s->timer.fire = on_timer;
    s->task.run = run_task;
    put_queue_init(&s->queue);
    list_push(&p->streams, &s->link);
    map_put(&p->by_id, s->id, s);
    return s;
}

static void kick(struct put_stream *s)
{
    if (!list_linked(&s->task.link))
        loop_post(s->p->loop, &s->task);
}

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

static void note_success(struct put_stream *s)
{
    s->failures = 0;
    if (!s->failing)
        return;
    s->failing = false;
    if (--s->p->n_failing == 0)
        report(s->p, 0, "writing");
}

static void note_failure(struct put_stream *s, int status, const struct aws_error *error)
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

// A stream that has nothing to do is forgotten, so that names do not pile up.
static void forget(struct put_stream *s)
{
    struct producer *p = s->p;
    require(s->n_calls == 0);
    timer_stop(&s->timer);
    loop_unpost(&s->task);
    list_remove(&s->link);
    map_remove(&p->by_id, s->id);
    put_queue_deinit(&s->queue);
    bool last_failing = s->failing && --p->n_failing == 0;
    mem_free(s);
    if (last_failing)
        report(p, 0, "nothing to write");
}

// Closing ----------------------------------------------------------------------------------------

static void cancel_queued(struct put_stream *s)
{
    struct producer_entry *en;
    while ((en = put_queue_drain(&s->queue)))
        finish_entry(s->p, en, ERR_CANCELED, "the producer was closed");
}

static void run_close(struct loop_task *t)
{
    struct producer *p = container_of(t, struct producer, close_task);
    list_for_safe(it, &p->streams)
    {
        struct put_stream *s = container_of(it, struct put_stream, link);
        cancel_queued(s);
        if (s->n_calls == 0)
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

static void continue_close(struct producer *p)
{
    if (!list_linked(&p->close_task.link))
        loop_post(p->loop, &p->close_task);
}

// Replies ----------------------------------------------------------------------------------------

struct retry_times {
    int64_t now_ms;
    double unit;
    int64_t max_ms;
};

// Records of one reply that failed equally often go out together again.
static int64_t retry_due(const struct retry_times *t, unsigned attempts)
{
    return t->now_ms + poll_pace_delay(PUT_BACKOFF_MS, t->max_ms, attempts, t->unit);
}

static bool is_throttle(struct span code)
{
    return span_is(code, "ProvisionedThroughputExceededException") ||
           span_is(code, "KMSThrottlingException") || span_is(code, "LimitExceededException");
}

static bool is_accepted(const struct kinesis_put_result *r)
{
    return r->error_code.n == 0 && r->sequence_number.n > 0;
}

// Sorts the records of a reply: accepted ones into *done, the others into the queue for later.
// Returns the reason of the last that failed, or NULL.
static const struct kinesis_put_result *
sort_results(struct put_call *call, const struct kinesis_output *out, struct list *done)
{
    struct put_stream *s = call->stream;
    struct producer *p = s->p;
    const struct kinesis_put_result *failed = NULL;
    struct retry_times t = {loop_now_ms(p->loop), unit(p), p->max_backoff_ms};
    for (size_t i = 0; i < out->n_results; i++) {
        const struct kinesis_put_result *r = &out->results[i];
        struct producer_entry *en = entry_of(list_pop(&call->batch.entries));
        if (is_accepted(r)) {
            p->stats.records++;
            p->stats.bytes += en->record.n;
            put_queue_finish(&s->queue, en, t.now_ms);
            list_push(done, &en->link);
            continue;
        }
        failed = r;
        p->stats.retries++;
        p->stats.throttles += is_throttle(r->error_code);
        en->attempts++;
        put_queue_delay(&s->queue, en, retry_due(&t, en->attempts));
    }
    return failed;
}

static void note_results(struct put_stream *s, const struct kinesis_put_result *failed,
                         bool any_accepted)
{
    if (any_accepted) {
        note_success(s);
        return;
    }
    struct aws_error e = {
        .http_status = 200, .code = failed->error_code, .message = failed->error_message};
    note_failure(s, is_throttle(failed->error_code) ? ERR_THROTTLED : ERR_UNAVAILABLE, &e);
}

static void take_results(struct put_call *call, const struct kinesis_output *out)
{
    struct put_stream *s = call->stream;
    struct producer *p = s->p;
    struct list done, *it;
    list_init(&done);
    s->gate_ms = 0;
    const struct kinesis_put_result *failed = sort_results(call, out, &done);
    note_results(s, failed, !list_empty(&done));
    while ((it = list_pop(&done)))
        finish_entry(p, entry_of(it), 0, NULL);
}

// Whether the records themselves may be why the service refused the call.
static bool blames_records(int status, const struct aws_error *e)
{
    if (e && e->http_status == HTTP_CONTENT_TOO_LARGE)
        return true;
    return status == ERR_INVALID && e &&
           (aws_error_is(e, "ValidationException") || aws_error_is(e, "InvalidArgumentException") ||
            aws_error_is(e, "SerializationException"));
}

static void refuse(struct put_call *call, const struct aws_error *error)
{
    struct put_stream *s = call->stream;
    struct producer *p = s->p;
    struct producer_entry *en = entry_of(list_pop(&call->batch.entries));
    char text[STATUS_TEXT_MAX];
    status_text(&(struct status_cause){.operation = kinesis_op_name(KINESIS_PUT_RECORDS),
                                       .stream = s->id,
                                       .host = kinesis_host(p->kinesis),
                                       .status = ERR_INVALID,
                                       .error = error},
                text);
    p->stats.refused++;
    put_queue_finish(&s->queue, en, loop_now_ms(p->loop));
    finish_entry(p, en, ERR_INVALID, text);
}

static void fail_call(struct put_call *call, int status, const struct aws_error *error)
{
    struct put_stream *s = call->stream;
    struct producer *p = s->p;
    int64_t now = loop_now_ms(p->loop);
    if (blames_records(status, error)) {
        if (call->batch.n == 1)
            refuse(call, error);
        else
            put_queue_split(&s->queue, &call->batch);
        return;
    }
    p->stats.retries += call->batch.n;
    p->stats.throttles += status == ERR_THROTTLED;
    put_queue_return(&s->queue, &call->batch, now);
    note_failure(s, status, error);
    s->gate_ms =
        now + poll_pace_delay(status == ERR_THROTTLED ? THROTTLE_BACKOFF_MS : PUT_BACKOFF_MS,
                              p->max_backoff_ms, s->failures, unit(p));
}

static void on_done(struct kinesis_call *kc, int status, struct kinesis_output *out,
                    const struct aws_error *error)
{
    struct put_call *call = container_of(kc, struct put_call, call);
    struct put_stream *s = call->stream;
    // A reply that does not name every record does not tell which of them are on the stream.
    if (status == 0 && out->n_results != call->batch.n)
        status = ERR_PROTO;
    if (status == 0)
        take_results(call, out);
    else
        fail_call(call, status, error);
    require(list_empty(&call->batch.entries));
    mem_free(call);
    s->n_calls--;
    if (s->p->closing)
        continue_close(s->p);
    else
        step(s);
}

// Calls ------------------------------------------------------------------------------------------

static void fill_call(struct put_call *call)
{
    struct put_stream *s = call->stream;
    size_t i = 0;
    list_for(it, &call->batch.entries)
    {
        const struct producer_entry *en = entry_of(it);
        call->entries[i++] = (struct kinesis_put_entry){.data = en->record,
                                                        .partition_key = en->partition_key,
                                                        .explicit_hash_key = en->explicit_hash_key};
    }
    call->in = (struct kinesis_input){.entries = call->entries, .n_entries = i};
    if (s->is_arn)
        call->in.stream_arn = s->id;
    else
        call->in.stream_name = s->id;
}

static void take_expired(struct put_queue *q, struct put_batch *b, int64_t now_ms,
                         struct list *expired)
{
    list_for_safe(it, &b->entries)
    {
        struct producer_entry *en = entry_of(it);
        if (en->expires_ms == 0 || en->expires_ms > now_ms)
            continue;
        list_remove(&en->link);
        b->n--;
        b->bytes -= put_size(en);
        put_queue_finish(q, en, now_ms);
        list_push(expired, &en->link);
    }
}

static void put_batch(struct put_stream *s, struct put_batch *b)
{
    struct producer *p = s->p;
    struct kinesis_call_options o = {.max_attempts = 1};
    struct put_call *call = mem_zalloc(sizeof(*call) + b->n * sizeof(struct kinesis_put_entry));
    call->stream = s;
    call->call.on_done = on_done;
    call->batch = *b;
    list_init(&call->batch.entries);
    list_move_all(&call->batch.entries, &b->entries);
    fill_call(call);
    int rc = kinesis_start(p->kinesis, &call->call, KINESIS_PUT_RECORDS, &call->in, &o);
    if (rc == 0) {
        p->stats.calls++;
        s->n_calls++;
        return;
    }
    fail_call(call, rc, NULL);
    mem_free(call);
}

static void start_call(struct put_stream *s)
{
    struct producer *p = s->p;
    struct put_batch b;
    struct list expired;
    list_init(&expired);
    if (!put_queue_take(&s->queue, &b))
        return;
    take_expired(&s->queue, &b, loop_now_ms(p->loop), &expired);
    if (b.n > 0)
        put_batch(s, &b);
    for (struct list *it; (it = list_pop(&expired));) {
        p->stats.expired++;
        finish_entry(p, entry_of(it), ERR_TIMEOUT, "not on the stream within its time to live");
    }
}

static void sleep_until(struct put_stream *s, int64_t due_ms)
{
    if (due_ms == INT64_MAX)
        return;
    timer_start(s->p->loop, &s->timer, due_ms - loop_now_ms(s->p->loop));
}

// When the next call may start; INT64_MAX = not before something else happens.
static int64_t next_start(const struct put_stream *s, int64_t now)
{
    const struct producer *p = s->p;
    // While calls fail, one at a time tries.
    unsigned most = s->failures > 0 ? 1 : p->in_flight;
    if (s->n_calls >= most)
        return INT64_MAX;
    if (!put_queue_has_ready(&s->queue)) {
        int64_t due = put_queue_due(&s->queue);
        return due > s->gate_ms ? due : s->gate_ms;
    }
    int64_t at = now;
    if (p->linger_ms > 0 && !put_queue_has_full(&s->queue))
        at = s->queue.ready_since_ms + p->linger_ms;
    return at > s->gate_ms ? at : s->gate_ms;
}

static void step(struct put_stream *s)
{
    struct producer *p = s->p;
    if (p->closing)
        return;
    int64_t now = loop_now_ms(p->loop);
    timer_stop(&s->timer);
    for (;;) {
        put_queue_wake(&s->queue, now);
        int64_t at = next_start(s, now);
        if (at > now) {
            sleep_until(s, at);
            break;
        }
        start_call(s);
        if (p->closing)
            return;
    }
    if (s->queue.n == 0)
        forget(s);
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
    p->on_status = o->on_status;
    p->ctx = o->ctx;
    p->close_task.run = run_close;
    list_init(&p->streams);
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
    continue_close(p);
}

void producer_get_stats(const struct producer *p, struct producer_stats *out)
{
    *out = p->stats;
}
