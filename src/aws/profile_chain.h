// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_PROFILE_CHAIN_H
#define PENSTOCK_AWS_PROFILE_CHAIN_H

// What a profile of the shared files says about credentials: where the first ones come from, and
// the roles to assume with them one after the other. Pure. Source: "AWS SDKs and Tools Reference
// Guide", assume role credential provider; cases in vectors/credentials/assume-role-tests.json.

#include "aws/profile.h"
#include "aws/sts.h"

#define PROFILE_CHAIN_MAX 16 // roles

enum chain_base {
    CHAIN_KEYS,
    CHAIN_ENVIRONMENT,
    CHAIN_CONTAINER,
    CHAIN_INSTANCE,
    CHAIN_WEB_IDENTITY,
    CHAIN_PROCESS,
    CHAIN_SSO, // known, so that it can be refused clearly
};

// Spans point into the profiles.
struct profile_chain {
    enum chain_base base;
    struct span profile; // that holds the base
    struct source_value keys;
    struct sts_role web_identity;
    struct span command;    // of the process
    struct span account_id; // of the profile, for what a process does not say
    struct span sso_session, sso_account_id, sso_role_name, sso_region, sso_start_url;
    struct sts_role roles[PROFILE_CHAIN_MAX]; // in the order they are assumed
    size_t n_roles;
};

// ERR_NOT_FOUND when the profile is not there or holds nothing about credentials; ERR_CONFIG when
// what it holds is wrong. The message names the profile and the key.
int profile_chain_plan(const struct profile *list, struct span name, struct profile_chain *out,
                       struct err *e);

#endif
