// SPDX-License-Identifier: Apache-2.0
#include "aws/kinesis_shape.h"

static struct span without_zeros(struct span s)
{
    while (s.n > 1 && s.p[0] == '0') {
        s = span_of(s.p + 1, s.n - 1);
    }
    return s;
}

// What the service must have said for the caller to go on.
static int check(enum kinesis_op op, const struct kinesis_output *out, struct err *e)
{
    if (op == KINESIS_GET_SHARD_ITERATOR && out->iterator.n == 0) {
        return err_set(e, ERR_PROTO, "no ShardIterator");
    }
    bool about_consumer =
        op == KINESIS_REGISTER_STREAM_CONSUMER || op == KINESIS_DESCRIBE_STREAM_CONSUMER;
    if (about_consumer && out->consumer_arn.n == 0) {
        return err_set(e, ERR_PROTO, "no ConsumerARN");
    }
    for (size_t i = 0; i < out->n_records; i++) {
        if (out->records[i].sequence_number.n == 0) {
            return err_set(e, ERR_PROTO, "record %zu has no SequenceNumber", i);
        }
    }
    for (size_t i = 0; i < out->n_shards; i++) {
        if (out->shards[i].shard_id.n == 0) {
            return err_set(e, ERR_PROTO, "shard %zu has no ShardId", i);
        }
    }
    return 0;
}

int kinesis_decode(enum kinesis_op op, bool cbor, struct kinesis_output *out, struct err *e)
{
    return kinesis_decode_part(op, cbor, buf_span(&out->body), out, e);
}

int kinesis_decode_part(enum kinesis_op op, bool cbor, struct span part, struct kinesis_output *out,
                        struct err *e)
{
    struct err why = {0};
    const struct shape *s = kinesis_shape(op);
    int status =
        cbor ? kinesis_decode_cbor(s, part, out, &why) : kinesis_decode_json(s, part, out, &why);
    if (status == 0) {
        status = check(op, out, &why);
    }
    if (status < 0) {
        return err_set(e, status, "reply to %s: %s", kinesis_op_name(op), why.msg);
    }
    return 0;
}

void kinesis_output_free(struct kinesis_output *o)
{
    arena_free(&o->arena);
    buf_free(&o->body);
    *o = (struct kinesis_output){0};
}

int kinesis_sequence_cmp(struct span a, struct span b)
{
    a = without_zeros(a);
    b = without_zeros(b);
    if (a.n != b.n) {
        return a.n < b.n ? -1 : 1;
    }
    return span_cmp(a, b);
}
