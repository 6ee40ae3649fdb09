// SPDX-License-Identifier: Apache-2.0
#include "api/auth.h"

#include "api/auth_internal.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/base64.h"
#include "codec/json_out.h"
#include "hub/secrets.h"

#define SETTING_SECRET "jwtSecret"

// A token whose signature was checked; the most recently used stand first.
struct cached {
    struct list link;
    struct span token; // owned
    struct user *user;
    struct uuid session;
    int64_t exp_s, iat_s;
};

struct revoked {
    struct list link; // in order of time, so of expiry too
    struct uuid session;
    int64_t until_s;
};

static int64_t now_s(const struct auth *a)
{
    return loop_wall_ms(hub_loop(a->hub)) / 1000;
}

static struct span dup_span(struct span s)
{
    return span_of(mem_strndup(s.p, s.n), s.n);
}

static bool read_secret(struct auth *a, const struct entity *e)
{
    struct arena arena = {0};
    struct err ignored = {0};
    struct span text = json_get_str(e->doc, "value", SPAN_NONE);
    char bytes[BASE64_DECODED_MAX(128)];
    bool good = secrets_open(hub_secrets(a->hub), e->id, SPAN("value"), text, &arena, &text,
                             &ignored) == 0 &&
                text.n <= 128 && base64_decode(bytes, text) == JWT_KEY_LEN;
    if (good)
        memcpy(a->secret, bytes, JWT_KEY_LEN);
    mem_wipe(bytes, sizeof bytes);
    arena_free_wiped(&arena);
    return good;
}

static void on_secret_saved(void *ctx, int status, struct entity *e, const struct err *err)
{
    (void)ctx;
    (void)e;
    if (status < 0)
        log_warn("api", "the secret of the log-ins is not saved: they end with this process",
                 "error=\"%s\"", err->msg);
}

// Of a new database, or in the place of one whose key is lost: all have to log in again.
static void make_secret(struct auth *a, const struct entity *before)
{
    struct registry *r = hub_registry(a->hub);
    const struct clock *clock = loop_clock(hub_loop(a->hub));
    clock->random(clock->ctx, a->secret, JWT_KEY_LEN);
    struct buf value = {0};
    base64_encode(&value, span_of((const char *)a->secret, JWT_KEY_LEN));
    struct json *doc = before ? json_copy(before->doc) : json_new_object();
    json_set_str(doc, "name", SPAN(SETTING_SECRET));
    json_set_str(doc, "value", buf_span(&value));
    buf_free_wiped(&value);
    if (before) {
        json_remove(doc, "version");
        registry_save(r, STORE_SETTING, doc, on_secret_saved, NULL);
        return;
    }
    struct store_txn *txn = store_txn_new(hub_store(a->hub));
    registry_add_in(r, STORE_SETTING, doc, txn);
    store_commit(hub_store(a->hub), txn, NULL, NULL);
}

static void load_secret(struct auth *a)
{
    const struct entity *e =
        registry_find_name(hub_registry(a->hub), STORE_SETTING, SPAN(SETTING_SECRET));
    if (!e || !read_secret(a, e))
        make_secret(a, e);
}

struct auth *auth_new(struct hub *h, struct worker_pool *jobs)
{
    struct auth *a = mem_new(struct auth);
    const struct clock *clock = loop_clock(hub_loop(h));
    a->hub = h;
    a->jobs = jobs;
    a->tenant = hub_tenant(h);
    struct entity *tenant = registry_find_name(hub_registry(h), STORE_SETTING, SPAN("tenant"));
    a->tenant_created_ms = tenant ? tenant->created_ms : clock->wall_ms(clock->ctx);
    list_init(&a->users);
    list_init(&a->cached);
    list_init(&a->revocations);
    list_init(&a->hashings);
    list_init(&a->parked);
    clock->random(clock->ctx, a->no_salt, sizeof a->no_salt);
    load_secret(a);
    return a;
}

static void drop_cached(struct auth *a, struct cached *c)
{
    map_remove(&a->cache, c->token);
    list_remove(&c->link);
    a->n_cached--;
    mem_wipe((char *)c->token.p, c->token.n);
    mem_free((char *)c->token.p);
    mem_free(c);
}

static void clear_cache(struct auth *a)
{
    list_for_safe(it, &a->cached) drop_cached(a, container_of(it, struct cached, link));
}

static void drop_revoked(struct auth *a, struct revoked *r)
{
    map_remove(&a->revoked, uuid_span(&r->session));
    list_remove(&r->link);
    a->n_revoked--;
    mem_free(r);
}

static void clear_revoked(struct auth *a)
{
    list_for_safe(it, &a->revocations) drop_revoked(a, container_of(it, struct revoked, link));
}

static void free_user(struct user *u)
{
    list_remove(&u->link);
    mem_wipe(u->key, sizeof u->key);
    mem_free((char *)u->email.p);
    mem_free((char *)u->authority.p);
    mem_free(u);
}

void auth_free(struct auth *a)
{
    if (!a)
        return;
    password_cancel_all(a);
    clear_cache(a);
    clear_revoked(a);
    list_for_safe(it, &a->users) free_user(container_of(it, struct user, link));
    map_free(&a->cache);
    map_free(&a->revoked);
    mem_wipe(a->secret, sizeof a->secret);
    mem_free(a);
}

struct user *auth_find_user(struct auth *a, struct span email)
{
    list_for(it, &a->users)
    {
        struct user *u = container_of(it, struct user, link);
        if (span_ieq(u->email, email))
            return u;
    }
    return NULL;
}

static void make_key(const struct auth *a, const struct api_user *from, uint8_t key[JWT_KEY_LEN])
{
    struct buf b = {0};
    buf_add_span(&b, from->email);
    buf_add_char(&b, '\0');
    buf_add_span(&b, from->password);
    hmac_sha512(span_of((const char *)a->secret, sizeof a->secret), buf_span(&b), key);
    mem_wipe(b.p, b.n);
    buf_free(&b);
}

// The same for one address in one database, across restarts (RFC 9562 section 5.8).
static struct uuid user_id(const struct auth *a, struct span email)
{
    uint8_t digest[SHA256_LEN];
    struct sha256 h;
    struct uuid id;
    sha256_begin(&h);
    sha256_add(&h, uuid_span(&a->tenant));
    sha256_add(&h, SPAN("user"));
    sha256_add(&h, email);
    sha256_end(&h, digest);
    memcpy(id.b, digest, sizeof id.b);
    id.b[6] = (uint8_t)((id.b[6] & 0x0f) | 0x80);
    id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
    return id;
}

static void add_user(struct auth *a, const struct api_user *from, struct list *before)
{
    const struct clock *clock = loop_clock(hub_loop(a->hub));
    uint8_t key[JWT_KEY_LEN];
    make_key(a, from, key);
    list_for_safe(it, before)
    {
        struct user *u = container_of(it, struct user, link);
        if (!span_eq(u->email, from->email) || memcmp(u->key, key, sizeof key) != 0)
            continue;
        list_remove(&u->link);
        list_push(&a->users, &u->link);
        mem_free((char *)u->authority.p);
        u->authority = dup_span(from->authority);
        return;
    }
    struct user *u = mem_new(struct user);
    u->email = dup_span(from->email);
    u->authority = dup_span(from->authority);
    u->id = user_id(a, from->email);
    memcpy(u->key, key, sizeof key);
    clock->random(clock->ctx, u->salt, sizeof u->salt);
    list_push(&a->users, &u->link);
    password_hash_user(a, u, from->password);
}

void auth_set_users(struct auth *a, const struct api_user *users, size_t n)
{
    struct list before;
    list_init(&before);
    list_move_all(&before, &a->users);
    clear_cache(a);
    for (size_t i = 0; i < n; i++)
        add_user(a, &users[i], &before);
    list_for_safe(it, &before) free_user(container_of(it, struct user, link));
}

bool auth_user(struct auth *a, struct uuid id, struct auth_user_info *out)
{
    list_for(it, &a->users)
    {
        const struct user *u = container_of(it, struct user, link);
        if (!uuid_eq(u->id, id))
            continue;
        *out = (struct auth_user_info){u->email, u->authority, a->tenant_created_ms};
        return true;
    }
    return false;
}

static void write_token(struct auth *a, const struct user *u, struct uuid session, bool refresh,
                        struct buf *out)
{
    // Not refused at once when the clock has been set back since all were logged out.
    int64_t now = now_s(a) < a->not_before_s ? a->not_before_s : now_s(a);
    struct jwt_claims c = {.sub = u->email,
                           .scope = refresh ? SPAN(JWT_SCOPE_REFRESH) : u->authority,
                           .user_id = u->id,
                           .session_id = session,
                           .tenant_id = a->tenant,
                           .iat_s = now};
    c.exp_s = c.iat_s + (refresh ? AUTH_REFRESH_S : AUTH_TOKEN_S);
    jwt_write(&c, u->key, out);
}

void auth_write_pair(struct auth *a, const struct user *u, struct uuid session, struct buf *out)
{
    struct buf token = {0};
    struct json_out j = {.out = out};
    json_out_object(&j);
    write_token(a, u, session, false, &token);
    json_out_key_str(&j, "token", buf_span(&token));
    buf_clear(&token);
    write_token(a, u, session, true, &token);
    json_out_key_str(&j, "refreshToken", buf_span(&token));
    json_out_end(&j);
    buf_free(&token);
}

static int check_times(struct auth *a, struct uuid session, int64_t iat_s, int64_t exp_s)
{
    if (iat_s < a->not_before_s || map_get(&a->revoked, uuid_span(&session)))
        return ERR_AUTH;
    return now_s(a) < exp_s ? 0 : ERR_TIMEOUT;
}

// Reads and proves a token; for an access token, or for a refresh token.
static int prove(struct auth *a, struct span token, bool refresh, struct jwt_claims *c,
                 struct user **user, struct arena *arena)
{
    if (jwt_read(token, arena, c) < 0)
        return ERR_AUTH;
    struct user *u = auth_find_user(a, c->sub);
    if (!u || !jwt_signed_by(token, u->key) || !uuid_eq(u->id, c->user_id))
        return ERR_AUTH;
    if (span_is(c->scope, JWT_SCOPE_REFRESH) != refresh)
        return ERR_AUTH;
    *user = u;
    return check_times(a, c->session_id, c->iat_s, c->exp_s);
}

static void remember(struct auth *a, struct span token, const struct jwt_claims *claims,
                     struct user *u)
{
    if (a->n_cached == AUTH_CACHED_MAX)
        drop_cached(a, container_of(a->cached.prev, struct cached, link));
    struct cached *c = mem_new(struct cached);
    c->token = dup_span(token);
    c->user = u;
    c->session = claims->session_id;
    c->exp_s = claims->exp_s;
    c->iat_s = claims->iat_s;
    list_push_front(&a->cached, &c->link);
    map_put(&a->cache, c->token, c);
    a->n_cached++;
}

static void identify(const struct user *u, struct uuid session, struct auth_identity *out)
{
    out->user = (struct hub_user){u->id, u->email, u->email};
    out->authority = u->authority;
    out->session = session;
}

int auth_check(struct auth *a, struct span token, struct auth_identity *out)
{
    struct cached *c = map_get(&a->cache, token);
    if (c) {
        list_remove(&c->link);
        list_push_front(&a->cached, &c->link);
        identify(c->user, c->session, out);
        return check_times(a, c->session, c->iat_s, c->exp_s);
    }
    struct arena arena = {0};
    struct jwt_claims claims;
    struct user *u;
    int status = prove(a, token, false, &claims, &u, &arena);
    if (status == 0) {
        identify(u, claims.session_id, out);
        remember(a, token, &claims, u);
    }
    arena_free(&arena);
    return status;
}

int auth_refresh(struct auth *a, struct span refresh_token, struct buf *pair)
{
    struct arena arena = {0};
    struct jwt_claims claims;
    struct user *u;
    int status = prove(a, refresh_token, true, &claims, &u, &arena);
    if (status == 0)
        auth_write_pair(a, u, claims.session_id, pair);
    arena_free(&arena);
    return status;
}

static void drop_old_revocations(struct auth *a)
{
    int64_t now = now_s(a);
    list_for_safe(it, &a->revocations)
    {
        struct revoked *r = container_of(it, struct revoked, link);
        if (r->until_s > now)
            return;
        drop_revoked(a, r);
    }
}

void auth_logout(struct auth *a, const struct auth_identity *who)
{
    drop_old_revocations(a);
    if (map_get(&a->revoked, uuid_span(&who->session)))
        return;
    if (a->n_revoked == AUTH_REVOKED_MAX) {
        // Rather all have to log in again than one log-out be forgotten.
        clear_revoked(a);
        clear_cache(a);
        a->not_before_s = now_s(a) + 1;
        return;
    }
    struct revoked *r = mem_new(struct revoked);
    r->session = who->session;
    r->until_s = now_s(a) + AUTH_REFRESH_S;
    list_push(&a->revocations, &r->link);
    map_put(&a->revoked, uuid_span(&r->session), r);
    a->n_revoked++;
}
