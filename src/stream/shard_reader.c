// SPDX-License-Identifier: Apache-2.0
#include "stream/shard_reader.h"

#include "base/mem.h"
#include "stream/budget_hold.h"
#include "stream/poll_pace.h"
#include "stream/reply_size.h"

enum reader_call { CALL_NONE, CALL_ITERATOR, CALL_RECORDS };

struct shard_reader {
    struct shard_source s;
    struct timer timer;
    struct kinesis_call call;
    struct kinesis_input in;
    enum reader_call calling;
    struct budget_hold hold; // for the reply to come
    bool body_granted;       // the next step is to let the reply's body in
    struct buf iterator;     // empty = to be asked for
    int64_t first_ms;        // not before
    int limit, limit_cap;
    struct poll_pace pace;
    struct reply_size size;
    unsigned expired_in_a_row;
};

static void step(struct shard_reader *r);

static struct shard_reader *reader_of(struct shard_source *s)
{
    return container_of(s, struct shard_reader, s);
}

static double unit(struct shard_reader *r)
{
    return clock_random_unit(loop_clock(r->s.c->loop));
}

// Budget -----------------------------------------------------------------------------------------

static void release(struct shard_reader *r)
{
    budget_hold_release(&r->hold);
}

static void go_on(struct shard_reader *r)
{
    r->body_granted = r->calling == CALL_RECORDS;
    shard_source_kick(&r->s);
}

static void on_granted(struct budget_hold *h)
{
    go_on(container_of(h, struct shard_reader, hold));
}

static void on_empty(struct shard_source *s)
{
    struct shard_reader *r = reader_of(s);
    if (shard_source_is_first(&r->s) && budget_hold_become_first(&r->hold))
        go_on(r);
}

static size_t room(const struct budget *b)
{
    return b->reserve > 0 ? b->reserve : b->limit / 2;
}

// Failures ---------------------------------------------------------------------------------------

static void back_off(struct shard_source *s)
{
    struct shard_reader *r = reader_of(s);
    poll_pace_fail(&r->pace, loop_now_ms(s->c->loop), unit(r));
}

// A cursor of five minutes ago; normal after a long wait for the owner.
static bool handle_expired(struct shard_reader *r, const struct aws_error *error)
{
    if (!error || !aws_error_is(error, "ExpiredIteratorException"))
        return false;
    shard_source_note_lost(&r->s);
    return r->expired_in_a_row++ == 0;
}

static void fail_call(struct shard_reader *r, enum kinesis_op op, int status,
                      const struct aws_error *error)
{
    if (handle_expired(r, error)) {
        log_debug("stream", "iterator expired", "shard=%.*s", SPAN_ARG(r->s.node->id));
        step(r);
        return;
    }
    if (status == ERR_THROTTLED)
        poll_pace_throttle(&r->pace, loop_now_ms(r->s.c->loop), unit(r));
    else
        back_off(&r->s);
    if (status == ERR_NOT_FOUND || status == ERR_INVALID)
        shard_source_note_refusal(&r->s, error);
    if (status == ERR_LIMIT && op == KINESIS_GET_RECORDS && r->limit > 1)
        r->limit_cap = r->limit / 2;
    shard_source_note_failure(&r->s, op, status, error);
    step(r);
}

// Calls ------------------------------------------------------------------------------------------

static void take_reply(struct shard_reader *r, struct kinesis_output *out)
{
    size_t got = out->n_records;
    size_t held = out->body.cap + out->arena.bytes + sizeof(struct shard_batch);
    reply_size_learn(&r->size, out->body.n, held, got);
    buf_clear(&r->iterator);
    buf_add_span(&r->iterator, out->iterator);
    poll_pace_succeed(&r->pace, out->millis_behind > 0 || got >= (size_t)r->limit);
    budget_hold_spend(&r->hold, held);
    shard_source_take(&r->s, out, held, out->iterator.n == 0);
}

// Whether the reply is to be looked at.
static bool end_call(struct shard_reader *r)
{
    r->calling = CALL_NONE;
    r->body_granted = false;
    loop_unpost(&r->s.task);
    budget_hold_stop_waiting(&r->hold);
    r->s.c->n_calls--;
    if (!r->s.halted)
        return true;
    release(r);
    consumer_settle(r->s.c);
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
    r->expired_in_a_row = 0;
    shard_source_note_success(&r->s);
    if (!r->s.halted)
        take_reply(r, out);
    else
        release(r);
    step(r);
}

static bool on_size(struct kinesis_call *call, int64_t content_length)
{
    struct shard_reader *r = container_of(call, struct shard_reader, call);
    size_t need = reply_size_correct(&r->size, content_length, r->limit);
    if (r->s.halted || need <= r->hold.held)
        return true;
    release(r);
    return budget_hold_take(&r->hold, need, shard_source_is_first(&r->s));
}

static void start_call(struct shard_reader *r, enum reader_call kind, enum kinesis_op op)
{
    struct consumer *c = r->s.c;
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
    shard_source_begin_call(&r->s);
    poll_pace_call(&r->pace, loop_now_ms(r->s.c->loop));
    r->in = (struct kinesis_input){.iterator = buf_span(&r->iterator), .limit = r->limit};
    r->call.on_done = on_records;
    r->call.on_size = on_size;
    start_call(r, CALL_RECORDS, KINESIS_GET_RECORDS);
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
    shard_source_opened(&r->s, shard_cursor_answer(&r->s.cursor));
    step(r);
}

static void start_iterator(struct shard_reader *r)
{
    struct consumer *c = r->s.c;
    r->in = (struct kinesis_input){.stream_name = c->stream_name, .shard_id = r->s.node->id};
    shard_cursor_ask(&r->s.cursor, kinesis_wall_ms(c->kinesis), &r->in);
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

static void read_on(struct shard_reader *r)
{
    struct consumer *c = r->s.c;
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
        if (!budget_hold_take(&r->hold, reply_size_estimate(&r->size, r->limit),
                              shard_source_is_first(&r->s)))
            return;
    }
    start_fetch(r);
}

static void step(struct shard_reader *r)
{
    if (r->body_granted && !r->s.halted) {
        r->body_granted = false;
        kinesis_resume(&r->call);
        return;
    }
    if (r->s.halted || r->calling != CALL_NONE || r->hold.waiting)
        return;
    timer_stop(&r->timer);
    if (shard_source_may_read(&r->s))
        read_on(r);
    else
        release(r);
}

// As a way of shard_source -----------------------------------------------------------------------

static void step_source(struct shard_source *s)
{
    step(reader_of(s));
}

static void halt(struct shard_source *s)
{
    struct shard_reader *r = reader_of(s);
    timer_stop(&r->timer);
    budget_hold_stop_waiting(&r->hold);
    if (r->calling != CALL_NONE)
        kinesis_cancel(&r->call);
    else
        release(r);
}

static void free_reader(struct shard_source *s)
{
    struct shard_reader *r = reader_of(s);
    require(r->calling == CALL_NONE);
    buf_free(&r->iterator);
    mem_free(r);
}

static void rewind_reader(struct shard_source *s)
{
    buf_clear(&reader_of(s)->iterator);
}

static int64_t backoff_until(const struct shard_source *s)
{
    return poll_pace_backoff(&container_of(s, struct shard_reader, s)->pace);
}

static bool is_starting(const struct shard_source *s)
{
    return container_of(s, struct shard_reader, s)->iterator.n == 0;
}

static bool waits_for_room(const struct shard_source *s)
{
    return container_of(s, struct shard_reader, s)->hold.waiting;
}

static const struct shard_source_ops reader_ops = {
    .step = step_source,
    .halt = halt,
    .free = free_reader,
    .on_empty = on_empty,
    .rewind = rewind_reader,
    .back_off = back_off,
    .backoff_until = backoff_until,
    .is_starting = is_starting,
    .waits_for_room = waits_for_room,
};

struct shard_source *shard_reader_new(struct consumer *c, struct shard_node *node, int64_t delay_ms,
                                      bool opening)
{
    struct shard_reader *r = mem_new(struct shard_reader);
    shard_source_init(&r->s, &reader_ops, c, node, opening);
    r->timer.fire = on_timer;
    r->hold = (struct budget_hold){.budget = c->budget, .granted = on_granted};
    r->limit_cap = c->max_records;
    r->first_ms = loop_now_ms(c->loop) + delay_ms;
    poll_pace_init(&r->pace, c->calls_per_second, c->poll_ms, r->first_ms);
    reply_size_init(&r->size);
    shard_source_kick(&r->s);
    return &r->s;
}
