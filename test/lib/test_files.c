// SPDX-License-Identifier: Apache-2.0
#include "lib/test_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/test.h"

static bool join(const char *folder, const char *name, char out[TEST_PATH_MAX])
{
    int n = snprintf(out, TEST_PATH_MAX, "%s/%s", folder, name);
    assert_true(n > 0 && n < TEST_PATH_MAX);
    return access(out, R_OK) == 0;
}

void test_source_path(const char *name, char out[TEST_PATH_MAX])
{
    join(TEST_SOURCE_DIR "/test", name, out);
}

bool test_vectors_path(const char *name, char out[TEST_PATH_MAX])
{
    const char *upstream = getenv("PENSTOCK_VECTORS");
    if (join(TEST_SOURCE_DIR "/test/vectors", name, out)) {
        return true;
    }
    return join(upstream ? upstream : TEST_SOURCE_DIR "/../shared/vectors", name, out);
}

struct buf test_read_file(const char *path)
{
    struct buf b = {0};
    FILE *f = fopen(path, "rb");
    if (!f) {
        fail_msg("cannot open %s", path);
    }
    size_t n;
    while ((n = fread(buf_reserve(&b, 65536), 1, 65536, f)) > 0) {
        buf_commit(&b, n);
    }
    assert_false(ferror(f));
    fclose(f);
    return b;
}

struct buf test_read_vectors(const char *name)
{
    char path[TEST_PATH_MAX];
    if (!test_vectors_path(name, path)) {
        print_message("skipped: no vectors %s\n", name);
        skip();
    }
    return test_read_file(path);
}
