// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_CONTAINER_CREDENTIALS_H
#define PENSTOCK_AWS_CONTAINER_CREDENTIALS_H

// Credentials of a container's role: ECS tasks and EKS Pod Identity. Pure. Source: facts/wire.md
// section 10; cases in vectors/credentials/ecs-tests.json.

#include "aws/credential_source.h"

enum container_state { CONTAINER_TOKEN_FILE, CONTAINER_KEYS };

struct container_credentials {
    enum container_state state;
    bool sent;
    int attempt;
    struct url url;
    struct span target;
    struct span token; // Authorization header; empty = none
};

// Whether the environment names an address at all.
bool container_configured(const struct source_world *w);
// The address to ask: the relative one on 169.254.170.2, else the full one: https, or http to
// loopback and the agents' own addresses. `out` and *target point into the arena. ERR_CONFIG.
int container_url(struct source_world *w, struct url *out, struct span *target, struct err *e);
// `s` zeroed before the first step. The token file is read each time: it rotates.
void container_step(struct container_credentials *s, struct source_world *w,
                    const struct source_input *in, struct source_step *out);

#endif
