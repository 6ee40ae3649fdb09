// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_PARTITION_H
#define PENSTOCK_AWS_PARTITION_H

// The partitions of AWS, by region, and the names of resources (ARNs). Pure.
// Source: facts/wire.md section 3 and vectors/endpoints.

#include "base/span.h"

struct aws_partition {
    const char *region_prefix; // "" = all other regions
    const char *name;          // as in ARNs: "aws-cn"
    const char *suffix;        // "amazonaws.com.cn"
    const char *dual_suffix;   // of hosts with IPv4 and IPv6: "api.amazonwebservices.com.cn"
};

// Never NULL: a region that no prefix fits lies in "aws".
const struct aws_partition *aws_partition_of(struct span region);
// One DNS label of lower-case letters, digits and '-'.
bool aws_region_is_valid(struct span region);

// arn:partition:service:region:account:resource
struct aws_arn {
    struct span partition, service, region, account, resource;
};
// False when it has no such form. Region and account may be empty.
bool aws_arn_parse(struct span text, struct aws_arn *out);
// "stream" of "stream/name" and of "stream:name".
struct span aws_arn_resource_type(const struct aws_arn *arn);

#endif
