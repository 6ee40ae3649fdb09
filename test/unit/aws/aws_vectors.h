// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_AWS_VECTORS_H
#define PENSTOCK_TEST_AWS_VECTORS_H

// Reading vector files for the tests of this folder.

#include "base/arena.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "lib/test.h"
#include "lib/test_files.h"

// The parsed file; skips the running test when the suite is missing.
static inline struct json *vectors_json(const char *name)
{
    struct buf text = test_read_vectors(name);
    struct err e = {0};
    struct json *j = json_parse(buf_span(&text), &e);
    if (!j) {
        fail_msg("%s: %s", name, e.msg);
    }
    buf_free(&text);
    return j;
}

static inline struct span vectors_str(const struct json *j, const char *key)
{
    return json_get_str(j, key, SPAN_NONE);
}

// Bytes of a member in hexadecimal.
static inline struct span vectors_hex(struct arena *a, const struct json *j, const char *key)
{
    struct span hex = vectors_str(j, key);
    char *out = arena_alloc(a, hex.n / 2 + 1);
    ptrdiff_t n = hex_decode(out, hex);
    assert_true(n >= 0);
    return span_of(out, (size_t)n);
}

#endif
