// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_SETTINGS_H
#define PENSTOCK_AWS_SETTINGS_H

// What the environment or a profile of the shared files says about endpoints, region and retries.
// Pure. Source: facts/wire.md sections 3 and 6; "AWS SDKs and Tools Reference Guide".

#include "aws/endpoint_rules.h"
#include "aws/env.h"
#include "aws/profile.h"

enum aws_switch { AWS_UNSET, AWS_OFF, AWS_ON };

struct aws_settings {
    struct span region;
    struct span endpoint;  // the service's own one, else that of all services
    bool endpoint_ignored; // AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: no other place's counts either
    struct span ca_file;
    enum aws_switch fips, dual_stack;
    int max_attempts; // 0 = not said
};

#define AWS_MAX_ATTEMPTS_LIMIT 100

// Spans point into the environment or the profiles. ERR_CONFIG names the variable or the profile's
// key.
int aws_settings_from_env(enum aws_service service, aws_env_fn *env, void *ctx,
                          struct aws_settings *out, struct err *e);
int aws_settings_from_profile(enum aws_service service, const struct profile *list,
                              struct span name, struct aws_settings *out, struct err *e);
// Fills what `first` does not say from `second`.
void aws_settings_merge(struct aws_settings *first, const struct aws_settings *second);

#endif
