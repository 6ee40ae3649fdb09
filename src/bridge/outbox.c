// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "bridge/integration.h"

// The durable outbox and the producer. The database is the queue: rows are read in order of their
// ids, a page at a time, given to the producer, and removed in one transaction a turn when they are
// on the stream. A crash in between sends them again (at least once); a clean stop does not.

struct page;

struct row {
    struct producer_entry entry;
    struct page *page;
    int64_t id;
    const struct store_outbox_row *data;
    struct list refused_link;
    char *error; // refused for good: why
};

struct page {
    struct outbox *ob;
    struct arena arena; // of the read: holds the rows' bytes
    size_t left;
    struct row rows[];
};

static void schedule_flush(struct outbox *ob);

static void release_row(struct row *r)
{
    struct page *page = r->page;
    mem_free(r->error);
    if (--page->left > 0)
        return;
    arena_free(&page->arena);
    mem_free(page);
}

static void want_more(struct outbox *ob)
{
    if (ob->more && producer_pending(ob->in->producer) < OUTBOX_WINDOW)
        outbox_kick(ob);
}

static void refuse_row(struct row *r, const char *error)
{
    struct outbox *ob = r->page->ob;
    r->error = mem_strndup(error, strlen(error));
    list_push(&ob->refused, &r->refused_link);
    schedule_flush(ob);
}

static void on_put(struct producer_entry *en, int status, const char *error)
{
    struct row *r = container_of(en, struct row, entry);
    struct outbox *ob = r->page->ob;
    if (status == 0) {
        buf_add(&ob->removed, &r->id, sizeof r->id);
        release_row(r);
        schedule_flush(ob);
    } else if (status == ERR_CANCELED) {
        release_row(r);
    } else {
        refuse_row(r, error ? error : err_text(status));
    }
}

static void on_removed(void *ctx, int status)
{
    struct outbox *ob = ctx;
    (void)status;
    ob->committing--;
    integration_maybe_stopped(ob->in);
}

static void move_refused(struct outbox *ob, struct store_txn *txn)
{
    for (struct list *it; (it = list_pop(&ob->refused));) {
        struct row *r = container_of(it, struct row, refused_link);
        struct store_dead_letter d = {.integration = ob->in->id,
                                      .downlink = true,
                                      .payload = r->data->data,
                                      .partition_key = r->data->partition_key,
                                      .error = span_str(r->error),
                                      .created_ms = loop_wall_ms(ob->in->bridge->o.loop)};
        if (!ob->in->removing)
            store_txn_dead_letter(txn, &d);
        store_txn_outbox_remove(txn, r->id);
        release_row(r);
    }
}

int outbox_take_back(struct integration *in, struct hub_run *run, const struct store_dead_letter *d,
                     struct err *e)
{
    (void)in;
    (void)run;
    return err_set(e, ERR_INVALID,
                   "downlink of partition key \"%.*s\": the stream it was for is not known any "
                   "more; discard it",
                   SPAN_ARG(d->partition_key));
}

static void run_flush(struct loop_task *t)
{
    struct outbox *ob = container_of(t, struct outbox, flush);
    struct store *store = hub_store(ob->in->bridge->o.hub);
    struct store_txn *txn = store_txn_new(store);
    for (size_t at = 0; at < ob->removed.n; at += sizeof(int64_t)) {
        int64_t id;
        memcpy(&id, ob->removed.p + at, sizeof id);
        store_txn_outbox_remove(txn, id);
    }
    buf_clear(&ob->removed);
    move_refused(ob, txn);
    ob->committing++;
    store_commit(store, txn, on_removed, ob);
    if (ob->in->phase == PHASE_RUNNING)
        want_more(ob);
}

static void schedule_flush(struct outbox *ob)
{
    if (!list_linked(&ob->flush.link))
        loop_post(ob->in->bridge->o.loop, &ob->flush);
}

static void put_row(struct outbox *ob, struct page *page, size_t i,
                    const struct store_outbox_row *data)
{
    struct row *r = &page->rows[i];
    struct err e = {0};
    *r = (struct row){.page = page, .id = data->id, .data = data};
    r->entry.done = on_put;
    r->entry.stream_name = data->stream;
    r->entry.stream_arn = data->stream_arn;
    r->entry.partition_key = data->partition_key;
    r->entry.explicit_hash_key = data->explicit_hash_key;
    r->entry.record = data->data;
    if (producer_put(ob->in->producer, &r->entry, &e) < 0)
        refuse_row(r, e.msg);
}

static void take_page(struct outbox *ob)
{
    size_t n = ob->read.n_outbox;
    struct page *page = mem_zalloc(sizeof *page + n * sizeof page->rows[0]);
    const struct store_outbox_row *rows = ob->read.outbox_out;
    page->ob = ob;
    page->left = n;
    page->arena = ob->read.arena;
    ob->read.arena = (struct arena){0};
    ob->last_id = rows[n - 1].id;
    for (size_t i = 0; i < n; i++)
        put_row(ob, page, i, &rows[i]);
}

static void on_read(struct store_read *r, int status)
{
    struct outbox *ob = r->data;
    struct integration *in = ob->in;
    bool again = ob->again;
    ob->reading = ob->again = false;
    ob->more = false;
    if (status == 0 && in->phase == PHASE_RUNNING && r->n_outbox) {
        ob->more = true; // a page may be cut short by its bytes: only an empty one is the end
        take_page(ob);
    }
    store_read_free(r);
    if (status < 0 && status != ERR_CANCELED)
        log_error("bridge", "cannot read the outbox", "error=\"%s\"", err_text(status));
    if (in->phase == PHASE_RUNNING) {
        ob->more |= again;
        want_more(ob);
    }
    integration_maybe_stopped(in);
}

void outbox_init(struct outbox *ob, struct integration *in)
{
    *ob = (struct outbox){.in = in};
    list_init(&ob->refused);
    ob->flush.run = run_flush;
}

void outbox_kick(struct outbox *ob)
{
    struct integration *in = ob->in;
    if (in->phase != PHASE_RUNNING)
        return;
    if (ob->reading) {
        ob->again = true;
        return;
    }
    if (producer_pending(in->producer) >= OUTBOX_WINDOW) {
        ob->more = true;
        return;
    }
    ob->reading = true;
    ob->read = (struct store_read){.data = ob,
                                   .done = on_read,
                                   .kind = STORE_READ_OUTBOX,
                                   .integration = in->id,
                                   .after_id = ob->last_id,
                                   .limit = OUTBOX_PAGE};
    store_read(hub_store(in->bridge->o.hub), &ob->read);
}

bool outbox_idle(const struct outbox *ob)
{
    return !ob->reading && ob->committing == 0 && !list_linked(&ob->flush.link);
}

void outbox_deinit(struct outbox *ob)
{
    require(outbox_idle(ob) && list_empty(&ob->refused));
    buf_free(&ob->removed);
}
