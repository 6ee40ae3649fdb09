// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_APP_CONFIG_INTERNAL_H
#define PENSTOCK_APP_CONFIG_INTERNAL_H

// Between config.c, which reads the file's plain keys, and config_lists.c, which reads its users,
// converters and integrations.

#include "app/config.h"

struct config_reader {
    struct config c;
    struct span listen, level, synchronous; // as they are read, before they are interpreted
    struct span dir;
    config_env_fn *env;
    void *env_ctx;
    struct err *e; // gets the reason of each failure
};

// Replaces every ${NAME}; an unset name is an error, since an empty secret is never what was meant.
int config_expand(struct config_reader *r, struct arena *a, const char *path, struct span in,
                  struct span *out);

int config_read_users(struct config_reader *r, const struct json *list);
int config_read_converters(struct config_reader *r, const struct json *list);
int config_read_integrations(struct config_reader *r, struct json *list);
// Once all are there: whether integrations name converters of the right kind.
int config_check_converters(struct config_reader *r);

#endif
