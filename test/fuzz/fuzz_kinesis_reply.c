// SPDX-License-Identifier: Apache-2.0

// A reply of Kinesis, in either form, and the same bytes as an error reply. The first byte chooses.

#include <stdlib.h>

#include "aws/aws_error.h"
#include "aws/kinesis.h"

// What a reply of so many bytes may cost beside the body: lists are bounded by the service's
// limits.
#define ARENA_MAX (64u * 1024 * 1024)

// Reading both ends shows a sanitizer whether the span lies in live memory.
static void touch(struct span s)
{
    static volatile char sink;
    if (s.n) {
        sink = s.p[0];
        sink = s.p[s.n - 1];
    }
    (void)sink;
}

static void decode(enum kinesis_op op, bool cbor, struct span in)
{
    struct kinesis_output out = {0};
    struct err e = {0};
    buf_add_span(&out.body, in);
    if (kinesis_decode(op, cbor, &out, &e) == 0) {
        for (size_t i = 0; i < out.n_records; i++) {
            touch(out.records[i].data);
            touch(out.records[i].sequence_number);
            touch(out.records[i].partition_key);
        }
        for (size_t i = 0; i < out.n_shards; i++) {
            touch(out.shards[i].shard_id);
            for (size_t j = 0; j < out.shards[i].n_parents; j++) {
                touch(out.shards[i].parents[j]);
            }
        }
    } else if (!e.msg[0]) {
        abort();
    }
    if (out.arena.bytes > ARENA_MAX) {
        abort();
    }
    kinesis_output_free(&out);
}

static void parse_error(const char *type, struct span in)
{
    struct arena a = {0};
    struct aws_error e;
    struct http_header h = {SPAN("Content-Type"), span_str(type)};
    aws_error_parse(400, (struct http_headers){&h, type ? 1 : 0}, in, &a, &e);
    aws_error_text(&e, &a);
    arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {"application/json", "application/cbor", "text/xml", NULL};
    if (size == 0) {
        return 0;
    }
    struct span in = span_of((const char *)data + 1, size - 1);
    unsigned choice = data[0];
    if (choice < 128) {
        decode((enum kinesis_op)(choice / 2 % KINESIS_OP_COUNT), choice % 2, in);
    } else {
        parse_error(types[choice % 4], in);
    }
    return 0;
}
