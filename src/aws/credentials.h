// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_CREDENTIALS_H
#define PENSTOCK_AWS_CREDENTIALS_H

// Where AWS credentials come from. A provider is asked for each request and answers later, on the
// loop; it caches and refreshes by itself. Loop thread only. Secrets are wiped when freed.

#include "aws/env.h"
#include "aws/sigv4.h"
#include "io/loop.h"

struct credentials_provider;

// A request for credentials: caller-owned; `cb` runs once, never inside credentials_get(). The
// value is valid during cb only, until credentials_expire(); status < 0: e names each source tried
// and why it did not serve.
struct credentials_get {
    void *data;
    void (*cb)(struct credentials_get *g, int status, const struct sigv4_credentials *c,
               const struct err *e);
    struct loop_task task;
    struct credentials_provider *provider;
    struct list link;
};

void credentials_get(struct credentials_provider *p, struct credentials_get *g);
void credentials_cancel(struct credentials_get *g);
// Drops what is cached, after a service said that the token has expired: the next request waits for
// the source to be read anew. Nothing to drop in a static provider.
void credentials_expire(struct credentials_provider *p);
// Requests still waiting get ERR_CANCELED, later.
void credentials_free(struct credentials_provider *p);

struct credentials_provider *credentials_new_static(struct loop *l,
                                                    const struct sigv4_credentials *c);
// Environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; blank = unset), then
// the shared config and credentials files (AWS_PROFILE, AWS_CONFIG_FILE,
// AWS_SHARED_CREDENTIALS_FILE). Files are read by a job on `pool`, again when they have changed:
// every CREDENTIALS_CHECK_MS of use a job looks, while the known credentials serve on. `env` =
// NULL: the process's own.
#define CREDENTIALS_CHECK_MS 10000
struct worker_pool;
typedef aws_env_fn credentials_env_fn;
struct credentials_provider *credentials_new_default(struct loop *l, struct worker_pool *pool,
                                                     credentials_env_fn *env, void *env_ctx);

#endif
