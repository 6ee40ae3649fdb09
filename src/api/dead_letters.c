// SPDX-License-Identifier: Apache-2.0
#include "api/internal.h"
#include "api/routes.h"
#include "codec/base64.h"

// Records and messages that did not get through, as the store keeps them. A call of our own:
// GET /api/integration/{id}/deadLetters?pageSize&page, newest first.

#define PAGE_MAX 10 // a payload may be a MiB, and the answer holds it twice

static void write_base64(struct json_out *j, struct span data)
{
    json_out_raw(j, SPAN("\""));
    base64_encode(j->out, data);
    buf_add_char(j->out, '"');
}

static void write_letter(struct json_out *j, const struct store_dead_letter *d)
{
    json_out_object(j);
    json_out_key_int(j, "id", d->id);
    json_out_key_int(j, "createdTime", d->created_ms);
    json_out_key_int(j, "ts", d->arrival_ms);
    json_out_key_str(j, "type", d->downlink ? SPAN("DOWNLINK") : SPAN("UPLINK"));
    json_out_key_str(j, "error", d->error);
    json_out_key_str(j, "shardId", d->shard_id);
    json_out_key_str(j, "sequenceNumber", d->sequence);
    json_out_key_str(j, "partitionKey", d->partition_key);
    json_out_key(j, SPAN("payload"));
    write_base64(j, d->payload);
    if (span_is_utf8(d->payload))
        json_out_key_str(j, "text", d->payload);
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
    read_start(r);
}
