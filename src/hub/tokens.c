// SPDX-License-Identifier: Apache-2.0
#include "hub/tokens.h"

#include "base/mem.h"
#include "hub/hub_internal.h"

// A new token takes its text at once, so that no other device gets it, and holds from when it is
// durable; until then the one before holds.

struct token {
    struct uuid device;
    struct device_token t; // t.text is owned
    bool durable;
};

struct tokens {
    struct hub *hub;
    struct map by_text;   // every one
    struct map by_device; // the durable ones
    struct map coming;    // by device: the last one on its way
};

struct tokens *tokens_new(struct hub *h)
{
    struct tokens *t = mem_new(struct tokens);
    t->hub = h;
    return t;
}

static void free_token(struct token *k)
{
    mem_wipe((char *)k->t.text.p, k->t.text.n);
    mem_free((char *)k->t.text.p);
    mem_free(k);
}

void tokens_free(struct tokens *t)
{
    size_t at = 0;
    struct token *k;
    if (!t)
        return;
    while ((k = map_next(&t->by_text, &at, NULL)))
        free_token(k);
    map_free(&t->by_text);
    map_free(&t->by_device);
    map_free(&t->coming);
    mem_free(t);
}

static void drop(struct tokens *t, struct token *k)
{
    if (map_get(&t->by_device, uuid_span(&k->device)) == k)
        map_remove(&t->by_device, uuid_span(&k->device));
    if (map_get(&t->coming, uuid_span(&k->device)) == k)
        map_remove(&t->coming, uuid_span(&k->device));
    map_remove(&t->by_text, k->t.text);
    free_token(k);
}

// The key lies in the value: the old value's goes with it.
static void hold(struct tokens *t, struct token *k)
{
    struct token *before = map_get(&t->by_device, uuid_span(&k->device));
    if (before)
        drop(t, before);
    k->durable = true;
    map_put(&t->by_device, uuid_span(&k->device), k);
}

static struct token *add(struct tokens *t, struct uuid device, struct span text)
{
    struct token *k = mem_new(struct token);
    k->device = device;
    k->t.text = span_of(mem_strndup(text.p, text.n), text.n);
    map_put(&t->by_text, k->t.text, k);
    return k;
}

void tokens_load(struct tokens *t, struct uuid device, struct span json)
{
    struct err e = {0};
    struct json *doc = json_parse(json, &e);
    struct span text = json_get_str(doc, "credentialsId", SPAN_NONE);
    if (text.n && !map_get(&t->by_text, text)) {
        struct token *k = add(t, device, text);
        if (!uuid_parse(json_get_str(doc, "id", SPAN_NONE), &k->t.id))
            k->t.id = device;
        k->t.created_ms = json_get_int(doc, "createdTime", 0);
        k->t.version = json_get_int(doc, "version", 1);
        hold(t, k);
    }
    json_free(doc);
}

void tokens_delete(struct tokens *t, struct store_txn *txn, const struct store_device *d)
{
    (void)t;
    store_txn_delete_doc(txn, STORE_CREDENTIALS, d->uuid);
}

void tokens_forget(struct tokens *t, struct uuid device)
{
    struct token *k = map_get(&t->by_device, uuid_span(&device));
    if (k)
        drop(t, k);
}

struct store_device *hub_find_token_device(struct hub *h, struct span token)
{
    struct token *k = map_get(&h->tokens->by_text, token);
    return k && k->durable ? hub_find_device_id(h, k->device) : NULL;
}

bool hub_get_token(struct hub *h, const struct store_device *d, struct device_token *out)
{
    const struct token *k = map_get(&h->tokens->by_device, uuid_span(&d->uuid));
    if (k)
        *out = k->t;
    return k != NULL;
}

// Saving ------------------------------------------------------------------------------------------

struct saving {
    struct tokens *tokens;
    struct token *token;
    void (*cb)(void *ctx, int status);
    void *ctx;
};

static void on_saved(void *ctx, int status)
{
    struct saving *s = ctx;
    struct tokens *t = s->tokens;
    struct token *k = s->token;
    if (map_get(&t->coming, uuid_span(&k->device)) == k)
        map_remove(&t->coming, uuid_span(&k->device));
    if (status == 0 && store_find_device_id(t->hub->o.store, k->device))
        hold(t, k);
    else
        drop(t, k);
    s->cb(s->ctx, status);
    mem_free(s);
}

static void write_doc(const struct token *k, struct buf *out)
{
    struct json_out j = {.out = out};
    json_out_object(&j);
    json_out_key(&j, SPAN("id"));
    json_out_uuid(&j, k->t.id);
    json_out_key_int(&j, "createdTime", k->t.created_ms);
    json_out_key_int(&j, "version", k->t.version);
    json_out_key_str(&j, "credentialsId", k->t.text);
    json_out_end(&j);
}

static void save(struct hub *h, struct store_device *d, struct span text,
                 void (*cb)(void *ctx, int status), void *ctx)
{
    struct tokens *t = h->tokens;
    const struct clock *clock = loop_clock(h->o.loop);
    struct token *before = map_get(&t->by_device, uuid_span(&d->uuid));
    struct token *k = add(t, d->uuid, text);
    k->t.id = before ? before->t.id : uuid_new_v1(clock);
    k->t.created_ms = before ? before->t.created_ms : clock->wall_ms(clock->ctx);
    k->t.version = before ? before->t.version + 1 : 1;
    map_remove(&t->coming, uuid_span(&d->uuid));
    map_put(&t->coming, uuid_span(&k->device), k);
    struct saving *s = mem_new(struct saving);
    *s = (struct saving){t, k, cb, ctx};
    struct store_txn *txn = store_txn_new(h->o.store);
    struct buf doc = {0};
    write_doc(k, &doc);
    store_txn_put_doc(txn, STORE_CREDENTIALS, d->uuid, SPAN(""), buf_span(&doc));
    store_commit(h->o.store, txn, on_saved, s);
    buf_free_wiped(&doc);
}

void hub_ensure_token(struct hub *h, struct store_device *d, void (*cb)(void *ctx, int status),
                      void *ctx)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const struct clock *clock = loop_clock(h->o.loop);
    char text[TOKEN_LENGTH];
    if (map_get(&h->tokens->by_device, uuid_span(&d->uuid)) ||
        map_get(&h->tokens->coming, uuid_span(&d->uuid))) {
        // Behind the one that is on its way.
        store_commit(h->o.store, store_txn_new(h->o.store), cb, ctx);
        return;
    }
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = alphabet[clock_random_u64(clock) % (sizeof alphabet - 1)];
    save(h, d, span_of(text, sizeof text), cb, ctx);
}

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("-_.~", c);
}

int hub_check_token(struct hub *h, const struct store_device *d, struct span token, struct err *e)
{
    bool good = token.n > 0 && token.n <= TOKEN_MAX;
    for (size_t i = 0; good && i < token.n; i++)
        good = token.p[i] && is_token_char(token.p[i]);
    if (!good)
        return err_set(e, ERR_INVALID,
                       "credentialsId: must be 1 to %d letters, digits, \"-\", \"_\", \".\" or "
                       "\"~\"",
                       TOKEN_MAX);
    const struct token *k = map_get(&h->tokens->by_text, token);
    if (k && (!d || !uuid_eq(k->device, d->uuid)))
        return err_set(e, ERR_EXISTS, "Device credentials are already assigned to another device!");
    return 0;
}

int hub_set_token(struct hub *h, struct store_device *d, struct span token,
                  void (*cb)(void *ctx, int status), void *ctx, struct err *e)
{
    if (hub_check_token(h, d, token, e) < 0)
        return e->code;
    if (map_get(&h->tokens->by_text, token))
        store_commit(h->o.store, store_txn_new(h->o.store), cb, ctx); // it is this device's
    else
        save(h, d, token, cb, ctx);
    return 0;
}
