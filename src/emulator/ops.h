// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_OPS_H
#define PENSTOCK_EMULATOR_OPS_H

// The operations: input in, effect on the account, reply out. No I/O; time comes with the call.
// Texts of errors are those the real service is known to send, where they are known.

#include "emulator/account.h"
#include "emulator/request.h"
#include "emulator/wire_out.h"

// What fault rules change about an operation (faults.h).
struct emu_twist {
    bool empty_page;             // GetRecords: nothing, though there may be data
    bool redeliver;              // GetRecords: the next iterator leads to this page again
    double fail_fraction;        // PutRecords: this part of the entries fails
    const char *fail_code;       // ... with this code
    double (*random)(void *ctx); // [0, 1)
    void *ctx;
};

struct emu_call {
    struct emu_account *account;
    struct arena *arena; // lives as long as the request
    struct emu_input *in;
    struct emu_out *out;
    struct emu_now now;
    struct emu_twist twist;
    struct emu_error error; // set when an operation returns false
};

// One row an operation: name, its function, how many of the members are required, the members.
#define EMU_OPS(X)                                                                                 \
    X(AddTagsToStream, add_tags, 1, EMU_M_TAGS, EMU_M_STREAM_NAME, EMU_M_STREAM_ARN)               \
    X(CreateStream, create_stream, 1, EMU_M_STREAM_NAME, EMU_M_SHARD_COUNT,                        \
      EMU_M_STREAM_MODE_DETAILS, EMU_M_TAGS, EMU_M_MAX_RECORD_SIZE)                                \
    X(DecreaseStreamRetentionPeriod, decrease_retention, 1, EMU_M_RETENTION_HOURS,                 \
      EMU_M_STREAM_NAME, EMU_M_STREAM_ARN)                                                         \
    X(DeleteStream, delete_stream, 0, EMU_M_STREAM_NAME, EMU_M_STREAM_ARN, EMU_M_ENFORCE_DELETION) \
    X(DescribeLimits, describe_limits, 0, EMU_M_COUNT)                                             \
    X(DescribeStream, describe_stream, 0, EMU_M_STREAM_NAME, EMU_M_STREAM_ARN, EMU_M_LIMIT,        \
      EMU_M_START_SHARD)                                                                           \
    X(DescribeStreamSummary, describe_stream_summary, 0, EMU_M_STREAM_NAME, EMU_M_STREAM_ARN)      \
    X(GetRecords, get_records, 1, EMU_M_ITERATOR, EMU_M_LIMIT, EMU_M_STREAM_ARN)                   \
    X(GetShardIterator, get_shard_iterator, 2, EMU_M_SHARD_ID, EMU_M_ITERATOR_TYPE,                \
      EMU_M_STREAM_NAME, EMU_M_STREAM_ARN, EMU_M_START_SEQUENCE, EMU_M_TIMESTAMP)                  \
    X(IncreaseStreamRetentionPeriod, increase_retention, 1, EMU_M_RETENTION_HOURS,                 \
      EMU_M_STREAM_NAME, EMU_M_STREAM_ARN)                                                         \
    X(ListShards, list_shards, 0, EMU_M_STREAM_NAME, EMU_M_STREAM_ARN, EMU_M_NEXT_TOKEN,           \
      EMU_M_START_SHARD, EMU_M_MAX_RESULTS, EMU_M_CREATION_TIME, EMU_M_FILTER)                     \
    X(ListStreams, list_streams, 0, EMU_M_LIMIT, EMU_M_START_STREAM, EMU_M_NEXT_TOKEN)             \
    X(ListTagsForStream, list_tags, 0, EMU_M_STREAM_NAME, EMU_M_STREAM_ARN, EMU_M_START_TAG,       \
      EMU_M_TAG_LIMIT)                                                                             \
    X(MergeShards, merge_shards, 2, EMU_M_MERGE_SHARD, EMU_M_ADJACENT_SHARD, EMU_M_STREAM_NAME,    \
      EMU_M_STREAM_ARN)                                                                            \
    X(PutRecord, put_record, 2, EMU_M_DATA, EMU_M_PARTITION_KEY, EMU_M_STREAM_NAME,                \
      EMU_M_STREAM_ARN, EMU_M_EXPLICIT_HASH_KEY, EMU_M_ORDERING)                                   \
    X(PutRecords, put_records, 1, EMU_M_RECORDS, EMU_M_STREAM_NAME, EMU_M_STREAM_ARN)              \
    X(RemoveTagsFromStream, remove_tags, 1, EMU_M_TAG_KEYS, EMU_M_STREAM_NAME, EMU_M_STREAM_ARN)   \
    X(SplitShard, split_shard, 2, EMU_M_SPLIT_SHARD, EMU_M_NEW_HASH_KEY, EMU_M_STREAM_NAME,        \
      EMU_M_STREAM_ARN)                                                                            \
    X(UpdateShardCount, update_shard_count, 2, EMU_M_TARGET_COUNT, EMU_M_SCALING_TYPE,             \
      EMU_M_STREAM_NAME, EMU_M_STREAM_ARN)

enum emu_op {
#define EMU_OP_ENUM(name, ...) EMU_OP_##name,
    EMU_OPS(EMU_OP_ENUM)
#undef EMU_OP_ENUM
        EMU_OP_COUNT
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
struct emu_shard *emu_call_shard(struct emu_call *c, struct emu_stream *s, struct span id);
// Counts a call against a rate a second; LimitExceededException beyond it, when limits are on.
bool emu_call_rate(struct emu_call *c, struct emu_bucket *b, double rate,
                   const struct emu_stream *s);
bool emu_call_shard_room(struct emu_call *c, uint32_t more);
struct span emu_stream_arn(const struct emu_call *c, const struct emu_stream *s);
// A Shard structure.
void emu_out_shard(struct emu_out *o, const struct emu_shard *sh);
void emu_out_hash_range(struct emu_out *o, const struct emu_shard *sh);
void emu_out_shard_id(struct emu_out *o, const char *key, uint32_t index);

#define EMU_IN(c, id) (&(c)->in->f[EMU_M_##id])

#endif
