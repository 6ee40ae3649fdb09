// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_TXN_H
#define PENSTOCK_STORE_TXN_H

// A transaction as the loop builds it and the writer thread reads it: packed operations in order,
// and one piece of points in the form of the log (store/points.h). Ownership moves; the two threads
// never hold it at once.

#include "store/directory.h"
#include "store/points.h"

enum txn_op {
    OP_KEY = 1, // id, name
    OP_DEVICE,  // id, uuid, is_asset, name, label, profile, created, packed series
    OP_SERIES,  // device id, packed series
    OP_ATTRIBUTE,
    OP_DELETE_ATTRIBUTE,
    OP_CHECKPOINT,
    OP_DELETE_CHECKPOINTS,
    OP_OUTBOX_ADD,
    OP_OUTBOX_REMOVE,
    OP_OUTBOX_KEEP,
    OP_DELETE_OUTBOX,
    OP_DEAD_LETTER,
    OP_DEAD_FAILED,
    OP_DEAD_REMOVE,
    OP_DELETE_DEAD,
    OP_PUT_DOC,
    OP_DELETE_DOC,
    OP_UPDATE_DEVICE,
    OP_DELETE_DEVICE // id, and the ids that were not given out yet of devices and series
};

// How OP_ATTRIBUTE treats a row that is there; flags.
#define TXN_ONLY_CHANGED 1
#define TXN_KEEP_NEWER 2

// Something that was ROW_NEW when the transaction first touched it.
struct txn_touch {
    struct device *device;
    struct series_ref ref; // series 0: the device alone
};

struct store_txn {
    struct list link; // queue of the store, or list of the job
    struct store *store;
    struct buf ops, points;
    uint32_t n_points;
    bool keep_newer;
    struct points_log_state log;
    struct txn_touch *touches;
    uint32_t n_touches, cap_touches;
    uint64_t outbox_rows, outbox_bytes; // added
    void (*cb)(void *ctx, int status);
    void *ctx;
};

// Appends the rows that this transaction has to write for what is still ROW_NEW, and marks that
// ROW_SUBMITTED. Called for each transaction of a commit, in order.
struct txn_rows {
    struct directory *dir;
    struct buf ops;
    struct device **devices; // whose rows or series lists are to be written
    uint32_t n, cap;
};
void txn_submit_rows(struct store_txn *t, struct txn_rows *rows);
// After the last transaction of the commit: writes the operations.
void txn_finish_rows(struct txn_rows *rows);
// The commit is durable.
void txn_rows_durable(struct store_txn *t, struct directory *dir);

// One field of the operations: a value of any type.
void txn_pack_value(struct buf *b, const struct value *v);
struct value txn_unpack_value(struct unpack *u);

#endif
