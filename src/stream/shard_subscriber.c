// SPDX-License-Identifier: Apache-2.0
#include "stream/shard_subscriber.h"

#include "aws/kinesis_subscribe.h"
#include "base/mem.h"
#include "stream/budget_hold.h"
#include "stream/reply_size.h"
#include "stream/subscribe_pace.h"

// What an event holds for each byte of its message, before it is decoded: the message as it grows,
// and the records.
#define EVENT_OVERHEAD 2
#define EVENT_FIXED (8 * 1024)
// What the windows of all shards may take together: a part of the budget.
#define WINDOWS_SHARE 4
#define WINDOW_MIN (64 * 1024)
#define WINDOW_MAX (512 * 1024)

struct slot {
    struct kinesis_subscription sub; // its data is the subscriber
    struct subscribe_past past;
    bool used; // until its on_end
    bool known_closed;
};

struct shard_subscriber {
    struct shard_source s;
    struct timer timer;
    struct slot slots[2];
    struct slot *current;    // brings events; NULL = none
    struct slot *next;       // called and not accepted yet; NULL = none
    size_t refused;          // length of the current one's message that waits; 0 = none
    struct budget_hold hold; // for the current one's event to come
    struct buf continuation; // empty = the cursor tells
    struct subscribe_pace pace;
};

static void step(struct shard_subscriber *r);

static struct shard_subscriber *subscriber_of(struct shard_source *s)
{
    return container_of(s, struct shard_subscriber, s);
}

static struct slot *slot_of(struct kinesis_subscription *sub)
{
    return container_of(sub, struct slot, sub);
}

static int64_t now_ms(const struct shard_subscriber *r)
{
    return loop_now_ms(r->s.c->loop);
}

static double jitter(const struct shard_subscriber *r)
{
    return clock_random_unit(loop_clock(r->s.c->loop));
}

// Room for an event ------------------------------------------------------------------------------

static void release(struct shard_subscriber *r)
{
    budget_hold_release(&r->hold);
}

static void on_granted(struct budget_hold *h)
{
    shard_source_kick(&container_of(h, struct shard_subscriber, hold)->s);
}

static void on_empty(struct shard_source *s)
{
    if (shard_source_is_first(s) && budget_hold_become_first(&subscriber_of(s)->hold))
        shard_source_kick(s);
}

static size_t event_size(size_t length)
{
    size_t n = length * EVENT_OVERHEAD + EVENT_FIXED;
    return n < REPLY_SIZE_MAX ? n : REPLY_SIZE_MAX;
}

// Whether an event of that many bytes may come now. Calls the owner.
static bool has_room(struct shard_subscriber *r, size_t length)
{
    size_t need = event_size(length);
    if (!shard_source_may_read(&r->s))
        return false;
    if (r->hold.held >= need)
        return true;
    release(r);
    return !r->hold.waiting && budget_hold_take(&r->hold, need, shard_source_is_first(&r->s));
}

static bool on_message(struct kinesis_subscription *sub, size_t length)
{
    struct shard_subscriber *r = sub->data;
    bool room = !r->s.halted && has_room(r, length);
    r->refused = room ? 0 : length;
    return room;
}

static void forget_current(struct shard_subscriber *r)
{
    r->current = NULL;
    r->refused = 0;
    budget_hold_stop_waiting(&r->hold);
    release(r);
}

static void cancel_all(struct shard_subscriber *r)
{
    for (size_t i = 0; i < 2; i++)
        if (r->slots[i].used)
            kinesis_subscription_cancel(&r->slots[i].sub);
}

// Events -----------------------------------------------------------------------------------------

// The service ends the one before. What that has not brought yet, this one brings.
static void on_open(struct kinesis_subscription *sub)
{
    struct shard_subscriber *r = sub->data;
    struct slot *before = r->current;
    require(slot_of(sub) == r->next);
    forget_current(r);
    r->current = r->next;
    r->next = NULL;
    subscribe_pace_open(&r->pace, &r->current->past, now_ms(r), jitter(r));
    if (before)
        kinesis_subscription_cancel(&before->sub);
    if (r->s.halted)
        return;
    shard_source_opened(&r->s, shard_cursor_answer(&r->s.cursor));
    shard_source_kick(&r->s);
}

static void on_event(struct kinesis_subscription *sub, struct kinesis_output *out)
{
    struct shard_subscriber *r = sub->data;
    size_t held = out->body.cap + out->arena.bytes + sizeof(struct shard_batch);
    require(slot_of(sub) == r->current);
    subscribe_pace_event(&r->pace, &r->current->past);
    if (!r->s.halted)
        shard_source_note_success(&r->s);
    if (r->s.halted) {
        release(r);
        return;
    }
    // All up to there has been brought, or lies before the start.
    shard_cursor_drop_until(buf_span(&r->continuation), out);
    buf_clear(&r->continuation);
    buf_add_span(&r->continuation, out->iterator);
    budget_hold_spend(&r->hold, held);
    r->s.known_closed = r->current->known_closed;
    shard_source_take(&r->s, out, held, out->iterator.n == 0);
    shard_source_kick(&r->s);
    if (r->s.at_end)
        cancel_all(r);
}

// Ends -------------------------------------------------------------------------------------------

static void end_pace(struct shard_subscriber *r, const struct subscribe_past *past, int status)
{
    subscribe_pace_end(&r->pace, past, now_ms(r), status, jitter(r));
}

// Nothing is read any more.
static void fail(struct shard_subscriber *r, const struct slot *slot, int status,
                 const struct aws_error *error)
{
    end_pace(r, &slot->past, status);
    if (status == ERR_NOT_FOUND || status == ERR_INVALID) {
        // It may be the shard that is gone, or the consumer.
        shard_source_note_refusal(&r->s, error);
        fan_out_poke(&r->s.c->fan_out);
    }
    shard_source_note_failure(&r->s, KINESIS_SUBSCRIBE_TO_SHARD, status, error);
}

static void end_current(struct shard_subscriber *r, const struct slot *slot, int status,
                        const struct aws_error *error)
{
    forget_current(r);
    if (r->next && status != 0 && status != ERR_BUSY && !r->s.at_end)
        shard_source_note_setback(&r->s, KINESIS_SUBSCRIBE_TO_SHARD, status, error);
    else if (!r->next && (status == 0 || r->s.at_end))
        end_pace(r, &slot->past, 0);
    else if (!r->next)
        fail(r, slot, status, error);
}

// Not accepted. While the current one lasts, what its own end says counts, not this.
static void end_next(struct shard_subscriber *r, const struct slot *slot, int status,
                     const struct aws_error *error)
{
    r->next = NULL;
    if (!r->current && (status == 0 || r->s.at_end)) {
        end_pace(r, &slot->past, 0);
    } else if (!r->current) {
        fail(r, slot, status, error);
    } else {
        subscribe_pace_not_renewed(&r->pace, now_ms(r), jitter(r));
        if (status != 0 && !r->s.at_end)
            shard_source_note_setback(&r->s, KINESIS_SUBSCRIBE_TO_SHARD, status, error);
    }
}

static void on_end(struct kinesis_subscription *sub, int status, const struct aws_error *error)
{
    struct shard_subscriber *r = sub->data;
    struct slot *slot = slot_of(sub);
    slot->used = false;
    r->s.c->n_calls--;
    if (r->s.halted) {
        consumer_settle(r->s.c);
        return;
    }
    if (slot == r->current)
        end_current(r, slot, status, error);
    else if (slot == r->next)
        end_next(r, slot, status, error);
    step(r);
}

// What next --------------------------------------------------------------------------------------

static void set_input(struct shard_subscriber *r, struct kinesis_input *in)
{
    struct consumer *c = r->s.c;
    *in = (struct kinesis_input){.consumer_arn = buf_span(&c->fan_out.consumer_arn),
                                 .shard_id = r->s.node->id};
    shard_cursor_ask(&r->s.cursor, kinesis_wall_ms(c->kinesis), in);
    if (r->continuation.n > 0) {
        in->iterator_type = KINESIS_AFTER_SEQUENCE_NUMBER;
        in->sequence_number = buf_span(&r->continuation);
    }
}

static uint32_t window(const struct consumer *c)
{
    size_t n = c->budget->limit / WINDOWS_SHARE / (c->map.n ? c->map.n : 1);
    n = n < WINDOW_MIN ? WINDOW_MIN : n;
    return n > WINDOW_MAX ? WINDOW_MAX : (uint32_t)n;
}

static void subscribe(struct shard_subscriber *r, struct slot *slot)
{
    struct consumer *c = r->s.c;
    struct kinesis_input in;
    struct kinesis_subscribe_options o = {.request_ms = c->request_ms,
                                          .idle_ms = c->silence_ms,
                                          .window = window(c),
                                          .version = HTTP_2};
    set_input(r, &in);
    shard_source_begin_call(&r->s);
    slot->known_closed = r->s.known_closed;
    subscribe_pace_call(&r->pace, &slot->past, now_ms(r));
    int rc = kinesis_subscribe(c->kinesis, &slot->sub, &in, &o);
    if (rc < 0) {
        end_next(r, slot, rc, NULL);
        shard_source_kick(&r->s);
        return;
    }
    r->next = slot;
    slot->used = true;
    c->n_calls++;
}

static void on_timer(struct timer *t)
{
    step(container_of(t, struct shard_subscriber, timer));
}

// The first, or the one after the current one.
static void call_when_due(struct shard_subscriber *r)
{
    struct slot *slot = &r->slots[r->slots[0].used];
    int64_t now = now_ms(r);
    int64_t due = r->current ? subscribe_pace_renewal(&r->pace) : subscribe_pace_due(&r->pace);
    if (r->next || !fan_out_is_ready(&r->s.c->fan_out))
        return; // the consumer kicks when it is
    if (slot->used)
        return; // on_end comes soon
    if (due > now)
        timer_start(r->s.c->loop, &r->timer, due - now);
    else
        subscribe(r, slot);
}

static void step(struct shard_subscriber *r)
{
    if (r->s.halted || r->hold.waiting)
        return;
    timer_stop(&r->timer);
    bool may_read = r->refused > 0 ? has_room(r, r->refused) : shard_source_may_read(&r->s);
    if (!may_read || r->s.halted)
        return;
    if (r->refused > 0) {
        r->refused = 0;
        kinesis_subscription_resume(&r->current->sub);
    }
    call_when_due(r);
}

// As a way of shard_source -----------------------------------------------------------------------

static void step_source(struct shard_source *s)
{
    step(subscriber_of(s));
}

static void halt(struct shard_source *s)
{
    struct shard_subscriber *r = subscriber_of(s);
    timer_stop(&r->timer);
    budget_hold_stop_waiting(&r->hold);
    cancel_all(r);
    release(r);
}

static void free_subscriber(struct shard_source *s)
{
    struct shard_subscriber *r = subscriber_of(s);
    require(!r->slots[0].used && !r->slots[1].used);
    buf_free(&r->continuation);
    mem_free(r);
}

static void rewind_subscriber(struct shard_source *s)
{
    buf_clear(&subscriber_of(s)->continuation);
}

static void back_off(struct shard_source *s)
{
    struct shard_subscriber *r = subscriber_of(s);
    end_pace(r, &(struct subscribe_past){.called_ms = now_ms(r)}, ERR_UNAVAILABLE);
}

static int64_t backoff_until(const struct shard_source *s)
{
    return subscribe_pace_backoff(&container_of(s, struct shard_subscriber, s)->pace);
}

static bool is_starting(const struct shard_source *s)
{
    const struct shard_subscriber *r = container_of(s, struct shard_subscriber, s);
    return !r->current && !r->next;
}

static bool waits_for_room(const struct shard_source *s)
{
    return container_of(s, struct shard_subscriber, s)->hold.waiting;
}

static const struct shard_source_ops subscriber_ops = {
    .step = step_source,
    .halt = halt,
    .free = free_subscriber,
    .on_empty = on_empty,
    .rewind = rewind_subscriber,
    .back_off = back_off,
    .backoff_until = backoff_until,
    .is_starting = is_starting,
    .waits_for_room = waits_for_room,
};

struct shard_source *shard_subscriber_new(struct consumer *c, struct shard_node *node,
                                          int64_t delay_ms, bool opening)
{
    struct shard_subscriber *r = mem_new(struct shard_subscriber);
    shard_source_init(&r->s, &subscriber_ops, c, node, opening);
    r->timer.fire = on_timer;
    r->hold = (struct budget_hold){.budget = c->budget, .granted = on_granted};
    for (size_t i = 0; i < 2; i++)
        r->slots[i].sub = (struct kinesis_subscription){.data = r,
                                                        .on_open = on_open,
                                                        .on_message = on_message,
                                                        .on_event = on_event,
                                                        .on_end = on_end};
    subscribe_pace_init(&r->pace, loop_now_ms(c->loop) + delay_ms, c->subscription_ms);
    shard_source_kick(&r->s);
    return &r->s;
}
