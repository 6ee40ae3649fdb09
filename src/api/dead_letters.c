// SPDX-License-Identifier: Apache-2.0
#include "api/internal.h"
#include "api/routes.h"
#include "base/mem.h"
#include "codec/base64.h"

// Records and messages that did not get through, as the store keeps them. Calls of our own, under
// /api/integration/{id}/deadLetters:
//   GET ?pageSize&page, newest first, payloads cut; GET /{letter}, whole; DELETE, DELETE /{letter};
//   POST /{letter}/replay, answered with how it went; POST, GET, DELETE /replay: of all, its
//   progress, its end.

#define PAGE_MAX 1000
// Bytes of a payload that a list shows.
#define PREVIEW_BYTES 1024

static void write_base64(struct json_out *j, struct span data)
{
    json_out_raw(j, SPAN("\""));
    base64_encode(j->out, data);
    buf_add_char(j->out, '"');
}

// Text that was cut may end inside a character.
static struct span whole_characters(const struct store_dead_letter *d)
{
    struct span s = d->payload;
    for (int i = 0; i < 3 && s.n < d->size && s.n > 0 && !span_is_utf8(s); i++)
        s.n--;
    return s;
}

static void write_letter(struct json_out *j, const struct store_dead_letter *d)
{
    struct span text = whole_characters(d);
    json_out_object(j);
    json_out_key_int(j, "id", d->id);
    json_out_key_int(j, "createdTime", d->created_ms);
    json_out_key_int(j, "ts", d->arrival_ms);
    json_out_key_str(j, "type", d->downlink ? SPAN("DOWNLINK") : SPAN("UPLINK"));
    json_out_key_str(j, "error", d->error);
    json_out_key_int(j, "tries", (int64_t)d->tries);
    json_out_key_int(j, "lastTryTime", d->last_try_ms);
    json_out_key_str(j, "shardId", d->shard_id);
    json_out_key_str(j, "sequenceNumber", d->sequence);
    json_out_key_int(j, "subSequenceNumber", (int64_t)d->sub_sequence);
    json_out_key_str(j, "partitionKey", d->partition_key);
    json_out_key_int(j, "size", (int64_t)d->size);
    json_out_key_bool(j, "truncated", d->payload.n < d->size);
    json_out_key(j, SPAN("payload"));
    write_base64(j, d->payload);
    if (span_is_utf8(text))
        json_out_key_str(j, "text", text);
    else
        json_out_key_null(j, "text");
    json_out_end(j);
}

static void on_letters(struct request *q, struct store_read *r)
{
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    page_begin(&j);
    for (size_t i = 0; i < r->n_dead; i++)
        write_letter(&j, &r->dead_out[i]);
    page_end(&j, q->data, r->total);
    respond_json(q, buf_span(b));
}

void dead_letters_list(struct request *q)
{
    struct page_link *l = arena_new(q->arena, struct page_link);
    struct entity *e = request_entity(q, STORE_INTEGRATION, q->args[0]);
    if (!e || !request_page(q, PAGE_MAX, l))
        return;
    struct store_read *r = read_new(q, STORE_READ_DEAD_LETTERS, on_letters);
    q->data = l;
    r->integration = e->id;
    r->page = l->page;
    r->page_size = l->page_size;
    r->limit = PREVIEW_BYTES;
    read_start(r);
}

static void respond_unknown(struct request *q)
{
    respond_error(q, 404, HUB_NOT_FOUND, "there is no such dead letter");
}

// The integration and the number of the letter; NULL: answered.
static struct entity *letter_of(struct request *q, int64_t *id)
{
    struct entity *e = request_entity(q, STORE_INTEGRATION, q->args[0]);
    if (!e)
        return NULL;
    if (!span_to_i64(q->args[1], id) || *id <= 0) {
        respond_error(q, 400, HUB_BAD_REQUEST, "the id of a dead letter is a number");
        return NULL;
    }
    return e;
}

static void read_letter(struct request *q, read_fn *then)
{
    int64_t id;
    struct entity *e = letter_of(q, &id);
    if (!e)
        return;
    struct store_read *r = read_new(q, STORE_READ_DEAD_LETTER, then);
    r->integration = e->id;
    r->after_id = id;
    read_start(r);
}

static void on_letter(struct request *q, struct store_read *r)
{
    if (r->n_dead == 0) {
        respond_unknown(q);
        return;
    }
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    write_letter(&j, &r->dead_out[0]);
    respond_json(q, buf_span(b));
}

void dead_letters_get(struct request *q)
{
    read_letter(q, on_letter);
}

// letter 0 = all.
static void discard(struct request *q, struct uuid integration, int64_t letter)
{
    struct err e = {0};
    if (!request_may_write(q))
        return;
    void *w = committed_new(q, NULL);
    if (bridge_discard_dead_letters(q->api->o.bridge, integration, letter, on_committed, w, &e) < 0)
        on_refused(w, &e);
}

static void on_letter_to_discard(struct request *q, struct store_read *r)
{
    if (r->n_dead == 0)
        respond_unknown(q);
    else
        discard(q, r->integration, r->dead_out[0].id);
}

void dead_letters_discard(struct request *q)
{
    read_letter(q, on_letter_to_discard);
}

void dead_letters_discard_all(struct request *q)
{
    struct entity *e = request_entity(q, STORE_INTEGRATION, q->args[0]);
    if (e)
        discard(q, e->id, 0);
}

static void respond_tried(struct request *q, const char *error)
{
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    json_out_object(&j);
    json_out_key_bool(&j, "replayed", error == NULL);
    if (error)
        json_out_key_str(&j, "error", span_str(error));
    else
        json_out_key_null(&j, "error");
    json_out_end(&j);
    respond_json(q, buf_span(b));
}

static void on_tried(void *ctx, int status, const char *text)
{
    struct wait *w = ctx;
    struct request *q = wait_end(w);
    mem_free(w);
    if (!q)
        return;
    if (status == ERR_NOT_FOUND)
        respond_unknown(q);
    else if (status == ERR_CANCELED)
        respond_error(q, 503, HUB_GENERAL, "%s", text);
    else
        respond_tried(q, status == 0 ? NULL : text);
}

void dead_letters_replay(struct request *q)
{
    int64_t id;
    struct err err = {0};
    struct entity *e = letter_of(q, &id);
    if (!e || !request_may_write(q))
        return;
    struct wait *w = mem_new(struct wait);
    if (bridge_replay_dead_letter(q->api->o.bridge, e->id, id, on_tried, w, &err) < 0) {
        mem_free(w);
        respond_err(q, &err);
        return;
    }
    wait_begin(w, q);
}

static void respond_progress(struct request *q, struct uuid integration)
{
    struct buf *b = request_out(q);
    if (bridge_dead_replay_json(q->api->o.bridge, integration, b))
        respond_json(q, buf_span(b));
    else
        respond_error(q, 404, HUB_NOT_FOUND, "the integration is being removed");
}

void dead_letters_progress(struct request *q)
{
    struct entity *e = request_entity(q, STORE_INTEGRATION, q->args[0]);
    if (e)
        respond_progress(q, e->id);
}

void dead_letters_replay_all(struct request *q)
{
    struct err err = {0};
    struct entity *e = request_entity(q, STORE_INTEGRATION, q->args[0]);
    if (!e || !request_may_write(q))
        return;
    if (bridge_replay_dead_letters(q->api->o.bridge, e->id, &err) < 0)
        respond_err(q, &err);
    else
        respond_progress(q, e->id);
}

void dead_letters_cancel(struct request *q)
{
    struct entity *e = request_entity(q, STORE_INTEGRATION, q->args[0]);
    if (!e)
        return;
    bridge_cancel_dead_letters(q->api->o.bridge, e->id);
    respond_progress(q, e->id);
}
