// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_PUT_QUEUE_H
#define PENSTOCK_STREAM_PUT_QUEUE_H

// Which records of one stream go into the next PutRecords, and which wait. Pure.
//
// PutRecords does not keep order: of two records with one partition key the first may fail and the
// second be accepted. So a key has one record ready, delayed or in flight at most; the others of
// the key wait behind it, also while it is tried again. What is in flight goes in parcels, each one
// record of the call: with aggregation a parcel holds many records of one shard, in order, and then
// a key may have several in flight, all in one parcel.
//
//   put_queue_add -> [waiting behind its key] -> ready -> put_queue_take -> in flight
//     in flight -> put_queue_finish (the key's next becomes ready)
//               -> put_queue_delay  (a parcel: tried again later)
//               -> put_queue_return (the whole call failed)
//               -> put_queue_split  (the call was refused: find out which record it is)
//
// A shard is not sent more than it is thought to take (put_rate.h), and holds no other up.
// Source of limits: facts/wire.md section 4, of a parcel: facts/kcl.md section 5.

#include "base/map.h"
#include "stream/producer.h"
#include "stream/put_shards.h"

#define PUT_MAX_RECORDS 500
#define PUT_MAX_ENTRIES 10000                    // of the parcels of a call together
#define PUT_MAX_BYTES ((size_t)10 * 1024 * 1024) // data and keys, of a call and of a record
#define PUT_PARCEL_BYTES 51200
#define PUT_PARCEL_OVERHEAD 24 // of a record in a parcel, at most
#define PUT_MAX_KEY_CHARS 256  // Unicode characters
#define PUT_MAX_STREAM_NAME 128
#define PUT_MAX_STREAM_ARN 2048
#define PUT_BACKOFF_MS 100      // of a call
#define PUT_RECORD_BACKOFF_MS 5 // at first: a key waits for it
#define PUT_LEVELS 14           // lists of delayed records, by number of tries

struct put_queue_options {
    double shard_records, shard_bytes; // a second and shard; 0 = no limit
    bool aggregate;
};

// Records of one call.
struct put_batch {
    struct list entries; // by parcel: producer_entry.parcel counts from 0
    size_t n, n_parcels;
    size_t bytes;
    bool apart; // part of a refused call
};

struct put_queue {
    struct put_shards shards;
    bool aggregate;
    struct map keys;
    size_t n_ready, ready_bytes;
    int64_t ready_since_ms; // when nothing was ready last
    struct list parts;      // of refused calls, each sent by itself
    struct list levels[PUT_LEVELS];
    size_t n; // added and not finished
};

// Whether the service can take this record at all; says what is wrong.
int put_check(const struct producer_entry *en, struct err *e);
size_t put_size(const struct producer_entry *en);

void put_queue_init(struct put_queue *q, const struct put_queue_options *o, int64_t now_ms);
void put_queue_deinit(struct put_queue *q); // must be empty
// A listing of the stream's shards, as put_shards_set().
int put_queue_set_shards(struct put_queue *q, const struct kinesis_shard *listed, size_t n,
                         int64_t now_ms) MUST_CHECK;
// What is known of them is wrong, and there is no listing.
void put_queue_forget_shards(struct put_queue *q, int64_t now_ms);
void put_queue_add(struct put_queue *q, struct producer_entry *en, int64_t now_ms);
// Makes delayed records whose time has come ready.
void put_queue_wake(struct put_queue *q, int64_t now_ms);
// When the first delayed record is due; INT64_MAX = none is.
int64_t put_queue_due(const struct put_queue *q);
// When a record that is ready may be sent: now_ms or later; INT64_MAX = none is ready.
int64_t put_queue_sendable(struct put_queue *q, int64_t now_ms);
// A batch that is full, or a part: nothing is gained by waiting for more.
bool put_queue_has_full(const struct put_queue *q);
// False when nothing may be sent.
bool put_queue_take(struct put_queue *q, struct put_batch *out, int64_t now_ms);

// After entries were taken out of a batch: counts what is left.
void put_batch_recount(struct put_batch *b);

// The entries given back below are linked nowhere (finish), or in the list or batch that is given.
void put_queue_finish(struct put_queue *q, struct producer_entry *en, int64_t now_ms);
// All entries of a parcel, in order.
void put_queue_delay(struct put_queue *q, struct list *parcel, int64_t due_ms);
void put_queue_return(struct put_queue *q, struct put_batch *b, int64_t now_ms);
// b->n > 1.
void put_queue_split(struct put_queue *q, struct put_batch *b);
// Takes out and finishes one entry that is ready or delayed; NULL = none is. Those behind a key
// whose record is in flight follow once that is finished.
struct producer_entry *put_queue_drain(struct put_queue *q);

#endif
