// SPDX-License-Identifier: Apache-2.0
#include "emulator/reply.h"

#include "base/mem.h"
#include "base/uuid.h"
#include "codec/base64.h"
#include "emulator/service.h"

#define ID_2_BYTES 72
#define TRICKLE_PIECES 16
#define TRICKLE_CUT_MS 20 // so long the first half may take to leave

// An answer on its way in pieces.
struct trickle {
    struct list link;
    struct timer timer;
    struct emulator *emulator;
    struct http_exchange *exchange;
    struct buf bytes;
    size_t at, piece;
    int64_t every_ms;
    bool cut; // in the middle
};

void emu_reply_headers(struct emulator *e, struct http_exchange *x, const char *type,
                       struct emu_reply_headers *h)
{
    uint8_t random[ID_2_BYTES];
    struct buf id_2 = {0};
    char *request_id = arena_alloc(http_arena(x), UUID_TEXT_LEN + 1);
    uuid_format(uuid_new_v4(e->clock), request_id);
    e->clock->random(e->clock->ctx, random, sizeof random);
    base64_encode(&id_2, span_of((const char *)random, sizeof random));
    h->all[0] = (struct http_header){SPAN("x-amzn-RequestId"), span_of(request_id, UUID_TEXT_LEN)};
    h->all[1] =
        (struct http_header){SPAN("x-amz-id-2"), arena_span(http_arena(x), buf_span(&id_2))};
    h->n = 2;
    if (type)
        h->all[h->n++] = (struct http_header){SPAN("Content-Type"), span_str(type)};
    buf_free(&id_2);
}

static void trickle_free(struct trickle *t)
{
    timer_stop(&t->timer);
    list_remove(&t->link);
    buf_free(&t->bytes);
    mem_free(t);
}

static void trickle_end(struct trickle *t)
{
    if (t->cut)
        http_cut(t->exchange);
    else
        http_respond_end(t->exchange);
    trickle_free(t);
}

static void on_trickle(struct timer *timer)
{
    struct trickle *t = container_of(timer, struct trickle, timer);
    size_t rest = t->bytes.n - t->at, n = rest < t->piece ? rest : t->piece;
    if (n == 0 || http_respond_write(t->exchange, span_of(t->bytes.p + t->at, n)) != 0) {
        trickle_end(t);
        return;
    }
    t->at += n;
    timer_start(t->emulator->loop, &t->timer, t->every_ms);
}

static void on_trickle_gone(struct http_exchange *x)
{
    trickle_end(http_data(x));
}

static void trickle_begin(struct emulator *e, struct http_exchange *x, struct span body,
                          const struct emu_rule *rule)
{
    struct trickle *t = mem_new(struct trickle);
    t->emulator = e;
    t->exchange = x;
    t->cut = rule->fault == EMU_FAULT_CUT_MIDDLE;
    buf_add_span(&t->bytes, t->cut ? span_of(body.p, body.n / 2) : body);
    t->piece = t->cut ? t->bytes.n : body.n / TRICKLE_PIECES + 1;
    t->every_ms = t->cut ? TRICKLE_CUT_MS : rule->stall_ms / TRICKLE_PIECES;
    t->timer.fire = on_trickle;
    list_push(&e->trickles, &t->link);
    http_set_data(x, t);
    http_on_gone(x, on_trickle_gone);
    on_trickle(&t->timer);
}

void emu_reply(struct emulator *e, struct http_exchange *x, int status, const char *type,
               struct span body, const struct emu_rule *rule)
{
    struct emu_reply_headers h;
    emu_reply_headers(e, x, type, &h);
    struct http_headers headers = {h.all, h.n};
    bool pieces = rule && (rule->fault == EMU_FAULT_SLOW || rule->fault == EMU_FAULT_CUT_MIDDLE);
    if (!pieces || e->closing) {
        http_respond(x, status, headers, body);
        return;
    }
    http_respond_start(x, status, headers);
    trickle_begin(e, x, body, rule);
}

void emu_replies_end(struct emulator *e)
{
    while (!list_empty(&e->trickles))
        trickle_end(container_of(e->trickles.next, struct trickle, link));
}
