// SPDX-License-Identifier: Apache-2.0

// A piece of a log row, as replaying takes it from the database. What decodes can be written and
// read again.

#include "base/err.h"
#include "store/points.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct unpack u = unpack_of(span_of((const char *)data, size));
    struct points_log_state in = {0}, out = {0}, again = {0};
    struct buf b = {0};
    uint32_t series, series2;
    int64_t ts, ts2;
    struct value v, v2;
    while (points_log_decode(&in, &u, &series, &ts, &v) > 0) {
        size_t start = b.n;
        points_log_encode(&out, series, ts, &v, &b);
        struct unpack check = unpack_of(span_of(b.p + start, b.n - start));
        require(points_log_decode(&again, &check, &series2, &ts2, &v2) == 1);
        require(series == series2 && ts == ts2 && v.type == v2.type && check.p == check.end);
        if (v.type == VALUE_BOOL)
            require(v.b == v2.b);
        else if (v.type >= VALUE_STRING)
            require(span_eq(v.s, v2.s));
        else
            require(memcmp(&v.i, &v2.i, sizeof v.i) == 0);
    }
    buf_free(&b);
    return 0;
}
