// SPDX-License-Identifier: Apache-2.0
#include "consumer_owner.h"

#include <stdio.h>

#include "lib/test.h"

static void on_ack_timer(struct timer *t);
static void close_now(struct owner *o);

static void copy(char *out, size_t cap, struct span s)
{
    assert_true(s.n < cap);
    if (s.n > 0)
        memcpy(out, s.p, s.n);
    out[s.n] = '\0';
}

static struct owner_shard *find(struct owner *o, const char *stream, struct span id)
{
    for (size_t i = 0; i < o->n_shards; i++)
        if (span_is(id, o->shards[i].id) && strcmp(stream, o->shards[i].stream) == 0)
            return &o->shards[i];
    return NULL;
}

struct owner_shard *owner_shard(struct owner *o, const char *id)
{
    return find(o, o->identity, span_str(id));
}

static struct owner_shard *find_or_add(struct owner *o, struct span id)
{
    struct owner_shard *s = find(o, o->identity, id);
    if (s)
        return s;
    assert_true(o->n_shards < OWNER_MAX_SHARDS);
    s = &o->shards[o->n_shards++];
    *s = (struct owner_shard){.next = -1};
    copy(s->stream, sizeof(s->stream), span_str(o->identity));
    copy(s->id, sizeof(s->id), id);
    return s;
}

static void maybe_close(struct owner *o, enum owner_event e)
{
    if (o->close_in == e && o->consumer && !o->closed)
        close_now(o);
}

static void on_stream(void *ctx, struct span identity)
{
    struct owner *o = ctx;
    o->n_streams++;
    assert_int_equal(o->n_out, 0);
    copy(o->identity, sizeof(o->identity), identity);
    if (!o->answer_late)
        owner_answer(o);
    maybe_close(o, OWNER_STREAM);
}

void owner_answer(struct owner *o)
{
    static struct consumer_checkpoint cp[OWNER_MAX_SHARDS];
    size_t n = 0;
    for (size_t i = 0; i < o->n_shards; i++) {
        struct owner_shard *s = &o->shards[i];
        if (strcmp(s->stream, o->identity) != 0 || (!s->end && s->position[0] == '\0'))
            continue;
        cp[n++] = (struct consumer_checkpoint){.shard_id = span_str(s->id),
                                               .sequence = span_str(s->position),
                                               .sub_sequence = s->sub_sequence,
                                               .records_applied = s->applied,
                                               .shard_end = s->end};
    }
    consumer_start_shards(o->consumer, cp, n);
}

static void check_parents(struct owner *o, struct span id)
{
    for (int i = 0; i < o->kinesis.n_shards; i++) {
        struct fake_shard *s = o->kinesis.shards[i];
        if (!span_is(id, s->id))
            continue;
        for (int k = 0; k < 2; k++)
            if (s->parents[k] >= 0) {
                struct owner_shard *p = owner_shard(o, o->kinesis.shards[s->parents[k]]->id);
                assert_non_null(p);
                assert_true(p->end);
            }
    }
}

static void on_batch(void *ctx, struct shard_batch *b)
{
    struct owner *o = ctx;
    struct owner_shard *s = find_or_add(o, b->shard_id);
    assert_false(o->closed);
    assert_false(s->end);
    assert_true(b->shard_end || b->out.n_records > 0 || b->position.p[0] == '@');
    if (b->out.n_records > 0) {
        const struct kinesis_record *last = &b->out.records[b->out.n_records - 1];
        assert_span_equal(b->position, last->sequence_number);
        assert_int_equal(b->sub_sequence, last->sub_sequence);
    } else if (!b->shard_end)
        o->n_starts++;
    if (o->check_parents && s->applied == 0)
        check_parents(o, b->shard_id);
    assert_true(b->out.n_records <= (size_t)o->options.max_records);
    assert_true(b->budget_bytes >= b->out.body.cap && o->budget.used >= b->budget_bytes);
    s->out++;
    assert_true(s->out <= (o->options.ahead ? o->options.ahead : 2));
    list_push(&o->out, &b->link);
    o->n_out++;
    o->n_batches++;
    if (o->n_out > o->most_out)
        o->most_out = o->n_out;
    if (o->ack_at_once)
        owner_ack(o, true);
    else if (!o->hold && !timer_active(&o->ack_timer))
        timer_start(&o->loop, &o->ack_timer,
                    (int64_t)test_random_below(&o->random_state, (uint64_t)o->ack_ms + 1));
    maybe_close(o, OWNER_BATCH);
}

static void on_status(void *ctx, int status, const char *text)
{
    struct owner *o = ctx;
    assert_false(o->closed);
    assert_true(strlen(text) < sizeof(o->text));
    o->n_statuses++;
    o->status = status;
    snprintf(o->text, sizeof(o->text), "%s", text);
    maybe_close(o, OWNER_STATUS);
}

static const struct consumer_events events = {on_stream, on_batch, on_status};

void owner_init(struct owner *o, uint64_t seed, enum kinesis_iterator start)
{
    *o = (struct owner){.random_state = seed, .ack_ms = 30, .status = 1, .closed = true};
    fake_loop_init(&o->loop, seed * 3 + 1);
    fake_kinesis_init(&o->kinesis, &o->loop, seed * 5 + 2);
    budget_init(&o->budget, 32 << 20, 16 << 20);
    list_init(&o->out);
    o->ack_timer.fire = on_ack_timer;
    o->options = (struct consumer_options){.loop = &o->loop,
                                           .kinesis = &o->kinesis,
                                           .budget = &o->budget,
                                           .stream_name = SPAN("tb-x"),
                                           .start = start,
                                           .max_records = 1000,
                                           .events = &events,
                                           .ctx = o};
}

void owner_start(struct owner *o)
{
    struct err e = {0};
    assert_null(o->consumer);
    o->closed = false;
    o->status = 1;
    for (size_t i = 0; i < o->n_shards; i++)
        o->shards[i].out = 0;
    for (int i = 0; i < o->kinesis.n_shards; i++)
        o->kinesis.shards[i]->n_gets = o->kinesis.shards[i]->subscribed_ms = 0; // each its own rate
    assert_int_equal(consumer_new(&o->options, &o->consumer, &e), 0);
}

// The first batch of its shard that is out, of a shard chosen at random.
static struct shard_batch *pick(struct owner *o)
{
    uint64_t seen = 0;
    struct shard_batch *best = NULL;
    list_for(it, &o->out)
    {
        struct shard_batch *b = container_of(it, struct shard_batch, link);
        bool first = true;
        for (struct list *before = o->out.next; before != it; before = before->next)
            first = first &&
                    !span_eq(container_of(before, struct shard_batch, link)->shard_id, b->shard_id);
        if (first && test_random_below(&o->random_state, ++seen) == 0)
            best = b;
    }
    return best;
}

// A plain record at once; an aggregate user record by user record.
static void take(struct fake_record *r, const struct kinesis_record *got)
{
    uint32_t index;
    assert_int_equal(got->aggregated, r->users > 0);
    if (r->users == 0) {
        assert_int_equal(got->sub_sequence, 0);
        assert_int_equal(got->data.n, r->size);
        r->taken = true;
        return;
    }
    assert_int_equal(got->data.n, sizeof r->id + sizeof index);
    memcpy(&index, got->data.p + sizeof r->id, sizeof index);
    assert_int_equal(index, r->n_taken);
    assert_int_equal(got->sub_sequence, index);
    assert_span_is(got->partition_key, "k");
    assert_int_equal(got->arrival_ms, r->arrival_ms);
    r->taken = ++r->n_taken == r->users;
}

static void apply(struct owner *o, struct owner_shard *s, const struct shard_batch *b)
{
    for (size_t i = 0; i < b->out.n_records; i++) {
        size_t at = 0;
        int shard = fake_find(&o->kinesis, fake_record_id(&b->out.records[i]), &at);
        assert_true(shard >= 0);
        assert_string_equal(o->kinesis.shards[shard]->id, s->id);
        struct fake_record *r = &o->kinesis.shards[shard]->records[at];
        assert_false(r->taken);
        take(r, &b->out.records[i]);
        if (s->next >= 0)
            assert_int_equal(at, s->next);
        else if (o->lossless)
            assert_int_equal(at, 0);
        s->next = (int64_t)at + r->taken;
    }
    s->applied += b->out.n_records;
    o->n_applied += b->out.n_records;
    copy(s->position, sizeof(s->position), b->position);
    s->sub_sequence = b->sub_sequence;
    s->end = b->shard_end;
}

static void ack(struct owner *o, struct shard_batch *b, bool takes_effect)
{
    struct owner_shard *s = find(o, o->identity, b->shard_id);
    assert_non_null(s);
    if (takes_effect)
        apply(o, s, b);
    list_remove(&b->link);
    o->n_out--;
    s->out--;
    consumer_ack(o->consumer, b);
}

void owner_ack_all(struct owner *o)
{
    while (o->n_out > 0)
        owner_ack(o, true);
}

void owner_ack(struct owner *o, bool apply_it)
{
    ack(o, pick(o), apply_it);
}

void owner_drop_last(struct owner *o)
{
    ack(o, container_of(o->out.prev, struct shard_batch, link), false);
}

void owner_take_last(struct owner *o)
{
    ack(o, container_of(o->out.prev, struct shard_batch, link), true);
}

static void on_ack_timer(struct timer *t)
{
    struct owner *o = container_of(t, struct owner, ack_timer);
    if (o->hold || o->n_out == 0)
        return;
    owner_ack(o, true);
    if (o->n_out > 0)
        timer_start(&o->loop, &o->ack_timer,
                    (int64_t)test_random_below(&o->random_state, (uint64_t)o->ack_ms + 1));
}

static void on_closed(void *ctx)
{
    struct owner *o = ctx;
    assert_int_equal(o->n_out, 0);
    assert_false(o->closed);
    o->closed = true;
    o->consumer = NULL;
}

static void close_now(struct owner *o)
{
    o->close_in = OWNER_NOTHING;
    consumer_close(o->consumer, on_closed, o);
    assert_false(o->closed); // never inside
}

static void await_close(struct owner *o)
{
    assert_true(fake_loop_run_until(&o->loop, &o->closed, 100000));
    assert_int_equal(o->budget.used, 0);
    assert_true(list_empty(&o->budget.waiters));
    assert_int_equal(o->kinesis.n_running, 0);
    assert_int_equal(o->loop.n, 0);
}

void owner_crash(struct owner *o)
{
    timer_stop(&o->ack_timer);
    close_now(o);
    while (o->n_out > 0)
        owner_ack(o, false);
    await_close(o);
}

void owner_shut_down(struct owner *o)
{
    timer_stop(&o->ack_timer);
    consumer_stop(o->consumer);
    size_t out = o->n_batches;
    fake_loop_run(&o->loop, 1000);
    assert_int_equal(o->n_batches, out); // nothing comes after the stop
    owner_ack_all(o);
    close_now(o);
    await_close(o);
}

void owner_deinit(struct owner *o)
{
    if (o->consumer)
        owner_crash(o);
    timer_stop(&o->ack_timer);
    fake_kinesis_deinit(&o->kinesis);
    fake_loop_deinit(&o->loop);
}

struct shard_status owner_status(const struct owner *o, const char *id)
{
    struct shard_status s = {0};
    for (size_t i = 0; i < consumer_count_shards(o->consumer); i++) {
        consumer_get_shard(o->consumer, i, &s);
        if (span_is(s.shard_id, id))
            return s;
    }
    print_error("no shard %s\n", id);
    fail();
    return s;
}
