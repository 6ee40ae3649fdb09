// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_OPS_H
#define PENSTOCK_EMULATOR_OPS_H

// The operations: input in, effect on the account, reply out. No I/O; time comes with the call.
// Texts of errors are those the real service is known to send, where they are known.

#include "emulator/account.h"
#include "emulator/request.h"
#include "emulator/subscription.h"
#include "emulator/wire_out.h"

// One row an operation: name, its function, how many of the members are required, the members.
#define EMU_OPS(X)                                                                                 \
    X(AddTagsToStream, add_tags, 1, EMU_M_TAGS, EMU_M_STREAM_NAME, EMU_M_STREAM_ARN)               \
    X(CreateStream, create_stream, 1, EMU_M_STREAM_NAME, EMU_M_SHARD_COUNT,                        \
      EMU_M_STREAM_MODE_DETAILS, EMU_M_TAGS, EMU_M_MAX_RECORD_SIZE)                                \
    X(DecreaseStreamRetentionPeriod, decrease_retention, 1, EMU_M_RETENTION_HOURS,                 \
      EMU_M_STREAM_NAME, EMU_M_STREAM_ARN)                                                         \
    X(DeleteStream, delete_stream, 0, EMU_M_STREAM_NAME, EMU_M_STREAM_ARN, EMU_M_ENFORCE_DELETION) \
    X(DeregisterStreamConsumer, deregister_consumer, 0, EMU_M_STREAM_ARN, EMU_M_CONSUMER_NAME,     \
      EMU_M_CONSUMER_ARN)                                                                          \
    X(DescribeLimits, describe_limits, 0, EMU_M_COUNT)                                             \
    X(DescribeStream, describe_stream, 0, EMU_M_STREAM_NAME, EMU_M_STREAM_ARN, EMU_M_LIMIT,        \
      EMU_M_START_SHARD)                                                                           \
    X(DescribeStreamSummary, describe_stream_summary, 0, EMU_M_STREAM_NAME, EMU_M_STREAM_ARN)      \
    X(DescribeStreamConsumer, describe_consumer, 0, EMU_M_STREAM_ARN, EMU_M_CONSUMER_NAME,         \
      EMU_M_CONSUMER_ARN)                                                                          \
    X(GetRecords, get_records, 1, EMU_M_ITERATOR, EMU_M_LIMIT, EMU_M_STREAM_ARN)                   \
    X(GetShardIterator, get_shard_iterator, 2, EMU_M_SHARD_ID, EMU_M_ITERATOR_TYPE,                \
      EMU_M_STREAM_NAME, EMU_M_STREAM_ARN, EMU_M_START_SEQUENCE, EMU_M_TIMESTAMP)                  \
    X(IncreaseStreamRetentionPeriod, increase_retention, 1, EMU_M_RETENTION_HOURS,                 \
      EMU_M_STREAM_NAME, EMU_M_STREAM_ARN)                                                         \
    X(ListShards, list_shards, 0, EMU_M_STREAM_NAME, EMU_M_STREAM_ARN, EMU_M_NEXT_TOKEN,           \
      EMU_M_START_SHARD, EMU_M_MAX_RESULTS, EMU_M_CREATION_TIME, EMU_M_FILTER)                     \
    X(ListStreamConsumers, list_consumers, 1, EMU_M_STREAM_ARN, EMU_M_NEXT_TOKEN,                  \
      EMU_M_MAX_RESULTS, EMU_M_CREATION_TIME)                                                      \
    X(ListStreams, list_streams, 0, EMU_M_LIMIT, EMU_M_START_STREAM, EMU_M_NEXT_TOKEN)             \
    X(ListTagsForStream, list_tags, 0, EMU_M_STREAM_NAME, EMU_M_STREAM_ARN, EMU_M_START_TAG,       \
      EMU_M_TAG_LIMIT)                                                                             \
    X(MergeShards, merge_shards, 2, EMU_M_MERGE_SHARD, EMU_M_ADJACENT_SHARD, EMU_M_STREAM_NAME,    \
      EMU_M_STREAM_ARN)                                                                            \
    X(PutRecord, put_record, 2, EMU_M_DATA, EMU_M_PARTITION_KEY, EMU_M_STREAM_NAME,                \
      EMU_M_STREAM_ARN, EMU_M_EXPLICIT_HASH_KEY, EMU_M_ORDERING)                                   \
    X(PutRecords, put_records, 1, EMU_M_RECORDS, EMU_M_STREAM_NAME, EMU_M_STREAM_ARN)              \
    X(RegisterStreamConsumer, register_consumer, 2, EMU_M_STREAM_ARN, EMU_M_CONSUMER_NAME,         \
      EMU_M_TAGS)                                                                                  \
    X(RemoveTagsFromStream, remove_tags, 1, EMU_M_TAG_KEYS, EMU_M_STREAM_NAME, EMU_M_STREAM_ARN)   \
    X(SplitShard, split_shard, 2, EMU_M_SPLIT_SHARD, EMU_M_NEW_HASH_KEY, EMU_M_STREAM_NAME,        \
      EMU_M_STREAM_ARN)                                                                            \
    X(SubscribeToShard, subscribe_to_shard, 3, EMU_M_CONSUMER_ARN, EMU_M_SHARD_ID, EMU_M_POSITION) \
    X(UpdateMaxRecordSize, update_max_record_size, 1, EMU_M_MAX_RECORD_SIZE, EMU_M_STREAM_ARN)     \
    X(UpdateShardCount, update_shard_count, 2, EMU_M_TARGET_COUNT, EMU_M_SCALING_TYPE,             \
      EMU_M_STREAM_NAME, EMU_M_STREAM_ARN)

enum emu_op {
#define EMU_OP_ENUM(name, ...) EMU_OP_##name,
    EMU_OPS(EMU_OP_ENUM)
#undef EMU_OP_ENUM
        EMU_OP_COUNT
};

// What fault rules change about an operation (faults.h).
struct emu_twist {
    bool empty_page;             // GetRecords: nothing, though there may be data
    bool redeliver;              // GetRecords: the next iterator leads to this page again
    double fail_fraction;        // PutRecords: this part of the entries fails
    const char *fail_code;       // ... with this code
    double (*random)(void *ctx); // [0, 1)
    void *ctx;
};

// Fault rules that throttle single shards (faults.h); without a function nothing is throttled.
struct emu_gate {
    bool (*throttled)(void *ctx, enum emu_op op, uint32_t shard);
    void *ctx;
};

struct emu_call {
    enum emu_op op;
    struct emu_account *account;
    struct arena *arena; // lives as long as the request
    struct emu_input *in;
    struct emu_out *out;
    struct emu_now now;
    struct emu_twist twist;
    struct emu_gate gate;
    struct emu_error error;               // set when an operation returns false
    struct emu_subscription subscription; // set by SubscribeToShard, which writes no reply
};

// Returns false for a name that is none of ours.
bool emu_op_find(struct span name, enum emu_op *out);
const char *emu_op_name(enum emu_op op);
// Decodes the body, checks it, runs the operation. call->in and call->error are its to fill.
bool emu_op_run(enum emu_op op, struct emu_call *call, bool cbor, struct span body);

#define EMU_OP_DECLARE(name, fn, ...) bool emu_op_##fn(struct emu_call *c);
EMU_OPS(EMU_OP_DECLARE)
#undef EMU_OP_DECLARE

// Shared by the operations' files. Each returns false or NULL with call->error set.

bool emu_call_fail(struct emu_call *c, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// The stream that StreamName or StreamARN names.
struct emu_stream *emu_call_stream(struct emu_call *c);
// The same, in state ACTIVE: for changes.
struct emu_stream *emu_call_active_stream(struct emu_call *c);
// The name in an ARN that the member's pattern has passed; those of other accounts and regions have
// none here.
bool emu_call_arn_name(struct emu_call *c, struct span arn, struct span *name);
struct emu_shard *emu_call_shard(struct emu_call *c, struct emu_stream *s, struct span id);
bool emu_call_no_shard(struct emu_call *c, struct span shard, struct span stream);
// Where a reader of a shard starts, as its request says it.
struct emu_start {
    const char *op; // for messages
    const struct emu_field *type, *sequence, *time;
};
bool emu_call_position(struct emu_call *c, const struct emu_stream *s, const struct emu_shard *sh,
                       const struct emu_start *start, uint64_t *out);
// Whether the call may touch the shard: not where a fault rule throttles it.
bool emu_call_gate(struct emu_call *c, const struct emu_shard *sh);
// What the service says of a shard's throughput.
struct span emu_call_rate_message(struct emu_call *c, const struct emu_stream *s,
                                  const struct emu_shard *sh);
#define EMU_THROTTLED "ProvisionedThroughputExceededException"
// Counts a call against a rate a second; LimitExceededException beyond it, when limits are on.
bool emu_call_rate(struct emu_call *c, struct emu_bucket *b, double rate,
                   const struct emu_stream *s);
bool emu_call_shard_room(struct emu_call *c, uint32_t more);
struct span emu_stream_arn(const struct emu_call *c, const struct emu_stream *s);
// A Shard structure.
void emu_out_shard(struct emu_out *o, const struct emu_shard *sh);
void emu_out_hash_range(struct emu_out *o, const struct emu_shard *sh);
// "Records" and "ChildShards".
void emu_out_records(struct emu_out *o, const struct emu_log *log, const struct emu_page *page);
void emu_out_children(struct emu_out *o, const struct emu_stream *s, const struct emu_shard *sh);
void emu_out_shard_id(struct emu_out *o, const char *key, uint32_t index);

#define EMU_IN(c, id) (&(c)->in->f[EMU_M_##id])

#endif
