// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_KINESIS_H
#define PENSTOCK_AWS_KINESIS_H

// Kinesis Data Streams 2013-12-02: the operations Penstock uses. CBOR first
// (application/x-amz-cbor-1.1); when the endpoint answers that it does not speak it, JSON for good
// (facts/wire.md sections 2, 4, 7). Loop thread only. The encoders and decoders are pure and public
// for tests and fuzzing.

#include "aws/aws_client.h"

// What the service allows in one reply or request; a reply with more is ERR_PROTO.
#define KINESIS_RECORDS_MAX 10000
#define KINESIS_SHARDS_MAX 10000
#define KINESIS_PUT_RECORDS_MAX 500

struct kinesis;

struct kinesis_options {
    struct aws_client_options aws; // service is set here
    bool json_only;
};
int kinesis_new(const struct kinesis_options *o, struct kinesis **out, struct err *e);
void kinesis_close(struct kinesis *k, void (*cb)(void *ctx), void *ctx);
bool kinesis_speaks_cbor(const struct kinesis *k);
struct span kinesis_host(const struct kinesis *k);
// As aws_client_wall_ms(): for times that the service compares with its own.
int64_t kinesis_wall_ms(const struct kinesis *k);

enum kinesis_op {
    KINESIS_DESCRIBE_STREAM_SUMMARY,
    KINESIS_LIST_SHARDS,
    KINESIS_GET_SHARD_ITERATOR,
    KINESIS_GET_RECORDS,
    KINESIS_PUT_RECORDS,
    KINESIS_REGISTER_STREAM_CONSUMER,
    KINESIS_DESCRIBE_STREAM_CONSUMER,
    KINESIS_SUBSCRIBE_TO_SHARD, // by kinesis_subscribe(); decoded: one SubscribeToShardEvent
    KINESIS_OP_COUNT
};

enum kinesis_iterator {
    KINESIS_LATEST,
    KINESIS_TRIM_HORIZON,
    KINESIS_AT_TIMESTAMP,
    KINESIS_AT_SEQUENCE_NUMBER,
    KINESIS_AFTER_SEQUENCE_NUMBER
};

struct kinesis_put_entry {
    struct span data;
    struct span partition_key;
    struct span explicit_hash_key; // empty = none
};

// Input of any operation: the members that it needs.
struct kinesis_input {
    struct span stream_name; // or stream_arn
    struct span stream_arn;
    struct span next_token; // ListShards
    struct span shard_id;
    enum kinesis_iterator iterator_type;
    struct span sequence_number;
    int64_t timestamp_ms;
    struct span iterator;
    struct span consumer_name, consumer_arn;
    int limit;
    const struct kinesis_put_entry *entries;
    size_t n_entries;
};

struct kinesis_shard {
    struct span shard_id;
    struct span parent_id, adjacent_parent_id; // empty = none
    struct span starting_hash_key, ending_hash_key;
    struct span starting_sequence_number, ending_sequence_number; // ending empty = open
    const struct span *parents;                                   // of ChildShards
    size_t n_parents;
};

struct kinesis_record {
    struct span sequence_number;
    struct span partition_key;
    struct span data; // decoded bytes
    int64_t arrival_ms;
    uint32_t sub_sequence; // of a user record in an aggregate; 0 = the first, or no aggregate
    bool aggregated;
};

struct kinesis_put_result {
    struct span sequence_number, shard_id; // empty when failed
    struct span error_code, error_message; // empty when accepted
};

// Output of any operation. Everything points into `body` or `arena`, both owned by the output:
// kinesis_output_free(), or move the whole struct to keep it.
struct kinesis_output {
    struct arena arena;
    struct buf body;
    // DescribeStreamSummary
    struct span stream_arn, stream_status;
    int64_t created_ms;
    int64_t retention_hours, open_shards;
    // ListShards, and ChildShards of GetRecords and SubscribeToShardEvent
    struct kinesis_shard *shards;
    size_t n_shards;
    struct span next_token;
    // GetShardIterator; NextShardIterator of GetRecords, ContinuationSequenceNumber of
    // SubscribeToShardEvent (both empty = end of shard)
    struct span iterator;
    // RegisterStreamConsumer, DescribeStreamConsumer
    struct span consumer_arn, consumer_status;
    // GetRecords, SubscribeToShardEvent
    struct kinesis_record *records;
    size_t n_records;
    int64_t millis_behind;
    // PutRecords
    struct kinesis_put_result *results;
    size_t n_results;
    int64_t failed_count;
};
void kinesis_output_free(struct kinesis_output *o);

struct kinesis_call {
    void *data;
    // Exactly once. out: valid on status 0; the callee may move it away
    // (`mine = *out; *out = (struct kinesis_output){0}`). error: NULL on success
    // only; valid during the callback.
    void (*on_done)(struct kinesis_call *call, int status, struct kinesis_output *out,
                    const struct aws_error *error);
    // As aws_call.on_size.
    bool (*on_size)(struct kinesis_call *call, int64_t content_length);
    struct aws_call aws;
    struct kinesis *kinesis;
    enum kinesis_op op;
    void *internal;
};

struct kinesis_call_options {
    int max_attempts;   // 0 = the client's; 1 for GetRecords and PutRecords: their owners decide
    int64_t request_ms; // 0 = the client's
    size_t max_body;    // 0 = 16 MiB
};
int kinesis_start(struct kinesis *k, struct kinesis_call *call, enum kinesis_op op,
                  const struct kinesis_input *in, const struct kinesis_call_options *o) MUST_CHECK;
void kinesis_resume(struct kinesis_call *call);
void kinesis_cancel(struct kinesis_call *call);

const char *kinesis_op_name(enum kinesis_op op);
// Which of the account's hosts serves it (facts/wire.md section 3).
enum aws_operation_kind kinesis_op_kind(enum kinesis_op op);
void kinesis_encode(enum kinesis_op op, const struct kinesis_input *in, bool cbor, struct buf *out);
// Decodes out->body. JSON base64 is decoded in place. ERR_PROTO with a message on a malformed
// reply.
int kinesis_decode(enum kinesis_op op, bool cbor, struct kinesis_output *out, struct err *e);
// The same of a part of out->body.
int kinesis_decode_part(enum kinesis_op op, bool cbor, struct span part, struct kinesis_output *out,
                        struct err *e);

// Decimal sequence numbers (up to 129 digits): <0, 0, >0 by value.
int kinesis_sequence_cmp(struct span a, struct span b);

#endif
