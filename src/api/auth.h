// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_API_AUTH_H
#define PENSTOCK_API_AUTH_H

// Who may use the API: users of the configuration, log-in, tokens, log-out. Passwords are hashed on
// a worker pool, never on the loop. Loop thread only.
//
// Tokens are signed with a key made of the server's secret, the user's address and password: when
// the password changes, all tokens of that user end, across restarts too.

#include "hub/hub.h"
#include "io/worker.h"

struct auth;
struct api_user;

#define AUTH_TOKEN_S 9000     // facts/hub.md section 3.2
#define AUTH_REFRESH_S 604800 // "
#define AUTH_LOGINS_MAX 8     // at the same time
#define AUTH_CACHED_MAX 256   // tokens whose signature was checked before
#define AUTH_REVOKED_MAX 4096 // sessions that were logged out before their end

// Makes the server's secret when the database has none.
struct auth *auth_new(struct hub *h, struct worker_pool *jobs);
// Log-ins under way end with ERR_CANCELED.
void auth_free(struct auth *a);
void auth_set_users(struct auth *a, const struct api_user *users, size_t n);

struct auth_identity {
    struct hub_user user; // its spans, and authority, last until auth_set_users()
    struct span authority;
    struct uuid session;
};

// 0; ERR_AUTH; ERR_TIMEOUT: it was good once.
int auth_check(struct auth *a, struct span token, struct auth_identity *out);
// cb once, later: 0 with the pair {"token","refreshToken"} as JSON, ERR_AUTH, ERR_UNAVAILABLE,
// ERR_CANCELED. ERR_BUSY, with no callback: AUTH_LOGINS_MAX are under way.
typedef void auth_login_fn(void *ctx, int status, struct span pair);
int auth_login(struct auth *a, struct span email, struct span password, auth_login_fn *cb,
               void *ctx);
// A new pair for a refresh token: as auth_check().
int auth_refresh(struct auth *a, struct span refresh_token, struct buf *pair);
// No token of this session is good from now on.
void auth_logout(struct auth *a, const struct auth_identity *who);

struct auth_user_info {
    struct span email, authority;
    int64_t created_ms;
};
bool auth_user(struct auth *a, struct uuid id, struct auth_user_info *out);

#endif
