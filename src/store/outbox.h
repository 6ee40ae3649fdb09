// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_OUTBOX_H
#define PENSTOCK_STORE_OUTBOX_H

// The outbox in the database: chunks, each a few hundred downlinks of one integration in one row,
// because what a commit costs is the pages it dirties. The writer thread gathers what the
// transactions of one commit add; chunks go whole, or are rewritten with the rows that are left.

#include "store/pack.h"
#include "store/store.h"

// A chunk is closed at this size; one larger row makes a chunk of its own.
#define OUTBOX_CHUNK_BYTES ((size_t)128 * 1024)
#define OUTBOX_CHUNK_ROWS 500
// Integrations gathered at once; one more, and all chunks are written.
#define OUTBOX_OPEN_CHUNKS 8
// A read stops after the chunk that makes it this large.
#define OUTBOX_READ_BYTES ((size_t)1024 * 1024)

struct db;
struct read_job;
struct writer;

struct outbox_open_chunk {
    struct uuid integration;
    struct buf data;
    uint32_t rows;
};
struct outbox_open {
    struct outbox_open_chunk chunks[OUTBOX_OPEN_CHUNKS];
    uint32_t n;
};

// One row's fields; without its integration.
void outbox_pack_row(struct buf *b, const struct store_outbox_row *r);
struct store_outbox_row outbox_unpack_row(struct unpack *u);

// Operations of a commit, on the writer thread. Gathered rows are written by outbox_write_open().
int outbox_run_add(struct writer *w, struct unpack *u) MUST_CHECK;
int outbox_run_remove(struct writer *w, struct unpack *u) MUST_CHECK;
int outbox_run_keep(struct writer *w, struct unpack *u) MUST_CHECK;
int outbox_run_delete(struct writer *w, struct unpack *u) MUST_CHECK;
int outbox_write_open(struct writer *w) MUST_CHECK;
void outbox_drop_open(struct writer *w); // gathered, not to be written
void outbox_free_open(struct writer *w);

// Start-up: ids and rows of a database whose outbox had a row a downlink become chunks.
int outbox_import(struct writer *w) MUST_CHECK;

// STORE_READ_OUTBOX, inside a read transaction.
int outbox_read(struct db *db, struct read_job *job) MUST_CHECK;

#endif
