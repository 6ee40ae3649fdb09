// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "bridge/integration.h"

// Dead letters are tried again page by page, oldest first: read -> convert by the script of now ->
// apply -> commit. A page is one transaction: what its letters do, the removal of those that took
// effect, the new reason of those that did not.
//
// Happy path: begin -> next_page -> on_read -> submit -> on_converted -> apply_page -> on_run_done
// -> on_durable -> next_page ... -> finish. Stopping the integration ends it after the page, which
// is whole or has not happened.

static void next_page(struct dead_replay *d);

static struct store *store_of(const struct dead_replay *d)
{
    return hub_store(d->in->bridge->o.hub);
}

static void finish(struct dead_replay *d, int status, const char *text)
{
    struct integration *in = d->in;
    bridge_done_fn *cb = d->cb;
    d->running = false;
    if (!cb) {
        log_info("bridge", "dead letters tried again",
                 "integration=\"%.*s\" replayed=%llu failed=%llu status=\"%s\"",
                 SPAN_ARG(integration_name(in)), (unsigned long long)d->replayed,
                 (unsigned long long)d->failed, status ? err_text(status) : "done");
    } else {
        d->cb = NULL;
        cb(d->ctx, status, text);
    }
    integration_maybe_stopped(in);
}

static void free_page(struct dead_replay *d)
{
    budget_give(d->in->bridge->o.budget, d->held);
    d->held = 0;
    store_read_free(&d->read);
}

static void give_up(struct dead_replay *d)
{
    free_page(d);
    finish(d, ERR_CANCELED, "the integration was stopped");
}

static bool must_stop(const struct dead_replay *d)
{
    return d->canceled || d->in->phase != PHASE_RUNNING;
}

static void on_durable(void *ctx, int status)
{
    struct dead_replay *d = ctx;
    if (status < 0) {
        free_page(d);
        finish(d, status, err_text(status));
        return;
    }
    d->replayed += d->page_ok;
    d->failed += d->page_failed;
    d->after_id = d->read.dead_out[d->read.n_dead - 1].id;
    free_page(d);
    if (d->one)
        finish(d, d->err.code, d->err.msg);
    else
        next_page(d);
}

static void on_run_done(struct hub_run *r)
{
    struct dead_replay *d = container_of(r, struct dead_replay, run);
    if (r->canceled || d->page_canceled || d->in->removing) {
        hub_run_abort(r);
        give_up(d);
        return;
    }
    hub_run_commit(r, on_durable, d);
}

// A message that the downlink converter made no record of, not a record that a stream refused.
static bool is_message(const struct store_dead_letter *l)
{
    return l->downlink && l->stream.n == 0 && l->stream_arn.n == 0;
}

struct next_result {
    uint32_t up, down;
};

static void apply_letter(struct dead_replay *d, const struct store_dead_letter *l,
                         struct next_result *next)
{
    struct integration *in = d->in;
    struct err e = {0};
    if (is_message(l) && d->down.n == 0) {
        err_set(&e, ERR_NOT_FOUND, "the integration has no downlink converter");
    } else if (is_message(l)) {
        const struct downlink_result *result = &d->down.downlink_out[next->down++];
        d->page_canceled |= result->status == ERR_CANCELED;
        downlink_queue(in, &d->run, result, &e);
    } else if (l->downlink) {
        outbox_take_back(in, &d->run, l, &e);
    } else {
        const struct uplink_result *result = &d->up.uplink_out[next->up++];
        d->page_canceled |= result->status == ERR_CANCELED;
        uplink_apply(in, &d->run, result, l->arrival_ms, &e);
    }
    if (e.code == 0) {
        d->page_ok++;
        store_txn_remove_dead_letter(d->run.txn, in->id, l->id, true);
        return;
    }
    d->page_failed++;
    d->err = e;
    store_txn_dead_letter_failed(d->run.txn, in->id, l->id, span_str(e.msg),
                                 loop_wall_ms(in->bridge->o.loop));
}

static void apply_page(struct dead_replay *d)
{
    struct next_result next = {0, 0};
    hub_run_begin(d->in->bridge->o.hub, &d->run);
    // Their time is long past: what came since then stays.
    store_txn_keep_newer(d->run.txn);
    d->run.done = on_run_done;
    d->page_ok = d->page_failed = 0;
    d->page_canceled = false;
    for (size_t i = 0; i < d->read.n_dead && !d->page_canceled; i++)
        apply_letter(d, &d->read.dead_out[i], &next);
    arena_free(&d->up.arena);
    arena_free(&d->down.arena);
    if (hub_run_finish(&d->run))
        on_run_done(&d->run);
}

static void submit(struct dead_replay *d, struct convert_job *job);

static void on_converted(struct convert_job *job)
{
    struct dead_replay *d = job->data;
    convert_script_unref(job->script);
    if (job == &d->up && d->down.n > 0)
        submit(d, &d->down);
    else
        apply_page(d);
}

static void on_room(struct convert_waiter *w)
{
    struct dead_replay *d = container_of(w, struct dead_replay, room);
    d->waiting_room = false;
    submit(d, d->submitting);
}

static void submit(struct dead_replay *d, struct convert_job *job)
{
    struct convert_pool *pool = hub_convert(d->in->bridge->o.hub);
    d->submitting = job;
    if (convert_submit(pool, job) == 0)
        return;
    d->waiting_room = true;
    d->room.wake = on_room;
    convert_wait_room(pool, &d->room);
}

static struct convert_pairs read_metadata(struct arena *a, struct span text)
{
    struct err ignored = {0};
    struct json *doc = json_parse(text, &ignored);
    size_t n = 0;
    struct convert_pair *pairs = arena_array(a, struct convert_pair, doc ? json_count(doc) : 0);
    for (const struct json *v = doc ? json_child(doc) : NULL; v; v = json_next(v)) {
        pairs[n++] = (struct convert_pair){arena_span(a, json_key(v)),
                                           arena_span(a, json_str(v, SPAN_NONE))};
    }
    json_free(doc);
    return (struct convert_pairs){pairs, n};
}

// Of a request: the integration's and its headers. One letter is a page then.
static struct convert_pairs request_metadata(struct dead_replay *d)
{
    const struct integration *in = d->in;
    struct arena *a = &d->up.arena;
    struct convert_pairs own = read_metadata(a, d->read.dead_out[0].metadata);
    struct convert_pair *p = arena_array(a, struct convert_pair, in->config.n_pairs + own.n);
    memcpy(p, in->config.pairs, in->config.n_pairs * sizeof *p);
    if (own.n)
        memcpy(p + in->config.n_pairs, own.p, own.n * sizeof *p);
    return (struct convert_pairs){p, in->config.n_pairs + own.n};
}

static void prepare_records(struct dead_replay *d)
{
    struct integration *in = d->in;
    struct uplink_record *r = arena_array(&d->up.arena, struct uplink_record, d->read.n_dead);
    for (size_t i = 0; i < d->read.n_dead; i++) {
        const struct store_dead_letter *l = &d->read.dead_out[i];
        if (l->downlink)
            continue;
        r[d->up.n++] = (struct uplink_record){.payload = l->payload,
                                              .partition_key = l->partition_key,
                                              .sequence_number = l->sequence,
                                              .sub_sequence = l->sub_sequence,
                                              .stream_name = in->config.stream_name,
                                              .shard_id = l->shard_id,
                                              .arrival_ms = l->arrival_ms};
    }
    d->up.uplink = r;
    d->up.meta = (struct convert_pairs){in->config.pairs, in->config.n_pairs};
    if (in->config.kind == INTEGRATION_HTTP)
        d->up.meta = request_metadata(d);
    d->up.data = d;
    d->up.done = on_converted;
    if (d->up.n > 0)
        d->up.script = convert_script_ref(in->uplink);
}

static void prepare_messages(struct dead_replay *d)
{
    struct integration *in = d->in;
    struct arena *a = &d->down.arena;
    struct downlink_input *input = arena_array(a, struct downlink_input, d->read.n_dead);
    for (size_t i = 0; i < d->read.n_dead && in->downlink; i++) {
        const struct store_dead_letter *l = &d->read.dead_out[i];
        if (!is_message(l))
            continue;
        input[d->down.n++] = (struct downlink_input){.msg_json = l->payload,
                                                     .msg_type = l->msg_type,
                                                     .metadata = read_metadata(a, l->metadata)};
    }
    d->down.downlink = input;
    d->down.meta = (struct convert_pairs){in->config.pairs, in->config.n_pairs};
    d->down.data = d;
    d->down.done = on_converted;
    if (d->down.n > 0)
        d->down.script = convert_script_ref(in->downlink);
}

static void convert_page(struct dead_replay *d)
{
    d->up = d->down = (struct convert_job){0};
    prepare_records(d);
    prepare_messages(d);
    if (d->up.n > 0)
        submit(d, &d->up);
    else if (d->down.n > 0)
        submit(d, &d->down);
    else
        apply_page(d);
}

static void on_read(struct store_read *r, int status)
{
    struct dead_replay *d = r->data;
    d->held = r->arena.bytes;
    budget_force(d->in->bridge->o.budget, d->held);
    if (status < 0 || must_stop(d) || r->n_dead == 0) {
        free_page(d);
        if (status == 0 && must_stop(d))
            status = ERR_CANCELED;
        else if (status == 0 && d->one)
            status = ERR_NOT_FOUND;
        finish(d, status,
               status == ERR_NOT_FOUND ? "there is no such dead letter" : err_text(status));
        return;
    }
    if (!d->one && !d->until_id)
        d->total = r->total;
    d->until_id = r->until_id;
    convert_page(d);
}

static void next_page(struct dead_replay *d)
{
    d->read = (struct store_read){
        .data = d,
        .done = on_read,
        .kind = d->one ? STORE_READ_DEAD_LETTER : STORE_READ_DEAD_AFTER,
        .integration = d->in->id,
        .after_id = d->after_id,
        .until_id = d->until_id,
        .limit = d->in->config.kind == INTEGRATION_HTTP ? 1 : UPLINK_CHUNK_RECORDS};
    store_read(store_of(d), &d->read);
}

void dead_letters_stop(struct integration *in)
{
    struct dead_replay *d = &in->dead;
    if (!d->running)
        return;
    d->canceled = true;
    if (!d->waiting_room)
        return;
    convert_cancel_wait(&d->room);
    d->waiting_room = false;
    convert_script_unref(d->submitting->script);
    if (d->submitting == &d->up && d->down.n > 0)
        convert_script_unref(d->down.script);
    arena_free(&d->up.arena);
    arena_free(&d->down.arena);
    give_up(d);
}

static struct integration *find(struct bridge *b, struct uuid id, struct err *e)
{
    struct integration *in = bridge_find(b, id);
    if (!in || in->removing) {
        err_set(e, ERR_NOT_FOUND, "the integration is being removed");
        return NULL;
    }
    if (in->dead.running) {
        err_set(e, ERR_CONFLICT, "dead letters of this integration are being tried again");
        return NULL;
    }
    return in;
}

static struct dead_replay *begin(struct bridge *b, struct uuid id, struct err *e)
{
    struct integration *in = find(b, id, e);
    if (!in)
        return NULL;
    if (in->phase != PHASE_RUNNING) {
        err_set(e, ERR_CONFLICT, "integration \"%.*s\" is not running: enable it first",
                SPAN_ARG(integration_name(in)));
        return NULL;
    }
    in->dead = (struct dead_replay){.in = in, .running = true};
    return &in->dead;
}

int bridge_replay_dead_letter(struct bridge *b, struct uuid id, int64_t letter, bridge_done_fn *cb,
                              void *ctx, struct err *e)
{
    struct dead_replay *d = begin(b, id, e);
    if (!d)
        return e->code;
    d->one = true;
    d->total = 1;
    d->after_id = letter;
    d->cb = cb;
    d->ctx = ctx;
    next_page(d);
    return 0;
}

int bridge_replay_dead_letters(struct bridge *b, struct uuid id, struct err *e)
{
    struct dead_replay *d = begin(b, id, e);
    if (!d)
        return e->code;
    next_page(d);
    return 0;
}

bool bridge_dead_replay_json(struct bridge *b, struct uuid id, struct buf *out)
{
    const struct integration *in = bridge_find(b, id);
    if (!in)
        return false;
    const struct dead_replay *d = &in->dead;
    struct json_out j = {.out = out};
    json_out_object(&j);
    json_out_key_bool(&j, "running", d->running);
    json_out_key_int(&j, "total", (int64_t)d->total);
    json_out_key_int(&j, "replayed", (int64_t)d->replayed);
    json_out_key_int(&j, "failed", (int64_t)d->failed);
    if (d->err.code)
        json_out_key_str(&j, "lastError", span_str(d->err.msg));
    else
        json_out_key_null(&j, "lastError");
    json_out_end(&j);
    return true;
}

void bridge_cancel_dead_letters(struct bridge *b, struct uuid id)
{
    struct integration *in = bridge_find(b, id);
    if (in)
        dead_letters_stop(in);
}

int bridge_discard_dead_letters(struct bridge *b, struct uuid id, int64_t letter,
                                void (*cb)(void *ctx, int status), void *ctx, struct err *e)
{
    if (!find(b, id, e))
        return e->code;
    struct store *store = hub_store(b->o.hub);
    struct store_txn *txn = store_txn_new(store);
    if (letter)
        store_txn_remove_dead_letter(txn, id, letter, false);
    else
        store_txn_delete_dead_letters(txn, id);
    store_commit(store, txn, cb, ctx);
    return 0;
}
