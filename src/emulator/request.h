// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_REQUEST_H
#define PENSTOCK_EMULATOR_REQUEST_H

// The input of an operation: decoded from JSON or CBOR by its table of members, then checked
// against the constraints of the service model (2013-12-02), with the service's own texts. Pure.

#include <stdarg.h>

#include "emulator/stream.h"
#include "emulator/wire_in.h"

// Wire name, what it holds, its constraint (rules.c).
#define EMU_MEMBERS(X)                                                                             \
    X(STREAM_NAME, "StreamName", STRING, NAME)                                                     \
    X(STREAM_ARN, "StreamARN", STRING, ARN)                                                        \
    X(SHARD_COUNT, "ShardCount", INTEGER, POSITIVE)                                                \
    X(STREAM_MODE_DETAILS, "StreamModeDetails", MODE, NONE)                                        \
    X(STREAM_MODE, "StreamMode", STRING, STREAM_MODE)                                              \
    X(TAGS, "Tags", TAGS, TAGS)                                                                    \
    X(TAG_KEYS, "TagKeys", TAG_KEYS, TAG_KEYS)                                                     \
    X(MAX_RECORD_SIZE, "MaxRecordSizeInKiB", INTEGER, RECORD_KIB)                                  \
    X(ENFORCE_DELETION, "EnforceConsumerDeletion", BOOLEAN, NONE)                                  \
    X(LIMIT, "Limit", INTEGER, PAGE)                                                               \
    X(TAG_LIMIT, "Limit", INTEGER, TAG_PAGE)                                                       \
    X(MAX_RESULTS, "MaxResults", INTEGER, PAGE)                                                    \
    X(NEXT_TOKEN, "NextToken", STRING, TOKEN)                                                      \
    X(START_SHARD, "ExclusiveStartShardId", STRING, NAME)                                          \
    X(START_STREAM, "ExclusiveStartStreamName", STRING, NAME)                                      \
    X(START_TAG, "ExclusiveStartTagKey", STRING, TAG_KEY)                                          \
    X(CREATION_TIME, "StreamCreationTimestamp", TIMESTAMP, NONE)                                   \
    X(FILTER, "ShardFilter", FILTER, NONE)                                                         \
    X(FILTER_TYPE, "Type", STRING, FILTER_TYPE)                                                    \
    X(FILTER_SHARD, "ShardId", STRING, NAME)                                                       \
    X(FILTER_TIME, "Timestamp", TIMESTAMP, NONE)                                                   \
    X(DATA, "Data", BLOB, DATA)                                                                    \
    X(PARTITION_KEY, "PartitionKey", STRING, PARTITION_KEY)                                        \
    X(EXPLICIT_HASH_KEY, "ExplicitHashKey", STRING, HASH_KEY)                                      \
    X(ORDERING, "SequenceNumberForOrdering", STRING, SEQUENCE)                                     \
    X(RECORDS, "Records", ENTRIES, ENTRIES)                                                        \
    X(SHARD_ID, "ShardId", STRING, NAME)                                                           \
    X(ITERATOR_TYPE, "ShardIteratorType", STRING, ITERATOR_TYPE)                                   \
    X(START_SEQUENCE, "StartingSequenceNumber", STRING, SEQUENCE)                                  \
    X(TIMESTAMP, "Timestamp", TIMESTAMP, NONE)                                                     \
    X(ITERATOR, "ShardIterator", STRING, ITERATOR)                                                 \
    X(SPLIT_SHARD, "ShardToSplit", STRING, NAME)                                                   \
    X(NEW_HASH_KEY, "NewStartingHashKey", STRING, HASH_KEY)                                        \
    X(MERGE_SHARD, "ShardToMerge", STRING, NAME)                                                   \
    X(ADJACENT_SHARD, "AdjacentShardToMerge", STRING, NAME)                                        \
    X(TARGET_COUNT, "TargetShardCount", INTEGER, POSITIVE)                                         \
    X(SCALING_TYPE, "ScalingType", STRING, SCALING_TYPE)                                           \
    X(RETENTION_HOURS, "RetentionPeriodHours", INTEGER, RETENTION)                                 \
    X(CONSUMER_NAME, "ConsumerName", STRING, NAME)                                                 \
    X(CONSUMER_ARN, "ConsumerARN", STRING, CONSUMER_ARN)                                           \
    X(POSITION, "StartingPosition", POSITION, NONE)                                                \
    X(POSITION_TYPE, "Type", STRING, ITERATOR_TYPE)                                                \
    X(POSITION_SEQUENCE, "SequenceNumber", STRING, SEQUENCE)                                       \
    X(POSITION_TIME, "Timestamp", TIMESTAMP, NONE)

enum emu_member {
#define EMU_MEMBER_ENUM(id, name, type, rule) EMU_M_##id,
    EMU_MEMBERS(EMU_MEMBER_ENUM)
#undef EMU_MEMBER_ENUM
        EMU_M_COUNT
};

#define EMU_INPUT_MAX 8                         // members of one operation, the nested ones aside
#define EMU_ENTRIES_MAX 500                     // PutRecords
#define EMU_TAGS_A_CALL_MAX 200                 // AddTagsToStream, CreateStream
#define EMU_TAG_KEYS_MAX 50                     // RemoveTagsFromStream
#define EMU_RECORDS_MAX 10000                   // GetRecords, ListShards: largest page
#define EMU_KEY_MAX 256                         // partition key, characters
#define EMU_REQUEST_DATA_MAX ((size_t)10 << 20) // PutRecords: data and keys; GetRecords: a page

// An operation's members in order; required ones first.
struct emu_shape {
    uint8_t member[EMU_INPUT_MAX];
    uint8_t n;
    uint8_t required; // how many of the first must be there
};

struct emu_field {
    bool set;
    bool b;
    int64_t i; // integers; timestamps in ms
    struct span s;
};

struct emu_entry {
    struct emu_field key, data, hash_key;
};

struct emu_input {
    struct emu_field f[EMU_M_COUNT];
    // One more than the largest number is kept, so that a check can see it is too many.
    struct emu_entry *entries;
    uint32_t n_entries;
    struct emu_tag *tags;
    uint32_t n_tags;
    struct span *tag_keys;
    uint32_t n_tag_keys;
};

struct emu_error {
    const char *code;    // NULL = none
    int status;          // HTTP
    struct span message; // p == NULL: none
};

// Sets an error with status 400; the message is formatted into the arena. Returns false.
bool emu_fail(struct emu_error *e, struct arena *arena, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
bool emu_vfail(struct emu_error *e, struct arena *arena, const char *code, const char *fmt,
               va_list ap);

// Decodes the body: SerializationException on a malformed one or on a wrong type.
bool emu_input_decode(const struct emu_shape *shape, bool cbor, struct span body,
                      struct arena *arena, struct emu_input *out, struct emu_error *e);
// Checks the members' constraints: ValidationException that names every broken one (at most 10).
bool emu_input_check(const struct emu_shape *shape, const struct emu_input *in, struct arena *arena,
                     struct emu_error *e);

const char *emu_member_name(enum emu_member m);
// Characters (code points) of valid UTF-8.
size_t emu_characters(struct span s);

// What rules.c shares with request.c.
enum emu_type {
    EMU_T_STRING,
    EMU_T_INTEGER,
    EMU_T_BOOLEAN,
    EMU_T_TIMESTAMP,
    EMU_T_BLOB,
    EMU_T_ENTRIES,
    EMU_T_TAGS,
    EMU_T_TAG_KEYS,
    EMU_T_FILTER,
    EMU_T_MODE,
    EMU_T_POSITION,
};
enum emu_type emu_member_type(enum emu_member m);
// The members of a structure's type; NULL for the other types.
const struct emu_shape *emu_nested_shape(enum emu_type type);

#endif
