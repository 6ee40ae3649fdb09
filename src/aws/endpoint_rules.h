// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_ENDPOINT_RULES_H
#define PENSTOCK_AWS_ENDPOINT_RULES_H

// Which URL a call goes to, from service, region and settings. Pure.
// Source: facts/wire.md section 3; proved by every case of vectors/endpoints.

#include "aws/partition.h"
#include "base/arena.h"
#include "base/err.h"

enum aws_service { AWS_KINESIS, AWS_DYNAMODB, AWS_STS, AWS_CLOUDWATCH };
// "kinesis", "dynamodb", "sts", "monitoring": the name in signatures and in host names.
const char *aws_service_name(enum aws_service s);
bool aws_service_by_name(struct span name, enum aws_service *out);

// Kinesis has a host of its own for each account and kind of operation.
enum aws_operation_kind { AWS_OPERATION_NONE, AWS_OPERATION_CONTROL, AWS_OPERATION_DATA };

// AWS_ACCOUNT_ID_ENDPOINT_MODE, for DynamoDB.
enum aws_account_mode { AWS_ACCOUNT_DISABLED, AWS_ACCOUNT_PREFERRED, AWS_ACCOUNT_REQUIRED };

struct aws_endpoint_params {
    enum aws_service service;
    struct span region;
    struct span endpoint; // a custom one; empty = by the rules
    bool fips, dual_stack;
    bool sts_global; // the old single endpoint of STS, where it serves the region
    // Kinesis: the first of these that is not empty makes the host the account's.
    enum aws_operation_kind operation;
    struct span stream_id;
    struct span stream_arn, consumer_arn, resource_arn;
    // DynamoDB
    enum aws_account_mode account_mode;
    const struct span *account_id; // of the credentials; NULL = they have none
    const struct span *table_arns; // the first that lies in the region goes before account_id
    size_t n_table_arns;
    bool search;
};

struct aws_endpoint {
    struct span url;
    struct span signing_region;
};

// `out` lies in `a` or in the parameters. ERR_CONFIG with what is wrong and what to do.
int aws_endpoint_resolve(const struct aws_endpoint_params *p, struct arena *a,
                         struct aws_endpoint *out, struct err *e);

#endif
