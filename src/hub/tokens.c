// SPDX-License-Identifier: Apache-2.0
#include "hub/tokens.h"

#include "base/mem.h"
#include "hub/hub_internal.h"
#include "hub/token_doc.h"

// A new token takes its text at once, so that no other device gets it, and holds from when it is
// durable; until then the one before holds.

struct token {
    struct uuid device, id;
    int64_t created_ms, version;
    char digest[TOKEN_DIGEST_LEN];
    bool durable;
    size_t n;
    char sealed[];
};

struct tokens {
    struct hub *hub;
    struct map by_digest; // every one
    struct map by_device; // the durable ones
    struct map coming;    // by device: the last one on its way
    size_t lost;          // loaded ones of a key that is not there
};

struct tokens *tokens_new(struct hub *h)
{
    struct tokens *t = mem_new(struct tokens);
    t->hub = h;
    return t;
}

static struct span digest_of(const struct token *k)
{
    return span_of(k->digest, TOKEN_DIGEST_LEN);
}

static struct token *find(const struct tokens *t, struct span text)
{
    char digest[TOKEN_DIGEST_LEN];
    token_digest(t->hub->o.secrets, text, digest);
    return map_get(&t->by_digest, span_of(digest, sizeof digest));
}

void tokens_free(struct tokens *t)
{
    size_t at = 0;
    struct token *k;
    if (!t)
        return;
    while ((k = map_next(&t->by_digest, &at, NULL)))
        mem_free(k);
    map_free(&t->by_digest);
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
    map_remove(&t->by_digest, digest_of(k));
    mem_free(k);
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

static struct token *add(struct tokens *t, struct uuid device, const struct token_doc *d)
{
    struct token *k = mem_zalloc(sizeof *k + d->sealed.n);
    k->device = device;
    if (!uuid_parse(d->id, &k->id))
        k->id = device;
    k->created_ms = d->created_ms;
    k->version = d->version;
    k->n = d->sealed.n;
    memcpy(k->sealed, d->sealed.p, k->n);
    memcpy(k->digest, d->digest, sizeof k->digest);
    map_put(&t->by_digest, digest_of(k), k);
    return k;
}

void tokens_load(struct tokens *t, struct uuid device, struct span json)
{
    struct arena a = {0};
    struct token_doc d;
    if (token_doc_read(json, &a, &d) && d.has_digest &&
        !map_get(&t->by_digest, span_of(d.digest, sizeof d.digest))) {
        t->lost += !secrets_is_current(t->hub->o.secrets, d.sealed);
        hold(t, add(t, device, &d));
    }
    arena_free_wiped(&a);
}

void tokens_loaded(const struct tokens *t)
{
    if (t->lost)
        log_error("hub",
                  "access tokens of devices cannot be decrypted and let nobody in: bring their key "
                  "back into " SECRET_KEY_FILE ", or set new credentials for these devices",
                  "devices=%zu", t->lost);
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
    const struct token *k = find(h->tokens, token);
    return k && k->durable ? hub_find_device_id(h, k->device) : NULL;
}

bool hub_has_token(struct hub *h, const struct store_device *d)
{
    return map_get(&h->tokens->by_device, uuid_span(&d->uuid)) != NULL;
}

int hub_get_token(struct hub *h, const struct store_device *d, struct arena *a,
                  struct device_token *out, struct err *e)
{
    const struct token *k = map_get(&h->tokens->by_device, uuid_span(&d->uuid));
    if (!k)
        return err_set(e, ERR_NOT_FOUND, "the device has no credentials");
    *out = (struct device_token){.id = k->id, .created_ms = k->created_ms, .version = k->version};
    return token_doc_open(h->o.secrets, k->device, span_of(k->sealed, k->n), a, &out->text, e);
}

// Saving ------------------------------------------------------------------------------------------

struct token *tokens_claim(struct tokens *t, const struct store_device *d, struct span text,
                           struct buf *out)
{
    struct hub *h = t->hub;
    const struct clock *clock = loop_clock(h->o.loop);
    const struct token *before = map_get(&t->by_device, uuid_span(&d->uuid));
    char id[UUID_TEXT_LEN + 1];
    uuid_format(before ? before->id : uuid_new_v1(clock), id);
    struct token_doc doc = {.id = span_str(id),
                            .created_ms = before ? before->created_ms : clock->wall_ms(clock->ctx),
                            .version = before ? before->version + 1 : 1};
    struct buf sealed = {0};
    token_doc_seal(h->o.secrets, d->uuid, text, &doc, &sealed);
    token_doc_write(&doc, out);
    struct token *k = add(t, d->uuid, &doc);
    map_remove(&t->coming, uuid_span(&d->uuid));
    map_put(&t->coming, uuid_span(&k->device), k);
    buf_free(&sealed);
    return k;
}

void tokens_settle(struct tokens *t, struct token *k, bool durable)
{
    if (map_get(&t->coming, uuid_span(&k->device)) == k)
        map_remove(&t->coming, uuid_span(&k->device));
    if (durable && store_find_device_id(t->hub->o.store, k->device))
        hold(t, k);
    else
        drop(t, k);
}

struct saving {
    struct tokens *tokens;
    struct token *token;
    void (*cb)(void *ctx, int status);
    void *ctx;
};

static void on_saved(void *ctx, int status)
{
    struct saving *s = ctx;
    tokens_settle(s->tokens, s->token, status == 0);
    s->cb(s->ctx, status);
    mem_free(s);
}

static void save(struct hub *h, struct store_device *d, struct span text,
                 void (*cb)(void *ctx, int status), void *ctx)
{
    struct saving *s = mem_new(struct saving);
    struct store_txn *txn = store_txn_new(h->o.store);
    struct buf json = {0};
    *s = (struct saving){h->tokens, tokens_claim(h->tokens, d, text, &json), cb, ctx};
    store_txn_put_doc(txn, STORE_CREDENTIALS, d->uuid, SPAN(""), buf_span(&json));
    store_commit(h->o.store, txn, on_saved, s);
    buf_free(&json);
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
    mem_wipe(text, sizeof text);
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
    const struct token *k = find(h->tokens, token);
    if (k && (!d || !uuid_eq(k->device, d->uuid)))
        return err_set(e, ERR_EXISTS, "Device credentials are already assigned to another device!");
    return 0;
}

int hub_set_token(struct hub *h, struct store_device *d, struct span token,
                  void (*cb)(void *ctx, int status), void *ctx, struct err *e)
{
    if (hub_check_token(h, d, token, e) < 0)
        return e->code;
    if (find(h->tokens, token))
        store_commit(h->o.store, store_txn_new(h->o.store), cb, ctx); // it is this device's
    else
        save(h, d, token, cb, ctx);
    return 0;
}
