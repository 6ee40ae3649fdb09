// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_PRODUCER_INTERNAL_H
#define PENSTOCK_STREAM_PRODUCER_INTERNAL_H

// Internal to the producer: producer.c (streams, when to call), put_call.c (calls and their
// replies).

#include "base/log.h"
#include "stream/producer.h"
#include "stream/put_lister.h"
#include "stream/put_queue.h"

struct put_stream {
    struct producer *p;
    struct list link;
    struct list idle_link; // producer.idle, since idle_ms
    int64_t idle_ms;
    struct span id; // name or ARN, in bytes[]
    bool is_arn;
    struct put_queue queue;
    struct put_lister lister;
    struct list unsure; // of struct put_unsure
    unsigned n_calls;
    unsigned failures;  // calls in a row that put nothing on the stream
    bool failing;       // reported
    int64_t success_ms; // of the last call that put something on the stream
    int64_t gate_ms;    // no call before
    struct timer timer;
    struct loop_task task;
    char bytes[];
};

struct producer {
    struct loop *loop;
    struct kinesis *kinesis;
    unsigned in_flight;
    int64_t linger_ms;
    int64_t max_backoff_ms;
    bool predict;
    struct put_queue_options queue;
    void (*on_status)(void *ctx, int status, const char *text);
    void *ctx;
    struct list streams;
    struct list idle; // those with nothing to do, the longest so first
    size_t n_idle;
    struct map by_id;
    size_t n_pending;
    size_t n_failing;
    struct producer_stats stats;
    struct log_limit log;
    bool closing;
    struct loop_task close_task;
    void (*close_cb)(void *ctx);
    void *close_ctx;
};

static inline struct producer_entry *producer_entry_of(struct list *it)
{
    return container_of(it, struct producer_entry, link);
}

// producer.c
void producer_step(struct put_stream *s);
void producer_continue_close(struct producer *p);
void producer_finish_entry(struct producer *p, struct producer_entry *en, int status,
                           const char *error);
void producer_note_success(struct put_stream *s);
void producer_note_failure(struct put_stream *s, int status, const struct aws_error *error);

// put_call.c
// Starts a call with what may be sent now.
void put_call_start(struct put_stream *s);
// The stream's shards are known anew, or (failed) not known: what becomes of the aggregates that
// came down in another shard than predicted.
void put_call_settle_unsure(struct put_stream *s, bool failed);

#endif
