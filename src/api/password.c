// SPDX-License-Identifier: Apache-2.0
#include "api/auth_internal.h"
#include "base/mem.h"

// A log-in hashes the given password with the user's salt on a worker thread and compares on the
// loop. A user's own hash is made there too, when the configuration is read; a log-in that is done
// before it waits (parked). An unknown address costs the same work as a known one.

struct hashing {
    struct worker_job job;
    struct list link;  // auth->hashings, or auth->parked
    struct auth *auth; // NULL: gone
    bool is_login;
    struct span email;    // owned
    struct span password; // owned, wiped after use
    uint8_t salt[PASSWORD_SALT_LEN];
    uint8_t hash[SHA256_LEN];
    auth_login_fn *cb;
    void *ctx;
};

static void forget_password(struct hashing *h)
{
    if (!h->password.p)
        return;
    mem_wipe((char *)h->password.p, h->password.n);
    mem_free((char *)h->password.p);
    h->password = SPAN_NONE;
}

static void free_hashing(struct hashing *h)
{
    forget_password(h);
    mem_wipe(h->hash, sizeof h->hash);
    mem_free((char *)h->email.p);
    mem_free(h);
}

static void run(struct worker_job *job, void *thread)
{
    struct hashing *h = container_of(job, struct hashing, job);
    (void)thread;
    pbkdf2_sha256(h->password, span_of((const char *)h->salt, sizeof h->salt), PASSWORD_ROUNDS,
                  h->hash, sizeof h->hash);
}

static struct user *user_of(struct hashing *h)
{
    struct user *u = auth_find_user(h->auth, h->email);
    return u && memcmp(u->salt, h->salt, sizeof u->salt) == 0 ? u : NULL;
}

static void finish_login(struct hashing *h, int status)
{
    struct auth *a = h->auth;
    struct user *u = status == 0 ? user_of(h) : NULL;
    struct buf pair = {0};
    if (status == 0) {
        bool same = u && span_eq_secret(span_of((const char *)h->hash, sizeof h->hash),
                                        span_of((const char *)u->hash, sizeof u->hash));
        if (same)
            auth_write_pair(a, u, uuid_new_v4(loop_clock(hub_loop(a->hub))), &pair);
        else
            status = ERR_AUTH;
    }
    list_remove(&h->link);
    a->logins--;
    auth_login_fn *cb = h->cb;
    void *ctx = h->ctx;
    free_hashing(h);
    cb(ctx, status, buf_span(&pair));
    if (pair.p)
        mem_wipe(pair.p, pair.n);
    buf_free(&pair);
}

static void finish_user(struct hashing *h, bool canceled)
{
    struct auth *a = h->auth;
    struct user *u = user_of(h);
    if (u && !canceled) {
        memcpy(u->hash, h->hash, sizeof u->hash);
        u->hashed = true;
    }
    list_remove(&h->link);
    struct list parked;
    list_init(&parked);
    list_move_all(&parked, &a->parked);
    for (struct list *it; (it = list_pop(&parked));) {
        struct hashing *login = container_of(it, struct hashing, link);
        const struct user *of = user_of(login);
        list_push(&a->parked, &login->link);
        if (!of || of->hashed)
            finish_login(login, 0);
        else if (canceled)
            finish_login(login, ERR_UNAVAILABLE);
    }
    free_hashing(h);
}

static void done(struct worker_job *job)
{
    struct hashing *h = container_of(job, struct hashing, job);
    forget_password(h);
    if (!h->auth) {
        free_hashing(h);
        return;
    }
    if (!h->is_login) {
        finish_user(h, job->canceled);
        return;
    }
    const struct user *u = user_of(h);
    if (job->canceled) {
        finish_login(h, ERR_UNAVAILABLE);
    } else if (u && !u->hashed) {
        list_remove(&h->link);
        list_push(&h->auth->parked, &h->link);
    } else {
        finish_login(h, 0);
    }
}

static struct hashing *new_hashing(struct auth *a, struct span email, struct span password,
                                   const uint8_t salt[PASSWORD_SALT_LEN])
{
    struct hashing *h = mem_new(struct hashing);
    h->auth = a;
    h->email = span_of(mem_strndup(email.p, email.n), email.n);
    h->password = span_of(mem_strndup(password.p, password.n), password.n);
    memcpy(h->salt, salt, sizeof h->salt);
    h->job.run = run;
    h->job.done = done;
    return h;
}

static int submit(struct hashing *h)
{
    int status = worker_pool_submit(h->auth->jobs, &h->job);
    if (status < 0)
        free_hashing(h);
    else
        list_push(&h->auth->hashings, &h->link);
    return status;
}

void password_hash_user(struct auth *a, struct user *u, struct span password)
{
    if (submit(new_hashing(a, u->email, password, u->salt)) == 0)
        return;
    // The pool has no room: the loop waits once rather than the user being locked out.
    pbkdf2_sha256(password, span_of((const char *)u->salt, sizeof u->salt), PASSWORD_ROUNDS,
                  u->hash, sizeof u->hash);
    u->hashed = true;
}

int auth_login(struct auth *a, struct span email, struct span password, auth_login_fn *cb,
               void *ctx)
{
    const struct user *u = auth_find_user(a, email);
    if (a->logins == AUTH_LOGINS_MAX)
        return ERR_BUSY;
    if (password.n > PASSWORD_MAX) {
        password.n = PASSWORD_MAX;
        u = NULL; // as nobody's
    }
    struct hashing *h = new_hashing(a, email, password, u ? u->salt : a->no_salt);
    h->is_login = true;
    h->cb = cb;
    h->ctx = ctx;
    int status = submit(h);
    if (status == 0)
        a->logins++;
    return status;
}

void password_cancel_all(struct auth *a)
{
    while (!list_empty(&a->parked))
        finish_login(container_of(a->parked.next, struct hashing, link), ERR_CANCELED);
    for (struct list *it; (it = list_pop(&a->hashings));) {
        struct hashing *h = container_of(it, struct hashing, link);
        h->auth = NULL;
        if (!h->is_login)
            continue;
        a->logins--;
        h->cb(h->ctx, ERR_CANCELED, SPAN_NONE);
    }
}
