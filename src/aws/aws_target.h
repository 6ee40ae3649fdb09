// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_AWS_TARGET_H
#define PENSTOCK_AWS_AWS_TARGET_H

// Where calls go, in the forms that sending and signing need. Pure.

#include "aws/endpoint_rules.h"
#include "codec/url.h"

struct aws_target {
    struct url origin;
    struct span base_path; // of the endpoint, without a slash at its end
    struct span host;      // Host header
    struct span signing_region;
};

// Everything lies in `a`. ERR_CONFIG with what is wrong.
int aws_target_resolve(const struct aws_endpoint_params *p, struct arena *a, struct aws_target *out,
                       struct err *e);

#endif
