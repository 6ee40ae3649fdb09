// SPDX-License-Identifier: Apache-2.0
#include "stream/put_lister.h"

#include "base/mem.h"
#include "stream/poll_pace.h"
#include "stream/shard_map.h"

// Happy path: want -> page ... page -> on_listed. Failure modes: a page that fails drops the
// listing, which begins again with backoff; records go on without it meanwhile.

#define BACKOFF_MS 1000
#define MAX_PAGES 200
#define FIRST_SHARDS 16

static void begin(struct put_lister *l);
static void list_page(struct put_lister *l);

static void forget_listing(struct put_lister *l)
{
    arena_free(&l->arena);
    buf_clear(&l->token);
    l->shards = NULL;
    l->n_shards = 0;
    l->pages = 0;
}

static void on_timer(struct timer *t)
{
    begin(container_of(t, struct put_lister, timer));
}

static void begin_in(struct put_lister *l, int64_t ms)
{
    l->timer.fire = on_timer;
    timer_start(l->loop, &l->timer, ms > 0 ? ms : 0);
}

static void fail(struct put_lister *l)
{
    forget_listing(l);
    l->failures++;
    begin_in(l, poll_pace_delay(BACKOFF_MS, PUT_LISTER_BACKOFF_MAX_MS, l->failures,
                                clock_random_unit(loop_clock(l->loop))));
    (void)l->on_listed(l, NULL, 0);
}

static void copy_shards(struct put_lister *l, const struct kinesis_output *out)
{
    size_t n = l->n_shards + out->n_shards;
    struct kinesis_shard *all = arena_array(&l->arena, struct kinesis_shard, n + 1);
    if (l->n_shards > 0)
        memcpy(all, l->shards, l->n_shards * sizeof *all);
    for (size_t i = 0; i < out->n_shards; i++) {
        const struct kinesis_shard *s = &out->shards[i];
        all[l->n_shards + i] = (struct kinesis_shard){
            .shard_id = arena_span(&l->arena, s->shard_id),
            .starting_hash_key = arena_span(&l->arena, s->starting_hash_key),
            .ending_hash_key = arena_span(&l->arena, s->ending_hash_key),
            .ending_sequence_number = arena_span(&l->arena, s->ending_sequence_number),
        };
    }
    l->shards = all;
    l->n_shards = n;
}

static void finish(struct put_lister *l)
{
    l->failures = 0;
    bool ok = l->on_listed(l, l->shards, l->n_shards) >= 0;
    if (l->stopped)
        return;
    if (!ok) {
        fail(l);
        return;
    }
    forget_listing(l);
    if (l->wanted)
        put_lister_want(l);
}

static void on_page(struct kinesis_call *call, int status, struct kinesis_output *out,
                    const struct aws_error *error)
{
    struct put_lister *l = container_of(call, struct put_lister, call);
    (void)error;
    l->calling = false;
    if (l->stopped) {
        l->on_stopped(l);
        return;
    }
    if (status < 0 || out->n_shards > SHARD_MAP_MAX_SHARDS - l->n_shards ||
        ++l->pages > MAX_PAGES) {
        fail(l);
        return;
    }
    copy_shards(l, out);
    buf_clear(&l->token);
    buf_add_span(&l->token, out->next_token);
    if (l->token.n > 0)
        list_page(l);
    else
        finish(l);
}

static void list_page(struct put_lister *l)
{
    struct kinesis_call_options o = {.max_attempts = 1};
    // A token names the stream by itself; both together are refused.
    l->in = (struct kinesis_input){.next_token = buf_span(&l->token)};
    if (l->token.n == 0 && l->is_arn)
        l->in.stream_arn = l->id;
    else if (l->token.n == 0)
        l->in.stream_name = l->id;
    l->call = (struct kinesis_call){.on_done = on_page};
    if (kinesis_start(l->kinesis, &l->call, KINESIS_LIST_SHARDS, &l->in, &o) == 0)
        l->calling = true;
    else
        fail(l);
}

static void begin(struct put_lister *l)
{
    l->wanted = false;
    l->begun_ms = loop_now_ms(l->loop);
    list_page(l);
}

void put_lister_want(struct put_lister *l)
{
    if (l->stopped || timer_active(&l->timer))
        return; // it comes
    if (l->calling) {
        l->wanted = true;
        return;
    }
    bool first = l->begun_ms == 0;
    begin_in(l, first ? 0 : l->begun_ms + PUT_LISTER_GAP_MS - loop_now_ms(l->loop));
}

bool put_lister_stop(struct put_lister *l)
{
    if (l->stopped)
        return !l->calling;
    l->stopped = true;
    timer_stop(&l->timer);
    if (l->calling)
        kinesis_cancel(&l->call);
    return !l->calling;
}

void put_lister_deinit(struct put_lister *l)
{
    require(!l->calling);
    timer_stop(&l->timer);
    forget_listing(l);
    buf_free(&l->token);
}
