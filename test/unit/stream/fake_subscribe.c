// SPDX-License-Identifier: Apache-2.0
#include "aws/kinesis_subscribe.h"

#include <stdio.h>

#include "base/mem.h"
#include "fake_kinesis.h"
#include "lib/test.h"

// Stands in for aws/kinesis_subscribe.c: events of the fake's shards after random times, the rules
// of the service about who may subscribe when, and what goes wrong with a stream.

#define GAP_MS 1000
#define IN_USE_MS 5000
#define HEARTBEAT_MS 5000

struct fake_subscription {
    struct list link;
    struct kinesis *k;
    struct kinesis_subscription *user;
    struct timer timer;
    int shard; // -1 = not known
    size_t at;
    int64_t opened_ms, spoke_ms, idle_ms;
    bool accepted, open, canceled, refused, admitted, stalled, ended_shard;
    bool superseded; // by one that was accepted later
    int status;
    const char *code;
};

static void finish(struct fake_subscription *f)
{
    struct kinesis_subscription *user = f->user;
    int status = f->canceled ? ERR_CANCELED : f->status;
    struct aws_error e = {.http_status = f->code ? 400 : 0,
                          .net_error = f->code ? 0 : status,
                          .code = span_str(f->code)};
    timer_stop(&f->timer);
    f->k->n_running--;
    list_remove(&f->link);
    mem_free(f);
    user->internal = NULL;
    user->on_end(user, status, status < 0 ? &e : NULL);
}

static void end_with(struct fake_subscription *f, int status, const char *code)
{
    f->status = status;
    f->code = code;
    finish(f);
}

static struct fake_shard *shard_of(struct fake_subscription *f)
{
    return f->shard >= 0 && f->shard < f->k->n_shards && !f->k->shards[f->shard]->gone
               ? f->k->shards[f->shard]
               : NULL;
}

static void wait(struct fake_subscription *f, int64_t ms)
{
    timer_start(f->k->loop, &f->timer, ms);
}

// Whether the stream goes wrong here.
static bool go_wrong(struct fake_subscription *f)
{
    struct kinesis *k = f->k;
    if (fake_chance(k, k->stall))
        f->stalled = true;
    if (fake_chance(k, k->exception))
        end_with(f, ERR_UNAVAILABLE, "InternalFailureException");
    else if (fake_chance(k, k->corrupt))
        end_with(f, ERR_PROTO, NULL);
    else if (fake_chance(k, k->cut))
        end_with(f, ERR_CLOSED, NULL);
    else if (fake_chance(k, k->takeover))
        end_with(f, ERR_BUSY, "ResourceInUseException");
    else
        return false;
    return true;
}

static void fill_event(struct fake_subscription *f, struct fake_shard *s, struct kinesis_output *o)
{
    struct kinesis *k = f->k;
    size_t n = s->n - f->at;
    char text[32];
    if (n > k->event_records)
        n = k->event_records;
    n = n ? 1 + (size_t)test_random_below(&k->random_state, n) : 0;
    fake_fill_records(o, s, f->at, n);
    f->at += n;
    o->millis_behind = f->at < s->n ? 1000 : 0;
    f->ended_shard = !s->open && f->at == s->n;
    if (f->ended_shard) {
        fake_fill_children(k, o, f->shard);
        return;
    }
    // It moves on without records too, and never past one that is to come.
    fake_seq_text(f->at < s->n ? s->records[f->at].seq - 1 : k->next_seq - 1, text);
    o->iterator = arena_span(&o->arena, span_str(text));
    k->n_events += n > 0;
    k->n_heartbeats += n == 0;
}

static void speak(struct fake_subscription *f, struct fake_shard *s)
{
    struct kinesis_subscription *user = f->user;
    struct kinesis_output o = {0};
    f->spoke_ms = loop_now_ms(f->k->loop);
    f->admitted = false;
    fill_event(f, s, &o);
    bool ended = f->ended_shard;
    user->on_event(user, &o);
    kinesis_output_free(&o);
    if (ended && user->internal == f && !f->canceled && !f->k->linger)
        wait(f, 10);
}

static bool has_news(const struct fake_subscription *f, const struct fake_shard *s)
{
    return f->at < s->n || !s->open || loop_now_ms(f->k->loop) - f->spoke_ms >= HEARTBEAT_MS;
}

static void go_on(struct fake_subscription *f)
{
    struct kinesis *k = f->k;
    struct fake_shard *s = shard_of(f);
    int64_t now = loop_now_ms(k->loop);
    if (f->ended_shard || now - f->opened_ms >= k->subscription_ms) {
        end_with(f, 0, NULL);
        return;
    }
    if (f->superseded) {
        bool expires = test_random_below(&k->random_state, 2) == 0;
        end_with(f, expires ? 0 : ERR_BUSY, expires ? NULL : "ResourceInUseException");
        return;
    }
    if (!s) {
        end_with(f, ERR_NOT_FOUND, "ResourceNotFoundException");
        return;
    }
    wait(f, 1 + (int64_t)test_random_below(&k->random_state, (uint64_t)k->latency_ms * 4));
    if (f->stalled || k->stuck) {
        if (f->idle_ms > 0 && now - f->spoke_ms >= f->idle_ms)
            end_with(f, ERR_TIMEOUT, NULL);
        return;
    }
    if (!has_news(f, s) || go_wrong(f))
        return;
    if (!f->admitted && !f->user->on_message(f->user, 200)) {
        f->refused = true;
        if (!f->canceled)
            timer_stop(&f->timer);
        return;
    }
    if (!f->canceled)
        speak(f, s);
}

// The service's rules; NULL = accepted.
static const char *refusal(struct fake_subscription *f, const struct kinesis_input *in)
{
    struct kinesis *k = f->k;
    struct fake_shard *s = fake_shard_of(k, in->shard_id);
    char arn[64];
    fake_consumer_arn(k, arn);
    if (!k->exists || !s || k->consumer_since_ms == 0 || !span_is(in->consumer_arn, arn))
        return "ResourceNotFoundException";
    int64_t now = loop_now_ms(k->loop);
    assert_true(s->subscribed_ms == 0 || now - s->subscribed_ms >= GAP_MS);
    s->subscribed_ms = now;
    k->n_in_use += s->accepted_ms > 0 && now - s->accepted_ms < IN_USE_MS;
    if (s->accepted_ms > 0 && now - s->accepted_ms < IN_USE_MS)
        return "ResourceInUseException";
    if (!fake_start_of(k, s, in, &f->at))
        return "InvalidArgumentException";
    f->shard = 0;
    while (k->shards[f->shard] != s)
        f->shard++;
    return NULL;
}

// The newcomer takes over.
static void supersede_others(struct fake_subscription *f)
{
    list_for(it, &f->k->subscriptions)
    {
        struct fake_subscription *other = container_of(it, struct fake_subscription, link);
        if (other == f || !other->accepted || other->shard != f->shard || other->canceled)
            continue;
        other->superseded = true;
        if (other->open && !other->refused)
            wait(other, 1 + (int64_t)test_random_below(&f->k->random_state, 20));
    }
}

static void accept(struct fake_subscription *f)
{
    struct kinesis *k = f->k;
    struct fake_outcome *o = &k->forced[KINESIS_SUBSCRIBE_TO_SHARD];
    if (o->times != 0) {
        o->times -= o->times > 0;
        end_with(f, o->status, o->code);
    } else if (f->code) {
        end_with(f, f->status, f->code);
    } else if (fake_chance(k, k->throttle)) {
        end_with(f, ERR_THROTTLED, "LimitExceededException");
    } else if (fake_chance(k, k->fail)) {
        end_with(f, ERR_UNAVAILABLE, "InternalFailure");
    } else {
        f->accepted = true;
        f->opened_ms = f->spoke_ms = loop_now_ms(k->loop);
        if (shard_of(f))
            shard_of(f)->accepted_ms = f->opened_ms;
        supersede_others(f);
        // The answer is on its way.
        wait(f, (int64_t)test_random_below(&k->random_state, (uint64_t)k->latency_ms));
    }
}

static void open_it(struct fake_subscription *f)
{
    f->open = true;
    wait(f, 1);
    f->user->on_open(f->user);
}

static void advance(struct timer *t)
{
    struct fake_subscription *f = container_of(t, struct fake_subscription, timer);
    if (f->canceled)
        finish(f);
    else if (f->open)
        go_on(f);
    else if (f->k->stuck)
        wait(f, 10);
    else if (f->accepted)
        open_it(f);
    else
        accept(f);
}

int kinesis_subscribe(struct kinesis *k, struct kinesis_subscription *s,
                      const struct kinesis_input *in, const struct kinesis_subscribe_options *o)
{
    if (k->refuse_start > 0) {
        k->refuse_start--;
        return ERR_BUSY;
    }
    struct fake_subscription *f = mem_new(struct fake_subscription);
    f->k = k;
    f->user = s;
    f->shard = -1;
    f->idle_ms = o->idle_ms;
    f->timer.fire = advance;
    f->code = refusal(f, in);
    k->last_start = (struct kinesis_input){.iterator_type = in->iterator_type,
                                           .timestamp_ms = in->timestamp_ms};
    if (f->code)
        f->status = span_is(span_str(f->code), "ResourceInUseException")      ? ERR_BUSY
                    : span_is(span_str(f->code), "ResourceNotFoundException") ? ERR_NOT_FOUND
                                                                              : ERR_INVALID;
    s->internal = f;
    list_push(&k->subscriptions, &f->link);
    k->n_running++;
    k->counts[KINESIS_SUBSCRIBE_TO_SHARD]++;
    wait(f, 1 + k->slow_ms[KINESIS_SUBSCRIBE_TO_SHARD] +
                (int64_t)test_random_below(&k->random_state, (uint64_t)k->latency_ms));
    return 0;
}

void kinesis_subscription_resume(struct kinesis_subscription *s)
{
    struct fake_subscription *f = s->internal;
    assert_true(f->refused);
    f->refused = false;
    f->admitted = true;
    f->spoke_ms = loop_now_ms(f->k->loop);
    if (!f->canceled)
        wait(f, 0);
}

void kinesis_subscription_cancel(struct kinesis_subscription *s)
{
    struct fake_subscription *f = s->internal;
    f->canceled = true;
    wait(f, 0);
}
