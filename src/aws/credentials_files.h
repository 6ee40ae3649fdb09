// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_CREDENTIALS_FILES_H
#define PENSTOCK_AWS_CREDENTIALS_FILES_H

// Reads one profile's keys from the shared config and credentials files. Blocks: for a worker
// thread. Used by credentials.c only.

#include "aws/profile.h"
#include "aws/sigv4.h"

// Credentials with their own memory, wiped when freed.
struct credentials_value {
    struct sigv4_credentials c;
    size_t n; // bytes behind this struct
};
struct credentials_value *credentials_value_new(const struct sigv4_credentials *c);
void credentials_value_free(struct credentials_value *v);

// Tells a changed file from the one read before. All zero: absent, or not yet looked at.
struct file_stamp {
    int64_t mtime_ns;
    int64_t size;
    uint64_t inode;
};

struct credentials_files {
    // In; by enum profile_file_kind, empty = there is no such file. Owned, as all else.
    char *path[2];
    char *profile;
    bool force; // read even when the stamps are the same
    // In and out.
    struct file_stamp stamp[2];
    // Out.
    bool unchanged; // then there is no value
    struct credentials_value *value;
    int status;
    struct err err;
};

void credentials_files_read(struct credentials_files *f);
void credentials_files_free(struct credentials_files *f);

#endif
