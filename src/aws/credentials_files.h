// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_CREDENTIALS_FILES_H
#define PENSTOCK_AWS_CREDENTIALS_FILES_H

// Reads the shared config and credentials files, and token files. Blocks: for a worker thread.

#include "aws/env.h"
#include "aws/profile.h"
#include "base/buf.h"

// Tells a changed file from the one read before. All zero: absent, or not yet looked at.
struct file_stamp {
    int64_t mtime_ns;
    int64_t size;
    uint64_t inode;
};

struct credentials_files {
    char *path[2]; // by enum profile_file_kind; empty = there is no such file
    struct file_stamp stamp[2];
    // What credentials_files_read() found. The arena is the owner's to keep or to wipe.
    struct arena arena;
    struct profile *list;
};

// Fills the paths from AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE and HOME; touches no file.
void credentials_files_init(struct credentials_files *f, aws_env_fn *env, void *ctx);
void credentials_files_free(struct credentials_files *f);
// Absent files are empty ones. ERR_INVALID and others name the file.
int credentials_files_read(struct credentials_files *f, struct err *e);
// Whether a file is another one than at the last read; notes it as seen.
bool credentials_files_changed(struct credentials_files *f);
// "FILE, FILE", or that there is none; in `a`.
struct span credentials_files_where(const struct credentials_files *f, struct arena *a);
// A whole file of at most `max` bytes; the buffer holds all copies. Messages name the file.
int credentials_file_read(const char *path, size_t max, struct buf *out, struct err *e);

#endif
