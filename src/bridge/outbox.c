// SPDX-License-Identifier: Apache-2.0
#include "bridge/outbox.h"

#include "base/mem.h"
#include "bridge/integration.h"
#include "codec/hash_key.h"

// Happy path: outbox_kick() reads a page; its rows go to the producer; when the last row of a chunk
// is on the stream, the chunk is queued to be removed, and one transaction a turn of the loop
// removes them all. Failure modes: a row that is refused or too old is written as a dead letter
// together with its chunk without it; a row that is left or canceled stays in its chunk, which is
// rewritten without those that were sent.
//
// A chunk stays in memory until its last change is durable and no read is under way, so that no
// reader takes rows from an older view of the database.

// Rows in memory at most, of all streams, and bytes of the pages that hold them. A page is freed as
// a whole, so it may hold rows that were left.
#define ROWS_MAX 32768
#define BYTES_MAX ((size_t)8 * 1024 * 1024)
#define SWEEP_BYTES_MAX (2 * BYTES_MAX)
#define READ_ROWS 500
// Reading goes on when fewer rows are under way than this, those of parked lanes aside, or when
// none has ended for a while: then some stream does not take any, and others may be behind it.
#define ROWS_UNDER_WAY 2048
#define QUIET_MS 100
#define READ_RETRY_MS 1000

struct page {
    struct arena arena;
    size_t chunks;
    size_t bytes;
};

enum row_state { ROW_LEFT, ROW_OUT, ROW_DONE };

struct row {
    struct producer_entry entry;
    struct chunk *chunk;
    const struct store_outbox_row *data;
    struct outbox_stream *stream;
    char *error; // refused: why
    uint8_t lane;
    uint8_t state;
};

struct chunk {
    struct list link; // ob->chunks, or ob->gone
    struct list changed_link;
    struct outbox *ob;
    struct page *page;
    struct store_outbox_chunk stored;
    struct row *rows;
    size_t n, n_out, n_refused;
    size_t n_unsaved; // done, and still in the database
    unsigned committing;
    int64_t key; // bytes of the map's key
};

static void schedule_flush(struct outbox *ob)
{
    if (!list_linked(&ob->flush.link))
        loop_post(ob->in->bridge->o.loop, &ob->flush);
}

static struct span id_span(const int64_t *id)
{
    return span_of((const char *)id, sizeof *id);
}

static struct chunk *chunk_of(struct list *it)
{
    return container_of(it, struct chunk, link);
}

// Memory -----------------------------------------------------------------------------------------

static void free_chunk(struct chunk *c)
{
    struct outbox *ob = c->ob;
    struct page *page = c->page;
    map_remove(&ob->by_id, id_span(&c->key));
    list_remove(&c->link);
    list_remove(&c->changed_link);
    if (--page->chunks > 0)
        return;
    ob->bytes -= page->bytes;
    arena_free(&page->arena);
    mem_free(page);
}

// A chunk of which nothing is under way and nothing to be saved has no business in memory.
static void release_if_idle(struct chunk *c)
{
    if (c->n_out > 0 || c->n_unsaved > 0 || c->committing > 0)
        return;
    if (!c->ob->reading) {
        free_chunk(c);
        return;
    }
    list_remove(&c->link);
    list_push(&c->ob->gone, &c->link);
}

static void free_gone(struct outbox *ob)
{
    for (struct list *it; (it = list_pop(&ob->gone));) {
        struct chunk *c = chunk_of(it);
        list_push(&ob->chunks, it);
        release_if_idle(c);
    }
}

static void want_saved(struct chunk *c)
{
    if (!list_linked(&c->changed_link))
        list_push(&c->ob->changed, &c->changed_link);
    schedule_flush(c->ob);
}

// Rows -------------------------------------------------------------------------------------------

static void row_ended(struct row *r, enum row_state state)
{
    struct chunk *c = r->chunk;
    outbox_lanes_leave(&c->ob->lanes, r->stream, r->lane, r->data->data.n);
    c->ob->last_end_ms = loop_now_ms(c->ob->in->bridge->o.loop);
    r->stream = NULL;
    r->state = (uint8_t)state;
    c->n_out--;
    c->n_unsaved += state == ROW_DONE;
}

static void refuse_row(struct row *r, const char *error)
{
    r->error = mem_strndup(error, strlen(error));
    r->chunk->n_refused++;
    want_saved(r->chunk);
}

static void note_left(struct outbox *ob, int64_t chunk_id, int64_t created_ms)
{
    if (chunk_id < ob->left_from) {
        ob->left_from = chunk_id;
        ob->left_ms = created_ms;
    }
    if (chunk_id < ob->swept_from) {
        ob->swept_from = chunk_id;
        ob->swept_ms = created_ms;
    }
}

static void on_put(struct producer_entry *en, int status, const char *error)
{
    struct row *r = container_of(en, struct row, entry);
    struct chunk *c = r->chunk;
    row_ended(r, status == ERR_CANCELED ? ROW_LEFT : ROW_DONE);
    schedule_flush(c->ob);
    if (status == 0)
        c->ob->sent++;
    else if (status != ERR_CANCELED)
        refuse_row(r, error ? error : err_text(status));
    if (c->n_out == 0 && c->n_unsaved > 0)
        want_saved(c);
    else
        release_if_idle(c);
}

// A shard is a range of hash keys, so it is a run of lanes.
static unsigned lane_of(const struct store_outbox_row *d)
{
    struct hash_key h;
    if (d->explicit_hash_key.n == 0 || !hash_key_parse(d->explicit_hash_key, &h))
        h = hash_key_of(d->partition_key);
    return (unsigned)(h.hi / (UINT64_MAX / OUTBOX_LANES + 1));
}

static void put_row(struct outbox *ob, struct row *r)
{
    const struct store_outbox_row *d = r->data;
    int64_t ttl_ms = ob->in->bridge->o.downlink_ttl_ms;
    struct err e = {0};
    r->entry = (struct producer_entry){.done = on_put,
                                       .stream_name = d->stream,
                                       .stream_arn = d->stream_arn,
                                       .partition_key = d->partition_key,
                                       .explicit_hash_key = d->explicit_hash_key,
                                       .record = d->data};
    if (ttl_ms > 0) {
        struct loop *l = ob->in->bridge->o.loop;
        r->entry.expires_ms = loop_now_ms(l) + d->created_ms + ttl_ms - loop_wall_ms(l);
    }
    if (producer_put(ob->in->producer, &r->entry, &e) == 0)
        return;
    row_ended(r, ROW_DONE);
    refuse_row(r, e.msg);
}

static void offer_row(struct outbox *ob, struct row *r, bool sweep)
{
    const struct store_outbox_row *d = r->data;
    struct outbox_stream *s =
        outbox_lanes_stream(&ob->lanes, d->stream_arn.n ? d->stream_arn : d->stream);
    unsigned lane = lane_of(d);
    if (!outbox_lanes_enter(&ob->lanes, s, lane, d->data.n, sweep)) {
        note_left(ob, r->chunk->stored.id, d->created_ms);
        return;
    }
    r->lane = (uint8_t)lane;
    r->stream = s;
    r->state = ROW_OUT;
    r->chunk->n_out++;
    put_row(ob, r);
}

static void offer_chunk(struct outbox *ob, struct chunk *c, bool sweep)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->rows[i].state == ROW_LEFT)
            offer_row(ob, &c->rows[i], sweep);
    }
    if (c->n_out == 0 && c->n_unsaved > 0)
        want_saved(c);
    else
        release_if_idle(c);
}

// Reading ----------------------------------------------------------------------------------------

static struct chunk *adopt_chunk(struct outbox *ob, struct page *page,
                                 const struct store_outbox_chunk *stored)
{
    struct chunk *c = arena_new(&page->arena, struct chunk);
    c->ob = ob;
    c->page = page;
    c->stored = *stored;
    c->n = stored->n;
    c->rows = arena_zalloc(&page->arena, c->n * sizeof *c->rows);
    for (size_t i = 0; i < c->n; i++) {
        c->rows[i].chunk = c;
        c->rows[i].data = &stored->rows[i];
    }
    c->key = stored->id;
    page->chunks++;
    list_push(&ob->chunks, &c->link);
    map_put(&ob->by_id, id_span(&c->key), c);
    return c;
}

static struct page *adopt_page(struct outbox *ob)
{
    struct page *page = mem_new(struct page);
    page->arena = ob->read.arena;
    ob->read.arena = (struct arena){0};
    page->chunks = 1; // this hand's
    return page;
}

static void let_go_of_page(struct outbox *ob, struct page *page)
{
    page->bytes = page->arena.bytes;
    ob->bytes += page->bytes;
    if (--page->chunks > 0)
        return;
    ob->bytes -= page->bytes;
    arena_free(&page->arena);
    mem_free(page);
}

static void take_new(struct outbox *ob)
{
    const struct store_outbox_chunk *chunks = ob->read.outbox_out;
    size_t n = ob->read.n_outbox;
    struct page *page = adopt_page(ob);
    for (size_t i = 0; i < n; i++) {
        ob->last_id = chunks[i].id;
        offer_chunk(ob, adopt_chunk(ob, page, &chunks[i]), false);
    }
    let_go_of_page(ob, page);
}

static void end_sweep(struct outbox *ob, bool complete)
{
    outbox_lanes_end_sweep(&ob->lanes, complete);
    ob->left_from = ob->swept_from;
    ob->left_ms = ob->swept_ms;
}

static void take_left(struct outbox *ob)
{
    const struct store_outbox_chunk *chunks = ob->read.outbox_out;
    size_t n = ob->read.n_outbox;
    struct page *page = adopt_page(ob);
    bool complete = n == 0;
    for (size_t i = 0; i < n && !complete && !outbox_lanes_all_blocked(&ob->lanes); i++) {
        if (chunks[i].id > ob->last_id) {
            complete = true;
            break;
        }
        struct chunk *c = map_get(&ob->by_id, id_span(&chunks[i].id));
        ob->sweep_id = chunks[i].id;
        offer_chunk(ob, c ? c : adopt_chunk(ob, page, &chunks[i]), true);
    }
    let_go_of_page(ob, page);
    if (complete || ob->sweep_id == ob->last_id)
        end_sweep(ob, true);
    else if (outbox_lanes_all_blocked(&ob->lanes))
        end_sweep(ob, false);
}

static void read_page(struct outbox *ob, bool sweep);
static void read_on(struct outbox *ob);

static void on_quiet(struct timer *t)
{
    read_on(container_of(t, struct outbox, quiet));
}

static bool may_read_new(struct outbox *ob)
{
    struct loop *l = ob->in->bridge->o.loop;
    if (!ob->more || ob->lanes.rows >= ROWS_MAX || ob->bytes >= BYTES_MAX)
        return false;
    if (ob->lanes.rows - ob->lanes.parked_rows < ROWS_UNDER_WAY)
        return true;
    int64_t wait_ms = ob->last_end_ms + QUIET_MS - loop_now_ms(l);
    if (wait_ms <= 0)
        return true;
    if (!timer_active(&ob->quiet))
        timer_start(l, &ob->quiet, wait_ms);
    return false;
}

// The reader and the sweep take turns.
static void read_on(struct outbox *ob)
{
    if (ob->in->phase != PHASE_RUNNING || ob->reading)
        return;
    bool may_sweep = ob->lanes.sweeping && ob->bytes < SWEEP_BYTES_MAX;
    if (outbox_lanes_want_sweep(&ob->lanes)) {
        outbox_lanes_begin_sweep(&ob->lanes);
        ob->sweep_id = ob->left_from - 1;
        ob->swept_from = INT64_MAX;
        may_sweep = true;
    }
    if (may_sweep && (!ob->read_is_sweep || !may_read_new(ob)))
        read_page(ob, true);
    else if (may_read_new(ob))
        read_page(ob, false);
}

// Tried again by itself: nothing else may ever come.
static void read_failed(struct outbox *ob, int status)
{
    struct loop *l = ob->in->bridge->o.loop;
    uint32_t held_back;
    if (ob->read_is_sweep) {
        outbox_lanes_end_sweep(&ob->lanes, false);
        ob->lanes.freed = true; // what it would have found is there still
    }
    if (status == ERR_CANCELED)
        return;
    timer_start(l, &ob->quiet, READ_RETRY_MS);
    if (log_limit_pass(&ob->in->shard_log, loop_now_ms(l), 6, &held_back))
        log_error("bridge", "cannot read the outbox",
                  "integration=\"%.*s\" error=\"%s\" held_back=%u",
                  SPAN_ARG(integration_name(ob->in)), err_text(status), held_back);
}

static void on_read(struct store_read *r, int status)
{
    struct outbox *ob = r->data;
    struct integration *in = ob->in;
    ob->reading = false;
    if (status == 0 && in->phase == PHASE_RUNNING) {
        if (ob->read_is_sweep)
            take_left(ob);
        else if (r->n_outbox)
            take_new(ob);
        else
            ob->more = ob->kicked;
    }
    store_read_free(r);
    free_gone(ob);
    if (status < 0)
        read_failed(ob, status);
    else
        read_on(ob);
    integration_maybe_stopped(in);
}

static void read_page(struct outbox *ob, bool sweep)
{
    struct integration *in = ob->in;
    ob->reading = true;
    ob->read_is_sweep = sweep;
    ob->kicked = false;
    ob->read = (struct store_read){.data = ob,
                                   .done = on_read,
                                   .kind = STORE_READ_OUTBOX,
                                   .integration = in->id,
                                   .after_id = sweep ? ob->sweep_id : ob->last_id,
                                   .limit = READ_ROWS};
    store_read(hub_store(in->bridge->o.hub), &ob->read);
}

void outbox_kick(struct outbox *ob)
{
    if (ob->in->config.kind == INTEGRATION_HTTP) // of the type it had before
        return;
    ob->more = ob->kicked = true;
    read_on(ob);
}

// Saving -----------------------------------------------------------------------------------------

// Chunks whose change one transaction holds.
struct save {
    struct outbox *ob;
    size_t n;
    struct chunk *chunks[];
};

static void on_saved(void *ctx, int status)
{
    struct save *s = ctx;
    struct outbox *ob = s->ob;
    (void)status; // canceled only when the store closes: the next start reads them again
    ob->committing--;
    for (size_t i = 0; i < s->n; i++) {
        s->chunks[i]->committing--;
        release_if_idle(s->chunks[i]);
    }
    mem_free(s);
    read_on(ob); // there may be room for pages again
    integration_maybe_stopped(ob->in);
}

static void save_dead(struct outbox *ob, struct store_txn *txn, struct row *r)
{
    struct store_dead_letter d = {.integration = ob->in->id,
                                  .downlink = true,
                                  .payload = r->data->data,
                                  .partition_key = r->data->partition_key,
                                  .stream = r->data->stream,
                                  .stream_arn = r->data->stream_arn,
                                  .explicit_hash_key = r->data->explicit_hash_key,
                                  .arrival_ms = r->data->created_ms,
                                  .error = span_str(r->error),
                                  .created_ms = loop_wall_ms(ob->in->bridge->o.loop)};
    if (!ob->in->removing)
        store_txn_dead_letter(txn, &d);
    mem_free(r->error);
    r->error = NULL;
    ob->dead++;
}

static void save_chunk(struct outbox *ob, struct store_txn *txn, struct chunk *c)
{
    const struct store_outbox_row **kept =
        mem_alloc_array(c->n ? c->n : 1, sizeof(const struct store_outbox_row *));
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        struct row *r = &c->rows[i];
        if (r->error)
            save_dead(ob, txn, r);
        if (r->state != ROW_DONE)
            kept[n++] = r->data;
    }
    if (n > 0)
        store_txn_outbox_keep(txn, &c->stored, kept, n);
    else
        store_txn_outbox_remove(txn, &c->stored);
    mem_free(kept);
    c->n_refused = c->n_unsaved = 0;
    c->committing++;
}

// Swept meanwhile: it comes back when those rows have ended.
static bool is_to_save(const struct chunk *c)
{
    return c->n_unsaved > 0 && (c->n_out == 0 || c->n_refused > 0);
}

static struct save *save_changed(struct outbox *ob, struct store_txn *txn)
{
    size_t n = 0;
    list_for(it, &ob->changed) n++;
    struct save *s = mem_alloc(sizeof *s + n * sizeof(struct chunk *));
    *s = (struct save){.ob = ob};
    for (struct list *it; (it = list_pop(&ob->changed));) {
        struct chunk *c = container_of(it, struct chunk, changed_link);
        if (!is_to_save(c))
            continue;
        save_chunk(ob, txn, c);
        s->chunks[s->n++] = c;
    }
    return s;
}

static void run_flush(struct loop_task *t)
{
    struct outbox *ob = container_of(t, struct outbox, flush);
    struct store *store = hub_store(ob->in->bridge->o.hub);
    struct store_txn *txn = store_txn_new(store);
    read_on(ob);
    struct save *s = save_changed(ob, txn);
    if (s->n > 0) {
        ob->committing++;
        store_commit(store, txn, on_saved, s);
        return;
    }
    store_txn_free(txn);
    mem_free(s);
    integration_maybe_stopped(ob->in);
}

int outbox_take_back(struct integration *in, struct hub_run *run, const struct store_dead_letter *d,
                     struct err *e)
{
    struct store_outbox_row row = {.integration = in->id,
                                   .stream = d->stream,
                                   .stream_arn = d->stream_arn,
                                   .partition_key = d->partition_key,
                                   .explicit_hash_key = d->explicit_hash_key,
                                   .data = d->payload,
                                   .created_ms = loop_wall_ms(in->bridge->o.loop)};
    if (d->stream.n == 0 && d->stream_arn.n == 0)
        return err_set(e, ERR_INVALID, "the converter made no record of this message");
    if (!store_outbox_has_room(hub_store(in->bridge->o.hub), 1, d->payload.n))
        return err_set(e, ERR_BUSY, "the outbox is full");
    store_txn_outbox_add(run->txn, &row);
    hub_run_outbox(run, in->id);
    return 0;
}

// Life -------------------------------------------------------------------------------------------

void outbox_init(struct outbox *ob, struct integration *in)
{
    *ob = (struct outbox){.in = in, .left_from = INT64_MAX, .swept_from = INT64_MAX};
    outbox_lanes_init(&ob->lanes);
    list_init(&ob->chunks);
    list_init(&ob->gone);
    list_init(&ob->changed);
    ob->flush.run = run_flush;
    ob->quiet.fire = on_quiet;
}

bool outbox_idle(const struct outbox *ob)
{
    return !ob->reading && ob->committing == 0 && !list_linked(&ob->flush.link);
}

void outbox_deinit(struct outbox *ob)
{
    require(outbox_idle(ob) && ob->lanes.rows == 0);
    timer_stop(&ob->quiet);
    free_gone(ob);
    require(list_empty(&ob->chunks));
    map_free(&ob->by_id);
    outbox_lanes_deinit(&ob->lanes);
}

int64_t outbox_oldest_ms(const struct outbox *ob)
{
    int64_t oldest = ob->left_from < INT64_MAX ? ob->left_ms : INT64_MAX;
    list_for(it, &ob->chunks)
    {
        const struct chunk *c = container_of(it, struct chunk, link);
        for (size_t i = 0; i < c->n; i++) {
            if (c->rows[i].state == ROW_DONE)
                continue;
            if (c->rows[i].data->created_ms < oldest)
                oldest = c->rows[i].data->created_ms;
            break;
        }
    }
    return oldest < INT64_MAX ? oldest : 0;
}
