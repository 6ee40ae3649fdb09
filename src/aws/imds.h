// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_IMDS_H
#define PENSTOCK_AWS_IMDS_H

// Credentials of an EC2 instance's role, from its metadata service, version 2 (with a session
// token). Version 1 only where AWS_EC2_METADATA_V1_DISABLED (or the profile's
// ec2_metadata_v1_disabled) says "false". Pure. Source: facts/wire.md section 10; cases in
// vectors/credentials/imds-config.

#include "aws/credential_source.h"

enum imds_state { IMDS_TOKEN, IMDS_ROLE, IMDS_KEYS };

struct imds {
    enum imds_state state;
    bool sent; // input belongs to a request, not to a wait
    bool without_token;
    bool token_renewed;
    int attempt; // of this request, 1 = first
    int attempts_max;
    int64_t limit_ms;
    struct url url; // endpoint
    struct span base;
    struct span token, role;
};

// The service's URL without a path. ERR_CONFIG with a message.
int imds_endpoint(const struct source_world *w, struct url *out, struct err *e);
// AWS_EC2_METADATA_DISABLED.
bool imds_disabled(const struct source_world *w);
// `s` zeroed before the first step.
void imds_step(struct imds *s, struct source_world *w, const struct source_input *in,
               struct source_step *out);

#endif
