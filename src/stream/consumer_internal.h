// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_CONSUMER_INTERNAL_H
#define PENSTOCK_STREAM_CONSUMER_INTERNAL_H

// What consumer.c and the ways to read a shard share. The consumer owns readers (shard_source.h) by
// way of its shard map (shard_node.data); readers tell it what happened.

#include "base/log.h"
#include "stream/consumer.h"
#include "stream/fan_out.h"
#include "stream/shard_map.h"
#include "stream/stream_watch.h"

enum consumer_phase {
    CONSUMER_OPENING, // until the stream's identity is known
    CONSUMER_ASKING,  // until the owner has given the checkpoints
    CONSUMER_LISTING, // until the first listing
    CONSUMER_READING,
    CONSUMER_RENEWING // the stream was created anew: until nothing of the old one is out
};

struct shard_source;

struct consumer {
    struct loop *loop;
    struct kinesis *kinesis;
    struct budget *budget;
    const struct consumer_events *events;
    void *ctx;
    struct span stream_name;
    enum kinesis_iterator start;
    int64_t start_timestamp_ms;
    bool save_start;
    bool from_creation; // the stream was created again: LATEST stands for that moment
    int64_t created_ms; // ... by the service's clock
    int max_records;
    int64_t poll_ms;
    int calls_per_second;
    int64_t request_ms;
    unsigned ahead;
    bool background;
    int64_t silence_ms, subscription_ms;
    // How shards are read: shard_reader_new() or shard_subscriber_new().
    struct shard_source *(*source_new)(struct consumer *c, struct shard_node *node,
                                       int64_t delay_ms, bool opening);

    enum consumer_phase phase;
    bool stopped; // no new calls, no events
    bool closing;
    bool list_due; // the task is to start the listing
    void (*close_cb)(void *ctx);
    void *close_ctx;
    struct arena names; // what lives as long as the consumer
    struct buf identity, next_identity;
    struct stream_watch watch;
    struct fan_out fan_out; // started when shards are read by it
    struct shard_map map;
    struct loop_task task;
    size_t n_calls;   // readers' calls in flight
    size_t n_out;     // batches out
    size_t n_opening; // readers of the first listing without an iterator
    size_t n_failing; // readers that count as failing
    bool watch_failing, fan_out_failing;
    int reported; // last status given to the owner; 1 = none yet
    struct buf reported_text;
    struct log_limit log;      // of status
    struct log_limit call_log; // of readers' calls
};

// All may call the owner, who may stop or close the consumer in it: look at `stopped` after.
void consumer_hand_over(struct consumer *c, struct shard_batch *b);
void consumer_learn_children(struct consumer *c, struct shard_node *parent,
                             const struct kinesis_shard *shards, size_t n);
// All batches of the shard up to its end are acknowledged.
void consumer_shard_ended(struct consumer *c, struct shard_node *node);
// A reader went over to failing with this, or works again.
void consumer_reader_failing(struct consumer *c, int status, const char *text);
void consumer_reader_working(struct consumer *c);
// A call is over or a batch is back: something may have been waited for.
void consumer_settle(struct consumer *c);

#endif
