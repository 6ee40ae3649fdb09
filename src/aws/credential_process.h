// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_CREDENTIAL_PROCESS_H
#define PENSTOCK_AWS_CREDENTIAL_PROCESS_H

// Credentials that a program of the operator's prints (credential_process of a profile). The
// command is split into words as a POSIX shell splits them, quotes and backslashes included, and
// started directly: no shell, no pipes, no variables. Source: "AWS SDKs and Tools Reference Guide",
// process credential provider.

#include <stdatomic.h>

#include "aws/credential_source.h"

#define PROCESS_LIMIT_MS 60000
#define PROCESS_WORDS_MAX 256

struct process_credentials {
    struct span command;
    struct span account_id; // when the program names none
};

// Pure.
void process_step(struct process_credentials *s, struct source_world *w,
                  const struct source_input *in, struct source_step *out);
// NULL-terminated words in `a`; NULL with a message on open quotes, no word or too many.
char **process_split(struct span command, struct arena *a, struct err *e);

// Runs the program and collects what it prints on stdout, at most SOURCE_REPLY_MAX bytes; stderr is
// ours. It is killed with all it started (its process group) after limit_ms, when it prints more,
// or when *stop becomes true. Blocks: for a worker thread. Messages never hold what it printed.
int process_run(char *const *words, int64_t limit_ms, const atomic_bool *stop, struct buf *out,
                struct err *e);

#endif
