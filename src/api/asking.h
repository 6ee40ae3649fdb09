// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_API_ASKING_H
#define PENSTOCK_API_ASKING_H

// A request that waits for the rule chain's answer (hub_ask of hub/hub.h), which becomes its own.
// Loop thread only.

#include "api/internal.h"

struct asking {
    struct wait wait;
    struct hub_ask ask;
    void (*respond_late)(struct request *q);
};

// respond_late() answers when no answer has come in time. Give `ask` to the hub, and what that said
// to asking_started().
struct asking *asking_new(struct request *q, void (*respond_late)(struct request *q));
// Answers with *e when rc says that nothing was sent.
void asking_started(struct asking *a, int rc, const struct err *e);

#endif
