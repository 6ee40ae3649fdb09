// SPDX-License-Identifier: Apache-2.0
#include "aws/kinesis.h"
#include "codec/base64.h"
#include "codec/cbor.h"
#include "codec/json_out.h"

// The requests of the Kinesis operations as tables: which member of struct kinesis_input goes out
// under which name, and when. Empty texts and zero numbers stay out.

enum member_kind { TEXT, NUMBER, ITERATOR_TYPE, TIME, RECORDS, POSITION };
enum member_when { ALWAYS, FIRST_PAGE, AT_SEQUENCE, AT_TIME };

struct member {
    const char *name;
    enum member_kind kind;
    enum member_when when;
    size_t offset;
};

#define MEMBER(name, kind, when, field) {name, kind, when, offsetof(struct kinesis_input, field)}
#define MEMBERS_MAX 6

struct operation {
    const char *name;
    struct member members[MEMBERS_MAX + 1]; // up to one without name
};

static const struct operation operations[KINESIS_OP_COUNT] = {
    [KINESIS_DESCRIBE_STREAM_SUMMARY] = {"DescribeStreamSummary",
                                         {MEMBER("StreamName", TEXT, ALWAYS, stream_name),
                                          MEMBER("StreamARN", TEXT, ALWAYS, stream_arn)}},
    // A page after the first is named by its token alone.
    [KINESIS_LIST_SHARDS] = {"ListShards",
                             {MEMBER("StreamName", TEXT, FIRST_PAGE, stream_name),
                              MEMBER("StreamARN", TEXT, FIRST_PAGE, stream_arn),
                              MEMBER("NextToken", TEXT, ALWAYS, next_token),
                              MEMBER("MaxResults", NUMBER, ALWAYS, limit)}},
    [KINESIS_GET_SHARD_ITERATOR] =
        {"GetShardIterator",
         {MEMBER("StreamName", TEXT, ALWAYS, stream_name),
          MEMBER("StreamARN", TEXT, ALWAYS, stream_arn), MEMBER("ShardId", TEXT, ALWAYS, shard_id),
          MEMBER("ShardIteratorType", ITERATOR_TYPE, ALWAYS, iterator_type),
          MEMBER("StartingSequenceNumber", TEXT, AT_SEQUENCE, sequence_number),
          MEMBER("Timestamp", TIME, AT_TIME, timestamp_ms)}},
    [KINESIS_GET_RECORDS] = {"GetRecords",
                             {MEMBER("ShardIterator", TEXT, ALWAYS, iterator),
                              MEMBER("Limit", NUMBER, ALWAYS, limit),
                              MEMBER("StreamARN", TEXT, ALWAYS, stream_arn)}},
    [KINESIS_PUT_RECORDS] = {"PutRecords",
                             {MEMBER("StreamName", TEXT, ALWAYS, stream_name),
                              MEMBER("StreamARN", TEXT, ALWAYS, stream_arn),
                              MEMBER("Records", RECORDS, ALWAYS, entries)}},
    [KINESIS_REGISTER_STREAM_CONSUMER] = {"RegisterStreamConsumer",
                                          {MEMBER("StreamARN", TEXT, ALWAYS, stream_arn),
                                           MEMBER("ConsumerName", TEXT, ALWAYS, consumer_name)}},
    [KINESIS_DESCRIBE_STREAM_CONSUMER] = {"DescribeStreamConsumer",
                                          {MEMBER("StreamARN", TEXT, ALWAYS, stream_arn),
                                           MEMBER("ConsumerName", TEXT, ALWAYS, consumer_name),
                                           MEMBER("ConsumerARN", TEXT, ALWAYS, consumer_arn)}},
    [KINESIS_SUBSCRIBE_TO_SHARD] = {"SubscribeToShard",
                                    {MEMBER("ConsumerARN", TEXT, ALWAYS, consumer_arn),
                                     MEMBER("ShardId", TEXT, ALWAYS, shard_id),
                                     MEMBER("StartingPosition", POSITION, ALWAYS, iterator_type)}},
};

static const struct member position_members[] = {
    MEMBER("Type", ITERATOR_TYPE, ALWAYS, iterator_type),
    MEMBER("SequenceNumber", TEXT, AT_SEQUENCE, sequence_number),
    MEMBER("Timestamp", TIME, AT_TIME, timestamp_ms),
    {NULL, TEXT, ALWAYS, 0},
};

enum aws_operation_kind kinesis_op_kind(enum kinesis_op op)
{
    switch (op) {
    case KINESIS_GET_SHARD_ITERATOR:
    case KINESIS_GET_RECORDS:
    case KINESIS_PUT_RECORDS:
    case KINESIS_SUBSCRIBE_TO_SHARD:
        return AWS_OPERATION_DATA;
    default:
        return AWS_OPERATION_CONTROL;
    }
}

static void put_members(struct buf *out, const struct kinesis_input *in,
                        const struct member *members, bool cbor);

static const char *const iterator_names[] = {
    [KINESIS_LATEST] = "LATEST",
    [KINESIS_TRIM_HORIZON] = "TRIM_HORIZON",
    [KINESIS_AT_TIMESTAMP] = "AT_TIMESTAMP",
    [KINESIS_AT_SEQUENCE_NUMBER] = "AT_SEQUENCE_NUMBER",
    [KINESIS_AFTER_SEQUENCE_NUMBER] = "AFTER_SEQUENCE_NUMBER",
};

static struct span text_at(const struct kinesis_input *in, const struct member *m)
{
    return *(const struct span *)((const char *)in + m->offset);
}

static int64_t number_at(const struct kinesis_input *in, const struct member *m)
{
    return *(const int *)((const char *)in + m->offset);
}

static bool applies(const struct kinesis_input *in, enum member_when when)
{
    switch (when) {
    case FIRST_PAGE:
        return in->next_token.n == 0;
    case AT_SEQUENCE:
        return in->iterator_type == KINESIS_AT_SEQUENCE_NUMBER ||
               in->iterator_type == KINESIS_AFTER_SEQUENCE_NUMBER;
    case AT_TIME:
        return in->iterator_type == KINESIS_AT_TIMESTAMP;
    default:
        return true;
    }
}

static bool is_sent(const struct kinesis_input *in, const struct member *m)
{
    if (m->kind == TEXT && text_at(in, m).n == 0) {
        return false;
    }
    if (m->kind == NUMBER && number_at(in, m) == 0) {
        return false;
    }
    return applies(in, m->when);
}

static struct span iterator_name(const struct kinesis_input *in)
{
    return span_str(iterator_names[in->iterator_type]);
}

static void cbor_records(struct buf *out, const struct kinesis_input *in)
{
    cbor_put_array(out, in->n_entries);
    for (size_t i = 0; i < in->n_entries; i++) {
        const struct kinesis_put_entry *e = &in->entries[i];
        cbor_put_map(out, e->explicit_hash_key.n ? 3 : 2);
        cbor_put_text(out, SPAN("Data"));
        cbor_put_bytes(out, e->data);
        cbor_put_text(out, SPAN("PartitionKey"));
        cbor_put_text(out, e->partition_key);
        if (e->explicit_hash_key.n) {
            cbor_put_text(out, SPAN("ExplicitHashKey"));
            cbor_put_text(out, e->explicit_hash_key);
        }
    }
}

static void cbor_value(struct buf *out, const struct kinesis_input *in, const struct member *m)
{
    switch (m->kind) {
    case TEXT:
        cbor_put_text(out, text_at(in, m));
        break;
    case NUMBER:
        cbor_put_int(out, number_at(in, m));
        break;
    case ITERATOR_TYPE:
        cbor_put_text(out, iterator_name(in));
        break;
    case TIME: // tag 1 with milliseconds: not RFC 8949's seconds, but what the service takes
        cbor_put_tag(out, 1);
        cbor_put_int(out, in->timestamp_ms);
        break;
    case RECORDS:
        cbor_records(out, in);
        break;
    case POSITION:
        put_members(out, in, position_members, true);
        break;
    }
}

static void json_name(struct buf *out, const char *name)
{
    buf_add_char(out, '"');
    buf_add_str(out, name);
    buf_add_str(out, "\":");
}

static void json_records(struct buf *out, const struct kinesis_input *in)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < in->n_entries; i++) {
        const struct kinesis_put_entry *e = &in->entries[i];
        buf_add_str(out, i ? ",{\"Data\":\"" : "{\"Data\":\"");
        base64_encode(out, e->data);
        buf_add_str(out, "\",\"PartitionKey\":");
        json_quote(out, e->partition_key);
        if (e->explicit_hash_key.n) {
            buf_add_str(out, ",\"ExplicitHashKey\":");
            json_quote(out, e->explicit_hash_key);
        }
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

// Seconds with three decimals.
static void json_time(struct buf *out, int64_t ms)
{
    const char *sign = ms < 0 ? "-" : "";
    uint64_t v = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    buf_printf(out, "%s%llu.%03u", sign, (unsigned long long)(v / 1000), (unsigned)(v % 1000));
}

static void json_value(struct buf *out, const struct kinesis_input *in, const struct member *m)
{
    switch (m->kind) {
    case TEXT:
        json_quote(out, text_at(in, m));
        break;
    case NUMBER:
        buf_add_i64(out, number_at(in, m));
        break;
    case ITERATOR_TYPE:
        json_quote(out, iterator_name(in));
        break;
    case TIME:
        json_time(out, in->timestamp_ms);
        break;
    case RECORDS:
        json_records(out, in);
        break;
    case POSITION:
        put_members(out, in, position_members, false);
        break;
    }
}

// Room for the records at once, so that a large body is not copied while it grows.
static void reserve(struct buf *out, const struct kinesis_input *in, bool cbor)
{
    size_t n = 0;
    for (size_t i = 0; i < in->n_entries; i++) {
        const struct kinesis_put_entry *e = &in->entries[i];
        size_t data = cbor ? e->data.n : e->data.n / 3 * 4 + 4;
        n += data + e->partition_key.n + e->explicit_hash_key.n + 64;
    }
    if (n) {
        buf_reserve(out, n);
    }
}

const char *kinesis_op_name(enum kinesis_op op)
{
    return operations[op].name;
}

static void put_members(struct buf *out, const struct kinesis_input *in,
                        const struct member *members, bool cbor)
{
    size_t n = 0;
    for (const struct member *m = members; m->name; m++) {
        n += is_sent(in, m);
    }
    if (cbor) {
        cbor_put_map(out, n);
    } else {
        buf_add_char(out, '{');
    }
    bool first = true;
    for (const struct member *m = members; m->name; m++) {
        if (!is_sent(in, m)) {
            continue;
        }
        if (cbor) {
            cbor_put_text(out, span_str(m->name));
            cbor_value(out, in, m);
        } else {
            if (!first) {
                buf_add_char(out, ',');
            }
            json_name(out, m->name);
            json_value(out, in, m);
        }
        first = false;
    }
    if (!cbor) {
        buf_add_char(out, '}');
    }
}

void kinesis_encode(enum kinesis_op op, const struct kinesis_input *in, bool cbor, struct buf *out)
{
    reserve(out, in, cbor);
    put_members(out, in, operations[op].members, cbor);
}
