// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_ENV_H
#define PENSTOCK_AWS_ENV_H

// Environment variables come in through a function, so that tests stand in for the process's own.

#include <stdlib.h>

#include "base/span.h"

// NULL when `name` is not set.
typedef const char *aws_env_fn(void *ctx, const char *name);

// NULL `env` is the process's environment. Blank values count as unset (empty span), as in the
// SDKs.
static inline struct span aws_env_get(aws_env_fn *env, void *ctx, const char *name)
{
    return span_trim(span_str(env ? env(ctx, name) : getenv(name)));
}

#endif
