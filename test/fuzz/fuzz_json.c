// SPDX-License-Identifier: Apache-2.0

// The tree: what is parsed is written as text that parses to the same text.

#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    struct json *j = json_parse(span_of((const char *)data, size), &e);
    if (!j) {
        require(e.code == ERR_INVALID && e.msg[0]);
        return 0;
    }
    struct buf once = {0}, twice = {0};
    json_write(j, &once);
    struct json *again = json_parse(buf_span(&once), &e), *copy = json_copy(j);
    require(again);
    json_write(again, &twice);
    require(span_eq(buf_span(&once), buf_span(&twice)));
    buf_clear(&twice);
    json_write(copy, &twice);
    require(span_eq(buf_span(&once), buf_span(&twice)));
    json_free(j);
    json_free(again);
    json_free(copy);
    buf_free(&once);
    buf_free(&twice);
    return 0;
}
