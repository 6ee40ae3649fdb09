// SPDX-License-Identifier: Apache-2.0

// The reader: skipping an item and reading all of it end at the same byte, and what is read can be
// written and read again.

#include "codec/cbor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool walk(struct cbor_reader *r, struct buf *out, int depth);

static bool walk_members(struct cbor_reader *r, const struct cbor_item *it, struct buf *out,
                         int depth)
{
    struct buf members = {0};
    uint64_t left = it->count, n = 0;
    bool map = it->type == CBOR_MAP, good = true;
    while (good && cbor_more(r, &left)) {
        good = walk(r, &members, depth + 1) && (!map || walk(r, &members, depth + 1));
        n++;
    }
    if (map) {
        cbor_put_map(out, n);
    } else {
        cbor_put_array(out, n);
    }
    buf_add_span(out, buf_span(&members));
    buf_free(&members);
    return good && !r->error;
}

// One item, written again in its shortest form.
static bool walk(struct cbor_reader *r, struct buf *out, int depth)
{
    struct cbor_item it;
    if (!cbor_read(r, &it)) {
        require(r->error && it.type == CBOR_ERROR);
        return false;
    }
    switch (it.type) {
    case CBOR_UINT:
        cbor_put_uint(out, it.u);
        return true;
    case CBOR_NINT:
        if (it.u <= INT64_MAX) {
            cbor_put_int(out, -1 - (int64_t)it.u);
        } else {
            cbor_put_double(out, -1.0 - (double)it.u);
        }
        return true;
    case CBOR_BYTES:
        cbor_put_bytes(out, it.s);
        return true;
    case CBOR_TEXT:
        cbor_put_text(out, it.s);
        return true;
    case CBOR_ARRAY:
    case CBOR_MAP:
        return depth < CBOR_DEPTH && walk_members(r, &it, out, depth);
    case CBOR_TAG:
        // Tags nest without a limit in the reader, but here each takes stack.
        cbor_put_tag(out, it.u);
        return depth < 1000 && walk(r, out, depth);
    case CBOR_FALSE:
    case CBOR_TRUE:
        cbor_put_bool(out, it.type == CBOR_TRUE);
        return true;
    case CBOR_FLOAT:
        cbor_put_double(out, it.d);
        return true;
    case CBOR_NULL:
    case CBOR_SIMPLE:
        cbor_put_null(out);
        return true;
    default:
        return false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct buf out = {0};
    struct cbor_reader r, skipping;
    struct cbor_item it;
    int64_t v;
    struct span in = span_of((const char *)data, size);
    cbor_reader_init(&r, in, &a);
    cbor_reader_init(&skipping, in, &a);
    bool walked = size < 4096 && walk(&r, &out, 0);
    bool skipped = cbor_read(&skipping, &it) && cbor_skip(&skipping, &it);
    if (size < 4096) {
        require(walked == skipped);
        require(!walked || r.at == skipping.at);
    }
    if (walked) {
        cbor_reader_init(&r, buf_span(&out), NULL);
        require(cbor_read(&r, &it));
        require(cbor_skip(&r, &it) && r.at == r.end);
    }
    cbor_reader_init(&r, in, NULL);
    if (cbor_read_int(&r, &v)) {
        buf_clear(&out);
        cbor_put_int(&out, v);
        cbor_reader_init(&r, buf_span(&out), NULL);
        int64_t back;
        require(cbor_read_int(&r, &back) && back == v);
    }
    buf_free(&out);
    arena_free(&a);
    return 0;
}
