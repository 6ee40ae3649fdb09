// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_SCHEMA_H
#define PENSTOCK_STORE_SCHEMA_H

// The tables and their history. `PRAGMA user_version` counts the steps that a database has had;
// opening runs those that are missing, each in a transaction of its own.

#include "store/db.h"

// "PSTK": what file(1) and our own check know a Penstock database by (`PRAGMA application_id`).
#define SCHEMA_APPLICATION_ID 0x5053544b

struct schema {
    const char *const *steps; // SQL text; steps[i] leads from version i to i + 1
    int n;
};
extern const struct schema schema_current;

// Makes, migrates or refuses. `path` is for messages.
int schema_apply(struct db *db, const struct schema *schema, const char *path, struct err *e);

#endif
