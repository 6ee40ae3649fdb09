// SPDX-License-Identifier: Apache-2.0
#include "hub/secrets.h"

#include "base/mem.h"
#include "codec/base64.h"
#include "hub/token_doc.h"

#define PREFIX "sealed:v1:"
#define HEAD_LEN (sizeof PREFIX - 1 + SECRET_KEY_ID_LEN + 1)
#define MEMBER_MAX 128 // bytes of a name that it is bound to

struct secrets {
    struct secret_keys keys;
    char *dir;
    const struct clock *clock;
    bool made; // the key file, by this process
};

int secrets_new(const char *dir, const char *variable, const struct clock *clock,
                struct secrets **out, struct err *e)
{
    struct secrets *s = mem_new(struct secrets);
    s->dir = mem_strndup(dir, strlen(dir));
    s->clock = clock;
    int status = secret_keys_load(dir, variable, &s->keys, e);
    if (status < 0) {
        secrets_free(s);
        return status;
    }
    *out = s;
    return 0;
}

void secrets_free(struct secrets *s)
{
    if (s) {
        secret_keys_wipe(&s->keys);
        mem_free(s->dir);
        mem_free(s);
    }
}

int secrets_ensure_key(struct secrets *s, struct err *e)
{
    if (s->keys.n) {
        return 0;
    }
    secret_keys_add(&s->keys, s->clock);
    int status = secret_keys_store(s->dir, &s->keys, e);
    s->made = status == 0;
    return status;
}

static bool ends_with(struct span s, const char *end)
{
    size_t n = strlen(end);
    return s.n >= n && span_ieq(span_of(s.p + s.n - n, n), span_str(end));
}

// The same name is written apiKey, api_key and Api-Key. Of a long one its end is enough.
static struct span without_separators(struct span s, char out[MEMBER_MAX])
{
    size_t at = MEMBER_MAX;
    for (size_t i = s.n; i > 0 && at > 0; i--) {
        if (s.p[i - 1] != '-' && s.p[i - 1] != '_') {
            out[--at] = s.p[i - 1];
        }
    }
    return span_of(out + at, MEMBER_MAX - at);
}

bool secrets_is_key(struct span parent, struct span member)
{
    static const char *const ends[] = {
        "password",        "passphrase",      "secret",        "secretKey",
        "secretAccessKey", "sessionToken",    "accessToken",   "authToken",
        "apiToken",        "apiKey",          "authKey",       "privateKey",
        "functionsKey",    "subscriptionKey", "authorization", "cookie"};
    char text[MEMBER_MAX];
    struct span name = without_separators(member, text);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        if (ends_with(name, ends[i])) {
            return true;
        }
    }
    return ends_with(member, "-token") || span_ieq(member, SPAN("token")) ||
           span_is(parent, "headersFilter");
}

bool secrets_is_sealed(struct span text)
{
    return span_has_prefix(text, SPAN(PREFIX));
}

bool secrets_is_member(const struct json *at, const struct json *m)
{
    struct span text = json_str(m, SPAN_NONE), name = json_key(m);
    if (!text.n || !json_is(at, JSON_OBJECT)) {
        return false;
    }
    return secrets_is_sealed(text) || secrets_is_key(json_key(at), name) ||
           (span_is(name, "value") &&
            (secrets_is_key(SPAN_NONE, json_get_str(at, "key", SPAN_NONE)) ||
             secrets_is_key(SPAN_NONE, json_get_str(at, "name", SPAN_NONE))));
}

// ---- one text

static struct span bound_to(struct uuid id, struct span member,
                            char out[UUID_TEXT_LEN + MEMBER_MAX])
{
    size_t n = member.n < MEMBER_MAX ? member.n : MEMBER_MAX;
    char text[UUID_TEXT_LEN + 1];
    uuid_format(id, text);
    memcpy(out, text, UUID_TEXT_LEN);
    if (n) {
        memcpy(out + UUID_TEXT_LEN, member.p, n);
    }
    return span_of(out, UUID_TEXT_LEN + n);
}

static void seal(struct secrets *s, struct uuid id, struct span member, struct span clear,
                 struct buf *out)
{
    char bound[UUID_TEXT_LEN + MEMBER_MAX];
    size_t n = AEAD_NONCE_LEN + clear.n + AEAD_TAG_LEN;
    const struct secret_key *key = &s->keys.key[0];
    uint8_t *raw = mem_alloc(n);
    s->clock->random(s->clock->ctx, raw, AEAD_NONCE_LEN);
    aead_seal(key->key, raw, bound_to(id, member, bound), clear, raw + AEAD_NONCE_LEN);
    buf_printf(out, PREFIX "%s:", key->id);
    base64_encode(out, span_of((const char *)raw, n));
    mem_free(raw);
}

void secrets_seal_text(struct secrets *s, struct uuid id, struct span member, struct span clear,
                       struct buf *out)
{
    require(s->keys.n > 0);
    seal(s, id, member, clear, out);
}

void secrets_digest(const struct secrets *s, struct span text, uint8_t out[SHA256_LEN])
{
    require(s->keys.n > 0);
    hmac_sha256(span_of((const char *)s->keys.key[0].digest_key, SHA256_LEN), text, out);
}

static const struct secret_key *find_key(const struct secrets *s, struct span text)
{
    struct span id = span_of(text.p + sizeof PREFIX - 1, SECRET_KEY_ID_LEN);
    for (size_t i = 0; s && i < s->keys.n; i++) {
        if (span_is(id, s->keys.key[i].id)) {
            return &s->keys.key[i];
        }
    }
    return NULL;
}

bool secrets_is_current(const struct secrets *s, struct span text)
{
    return secrets_is_sealed(text) && text.n > HEAD_LEN && s->keys.n &&
           find_key(s, text) == &s->keys.key[0];
}

static int fail(struct err *e, struct span member, struct span text, const char *why)
{
    int n = text.n >= HEAD_LEN ? SECRET_KEY_ID_LEN : 0;
    return err_set(e, ERR_CONFIG, "%.*s cannot be decrypted (key %.*s): %s", SPAN_ARG(member), n,
                   n ? text.p + sizeof PREFIX - 1 : "", why);
}

static int open_raw(const struct secret_key *key, struct uuid id, struct span member, char *raw,
                    ptrdiff_t n, struct arena *a, struct span *out)
{
    char bound[UUID_TEXT_LEN + MEMBER_MAX];
    if (n < AEAD_NONCE_LEN + AEAD_TAG_LEN) {
        return ERR_CONFIG;
    }
    struct span in = span_of(raw + AEAD_NONCE_LEN, (size_t)n - AEAD_NONCE_LEN);
    char *clear = arena_alloc(a, in.n);
    *out = span_of(clear, in.n - AEAD_TAG_LEN);
    return aead_open(key->key, (const uint8_t *)raw, bound_to(id, member, bound), in,
                     (uint8_t *)clear)
               ? 0
               : ERR_CONFIG;
}

int secrets_open(const struct secrets *s, struct uuid id, struct span member, struct span text,
                 struct arena *a, struct span *out, struct err *e)
{
    *out = text;
    if (!secrets_is_sealed(text)) {
        return 0;
    }
    *out = SPAN_NONE;
    const struct secret_key *key = text.n > HEAD_LEN ? find_key(s, text) : NULL;
    if (!key) {
        return fail(e, member, text,
                    "that key is not in " SECRET_KEY_FILE " or " SECRET_KEY_VARIABLE
                    ": bring it back, or enter the secret anew");
    }
    char *raw = arena_alloc(a, BASE64_DECODED_MAX(text.n));
    ptrdiff_t n = base64_decode(raw, span_of(text.p + HEAD_LEN, text.n - HEAD_LEN));
    if (open_raw(key, id, member, raw, n, a, out) < 0) {
        *out = SPAN_NONE;
        return fail(e, member, text,
                    "it was changed or belongs to another document: enter the secret anew");
    }
    return 0;
}

// ---- documents

// What a walk does with one secret: the text to put in its place, or NULL.
typedef struct json *visit_fn(void *ctx, struct span member, struct json *value,
                              const struct json *old);

static const struct json *old_member(const struct json *old, struct span key)
{
    for (const struct json *m = json_is(old, JSON_OBJECT) ? json_child(old) : NULL; m;
         m = json_next(m)) {
        if (span_eq(json_key(m), key)) {
            return m;
        }
    }
    return NULL;
}

// Depth is bounded by JSON_DEPTH. Items of arrays are compared place by place.
static void walk(struct json *at, const struct json *old, visit_fn *visit, void *ctx)
{
    const struct json *old_item = json_is(old, JSON_ARRAY) ? json_child(old) : NULL;
    bool object = json_is(at, JSON_OBJECT);
    if (!object && !json_is(at, JSON_ARRAY)) {
        return;
    }
    for (struct json *m = json_child(at), *next; m; m = next) {
        struct span key = json_key(m);
        const struct json *was = object ? old_member(old, key) : old_item;
        next = json_next(m);
        old_item = old_item ? json_next(old_item) : NULL;
        if (!object || !json_is(m, JSON_STRING)) {
            walk(m, was, visit, ctx);
        } else if (secrets_is_member(at, m)) {
            struct json *other = visit(ctx, key, m, was);
            if (other) {
                struct buf text = {0};
                buf_add_span(&text, key);
                json_set(at, buf_cstr(&text), other);
                buf_free(&text);
            }
        }
    }
}

static struct json *part_with_secrets(enum store_doc_kind kind, struct json *doc)
{
    return kind == STORE_INTEGRATION                           ? json_get(doc, "configuration")
           : kind == STORE_RULE_CHAIN || kind == STORE_SETTING ? doc
                                                               : NULL;
}

struct sealing {
    struct secrets *s;
    struct uuid id;
    bool renew;                // what is under another key than the first
    unsigned changed, unknown; // sealed under a key that is not there
    int status;
    struct err *e;
};

static bool is_same(struct sealing *c, struct span member, struct span clear, struct span sealed)
{
    struct arena a = {0};
    struct span old;
    bool same = secrets_is_sealed(sealed) &&
                secrets_open(c->s, c->id, member, sealed, &a, &old, NULL) == 0 &&
                span_eq_secret(old, clear);
    arena_free_wiped(&a);
    return same;
}

static struct json *seal_clear(struct sealing *c, struct span member, struct span clear)
{
    struct buf text = {0};
    if (c->status == 0) {
        c->status = secrets_ensure_key(c->s, c->e);
    }
    if (c->status < 0) {
        return NULL;
    }
    seal(c->s, c->id, member, clear, &text);
    struct json *j = json_new_str(buf_span(&text));
    buf_free(&text);
    c->changed++;
    return j;
}

static struct json *renew(struct sealing *c, struct span member, struct span sealed)
{
    struct arena a = {0};
    struct span clear;
    struct json *out = NULL;
    const struct secret_key *key = sealed.n > HEAD_LEN ? find_key(c->s, sealed) : NULL;
    c->unknown += !key;
    if (key && key != &c->s->keys.key[0] &&
        secrets_open(c->s, c->id, member, sealed, &a, &clear, NULL) == 0) {
        out = seal_clear(c, member, clear);
    }
    arena_free_wiped(&a);
    return out;
}

static struct json *seal_one(void *ctx, struct span member, struct json *value,
                             const struct json *old)
{
    struct sealing *c = ctx;
    struct span text = json_str(value, SPAN_NONE), was = json_str(old, SPAN_NONE);
    if (secrets_is_sealed(text)) {
        return c->renew ? renew(c, member, text) : NULL;
    }
    return is_same(c, member, text, was) ? json_new_str(was) : seal_clear(c, member, text);
}

void secrets_seal(struct secrets *s, enum store_doc_kind kind, struct uuid id, struct json *doc,
                  const struct json *old)
{
    struct sealing c = {.s = s, .id = id};
    if (s) {
        require(s->keys.n > 0);
        walk(part_with_secrets(kind, doc), part_with_secrets(kind, (struct json *)old), seal_one,
             &c);
    }
}

struct opening {
    const struct secrets *s;
    struct uuid id;
    struct err *e;
    unsigned failed;
};

static struct json *open_one(void *ctx, struct span member, struct json *value,
                             const struct json *old)
{
    struct opening *c = ctx;
    struct arena a = {0};
    struct span clear, text = json_str(value, SPAN_NONE);
    (void)old;
    if (!secrets_is_sealed(text)) {
        return NULL;
    }
    if (secrets_open(c->s, c->id, member, text, &a, &clear, c->e) < 0) {
        c->failed++;
    }
    struct json *j = json_new_str(clear);
    arena_free_wiped(&a);
    return j;
}

unsigned secrets_open_all(const struct secrets *s, struct uuid id, struct json *doc, struct err *e)
{
    struct opening c = {.s = s, .id = id, .e = e};
    walk(doc, NULL, open_one, &c);
    return c.failed;
}

int secrets_check_lost(struct secrets *s, struct err *e)
{
    if (!s->keys.file_missing) {
        return 0;
    }
    // Made for a clear text that came before: nothing is written under it yet.
    if (s->made) {
        secret_keys_unstore(s->dir);
        secret_keys_wipe(&s->keys);
        s->made = false;
    }
    return err_set(e, ERR_CONFIG,
                   "%s/" SECRET_KEY_FILE " is missing and the database holds secrets under it: "
                   "bring the file back, or make an empty one there and enter the secrets anew",
                   s->dir);
}

static int filter_doc(struct secrets *s, enum store_doc_kind kind, struct uuid id, struct json *doc,
                      struct buf *out, struct err *e)
{
    struct sealing c = {.s = s, .id = id, .renew = true, .e = e};
    walk(part_with_secrets(kind, doc), NULL, seal_one, &c);
    if (c.status < 0) {
        return c.status;
    }
    // A setting's is made anew.
    if (c.unknown && kind != STORE_SETTING && secrets_check_lost(s, e) < 0) {
        return e->code;
    }
    if (c.changed) {
        json_write(doc, out);
    }
    return c.changed > 0;
}

int secrets_filter(void *ctx, enum store_doc_kind kind, struct uuid id, struct span json,
                   struct buf *out, struct err *e)
{
    struct err ignored = {0};
    if (kind == STORE_CREDENTIALS) {
        return token_doc_filter(ctx, id, json, out, e);
    }
    if (kind != STORE_INTEGRATION && kind != STORE_RULE_CHAIN && kind != STORE_SETTING) {
        return 0;
    }
    // A document that is none is the registry's to report.
    struct json *doc = json_parse(json, &ignored);
    if (!doc) {
        return 0;
    }
    int status = filter_doc(ctx, kind, id, doc, out, e);
    json_free(doc);
    return status;
}
