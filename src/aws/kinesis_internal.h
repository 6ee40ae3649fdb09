// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_KINESIS_INTERNAL_H
#define PENSTOCK_AWS_KINESIS_INTERNAL_H

// What kinesis_subscribe.c needs of kinesis.c.

#include "aws/kinesis.h"

struct aws_client *kinesis_aws(const struct kinesis *k);
struct loop *kinesis_loop(const struct kinesis *k);

#endif
