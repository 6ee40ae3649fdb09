// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_APP_FILE_H
#define PENSTOCK_APP_FILE_H

// Whole small files into memory. Blocks: before the loop runs, or as a job.

#include "base/arena.h"
#include "base/err.h"

// At most `max` bytes (ERR_LIMIT beyond). e names the file and the reason.
int file_read(const char *path, size_t max, struct arena *a, struct span *out, struct err *e);
// `name` is relative to `dir` unless it starts with '/'.
int file_read_in(struct span dir, struct span name, size_t max, struct arena *a, struct span *out,
                 struct err *e);
// The directory part of a path; "." when there is none.
struct span file_dir(struct span path);

#endif
