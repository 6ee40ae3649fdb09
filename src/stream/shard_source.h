// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_SHARD_SOURCE_H
#define PENSTOCK_STREAM_SHARD_SOURCE_H

// What reading a shard has in common, whichever way its records come: the cursor, batches out and
// back, user records of aggregates, the shard's end, failures and status. The ways are
// shard_reader.h (asks) and shard_subscriber.h (is told); each embeds a shard_source and gives it
// the operations below. Loop thread only.
//
// Happy path: step() is called whenever something may have changed; a way that has a reply gives it
// to shard_source_take(), and shard_source_may_read() cuts it into batches as the owner takes them.
// The end of the shard is believed when its children are known or it was closed before;
// else, and when the service does not know the shard, the next listing tells.

#include "stream/consumer_internal.h"
#include "stream/shard_cursor.h"
#include "stream/unpack.h"

struct shard_source;

struct shard_source_ops {
    // Finds out what is next and does it.
    void (*step)(struct shard_source *s);
    // No new calls; cancels what is in flight.
    void (*halt)(struct shard_source *s);
    // Halted, nothing in flight: frees what is its own, and the memory `s` lies in.
    void (*free)(struct shard_source *s);
    // The last batch is back: nothing but what is waited for is held now.
    void (*on_empty)(struct shard_source *s);
    // The cursor may be somewhere else than the last call said: forget an iterator or the like.
    void (*rewind)(struct shard_source *s);
    // Until when it waits after a failure.
    int64_t (*backoff_until)(const struct shard_source *s);
    bool (*is_starting)(const struct shard_source *s);
    // It would go on if the budget had room.
    bool (*waits_for_room)(const struct shard_source *s);
    // What was last read makes no sense: the next call waits as after a failure.
    void (*back_off)(struct shard_source *s);
};

struct shard_source {
    const struct shard_source_ops *ops;
    struct consumer *c;
    struct shard_node *node;
    struct loop_task task;
    bool halted;

    struct shard_cursor cursor;
    uint64_t sub_sequence;     // of the last batch handed over
    struct shard_reply *reply; // has user records that are not handed over; NULL = none

    bool known_closed; // before the call in flight
    bool at_end;       // what was read last said that it ends the shard
    bool in_doubt;     // ... and named no children: a listing has to tell
    bool missing;      // the service does not know the shard: a listing has to tell
    unsigned round;    // ... of a later round than this one
    bool end_out;      // the last batch has been handed over
    bool end_acked;
    unsigned n_out;

    int64_t millis_behind, last_arrival_ms, answered_ms, error_ms;
    uint64_t records, bytes, calls, throttles, errors, foreign, broken;
    unsigned failed_in_a_row;
    bool failing; // counted by the consumer
    bool opening; // counted by the consumer: not reading yet
    char *error_text;
    bool has_error;
};

// `opening`: the consumer is not reading before this one has shard_source_opened().
void shard_source_init(struct shard_source *s, const struct shard_source_ops *ops,
                       struct consumer *c, struct shard_node *node, bool opening);

// For the consumer -------------------------------------------------------------------------------

void shard_source_halt(struct shard_source *s);
// Nothing may be in flight or out.
void shard_source_free(struct shard_source *s);
// The shard map has learnt a new listing, which may settle a doubt.
void shard_source_on_listing(struct shard_source *s);
void shard_source_ack(struct shard_source *s, struct shard_batch *b);
void shard_source_status(const struct shard_source *s, struct shard_status *out);

// For the ways -----------------------------------------------------------------------------------

// step() soon, from the loop.
void shard_source_kick(struct shard_source *s);
// Whether it may use what the budget keeps for those who have nothing.
static inline bool shard_source_is_first(const struct shard_source *s)
{
    return s->n_out == 0 && !s->c->background;
}
// Hands over what is read and not handed over yet. Whether more may be read now. Calls the owner.
bool shard_source_may_read(struct shard_source *s);
// A call begins.
void shard_source_begin_call(struct shard_source *s);
// Reading goes on where the cursor says. `latest`: this is the moment that LATEST means.
void shard_source_opened(struct shard_source *s, bool latest);
// Takes over the records of *out and `held` bytes of the budget that are spent for it, passes what
// was read before, and moves the cursor. `end`: the reply says that nothing comes after it.
// Calls the owner; step() again after.
void shard_source_take(struct shard_source *s, struct kinesis_output *out, size_t held, bool end);
void shard_source_note_success(struct shard_source *s);
// For status and log: a call failed that reading does not hang on.
void shard_source_note_setback(struct shard_source *s, enum kinesis_op op, int status,
                               const struct aws_error *error);
// For status and log, after the way has set its back-off. Calls the owner.
void shard_source_note_failure(struct shard_source *s, enum kinesis_op op, int status,
                               const struct aws_error *error);
// The service refused the shard or the place in it; a listing may be asked whether it is gone.
void shard_source_note_refusal(struct shard_source *s, const struct aws_error *error);
// The iterator is of no use any more; a listing may be asked whether the stream is the same still.
void shard_source_note_lost(struct shard_source *s);

#endif
