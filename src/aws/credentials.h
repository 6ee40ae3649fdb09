// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_CREDENTIALS_H
#define PENSTOCK_AWS_CREDENTIALS_H

// Where AWS credentials come from. A provider is asked for each request and answers later, on the
// loop; it caches and refreshes by itself: in the background before they end, one search at a time,
// with the old ones in use while they are good. Loop thread only. Secrets are wiped when freed.

#include "aws/env.h"
#include "aws/sigv4.h"
#include "io/loop.h"

struct credentials_provider;
struct http_client;
struct worker_pool;

// A request for credentials: caller-owned; `cb` runs once, never inside credentials_get(). The
// value is valid during cb only; status < 0: e names each source tried
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

// Tells one set of credentials from another without keeping it.
void credentials_digest(const struct sigv4_credentials *c, uint8_t out[SHA256_LEN]);
// A service said that these have ended (`used` is their digest; NULL = those in use): the next
// request waits for others. Those that are newer stay, and so do those that a search gave again
// within CREDENTIALS_FORCED_MS. Nothing to drop in a static provider.
#define CREDENTIALS_FORCED_MS 10000
void credentials_expire(struct credentials_provider *p, const uint8_t *used);
// Requests still waiting get ERR_CANCELED, later.
void credentials_free(struct credentials_provider *p);

// Only these keys.
struct credentials_provider *credentials_new_static(struct loop *l,
                                                    const struct sigv4_credentials *c);

struct credentials_options {
    struct loop *loop;
    struct worker_pool *pool; // reads files, runs programs
    struct http_client *http; // borrowed
    aws_env_fn *env;          // NULL = the process's own
    void *env_ctx;
    struct sigv4_credentials keys; // given: nothing else is asked
    bool instance_metadata;        // only that is asked
    struct span region;            // for STS; empty = of the environment or the profile
    // A role to assume with what was found; arn empty = none.
    struct span role_arn, role_external_id, role_session_name;
};

// By the SDKs' rules: environment, shared config and credentials files (AWS_PROFILE), web identity,
// container, instance metadata (credentials_resolver.h). The files are read again when they have
// changed: every CREDENTIALS_CHECK_MS of use a job looks. All is copied.
#define CREDENTIALS_CHECK_MS 10000
struct credentials_provider *credentials_new(const struct credentials_options *o);

// For people; no secrets in it. Texts are valid until the next turn of the loop.
struct credentials_report {
    const char *origin; // "profile \"x\" -> role arn:..."; "" before the first ones came
    const char *trail;  // the sources looked at before, and why they did not serve
    const char *error;  // of the last search, when it failed; else NULL
    bool ends;
    int64_t ends_in_ms; // negative: they ended and are used on
};
void credentials_report(const struct credentials_provider *p, struct credentials_report *out);

#endif
