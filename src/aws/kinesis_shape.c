// SPDX-License-Identifier: Apache-2.0
#include "aws/kinesis_shape.h"

// Service limits: GetRecords gives at most 10,000 records, ListShards 10,000 shards, PutRecords
// takes 500; a child has at most two parents.
#define PARENTS_MAX 16

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define SHAPE(table) {table, COUNT(table)}
#define FIELD(kind, type, name, member)                                                            \
    {SPAN_INIT(name), kind, offsetof(struct type, member), 0, 0, 0, NULL}
#define OBJECT(name, shape) {SPAN_INIT(name), FIELD_OBJECT, 0, 0, 0, 0, &(shape)}
#define LIST(type, name, member, count, item, max, shape)                                          \
    {SPAN_INIT(name),                                                                              \
     FIELD_LIST,                                                                                   \
     offsetof(struct type, member),                                                                \
     offsetof(struct type, count),                                                                 \
     sizeof(item),                                                                                 \
     max,                                                                                          \
     shape}
#define SPAN_INIT(literal) {"" literal, sizeof(literal) - 1}

// Items a first guess allots when the body does not say how many come: no fewer than these, then
// one for each so many bytes left.
#define LIST_GUESS_MIN 8
#define LIST_GUESS_BYTES 512

static const struct field record_fields[] = {
    FIELD(FIELD_TEXT, kinesis_record, "SequenceNumber", sequence_number),
    FIELD(FIELD_TIME, kinesis_record, "ApproximateArrivalTimestamp", arrival_ms),
    FIELD(FIELD_BYTES, kinesis_record, "Data", data),
    FIELD(FIELD_TEXT, kinesis_record, "PartitionKey", partition_key),
};
static const struct shape record_shape = SHAPE(record_fields);

static const struct field hash_range_fields[] = {
    FIELD(FIELD_TEXT, kinesis_shard, "StartingHashKey", starting_hash_key),
    FIELD(FIELD_TEXT, kinesis_shard, "EndingHashKey", ending_hash_key),
};
static const struct shape hash_range_shape = SHAPE(hash_range_fields);

static const struct field sequence_range_fields[] = {
    FIELD(FIELD_TEXT, kinesis_shard, "StartingSequenceNumber", starting_sequence_number),
    FIELD(FIELD_TEXT, kinesis_shard, "EndingSequenceNumber", ending_sequence_number),
};
static const struct shape sequence_range_shape = SHAPE(sequence_range_fields);

static const struct field shard_fields[] = {
    FIELD(FIELD_TEXT, kinesis_shard, "ShardId", shard_id),
    FIELD(FIELD_TEXT, kinesis_shard, "ParentShardId", parent_id),
    FIELD(FIELD_TEXT, kinesis_shard, "AdjacentParentShardId", adjacent_parent_id),
    OBJECT("HashKeyRange", hash_range_shape),
    OBJECT("SequenceNumberRange", sequence_range_shape),
    LIST(kinesis_shard, "ParentShards", parents, n_parents, struct span, PARENTS_MAX, NULL),
};
static const struct shape shard_shape = SHAPE(shard_fields);

static const struct field get_records_fields[] = {
    LIST(kinesis_output, "Records", records, n_records, struct kinesis_record, KINESIS_RECORDS_MAX,
         &record_shape),
    FIELD(FIELD_TEXT, kinesis_output, "NextShardIterator", iterator),
    FIELD(FIELD_INT, kinesis_output, "MillisBehindLatest", millis_behind),
    LIST(kinesis_output, "ChildShards", shards, n_shards, struct kinesis_shard, KINESIS_SHARDS_MAX,
         &shard_shape),
};

static const struct field put_result_fields[] = {
    FIELD(FIELD_TEXT, kinesis_put_result, "SequenceNumber", sequence_number),
    FIELD(FIELD_TEXT, kinesis_put_result, "ShardId", shard_id),
    FIELD(FIELD_TEXT, kinesis_put_result, "ErrorCode", error_code),
    FIELD(FIELD_TEXT, kinesis_put_result, "ErrorMessage", error_message),
};
static const struct shape put_result_shape = SHAPE(put_result_fields);

static const struct field put_records_fields[] = {
    FIELD(FIELD_INT, kinesis_output, "FailedRecordCount", failed_count),
    LIST(kinesis_output, "Records", results, n_results, struct kinesis_put_result,
         KINESIS_PUT_RECORDS_MAX, &put_result_shape),
};

static const struct field list_shards_fields[] = {
    LIST(kinesis_output, "Shards", shards, n_shards, struct kinesis_shard, KINESIS_SHARDS_MAX,
         &shard_shape),
    FIELD(FIELD_TEXT, kinesis_output, "NextToken", next_token),
};

static const struct field get_shard_iterator_fields[] = {
    FIELD(FIELD_TEXT, kinesis_output, "ShardIterator", iterator),
};

static const struct field summary_fields[] = {
    FIELD(FIELD_TEXT, kinesis_output, "StreamARN", stream_arn),
    FIELD(FIELD_TEXT, kinesis_output, "StreamStatus", stream_status),
    FIELD(FIELD_INT, kinesis_output, "RetentionPeriodHours", retention_hours),
    FIELD(FIELD_TIME, kinesis_output, "StreamCreationTimestamp", created_ms),
    FIELD(FIELD_INT, kinesis_output, "OpenShardCount", open_shards),
};
static const struct shape summary_shape = SHAPE(summary_fields);
static const struct field describe_summary_fields[] = {
    OBJECT("StreamDescriptionSummary", summary_shape),
};

static const struct field consumer_fields[] = {
    FIELD(FIELD_TEXT, kinesis_output, "ConsumerARN", consumer_arn),
    FIELD(FIELD_TEXT, kinesis_output, "ConsumerStatus", consumer_status),
};
static const struct shape consumer_shape = SHAPE(consumer_fields);
static const struct field register_consumer_fields[] = {
    OBJECT("Consumer", consumer_shape),
};
static const struct field describe_consumer_fields[] = {
    OBJECT("ConsumerDescription", consumer_shape),
};

static const struct field event_fields[] = {
    LIST(kinesis_output, "Records", records, n_records, struct kinesis_record, KINESIS_RECORDS_MAX,
         &record_shape),
    FIELD(FIELD_TEXT, kinesis_output, "ContinuationSequenceNumber", iterator),
    FIELD(FIELD_INT, kinesis_output, "MillisBehindLatest", millis_behind),
    LIST(kinesis_output, "ChildShards", shards, n_shards, struct kinesis_shard, KINESIS_SHARDS_MAX,
         &shard_shape),
};

static const struct shape shapes[KINESIS_OP_COUNT] = {
    [KINESIS_DESCRIBE_STREAM_SUMMARY] = SHAPE(describe_summary_fields),
    [KINESIS_LIST_SHARDS] = SHAPE(list_shards_fields),
    [KINESIS_GET_SHARD_ITERATOR] = SHAPE(get_shard_iterator_fields),
    [KINESIS_GET_RECORDS] = SHAPE(get_records_fields),
    [KINESIS_PUT_RECORDS] = SHAPE(put_records_fields),
    [KINESIS_REGISTER_STREAM_CONSUMER] = SHAPE(register_consumer_fields),
    [KINESIS_DESCRIBE_STREAM_CONSUMER] = SHAPE(describe_consumer_fields),
    [KINESIS_SUBSCRIBE_TO_SHARD] = SHAPE(event_fields),
};

const struct shape *kinesis_shape(enum kinesis_op op)
{
    return &shapes[op];
}

bool shape_list_begin(struct shape_list *l, const struct field *f, void *target, struct arena *a,
                      size_t body_left, size_t count)
{
    char *before;
    memcpy(&before, field_at(target, f->offset), sizeof before);
    if (before) {
        return false;
    }
    size_t guess = count != SIZE_MAX ? count : LIST_GUESS_MIN + body_left / LIST_GUESS_BYTES;
    *l = (struct shape_list){.field = f, .arena = a};
    l->cap = guess < f->max_items ? guess : f->max_items;
    l->items = l->cap ? arena_alloc(a, l->cap * f->item_size) : NULL;
    return true;
}

void *shape_list_next(struct shape_list *l)
{
    size_t size = l->field->item_size;
    if (l->n == l->field->max_items) {
        return NULL;
    }
    if (l->n == l->cap) {
        size_t cap = l->cap < LIST_GUESS_MIN ? LIST_GUESS_MIN : l->cap * 2;
        cap = cap < l->field->max_items ? cap : l->field->max_items;
        l->items = arena_grow(l->arena, l->items, l->n * size, cap * size);
        l->cap = cap;
    }
    return memset(l->items + l->n++ * size, 0, size);
}

void shape_list_end(struct shape_list *l, void *target)
{
    memcpy(field_at(target, l->field->offset), &l->items, sizeof l->items);
    *(size_t *)field_at(target, l->field->count_offset) = l->n;
}
