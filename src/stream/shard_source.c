// SPDX-License-Identifier: Apache-2.0
#include "stream/shard_source.h"

#include "base/mem.h"
#include "stream/shard_range.h"
#include "stream/status_text.h"

#define LOG_LINES_A_MINUTE 20 // of all shards of a stream
// Failures in a row before a shard that the service does not know, but lists, counts as failing.
#define MISSING_PATIENCE 3

// A reply with aggregates, shared by the batches that are cut from it.
struct shard_reply {
    unsigned refs;
    struct kinesis_output out;
    size_t held; // of the budget
    struct unpacker unpacker;
    size_t tables; // that part of `held` which the unpacker's tables take
};

static void run_task(struct loop_task *t)
{
    struct shard_source *s = container_of(t, struct shard_source, task);
    s->ops->step(s);
}

void shard_source_kick(struct shard_source *s)
{
    if (!s->halted && !list_linked(&s->task.link))
        loop_post(s->c->loop, &s->task);
}

// Failures ---------------------------------------------------------------------------------------

void shard_source_note_success(struct shard_source *s)
{
    s->failed_in_a_row = 0;
    s->has_error = s->missing = false;
    s->answered_ms = loop_now_ms(s->c->loop);
    if (!s->failing)
        return;
    s->failing = false;
    s->c->n_failing--;
    consumer_reader_working(s->c);
}

void shard_source_note_setback(struct shard_source *s, enum kinesis_op op, int status,
                               const struct aws_error *error)
{
    struct consumer *c = s->c;
    uint32_t held_back;
    if (!s->error_text)
        s->error_text = mem_alloc(STATUS_TEXT_MAX);
    status_text(&(struct status_cause){.operation = kinesis_op_name(op),
                                       .stream = c->stream_name,
                                       .shard = s->node->id,
                                       .host = kinesis_host(c->kinesis),
                                       .status = status,
                                       .error = error,
                                       .fan_out = op == KINESIS_SUBSCRIBE_TO_SHARD},
                s->error_text);
    s->has_error = true;
    s->error_ms = loop_wall_ms(c->loop);
    s->throttles += status == ERR_THROTTLED;
    s->errors += status != ERR_THROTTLED;
    int64_t wait_ms = s->ops->backoff_until(s) - loop_now_ms(c->loop);
    if (log_limit_pass(&c->call_log, loop_now_ms(c->loop), LOG_LINES_A_MINUTE, &held_back))
        log_warn("stream", "call failed", "text=\"%s\" backoff_ms=%lld held_back=%u", s->error_text,
                 (long long)(wait_ms > 0 ? wait_ms : 0), held_back);
}

void shard_source_note_failure(struct shard_source *s, enum kinesis_op op, int status,
                               const struct aws_error *error)
{
    shard_source_note_setback(s, op, status, error);
    if (status == ERR_THROTTLED)
        return;
    s->failed_in_a_row++;
    // A shard past its retention is not the stream's failure.
    unsigned patience = s->missing ? MISSING_PATIENCE : status_patience(status);
    if (s->failing || s->failed_in_a_row < patience)
        return;
    s->failing = true;
    s->c->n_failing++;
    consumer_reader_failing(s->c, status, s->error_text);
}

// A listing that is under way may have been made before what is in question happened.
static void ask_listing(struct shard_source *s)
{
    s->round = s->c->watch.round;
    stream_watch_poke(&s->c->watch);
}

// Where a shard has been read up to is known to its stream alone; a time is as good in another
// stream of the same name, so that it has to be seen first whether that is there now.
void shard_source_note_lost(struct shard_source *s)
{
    s->ops->rewind(s);
    s->missing = s->missing || shard_cursor_sequence(&s->cursor).n == 0;
    if (s->missing)
        ask_listing(s);
}

void shard_source_note_refusal(struct shard_source *s, const struct aws_error *error)
{
    s->missing = (error && aws_error_is(error, "ResourceNotFoundException")) ||
                 !shard_map_is_listed(&s->c->map, s->node);
    shard_source_note_lost(s);
}

// Batches ----------------------------------------------------------------------------------------

static void unref_reply(struct shard_source *s, struct shard_reply *reply)
{
    if (--reply->refs > 0)
        return;
    size_t held = reply->held;
    unpack_deinit(&reply->unpacker);
    kinesis_output_free(&reply->out);
    mem_free(reply);
    budget_give(s->c->budget, held);
}

static void drop_reply(struct shard_source *s)
{
    struct shard_reply *reply = s->reply;
    s->reply = NULL;
    if (reply)
        unref_reply(s, reply);
}

// Takes over *out (may be NULL).
static struct shard_batch *new_batch(struct shard_source *s, struct kinesis_output *out)
{
    struct shard_batch *b = mem_new(struct shard_batch);
    b->shard_id = s->node->id;
    b->internal = s;
    if (out) {
        b->out = *out;
        *out = (struct kinesis_output){0};
    }
    return b;
}

static void free_batch(struct shard_source *s, struct shard_batch *b)
{
    struct shard_reply *reply = b->reply;
    kinesis_output_free(&b->out);
    mem_free(b);
    if (reply)
        unref_reply(s, reply);
}

static void hand_over(struct shard_source *s, struct shard_batch *b)
{
    struct consumer *c = s->c;
    s->n_out++;
    s->sub_sequence = b->sub_sequence;
    s->records += b->out.n_records;
    for (size_t i = 0; i < b->out.n_records; i++)
        s->bytes += b->out.records[i].data.n;
    s->end_out = s->end_out || b->shard_end;
    consumer_hand_over(c, b);
}

// Without records, at the place read last.
static void hand_over_empty(struct shard_source *s, bool end)
{
    struct shard_batch *b = new_batch(s, NULL);
    b->position = arena_span(&b->out.arena, shard_cursor_position(&s->cursor));
    b->sub_sequence = s->sub_sequence;
    b->shard_end = end;
    hand_over(s, b);
}

static void log_unpacked(struct shard_source *s, const struct unpacker *u)
{
    struct consumer *c = s->c;
    uint32_t held_back;
    if (u->foreign + u->broken == 0 ||
        !log_limit_pass(&c->call_log, loop_now_ms(c->loop), LOG_LINES_A_MINUTE, &held_back))
        return;
    log_warn("stream", "aggregated records not used",
             "shard=%.*s sequence=%.*s other_shards=%llu unreadable=%llu held_back=%u",
             SPAN_ARG(s->node->id), SPAN_ARG(u->sequence), (unsigned long long)u->foreign,
             (unsigned long long)u->broken, held_back);
}

static void finish_reply(struct shard_source *s)
{
    const struct unpacker *u = &s->reply->unpacker;
    s->foreign += u->foreign;
    s->broken += u->broken;
    log_unpacked(s, u);
    drop_reply(s);
}

static void charge_tables(struct shard_source *s, struct shard_reply *reply)
{
    size_t bytes = reply->unpacker.tables.bytes;
    if (bytes <= reply->tables)
        return;
    budget_force(s->c->budget, bytes - reply->tables);
    reply->held += bytes - reply->tables;
    reply->tables = bytes;
}

// The next piece of the reply; none when nothing of it is ours.
static void hand_over_piece(struct shard_source *s)
{
    struct shard_reply *reply = s->reply;
    struct unpacker *u = &reply->unpacker;
    struct shard_batch *b = new_batch(s, NULL);
    b->out.records = unpack_next(u, &b->out.arena, &b->out.n_records);
    charge_tables(s, reply);
    b->position = arena_span(&b->out.arena, u->sequence);
    b->sub_sequence = u->sub_sequence;
    b->budget_bytes = b->out.arena.bytes + sizeof *b;
    b->reply = reply;
    reply->refs++;
    if (unpack_is_done(u)) {
        b->shard_end = s->at_end && !s->in_doubt;
        finish_reply(s);
    }
    if (b->out.n_records == 0 && !b->shard_end) {
        free_batch(s, b);
        return;
    }
    budget_force(s->c->budget, b->budget_bytes);
    hand_over(s, b);
}

bool shard_source_may_read(struct shard_source *s)
{
    unsigned ahead = s->c->ahead;
    while (s->reply && !s->halted && s->n_out < ahead)
        hand_over_piece(s);
    if (s->halted || s->end_out || s->reply || s->n_out >= ahead)
        return false;
    if (s->at_end) {
        if (!s->in_doubt)
            hand_over_empty(s, true);
        return false;
    }
    return !s->missing; // if so, it may be another stream of the same name by now
}

// A reply ----------------------------------------------------------------------------------------

void shard_source_begin_call(struct shard_source *s)
{
    s->calls++;
    s->known_closed = s->node->closed || shard_map_has_child(&s->c->map, s->node);
}

void shard_source_opened(struct shard_source *s, bool latest)
{
    bool starts = latest || (s->c->from_creation && shard_cursor_keep_start(&s->cursor));
    if (starts && s->c->save_start)
        hand_over_empty(s, false);
    if (!s->opening)
        return;
    s->opening = false;
    s->c->n_opening--;
    consumer_reader_working(s->c);
}

static void meet_end(struct shard_source *s, const struct kinesis_output *out)
{
    s->at_end = true;
    // Children make it certain; so does a shard that was known to be closed before the call. For
    // one that closed meanwhile it may still have been a wrong reply, with records left.
    s->in_doubt = out->n_shards == 0 && !s->known_closed;
    if (s->in_doubt || !shard_map_has_child(&s->c->map, s->node))
        ask_listing(s);
}

static void note_reply(struct shard_source *s, struct kinesis_output *out, bool end)
{
    s->millis_behind = out->millis_behind;
    shard_cursor_drop_known(&s->cursor, out);
    if (out->n_shards > 0)
        consumer_learn_children(s->c, s->node, out->shards, out->n_shards);
    if (end)
        meet_end(s, out);
    if (s->node->range && shard_range_cut(s->node->range, out)) {
        s->at_end = true;
        s->in_doubt = false;
    }
}

// All records are read, whether they are handed over or not.
static void move_cursor(struct shard_source *s, const struct kinesis_output *out)
{
    const struct kinesis_record *last = &out->records[out->n_records - 1];
    s->last_arrival_ms = last->arrival_ms;
    shard_cursor_advance(&s->cursor, last->sequence_number);
}

// Takes over *out. The records are user records: one batch holds them all.
static void deliver_plain(struct shard_source *s, struct kinesis_output *out, size_t held)
{
    struct shard_batch *b = new_batch(s, out);
    b->budget_bytes = held;
    b->shard_end = s->at_end && !s->in_doubt;
    b->position = b->out.records[b->out.n_records - 1].sequence_number;
    move_cursor(s, &b->out);
    hand_over(s, b);
}

// Takes over *out. shard_source_may_read() cuts the batches.
static void keep_reply(struct shard_source *s, struct kinesis_output *out, size_t held)
{
    struct shard_reply *reply = mem_new(struct shard_reply);
    struct unpacker *u = &reply->unpacker;
    require(!s->reply);
    reply->refs = 1;
    reply->held = held;
    reply->out = *out;
    *out = (struct kinesis_output){0};
    u->records = reply->out.records;
    u->n = reply->out.n_records;
    u->piece_max = (size_t)s->c->max_records;
    u->has_keys = s->node->has_keys;
    u->first_key = s->node->first_key;
    u->last_key = s->node->last_key;
    u->has_known = shard_cursor_is_at(&s->cursor, &u->known, &u->known_sub);
    u->known = arena_span(&reply->out.arena, u->known);
    s->reply = reply;
    move_cursor(s, &reply->out);
}

void shard_source_take(struct shard_source *s, struct kinesis_output *out, size_t held, bool end)
{
    struct span known;
    uint64_t known_sub;
    note_reply(s, out, end);
    if (out->n_records == 0 || s->halted) {
        budget_give(s->c->budget, held);
        return;
    }
    if (shard_cursor_is_at(&s->cursor, &known, &known_sub) ||
        out->n_records > (size_t)s->c->max_records || // events of a subscription know no limit
        unpack_is_needed(out->records, out->n_records))
        keep_reply(s, out, held);
    else
        deliver_plain(s, out, held);
}

// The shard's end --------------------------------------------------------------------------------

static void end_unread(struct shard_source *s)
{
    log_warn("stream", "shard expired before it was read to its end", "shard=%.*s position=%.*s",
             SPAN_ARG(s->node->id), SPAN_ARG(shard_cursor_position(&s->cursor)));
    s->at_end = true;
    s->in_doubt = false;
    shard_source_opened(s, false);
}

// What the listing has told counts for the next call, which goes on from the last record.
static void settle_end(struct shard_source *s)
{
    s->in_doubt = false;
    s->at_end = shard_map_is_gone(&s->c->map, s->node);
    if (!s->at_end && !s->node->closed)
        s->ops->back_off(s);
}

void shard_source_on_listing(struct shard_source *s)
{
    bool missing = s->missing;
    if ((!missing && !s->in_doubt) || s->round == s->c->watch.round)
        return;
    s->missing = false;
    if (s->in_doubt)
        settle_end(s);
    else if (missing && shard_map_is_gone(&s->c->map, s->node))
        end_unread(s);
    shard_source_kick(s);
}

// Life -------------------------------------------------------------------------------------------

void shard_source_ack(struct shard_source *s, struct shard_batch *b)
{
    size_t bytes = b->budget_bytes;
    s->end_acked = s->end_acked || b->shard_end;
    s->n_out--;
    if (s->n_out == 0 && !s->reply)
        s->ops->on_empty(s);
    free_batch(s, b);
    if (bytes > 0)
        budget_give(s->c->budget, bytes);
    shard_source_kick(s);
    if (s->end_acked && s->n_out == 0)
        consumer_shard_ended(s->c, s->node);
}

void shard_source_init(struct shard_source *s, const struct shard_source_ops *ops,
                       struct consumer *c, struct shard_node *node, bool opening)
{
    *s = (struct shard_source){.ops = ops, .c = c, .node = node, .millis_behind = -1};
    s->task.run = run_task;
    s->answered_ms = loop_now_ms(c->loop);
    s->opening = opening;
    c->n_opening += opening;
    s->sub_sequence = node->saved_sub;
    shard_cursor_init(&s->cursor, &node->start, node->saved);
}

void shard_source_halt(struct shard_source *s)
{
    if (s->halted)
        return;
    s->halted = true;
    loop_unpost(&s->task);
    s->ops->halt(s);
    drop_reply(s);
}

void shard_source_free(struct shard_source *s)
{
    shard_source_halt(s);
    require(s->n_out == 0);
    s->c->n_failing -= s->failing;
    s->c->n_opening -= s->opening;
    shard_cursor_deinit(&s->cursor);
    mem_free(s->error_text);
    s->ops->free(s);
}

static enum shard_state state_of(const struct shard_source *s)
{
    if (s->node->phase == SHARD_PHASE_ENDED)
        return SHARD_ENDED;
    if (s->end_out)
        return SHARD_DRAINING;
    if (s->ops->backoff_until(s) > loop_now_ms(s->c->loop))
        return SHARD_BACKOFF;
    return s->ops->is_starting(s) ? SHARD_STARTING : SHARD_READING;
}

void shard_source_status(const struct shard_source *s, struct shard_status *out)
{
    *out = (struct shard_status){
        .shard_id = s->node->id,
        .sequence = shard_cursor_sequence(&s->cursor),
        .position = shard_cursor_position(&s->cursor),
        .state = state_of(s),
        .millis_behind = s->millis_behind,
        .records = s->records,
        .bytes = s->bytes,
        .calls = s->calls,
        .throttles = s->throttles,
        .errors = s->errors,
        .foreign = s->foreign,
        .broken = s->broken,
        .last_arrival_ms = s->last_arrival_ms,
        .answered_ms = s->answered_ms,
        .held = s->reply || s->n_out >= s->c->ahead || s->ops->waits_for_room(s),
        .last_error = s->has_error ? s->error_text : NULL,
        .past_error = s->error_text,
        .past_error_ms = s->error_ms,
    };
}
