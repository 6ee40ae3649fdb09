// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_CREDENTIALS_FAKE_H
#define PENSTOCK_TEST_CREDENTIALS_FAKE_H

// Stands in for the world that a search for credentials asks: environment, files under a folder and
// recorded HTTP traffic, all from a folder of vectors/credentials. No sockets.

#include "aws/credentials_files.h"
#include "aws/credentials_resolver.h"
#include "aws_vectors.h"

struct world {
    char dir[TEST_PATH_MAX];
    struct json *env, *traffic, *test_case;
    int64_t connection; // of the next request
    struct credentials_files files;
    struct buf kept[32]; // what was read, as long as the search lasts
    size_t n_kept;
    int64_t sts_skew_ms;
    int waits;
};

void world_open(struct world *w, const char *dir);
void world_close(struct world *w);
const char *world_env(void *ctx, const char *name);
// Steps the search to its end.
void world_run(struct world *w, struct resolver *r, struct source_step *end);
// True when every recorded request was made.
bool world_all_asked(const struct world *w);

#endif
