// SPDX-License-Identifier: Apache-2.0
#include "api/asking.h"

#include "base/mem.h"

static void on_answer(struct hub_ask *ask, int status, struct span json)
{
    struct asking *a = container_of(ask, struct asking, ask);
    struct request *q = wait_end(&a->wait);
    if (q && status == 0)
        respond_json(q, json);
    else if (q && status == ERR_TIMEOUT)
        a->respond_late(q);
    else if (q)
        respond_error(q, 503, HUB_GENERAL, "the server is shutting down");
    mem_free(a);
}

struct asking *asking_new(struct request *q, void (*respond_late)(struct request *q))
{
    struct asking *a = mem_new(struct asking);
    a->ask.done = on_answer;
    a->respond_late = respond_late;
    wait_begin(&a->wait, q);
    return a;
}

void asking_started(struct asking *a, int rc, const struct err *e)
{
    if (rc == 0)
        return;
    struct request *q = wait_end(&a->wait);
    mem_free(a);
    if (q)
        respond_err(q, e);
}
