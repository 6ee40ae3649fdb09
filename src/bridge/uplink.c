// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "bridge/integration.h"

// The way of a batch: cut into chunks, each a converter job; results applied in order into one run;
// the run's transaction carries the shard's checkpoint; when it is durable the batch is
// acknowledged.
//
// Happy path: on_batch -> submit_chunks -> on_converted -> apply_ready -> finish_work ->
// on_durable. What the records do is large: end_part -> on_part_done -> the rest of the batch in
// another run, and so on; each part carries the checkpoint of its last record. The queue is full:
// the rest waits for room. A script waits (rule chain): the run says when it is done; later batches
// of the shard wait behind it, other shards go on.

// What a transaction may hold before the rest of its batch goes into another one: converters make
// much of little, and the store takes only so much at once (STORE_VALUE_MAX).
#define PART_BYTES ((size_t)32 * 1024 * 1024)

struct work;

struct chunk {
    struct work *work;
    struct convert_job job;
    bool done;
};

struct work {
    struct list link; // lane->works
    struct lane *lane;
    struct shard_batch *batch;
    struct hub_run run;
    bool running;   // the run has begun
    bool finishing; // all applied, or a part: waiting for the run or the commit
    bool canceled;
    bool abandoned; // to be freed when its parts are durable, or not
    unsigned parts; // committed, not yet durable
    uint32_t n_chunks, submitted, applied;
    uint32_t n_applied; // records
    uint64_t records_ok, records_failed;
    struct chunk chunks[];
};

static void submit_chunks(struct uplink *up);
static void apply_ready(struct lane *lane);

void uplink_init(struct uplink *up, struct integration *in, void (*settled)(struct uplink *up))
{
    *up = (struct uplink){.in = in, .settled = settled};
    list_init(&up->lane_list);
}

struct lane *uplink_lane(struct uplink *up, struct span shard_id)
{
    struct lane *lane = map_get(&up->lanes, shard_id);
    if (lane)
        return lane;
    lane = mem_new(struct lane);
    lane->up = up;
    lane->shard_id = span_of(mem_strndup(shard_id.p, shard_id.n), shard_id.n);
    list_init(&lane->works);
    map_put(&up->lanes, lane->shard_id, lane);
    list_push(&up->lane_list, &lane->link);
    return lane;
}

void uplink_free_lanes(struct uplink *up)
{
    list_for_safe(it, &up->lane_list)
    {
        struct lane *lane = container_of(it, struct lane, link);
        require(list_empty(&lane->works));
        mem_free((char *)lane->shard_id.p);
        mem_free(lane->durable_sequence);
        mem_free(lane);
    }
    list_init(&up->lane_list);
    map_free(&up->lanes);
}

static void on_converted(struct convert_job *job)
{
    struct chunk *c = job->data;
    struct lane *lane = c->work->lane;
    struct uplink *up = lane->up;
    convert_script_unref(job->script);
    c->done = true;
    up->converting--;
    apply_ready(lane);
    submit_chunks(up);
}

// The job's input lies in its own arena, beside the output, and goes with it.
static void fill_job(struct chunk *c, uint32_t index)
{
    struct work *w = c->work;
    const struct integration *in = w->lane->up->in;
    const struct kinesis_output *out = &w->batch->out;
    size_t first = (size_t)index * UPLINK_CHUNK_RECORDS;
    size_t n = out->n_records - first;
    if (n > UPLINK_CHUNK_RECORDS)
        n = UPLINK_CHUNK_RECORDS;
    c->job = (struct convert_job){.data = c,
                                  .script = convert_script_ref(in->uplink),
                                  .meta = {in->config.pairs, in->config.n_pairs},
                                  .n = (uint32_t)n,
                                  .done = on_converted};
    struct uplink_record *r = arena_array(&c->job.arena, struct uplink_record, n);
    for (size_t i = 0; i < n; i++) {
        const struct kinesis_record *k = &out->records[first + i];
        r[i] = (struct uplink_record){.payload = k->data,
                                      .stream_name = in->config.stream_name,
                                      .shard_id = w->lane->shard_id,
                                      .sequence_number = k->sequence_number,
                                      .sub_sequence = k->sub_sequence,
                                      .partition_key = k->partition_key,
                                      .arrival_ms = k->arrival_ms};
    }
    c->job.uplink = r;
}

static void on_room(struct convert_waiter *waiter)
{
    struct uplink *up = container_of(waiter, struct uplink, room);
    up->waiting_room = false;
    submit_chunks(up);
}

static struct convert_pool *pool_of(const struct uplink *up)
{
    return hub_convert(up->in->bridge->o.hub);
}

static void wait_room(struct uplink *up)
{
    if (up->waiting_room)
        return;
    up->waiting_room = true;
    up->room.wake = on_room;
    convert_wait_room(pool_of(up), &up->room);
}

void uplink_cancel_wait(struct uplink *up)
{
    if (up->waiting_room)
        convert_cancel_wait(&up->room);
    up->waiting_room = false;
}

// False when the queue is full.
static bool submit_work(struct work *w)
{
    struct uplink *up = w->lane->up;
    struct convert_pool *pool = pool_of(up);
    while (w->submitted < w->n_chunks) {
        if (up->replay && up->converting > 0)
            return true; // on_converted() goes on
        struct chunk *c = &w->chunks[w->submitted];
        fill_job(c, w->submitted);
        if (convert_submit(pool, &c->job) < 0) {
            convert_script_unref(c->job.script);
            arena_free(&c->job.arena);
            return false;
        }
        w->submitted++;
        up->converting++;
    }
    return true;
}

// One chunk after another, lane by lane, so that no shard fills the queue alone for long.
static void submit_chunks(struct uplink *up)
{
    if (up->waiting_room)
        return;
    list_for(l, &up->lane_list)
    {
        struct lane *lane = container_of(l, struct lane, link);
        list_for(it, &lane->works)
        {
            if (!submit_work(container_of(it, struct work, link))) {
                wait_room(up);
                return;
            }
        }
    }
}

static void keep_dead_letter(struct work *w, const struct kinesis_record *k, struct span error)
{
    struct uplink *up = w->lane->up;
    const struct integration *in = up->in;
    w->records_failed++;
    if (up->replay) {
        // It is on the stream still, and was kept when it failed the first time.
        err_set(&up->last_error, ERR_SCRIPT, "%.*s", SPAN_ARG(error));
        return;
    }
    struct store_dead_letter d = {.integration = in->id,
                                  .payload = k->data,
                                  .error = error,
                                  .shard_id = w->lane->shard_id,
                                  .sequence = k->sequence_number,
                                  .sub_sequence = k->sub_sequence,
                                  .partition_key = k->partition_key,
                                  .arrival_ms = k->arrival_ms,
                                  .created_ms = loop_wall_ms(in->bridge->o.loop)};
    store_txn_dead_letter(w->run.txn, &d);
}

int uplink_apply(struct integration *in, struct hub_run *run, const struct uplink_result *result,
                 int64_t arrival_ms, struct err *e)
{
    struct err any = {0};
    struct hub_uplink_options o = {.arrival_ms = arrival_ms,
                                   .allow_create = in->allow_create,
                                   .integration_name = in->config.pairs[0].value,
                                   .update_only = in->update_only,
                                   .n_update_only = in->n_update_only};
    e->code = 0;
    if (result->status < 0)
        return err_set(e, result->status, "%.*s", SPAN_ARG(result->error));
    for (uint32_t i = 0; i < result->n_msgs; i++) {
        if (hub_apply_uplink(run, &result->msgs[i], &o, &any) < 0 && !e->code)
            *e = any;
    }
    return e->code;
}

static void apply_record(struct work *w, const struct kinesis_record *k,
                         const struct uplink_result *result)
{
    struct integration *in = w->lane->up->in;
    struct err e;
    struct span error = SPAN_NONE;
    if (uplink_apply(in, &w->run, result, k->arrival_ms, &e) == 0) {
        w->records_ok++;
    } else {
        error = result->status < 0 ? result->error : span_str(e.msg);
        keep_dead_letter(w, k, error);
    }
    if (in->trace.on)
        trace_uplink(in, k, w->lane->shard_id, result, error);
}

static void free_work(struct work *w)
{
    struct uplink *up = w->lane->up;
    consumer_ack(up->consumer, w->batch);
    mem_free(w);
    up->works--;
    up->settled(up);
}

static struct span last_sequence(const struct kinesis_output *out)
{
    return out->n_records ? out->records[out->n_records - 1].sequence_number : SPAN_NONE;
}

static void set_text(char **to, struct span s)
{
    mem_free(*to);
    *to = mem_strndup(s.p, s.n);
}

// `sequence` of the last record of them; empty = there was none.
static void note_durable(struct lane *lane, uint64_t ok, uint64_t failed, struct span sequence)
{
    lane->applied_durable += ok;
    lane->up->records += ok;
    lane->up->failed += failed;
    lane->up->commits++;
    if (sequence.n)
        set_text(&lane->durable_sequence, sequence);
}

static void on_durable(void *ctx, int status)
{
    struct work *w = ctx;
    if (status == 0) {
        w->lane->ended |= w->batch->shard_end;
        note_durable(w->lane, w->records_ok, w->records_failed, last_sequence(&w->batch->out));
    }
    free_work(w);
}

static void put_checkpoint(struct work *w, struct span sequence, uint64_t sub_sequence, bool end)
{
    struct lane *lane = w->lane;
    const struct integration *in = lane->up->in;
    struct store_checkpoint c = {
        .integration = in->id,
        .stream = span_str(in->stream_identity),
        .shard_id = lane->shard_id,
        .sequence = sequence,
        .sub_sequence = sub_sequence,
        .records_applied = lane->applied,
        .shard_end = end,
    };
    if (!lane->up->replay)
        store_txn_checkpoint(w->run.txn, &c);
}

static void charge(struct work *w)
{
    size_t bytes = store_txn_bytes(w->run.txn);
    budget_force(w->lane->up->in->bridge->o.budget, bytes);
    w->batch->budget_bytes += bytes;
}

// The run is done: from here on the next batch of the shard may be applied, since commits keep
// order.
static void commit_work(struct work *w)
{
    struct lane *lane = w->lane;
    list_remove(&w->link);
    lane->applied += w->records_ok;
    put_checkpoint(w, w->batch->position, w->batch->sub_sequence, w->batch->shard_end);
    charge(w);
    hub_run_commit(&w->run, on_durable, w);
    apply_ready(lane);
}

// The pool closed before all was converted, or the integration is being removed: nothing of this
// batch happened, but for parts before, nor of any behind it.
static void abandon_work(struct work *w)
{
    struct lane *lane = w->lane;
    lane->canceled = true;
    list_remove(&w->link);
    hub_run_abort(&w->run);
    apply_ready(lane);
    w->abandoned = true;
    if (w->parts == 0)
        free_work(w);
}

static bool must_abandon(const struct work *w)
{
    return w->run.canceled || w->canceled || w->lane->canceled || w->lane->up->in->removing;
}

static void on_run_done(struct hub_run *r)
{
    struct work *w = container_of(r, struct work, run);
    if (must_abandon(w))
        abandon_work(w);
    else
        commit_work(w);
}

// Parts ------------------------------------------------------------------------------------------

struct part {
    struct work *work;
    const struct kinesis_record *last;
    uint64_t ok, failed;
};

static void on_part_durable(void *ctx, int status)
{
    struct part *p = ctx;
    struct work *w = p->work;
    if (status == 0)
        note_durable(w->lane, p->ok, p->failed, p->last->sequence_number);
    mem_free(p);
    if (--w->parts == 0 && w->abandoned)
        free_work(w);
}

static void commit_part(struct work *w)
{
    struct part *p = mem_new(struct part);
    *p = (struct part){w, &w->batch->out.records[w->n_applied - 1], w->records_ok,
                       w->records_failed};
    w->lane->applied += w->records_ok;
    w->records_ok = w->records_failed = 0;
    put_checkpoint(w, p->last->sequence_number, p->last->sub_sequence, false);
    charge(w);
    w->parts++;
    hub_run_commit(&w->run, on_part_durable, p);
}

static void on_part_done(struct hub_run *r)
{
    struct work *w = container_of(r, struct work, run);
    if (must_abandon(w)) {
        w->canceled = true; // what is still to be converted is waited for
        hub_run_abort(r);
    } else {
        commit_part(w);
    }
    w->running = w->finishing = false;
    apply_ready(w->lane);
}

static void end_part(struct work *w)
{
    w->finishing = true;
    w->run.done = on_part_done;
    if (hub_run_finish(&w->run))
        on_part_done(&w->run);
}

// False: the rest of it waits for the end of a part.
static bool apply_chunk(struct work *w, struct chunk *c)
{
    size_t first = (size_t)(c - w->chunks) * UPLINK_CHUNK_RECORDS;
    for (uint32_t i = w->n_applied - (uint32_t)first; i < c->job.n; i++) {
        if (!w->canceled && store_txn_bytes(w->run.txn) > PART_BYTES) {
            end_part(w);
            return false;
        }
        if (c->job.uplink_out[i].status == ERR_CANCELED)
            w->canceled = true;
        if (!w->canceled)
            apply_record(w, &w->batch->out.records[first + i], &c->job.uplink_out[i]);
        w->n_applied++;
    }
    arena_free(&c->job.arena);
    w->applied++;
    return true;
}

static void finish_work(struct work *w)
{
    w->finishing = true;
    w->run.done = on_run_done;
    if (hub_run_finish(&w->run))
        on_run_done(&w->run);
}

static void apply_ready(struct lane *lane)
{
    if (list_empty(&lane->works))
        return;
    struct work *w = container_of(lane->works.next, struct work, link);
    if (w->finishing)
        return;
    if (!w->running) {
        w->running = true;
        hub_run_begin(lane->up->in->bridge->o.hub, &w->run);
        if (lane->up->replay)
            hub_run_set_replay(&w->run);
    }
    while (w->applied < w->n_chunks && w->chunks[w->applied].done) {
        if (!apply_chunk(w, &w->chunks[w->applied]))
            return;
    }
    if (w->applied == w->n_chunks)
        finish_work(w);
}

void uplink_take(struct uplink *up, struct shard_batch *b)
{
    size_t n = (b->out.n_records + UPLINK_CHUNK_RECORDS - 1) / UPLINK_CHUNK_RECORDS;
    struct work *w = mem_zalloc(sizeof *w + n * sizeof w->chunks[0]);
    w->batch = b;
    w->n_chunks = (uint32_t)n;
    w->lane = uplink_lane(up, b->shard_id);
    for (size_t i = 0; i < n; i++)
        w->chunks[i].work = w;
    list_push(&w->lane->works, &w->link);
    up->works++;
    submit_chunks(up);
    apply_ready(w->lane);
}
