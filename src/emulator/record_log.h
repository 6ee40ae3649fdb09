// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_RECORD_LOG_H
#define PENSTOCK_EMULATOR_RECORD_LOG_H

// The records of one shard: append-only blocks that hold each record in the very CBOR bytes that a
// GetRecords reply carries, so that a page of any size is a few memcpy() calls. Records are
// numbered from 1 (the index field of their sequence numbers). No allocation per record.
//
// A store owns the blocks of all shards, in order of age, and drops the oldest beyond its cap.
// One thread at a time.

#include "base/buf.h"
#include "base/list.h"
#include "emulator/sequence.h"

#define EMU_BLOCK_MIN ((size_t)16 << 10)
#define EMU_BLOCK_MAX ((size_t)1 << 20)
#define EMU_BLOCK_HARD_MAX ((size_t)64 << 20) // a record larger than a block gets its own

struct emu_store {
    struct list blocks; // struct emu_block.age, oldest first
    size_t bytes;
    size_t cap;
    uint64_t evicted; // records dropped by the cap
};

struct emu_block;

struct emu_log {
    struct emu_store *store;
    struct list blocks;   // struct emu_block.link, in order
    uint64_t first, next; // records [first, next) are kept
    int64_t last_ms;      // arrival of the newest record ever
};

void emu_store_init(struct emu_store *s, size_t cap);

void emu_log_init(struct emu_log *l, struct emu_store *s);
void emu_log_free(struct emu_log *l);

// Adds the record numbered l->next. arrival_ms never falls within a log. data and key together stay
// below EMU_BLOCK_HARD_MAX - 64 KiB (the service's own limits are far lower).
void emu_log_append(struct emu_log *l, const char sequence[EMU_SEQUENCE_LEN], int64_t arrival_ms,
                    struct span key, struct span data);
// Drops the records that arrived before cutoff_ms.
void emu_log_trim(struct emu_log *l, int64_t cutoff_ms);
// Number of the first kept record that arrived at or after ms; l->next when there is none.
uint64_t emu_log_at(const struct emu_log *l, int64_t ms);
// Arrival of a kept record.
int64_t emu_log_arrival(const struct emu_log *l, uint64_t index);

// A run of records that one reply carries.
struct emu_page {
    uint64_t first, end; // [first, end)
    size_t cbor_bytes;   // encoded
    size_t payload;      // data and keys
};
// From record `from` (or the first kept one beyond it): at most `limit` records and max_payload
// bytes of data and keys, but at least one when there is one.
struct emu_page emu_log_page(const struct emu_log *l, uint64_t from, size_t limit,
                             size_t max_payload);
// Appends the page's records, back to back, each a CBOR map of four members.
void emu_log_copy(const struct emu_log *l, const struct emu_page *page, struct buf *out);

struct emu_record {
    struct span sequence, data, key; // valid until the log changes
    int64_t arrival_ms;
};
// Walks a page: zero the cursor, call until false.
struct emu_cursor {
    const struct emu_block *block;
    uint64_t at;
};
bool emu_log_next(const struct emu_log *l, const struct emu_page *page, struct emu_cursor *c,
                  struct emu_record *out);

#endif
