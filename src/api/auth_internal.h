// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_API_AUTH_INTERNAL_H
#define PENSTOCK_API_AUTH_INTERNAL_H

// What auth.c (users, tokens) and password.c (hashing, log-in) share.

#include "api/api.h"
#include "api/auth.h"
#include "api/jwt.h"
#include "base/map.h"
#include "codec/digest.h"

#define PASSWORD_ROUNDS 100000 // of PBKDF2
#define PASSWORD_SALT_LEN 16
#define PASSWORD_MAX 1024 // bytes of one that is tried

struct user {
    struct list link;
    struct span email, authority; // owned
    struct uuid id;
    uint8_t key[JWT_KEY_LEN]; // of the user's tokens
    uint8_t salt[PASSWORD_SALT_LEN];
    uint8_t hash[SHA256_LEN];
    bool hashed;
};

struct auth {
    struct hub *hub;
    struct worker_pool *jobs;
    struct uuid tenant;
    int64_t tenant_created_ms;
    uint8_t secret[JWT_KEY_LEN];
    struct list users;

    struct map cache; // token text -> struct cached
    struct list cached;
    size_t n_cached;
    struct map revoked; // session id -> struct revoked
    struct list revocations;
    size_t n_revoked;
    int64_t not_before_s; // tokens made before are not good

    struct list hashings; // struct hashing.link: on the worker pool
    struct list parked;   // log-ins that are hashed before their user is
    unsigned logins;
    uint8_t no_salt[PASSWORD_SALT_LEN]; // for addresses that nobody has
};

struct user *auth_find_user(struct auth *a, struct span email);
void auth_write_pair(struct auth *a, const struct user *u, struct uuid session, struct buf *out);

// password.c
void password_hash_user(struct auth *a, struct user *u, struct span password);
// Log-ins end with ERR_CANCELED; jobs that a thread still runs see to themselves.
void password_cancel_all(struct auth *a);

#endif
