// SPDX-License-Identifier: Apache-2.0
#include "stream/shard_reader.h"

#include "base/mem.h"
#include "stream/budget_hold.h"
#include "stream/poll_pace.h"
#include "stream/reply_size.h"
#include "stream/shard_cursor.h"
#include "stream/status_text.h"

#define LOG_LINES_A_MINUTE 20 // of all shards of a stream
// Failures in a row before a shard that the service does not know, but lists, counts as failing.
#define MISSING_PATIENCE 3

enum reader_call { CALL_NONE, CALL_ITERATOR, CALL_RECORDS };

struct shard_reader {
    struct consumer *c;
    struct shard_node *node;
    struct timer timer;
    struct loop_task task;
    struct kinesis_call call;
    struct kinesis_input in;
    enum reader_call calling;
    struct budget_hold hold; // for the reply to come
    bool body_granted;       // the task is to let the reply's body in
    bool halted;

    struct shard_cursor cursor;
    struct buf iterator; // empty = to be asked for
    int64_t first_ms;    // not before
    int limit, limit_cap;
    struct poll_pace pace;
    struct reply_size size;

    bool known_closed; // before the call in flight
    bool at_end;       // the last reply had no next iterator
    bool in_doubt;     // ... and no children: a listing has to tell
    bool missing;      // the service does not know the shard: a listing has to tell
    unsigned round;    // ... of a later round than this one
    bool end_out;      // the last batch has been handed over
    bool end_acked;
    unsigned n_out;

    int64_t millis_behind, last_arrival_ms;
    uint64_t records, bytes, calls, throttles, errors;
    unsigned expired_in_a_row, failed_in_a_row;
    bool failing; // counted by the consumer
    bool opening; // counted by the consumer: no iterator yet
    char *error_text;
    bool has_error;
};

static void step(struct shard_reader *r);

static double unit(struct shard_reader *r)
{
    return clock_random_unit(loop_clock(r->c->loop));
}

static void run_task(struct loop_task *t)
{
    struct shard_reader *r = container_of(t, struct shard_reader, task);
    if (r->body_granted) {
        r->body_granted = false;
        kinesis_resume(&r->call);
        return;
    }
    step(r);
}

static void kick(struct shard_reader *r)
{
    if (!r->halted && !list_linked(&r->task.link))
        loop_post(r->c->loop, &r->task);
}

// Budget -----------------------------------------------------------------------------------------

static void release(struct shard_reader *r)
{
    budget_hold_release(&r->hold);
}

static void go_on(struct shard_reader *r)
{
    r->body_granted = r->calling == CALL_RECORDS;
    kick(r);
}

static void on_granted(struct budget_hold *h)
{
    go_on(container_of(h, struct shard_reader, hold));
}

static size_t room(const struct budget *b)
{
    return b->reserve > 0 ? b->reserve : b->limit / 2;
}

// Failures ---------------------------------------------------------------------------------------

static void note_success(struct shard_reader *r)
{
    r->failed_in_a_row = r->expired_in_a_row = 0;
    r->has_error = r->missing = false;
    if (!r->failing)
        return;
    r->failing = false;
    r->c->n_failing--;
    consumer_reader_working(r->c);
}

static void note_failure(struct shard_reader *r, enum kinesis_op op, int status,
                         const struct aws_error *error)
{
    struct consumer *c = r->c;
    uint32_t held_back;
    if (!r->error_text)
        r->error_text = mem_alloc(STATUS_TEXT_MAX);
    status_text(&(struct status_cause){.operation = kinesis_op_name(op),
                                       .stream = c->stream_name,
                                       .shard = r->node->id,
                                       .host = kinesis_host(c->kinesis),
                                       .status = status,
                                       .error = error},
                r->error_text);
    r->has_error = true;
    if (log_limit_pass(&c->call_log, loop_now_ms(c->loop), LOG_LINES_A_MINUTE, &held_back))
        log_warn("stream", "call failed", "text=\"%s\" backoff_ms=%lld held_back=%u", r->error_text,
                 (long long)(poll_pace_backoff(&r->pace) - loop_now_ms(c->loop)), held_back);
    if (status == ERR_THROTTLED)
        return;
    r->errors++;
    r->failed_in_a_row++;
    // A shard past its retention is not the stream's failure.
    unsigned patience = r->missing ? MISSING_PATIENCE : status_patience(status);
    if (r->failing || r->failed_in_a_row < patience)
        return;
    r->failing = true;
    r->c->n_failing++;
    consumer_reader_failing(c, status, r->error_text);
}

// One that is under way may have been made before what is in question happened.
static void ask_listing(struct shard_reader *r)
{
    r->round = r->c->watch.round;
    stream_watch_poke(&r->c->watch);
}

// A cursor of five minutes ago; normal after a long wait for the owner.
static bool handle_expired(struct shard_reader *r, const struct aws_error *error)
{
    if (!error || !aws_error_is(error, "ExpiredIteratorException"))
        return false;
    buf_clear(&r->iterator);
    return r->expired_in_a_row++ == 0;
}

static void fail_call(struct shard_reader *r, enum kinesis_op op, int status,
                      const struct aws_error *error)
{
    int64_t now = loop_now_ms(r->c->loop);
    if (handle_expired(r, error)) {
        log_debug("stream", "iterator expired", "shard=%.*s", SPAN_ARG(r->node->id));
        step(r);
        return;
    }
    if (status == ERR_THROTTLED) {
        r->throttles++;
        poll_pace_throttle(&r->pace, now, unit(r));
    } else {
        poll_pace_fail(&r->pace, now, unit(r));
    }
    if (status == ERR_NOT_FOUND || status == ERR_INVALID) {
        buf_clear(&r->iterator);
        r->missing = (error && aws_error_is(error, "ResourceNotFoundException")) ||
                     !shard_map_is_listed(&r->c->map, r->node);
        if (r->missing)
            ask_listing(r);
    }
    if (status == ERR_LIMIT && op == KINESIS_GET_RECORDS && r->limit > 1)
        r->limit_cap = r->limit / 2;
    note_failure(r, op, status, error);
    step(r);
}

// Batches ----------------------------------------------------------------------------------------

// Takes over *out (may be NULL) and as much of the reservation as it holds.
static struct shard_batch *new_batch(struct shard_reader *r, struct kinesis_output *out)
{
    struct shard_batch *b = mem_new(struct shard_batch);
    b->shard_id = r->node->id;
    b->internal = r;
    if (out) {
        b->out = *out;
        *out = (struct kinesis_output){0};
    }
    return b;
}

static void hand_over(struct shard_reader *r, struct shard_batch *b)
{
    r->n_out++;
    if (b->out.n_records == 0)
        b->position = arena_span(&b->out.arena, shard_cursor_position(&r->cursor));
    else
        b->position = b->out.records[b->out.n_records - 1].sequence_number;
    if (b->shard_end)
        r->end_out = true;
    consumer_hand_over(r->c, b);
}

static void hand_over_end(struct shard_reader *r)
{
    struct shard_batch *b = new_batch(r, NULL);
    b->shard_end = true;
    hand_over(r, b);
}

static void count_records(struct shard_reader *r, const struct kinesis_output *out)
{
    if (out->n_records == 0)
        return;
    const struct kinesis_record *last = &out->records[out->n_records - 1];
    r->records += out->n_records;
    for (size_t i = 0; i < out->n_records; i++)
        r->bytes += out->records[i].data.n;
    r->last_arrival_ms = last->arrival_ms;
    shard_cursor_advance(&r->cursor, last->sequence_number);
}

static void meet_end(struct shard_reader *r, const struct kinesis_output *out)
{
    r->at_end = true;
    // Children make it certain; so does a shard that was known to be closed before the call. For
    // one that closed meanwhile it may still have been a wrong reply, with records left.
    r->in_doubt = out->n_shards == 0 && !r->known_closed;
    if (r->in_doubt || !shard_map_has_child(&r->c->map, r->node))
        ask_listing(r);
}

static void take_reply(struct shard_reader *r, struct kinesis_output *out)
{
    struct consumer *c = r->c;
    size_t got = out->n_records;
    size_t held = out->body.cap + out->arena.bytes + sizeof(struct shard_batch);
    reply_size_learn(&r->size, out->body.n, held, got);
    r->millis_behind = out->millis_behind;
    buf_clear(&r->iterator);
    buf_add_span(&r->iterator, out->iterator);
    poll_pace_succeed(&r->pace, out->millis_behind > 0 || got >= (size_t)r->limit);
    shard_cursor_drop_known(&r->cursor, out);
    count_records(r, out);
    if (out->n_shards > 0)
        consumer_learn_children(c, r->node, out->shards, out->n_shards);
    if (out->iterator.n == 0)
        meet_end(r, out);
    bool end = r->at_end && !r->in_doubt;
    if (out->n_records == 0 && !end) {
        release(r);
        return;
    }
    struct shard_batch *b = new_batch(r, out);
    b->budget_bytes = held;
    b->shard_end = end;
    budget_hold_spend(&r->hold, held);
    if (r->halted || c->stopped) {
        // Children or room for others: the owner was called and has stopped it all.
        budget_give(c->budget, held);
        kinesis_output_free(&b->out);
        mem_free(b);
        return;
    }
    hand_over(r, b);
}

// Calls ------------------------------------------------------------------------------------------

// Whether the reply is to be looked at.
static bool end_call(struct shard_reader *r)
{
    r->calling = CALL_NONE;
    r->body_granted = false;
    loop_unpost(&r->task);
    budget_hold_stop_waiting(&r->hold);
    r->c->n_calls--;
    if (!r->halted)
        return true;
    release(r);
    consumer_settle(r->c);
    return false;
}

static void on_records(struct kinesis_call *call, int status, struct kinesis_output *out,
                       const struct aws_error *error)
{
    struct shard_reader *r = container_of(call, struct shard_reader, call);
    if (!end_call(r))
        return;
    if (status != 0) {
        release(r);
        fail_call(r, KINESIS_GET_RECORDS, status, error);
        return;
    }
    note_success(r);
    if (!r->halted)
        take_reply(r, out);
    else
        release(r);
    step(r);
}

static bool on_size(struct kinesis_call *call, int64_t content_length)
{
    struct shard_reader *r = container_of(call, struct shard_reader, call);
    size_t need = reply_size_correct(&r->size, content_length, r->limit);
    if (r->halted || need <= r->hold.held)
        return true;
    release(r);
    return budget_hold_take(&r->hold, need, r->n_out == 0);
}

static void start_call(struct shard_reader *r, enum reader_call kind, enum kinesis_op op)
{
    struct consumer *c = r->c;
    struct kinesis_call_options o = {.max_attempts = 1, .request_ms = c->request_ms};
    if (op == KINESIS_GET_RECORDS)
        o.max_body = REPLY_SIZE_MAX;
    int rc = kinesis_start(c->kinesis, &r->call, op, &r->in, &o);
    if (rc == 0) {
        r->calling = kind;
        c->n_calls++;
        return;
    }
    release(r);
    fail_call(r, op, rc, NULL);
}

static void start_fetch(struct shard_reader *r)
{
    r->calls++;
    r->known_closed = r->node->closed || shard_map_has_child(&r->c->map, r->node);
    poll_pace_call(&r->pace, loop_now_ms(r->c->loop));
    r->in = (struct kinesis_input){.iterator = buf_span(&r->iterator), .limit = r->limit};
    r->call.on_done = on_records;
    r->call.on_size = on_size;
    start_call(r, CALL_RECORDS, KINESIS_GET_RECORDS);
}

static void note_open(struct shard_reader *r)
{
    if (!r->opening)
        return;
    r->opening = false;
    r->c->n_opening--;
    consumer_reader_working(r->c);
}

static void on_iterator(struct kinesis_call *call, int status, struct kinesis_output *out,
                        const struct aws_error *error)
{
    struct shard_reader *r = container_of(call, struct shard_reader, call);
    if (!end_call(r))
        return;
    if (status == 0 && out->iterator.n == 0)
        status = ERR_PROTO;
    if (status != 0) {
        fail_call(r, KINESIS_GET_SHARD_ITERATOR, status, error);
        return;
    }
    buf_clear(&r->iterator);
    buf_add_span(&r->iterator, out->iterator);
    if (shard_cursor_answer(&r->cursor) && r->c->save_start)
        hand_over(r, new_batch(r, NULL));
    note_open(r);
    step(r);
}

static void start_iterator(struct shard_reader *r)
{
    r->in = (struct kinesis_input){.stream_name = r->c->stream_name, .shard_id = r->node->id};
    shard_cursor_ask(&r->cursor, loop_wall_ms(r->c->loop), &r->in);
    r->call.on_done = on_iterator;
    r->call.on_size = NULL;
    start_call(r, CALL_ITERATOR, KINESIS_GET_SHARD_ITERATOR);
}

// What next --------------------------------------------------------------------------------------

static void on_timer(struct timer *t)
{
    step(container_of(t, struct shard_reader, timer));
}

static int64_t next_due(const struct shard_reader *r)
{
    if (r->iterator.n > 0)
        return poll_pace_due(&r->pace);
    int64_t due = poll_pace_backoff(&r->pace);
    return due > r->first_ms ? due : r->first_ms;
}

static void step(struct shard_reader *r)
{
    struct consumer *c = r->c;
    if (r->halted || r->calling != CALL_NONE || r->hold.waiting || r->end_out)
        return;
    timer_stop(&r->timer);
    if (r->missing && !r->at_end)
        return; // it may be another stream of the same name by now
    if (r->n_out >= c->ahead || r->at_end) {
        release(r);
        if (r->n_out < c->ahead && !r->in_doubt)
            hand_over_end(r);
        return;
    }
    int64_t now = loop_now_ms(c->loop), due = next_due(r);
    if (due > now) {
        release(r);
        timer_start(c->loop, &r->timer, due - now);
        return;
    }
    if (r->iterator.n == 0) {
        release(r);
        start_iterator(r);
        return;
    }
    if (r->hold.held == 0) {
        int most = r->limit_cap < c->max_records ? r->limit_cap : c->max_records;
        r->limit = reply_size_limit(&r->size, most, room(c->budget));
        if (!budget_hold_take(&r->hold, reply_size_estimate(&r->size, r->limit), r->n_out == 0))
            return;
    }
    start_fetch(r);
}

static void end_unread(struct shard_reader *r)
{
    log_warn("stream", "shard expired before it was read to its end", "shard=%.*s position=%.*s",
             SPAN_ARG(r->node->id), SPAN_ARG(shard_cursor_position(&r->cursor)));
    r->at_end = true;
    r->in_doubt = false;
    note_open(r);
}

// What the listing has told counts for the next call, which goes on from the last record.
static void settle_end(struct shard_reader *r)
{
    r->in_doubt = false;
    r->at_end = shard_map_is_gone(&r->c->map, r->node);
    if (!r->at_end && !r->node->closed)
        poll_pace_fail(&r->pace, loop_now_ms(r->c->loop), unit(r));
}

void shard_reader_on_listing(struct shard_reader *r)
{
    bool missing = r->missing;
    if ((!missing && !r->in_doubt) || r->round == r->c->watch.round)
        return;
    r->missing = false;
    if (r->in_doubt)
        settle_end(r);
    else if (missing && shard_map_is_gone(&r->c->map, r->node))
        end_unread(r);
    kick(r);
}

void shard_reader_ack(struct shard_reader *r, struct shard_batch *b)
{
    struct consumer *c = r->c;
    size_t bytes = b->budget_bytes;
    r->end_acked = r->end_acked || b->shard_end;
    r->n_out--;
    kinesis_output_free(&b->out);
    mem_free(b);
    if (r->n_out == 0 && budget_hold_become_first(&r->hold))
        go_on(r);
    if (bytes > 0)
        budget_give(c->budget, bytes);
    kick(r);
    if (r->end_acked && r->n_out == 0)
        consumer_shard_ended(c, r->node);
}

struct shard_reader *shard_reader_new(struct consumer *c, struct shard_node *node, int64_t delay_ms,
                                      bool opening)
{
    struct shard_reader *r = mem_new(struct shard_reader);
    r->c = c;
    r->node = node;
    r->timer.fire = on_timer;
    r->task.run = run_task;
    r->hold = (struct budget_hold){.budget = c->budget, .granted = on_granted};
    r->millis_behind = -1;
    r->limit_cap = c->max_records;
    r->first_ms = loop_now_ms(c->loop) + delay_ms;
    shard_cursor_init(&r->cursor, &node->start, node->saved);
    r->opening = opening;
    c->n_opening += opening;
    poll_pace_init(&r->pace, c->calls_per_second, c->poll_ms, r->first_ms);
    reply_size_init(&r->size);
    kick(r);
    return r;
}

void shard_reader_halt(struct shard_reader *r)
{
    if (r->halted)
        return;
    r->halted = true;
    timer_stop(&r->timer);
    loop_unpost(&r->task);
    budget_hold_stop_waiting(&r->hold);
    if (r->calling != CALL_NONE)
        kinesis_cancel(&r->call);
    else
        release(r);
}

void shard_reader_free(struct shard_reader *r)
{
    shard_reader_halt(r);
    require(r->calling == CALL_NONE && r->n_out == 0);
    r->c->n_failing -= r->failing;
    r->c->n_opening -= r->opening;
    shard_cursor_deinit(&r->cursor);
    buf_free(&r->iterator);
    mem_free(r->error_text);
    mem_free(r);
}

static enum shard_state state_of(const struct shard_reader *r)
{
    if (r->node->phase == SHARD_PHASE_ENDED)
        return SHARD_ENDED;
    if (r->end_out)
        return SHARD_DRAINING;
    if (poll_pace_backoff(&r->pace) > loop_now_ms(r->c->loop))
        return SHARD_BACKOFF;
    return r->iterator.n == 0 ? SHARD_STARTING : SHARD_READING;
}

void shard_reader_status(const struct shard_reader *r, struct shard_status *out)
{
    *out = (struct shard_status){
        .shard_id = r->node->id,
        .sequence = shard_cursor_sequence(&r->cursor),
        .state = state_of(r),
        .millis_behind = r->millis_behind,
        .records = r->records,
        .bytes = r->bytes,
        .calls = r->calls,
        .throttles = r->throttles,
        .errors = r->errors,
        .last_arrival_ms = r->last_arrival_ms,
        .last_error = r->has_error ? r->error_text : NULL,
    };
}
