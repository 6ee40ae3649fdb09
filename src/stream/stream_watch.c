// SPDX-License-Identifier: Apache-2.0
#include "stream/stream_watch.h"

#include "base/mem.h"
#include "stream/poll_pace.h"
#include "stream/shard_map.h"
#include "stream/status_text.h"

static void describe(struct stream_watch *w);
static void list_page(struct stream_watch *w);

static double unit(struct stream_watch *w)
{
    return clock_random_unit(loop_clock(w->loop));
}

static void forget_listing(struct stream_watch *w)
{
    arena_free(&w->arena);
    mem_free(w->shards);
    w->shards = NULL;
    w->n_shards = w->cap_shards = 0;
    w->pages = 0;
    buf_clear(&w->token);
}

static void on_timer(struct timer *t)
{
    describe(container_of(t, struct stream_watch, timer));
}

static void start_timer(struct stream_watch *w, int64_t after_ms)
{
    w->timer.fire = on_timer;
    timer_start(w->loop, &w->timer, after_ms);
}

static void report(struct stream_watch *w, int status, const char *operation,
                   const struct aws_error *error)
{
    char text[STATUS_TEXT_MAX];
    status_text(&(struct status_cause){.operation = operation,
                                       .stream = w->stream_name,
                                       .host = kinesis_host(w->kinesis),
                                       .status = status,
                                       .error = error},
                text);
    w->events->on_failure(w->ctx, status, w->failures, text);
}

static void fail(struct stream_watch *w, int status, const char *operation,
                 const struct aws_error *error)
{
    forget_listing(w);
    w->failures++;
    w->in_round = w->again = false;
    start_timer(w, poll_pace_delay(STREAM_WATCH_BACKOFF_MS, STREAM_WATCH_BACKOFF_MAX_MS,
                                   w->failures, unit(w)));
    report(w, status, operation, error);
}

static bool start_call(struct stream_watch *w, enum kinesis_op op)
{
    struct kinesis_call_options o = {.max_attempts = 1, .request_ms = w->request_ms};
    int rc = kinesis_start(w->kinesis, &w->call, op, &w->in, &o);
    if (rc < 0) {
        fail(w, rc, kinesis_op_name(op), NULL);
        return false;
    }
    w->calling = true;
    return true;
}

// Whether a reply is to be looked at.
static bool end_call(struct stream_watch *w)
{
    w->calling = false;
    if (!w->stopped)
        return true;
    w->events->on_stopped(w->ctx);
    return false;
}

static void finish_round(struct stream_watch *w)
{
    w->failures = 0;
    w->in_round = false;
    forget_listing(w);
    if (w->stopped)
        return;
    if (w->again) {
        w->again = false;
        stream_watch_poke(w);
        return;
    }
    start_timer(w, STREAM_WATCH_PERIOD_MS * 8 / 10 +
                       (int64_t)(unit(w) * (STREAM_WATCH_PERIOD_MS * 4 / 10)));
}

static void copy_shard(struct stream_watch *w, const struct kinesis_shard *s)
{
    if (w->n_shards == w->cap_shards) {
        w->cap_shards = w->cap_shards ? 2 * w->cap_shards : 16;
        w->shards = mem_realloc(w->shards, w->cap_shards * sizeof(*w->shards));
    }
    w->shards[w->n_shards++] = (struct kinesis_shard){
        .shard_id = arena_span(&w->arena, s->shard_id),
        .parent_id = arena_span(&w->arena, s->parent_id),
        .adjacent_parent_id = arena_span(&w->arena, s->adjacent_parent_id),
        .starting_hash_key = arena_span(&w->arena, s->starting_hash_key),
        .ending_hash_key = arena_span(&w->arena, s->ending_hash_key),
        .ending_sequence_number = arena_span(&w->arena, s->ending_sequence_number),
    };
}

static void on_listed(struct kinesis_call *call, int status, struct kinesis_output *out,
                      const struct aws_error *error)
{
    struct stream_watch *w = container_of(call, struct stream_watch, call);
    const char *operation = kinesis_op_name(KINESIS_LIST_SHARDS);
    if (!end_call(w))
        return;
    if (status != 0) {
        fail(w, status, operation, error);
        return;
    }
    bool more = out->next_token.n > 0;
    if (out->n_shards > SHARD_MAP_MAX_SHARDS - w->n_shards ||
        (more && ++w->pages >= STREAM_WATCH_MAX_PAGES)) {
        fail(w, ERR_LIMIT, operation, NULL);
        return;
    }
    for (size_t i = 0; i < out->n_shards; i++)
        copy_shard(w, &out->shards[i]);
    buf_clear(&w->token);
    buf_add_span(&w->token, out->next_token);
    if (more) {
        list_page(w);
        return;
    }
    int rc = w->events->on_shards(w->ctx, w->shards, w->n_shards);
    if (rc < 0 && !w->stopped)
        fail(w, rc, operation, NULL);
    else
        finish_round(w);
}

static void list_page(struct stream_watch *w)
{
    // A token names the stream by itself; both together are refused.
    struct span token = buf_span(&w->token);
    w->in = (struct kinesis_input){.next_token = token};
    if (token.n == 0)
        w->in.stream_name = w->stream_name;
    w->call.on_done = on_listed;
    start_call(w, KINESIS_LIST_SHARDS);
}

static void fail_status(struct stream_watch *w, const char *what)
{
    struct aws_error e = {.code = span_str(what)};
    fail(w, ERR_UNAVAILABLE, kinesis_op_name(KINESIS_DESCRIBE_STREAM_SUMMARY), &e);
}

static void on_described(struct kinesis_call *call, int status, struct kinesis_output *out,
                         const struct aws_error *error)
{
    struct stream_watch *w = container_of(call, struct stream_watch, call);
    if (!end_call(w))
        return;
    if (status != 0) {
        fail(w, status, kinesis_op_name(KINESIS_DESCRIBE_STREAM_SUMMARY), error);
        return;
    }
    if (span_is(out->stream_status, "CREATING")) {
        fail_status(w, "the stream is being created");
        return;
    }
    if (span_is(out->stream_status, "DELETING")) {
        fail_status(w, "the stream is being deleted");
        return;
    }
    w->events->on_identity(w->ctx, out->stream_arn, out->created_ms);
}

static void describe(struct stream_watch *w)
{
    w->in_round = true;
    w->again = false;
    w->round++;
    w->round_ms = loop_now_ms(w->loop);
    w->in = (struct kinesis_input){.stream_name = w->stream_name};
    w->call.on_done = on_described;
    start_call(w, KINESIS_DESCRIBE_STREAM_SUMMARY);
}

void stream_watch_start(struct stream_watch *w)
{
    start_timer(w, 0);
}

void stream_watch_list(struct stream_watch *w)
{
    if (w->stopped)
        return;
    require(w->in_round && !w->calling);
    forget_listing(w);
    list_page(w);
}

void stream_watch_poke(struct stream_watch *w)
{
    if (w->stopped)
        return;
    if (w->in_round) {
        w->again = true;
        return;
    }
    if (w->failures > 0)
        return; // a round is coming
    int64_t now = loop_now_ms(w->loop);
    int64_t wait = w->round_ms + STREAM_WATCH_GAP_MS - now;
    if (wait < 0)
        wait = 0;
    if (!timer_active(&w->timer) || w->timer.due_ms > now + wait)
        start_timer(w, wait);
}

void stream_watch_stop(struct stream_watch *w)
{
    if (w->stopped)
        return;
    w->stopped = true;
    timer_stop(&w->timer);
    if (w->calling)
        kinesis_cancel(&w->call);
}

bool stream_watch_is_idle(const struct stream_watch *w)
{
    return !w->calling;
}

void stream_watch_deinit(struct stream_watch *w)
{
    require(!w->calling);
    timer_stop(&w->timer);
    forget_listing(w);
    buf_free(&w->token);
}
