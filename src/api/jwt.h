// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_API_JWT_H
#define PENSTOCK_API_JWT_H

// JSON Web Tokens signed with HMAC-SHA-512 (RFC 7519; HS512 of RFC 7518 section 3.2), with the
// claims that the hub's clients read (facts/hub.md section 3.2). Pure.

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/uuid.h"

#define JWT_MAX 4096   // bytes of a token that is looked at
#define JWT_KEY_LEN 64 // SHA-512's output, as RFC 7518 asks for at least

#define JWT_ISSUER "thingsboard.io"
#define JWT_SCOPE_REFRESH "REFRESH_TOKEN"

struct jwt_claims {
    struct span sub;   // the user's e-mail address
    struct span scope; // the first of "scopes": authority, or JWT_SCOPE_REFRESH
    struct uuid user_id;
    struct uuid session_id;
    struct uuid tenant_id; // written only
    int64_t iat_s, exp_s;
};

void jwt_write(const struct jwt_claims *c, const uint8_t key[JWT_KEY_LEN], struct buf *out);

// What stands in the token, before anyone knows who wrote it: strings in `a`. ERR_INVALID when it
// is no HS512 token with all our claims.
int jwt_read(struct span token, struct arena *a, struct jwt_claims *out);
// Whether the token was signed with the key. jwt_read() came first.
bool jwt_signed_by(struct span token, const uint8_t key[JWT_KEY_LEN]);

#endif
