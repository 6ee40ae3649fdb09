// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_CREDENTIALS_RESOLVER_H
#define PENSTOCK_AWS_CREDENTIALS_RESOLVER_H

// Looks for credentials in the SDKs' order: environment, shared files (profiles), web identity,
// container, instance metadata; then assumes the role that the caller wants, if any. The first
// source that is set up counts: when it fails, the others are not asked. Pure: asks for its inputs
// step by step (credential_source.h). Source: facts/wire.md section 10.

#include "aws/container_credentials.h"
#include "aws/credential_process.h"
#include "aws/imds.h"
#include "aws/profile_chain.h"

enum {
    RESOLVE_ENVIRONMENT = 1,
    RESOLVE_FILES = 2,
    RESOLVE_WEB_IDENTITY = 4,
    RESOLVE_CONTAINER = 8,
    RESOLVE_INSTANCE = 16,
    RESOLVE_ALL = 31,
};

struct resolver_options {
    aws_env_fn *env; // NULL = the process's own
    void *env_ctx;
    unsigned sources;              // RESOLVE_*
    struct sigv4_credentials keys; // not empty: no source is asked
    struct span region;            // for STS, before the environment's and the profile's
    struct sts_role role;          // arn empty = none
};

enum resolver_phase { RESOLVER_START, RESOLVER_FILES_READ, RESOLVER_SOURCE, RESOLVER_ENDED };

struct resolver {
    const struct resolver_options *o;
    enum resolver_phase phase;
    struct source_world world;
    struct arena arena;
    struct profile *profiles;
    struct span looked_at; // the files' names
    unsigned left;         // sources not yet looked at
    struct profile_chain chain;
    size_t next_role;
    bool from_instance; // the keys at the base came from the metadata service
    struct source_value value;
    // The one that runs, by `running`.
    enum { RUN_NONE, RUN_IMDS, RUN_CONTAINER, RUN_STS, RUN_PROCESS } running;
    struct imds imds;
    struct container_credentials container;
    struct sts sts;
    struct process_credentials process;
    struct sts_role web_identity;
    struct buf trail;  // what was looked at and why it did not serve: "environment: ...; ..."
    struct buf origin; // where the value comes from: "profile \"x\" -> role arn:..."
};

// `o` and *sts_skew_ms outlive it.
void resolver_init(struct resolver *r, const struct resolver_options *o, int64_t *sts_skew_ms);
// `in` is NULL at first. Ends with SOURCE_VALUE, or SOURCE_FAILED with a message that names every
// source. The step's spans are valid until resolver_free().
void resolver_step(struct resolver *r, int64_t wall_ms, double unit, const struct source_input *in,
                   struct source_step *out);
void resolver_free(struct resolver *r);

#endif
