// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_STREAM_CONSUMER_OWNER_H
#define PENSTOCK_TEST_STREAM_CONSUMER_OWNER_H

// The owner of a consumer in tests: takes batches, applies them in one step with their position
// (its "database"), acknowledges, restarts from what it has saved. It checks what every owner
// relies on: per shard each record once and in order, parents before children, `ahead`, budget.

#include "base/budget.h"
#include "fake_kinesis.h"
#include "stream/consumer.h"

struct owner_shard {
    char stream[128];
    char id[32];
    char position[64];
    uint64_t sub_sequence;
    bool end;
    int64_t next; // place of the record that must come next; -1 = any
    unsigned out; // batches handed over and not acknowledged
    uint64_t applied;
};

#define OWNER_MAX_SHARDS 1400

enum owner_event { OWNER_NOTHING, OWNER_STREAM, OWNER_BATCH, OWNER_STATUS };

struct owner {
    struct loop loop;
    struct kinesis kinesis;
    struct budget budget;
    struct consumer_options options;
    struct consumer *consumer; // NULL = none
    struct owner_shard shards[OWNER_MAX_SHARDS];
    size_t n_shards;
    struct list out; // batches
    size_t n_out;
    struct timer ack_timer;
    uint64_t random_state;

    bool hold;                 // do not acknowledge by itself
    int64_t ack_ms;            // acknowledge after at most this
    bool ack_at_once;          // inside on_batch
    bool answer_late;          // owner_answer() gives the checkpoints
    bool check_parents;        // a shard's parents must have ended before it starts
    bool lossless;             // a shard that starts at TRIM_HORIZON begins with its first record
    enum owner_event close_in; // close the consumer inside this callback

    char identity[128];
    unsigned n_streams, n_statuses, n_batches, n_starts;
    int status; // 1 = none yet
    char text[600];
    uint64_t n_applied;
    bool closed;
    size_t most_out;
};

void owner_init(struct owner *o, uint64_t seed, enum kinesis_iterator start);
// Closes what is open.
void owner_deinit(struct owner *o);
void owner_start(struct owner *o);
void owner_answer(struct owner *o);
void owner_ack(struct owner *o, bool apply);
// Acknowledges the last one that was handed over, without applying it; or applies it.
void owner_drop_last(struct owner *o);
void owner_take_last(struct owner *o);
void owner_ack_all(struct owner *o);
// As if the process had died: what is not applied is forgotten.
void owner_crash(struct owner *o);
// As a process ends: stop, finish what is out, close.
void owner_shut_down(struct owner *o);
struct owner_shard *owner_shard(struct owner *o, const char *id);
struct shard_status owner_status(const struct owner *o, const char *id);

#endif
