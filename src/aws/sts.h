// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_STS_H
#define PENSTOCK_AWS_STS_H

// AssumeRole (signed with other credentials) and AssumeRoleWithWebIdentity (unsigned, with a token
// from a file that is read each time). Pure. Source: facts/wire.md section 10; AWS STS API
// reference, version 2011-06-15.

#include "aws/credential_source.h"

#define STS_EXTERNAL_ID_MAX 1224

struct sts_role {
    struct span arn;
    struct span external_id;  // empty = none
    struct span session_name; // empty = the world's
    int64_t duration_s;       // 0 = the service's default
    struct span token_file;   // not empty: with web identity
};

struct sts {
    const struct sts_role *role;
    const struct sigv4_credentials *keys; // to sign with; NULL with web identity
    bool sent, read;
    bool clock_repaired, token_reread;
    int attempt;
    int64_t signed_ms;
    struct url url;
    struct span token;
};

// The endpoint: AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL, else the region's own. In the arena.
int sts_endpoint(struct source_world *w, struct url *out, struct err *e);
// ERR_CONFIG when a text is outside what the service allows. `what` prefixes a message.
int sts_role_check(const struct sts_role *r, struct err *e);
// `s` zeroed but for role and keys before the first step.
void sts_step(struct sts *s, struct source_world *w, const struct source_input *in,
              struct source_step *out);

#endif
