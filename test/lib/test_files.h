// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_LIB_TEST_FILES_H
#define PENSTOCK_TEST_LIB_TEST_FILES_H

// Test vectors and files. Our own vectors are in test/vectors/; the upstream suites are looked for
// in $PENSTOCK_VECTORS, else beside the repository in ../shared/vectors.

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define TEST_PATH_MAX 1024

// Path of test/<name> in the source tree.
void test_source_path(const char *name, char out[TEST_PATH_MAX]);
// Path of a vector file or folder such as "cbor/kinesis_cbor.json". False when it is nowhere.
bool test_vectors_path(const char *name, char out[TEST_PATH_MAX]);
// The file's bytes, freed with buf_free(). Fails the test when it cannot be read.
struct buf test_read_file(const char *path);
// test_vectors_path() and test_read_file(); skips the running test when the suite is missing.
struct buf test_read_vectors(const char *name);

#endif
