// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_DIRECTORY_H
#define PENSTOCK_STORE_DIRECTORY_H

// What the loop knows of every device: found by (kind, name) and by uuid, the keys and ids of its
// series, and of each series its latest value and its place in the head. Loop thread only.
//
// Start-up reads devices with their series lists still packed; a device's list is unpacked when it
// is first touched, a series gets its struct then or when the log names it.

#include "base/arena.h"
#include "store/db.h"
#include "store/hashidx.h"
#include "store/head.h"
#include "store/store.h"

// How far something new has come. A row is written by the first transaction submitted that touches
// it: others may have been begun earlier and be committed later, or never.
enum row_state { ROW_ABSENT, ROW_NEW, ROW_SUBMITTED, ROW_DURABLE };

struct series {
    struct head_cursor cursor;
    // Latest value: of the head only until `known`.
    int64_t latest_ts;
    uint64_t latest_bits; // bool, long or double; or a struct series_text *
    uint8_t latest_type;  // enum value_type; 0 = none
    uint8_t state;        // enum row_state
    bool known;
};

_Static_assert(sizeof(struct series) == 64, "a series fits a cache line");

struct series_text {
    size_t n;
    char p[];
};

struct series_ref {
    uint32_t key, series;
};

#define DEVICE_FEW 2 // series that need no allocation of their own

struct device {
    struct store_device pub; // first
    // What every point of the device needs: 32 bytes, in one cache line.
    struct series_ref *refs;
    struct series_ref few[DEVICE_FEW];
    uint32_t n_refs;
    uint32_t n_new : 27; // refs whose series is ROW_NEW
    uint32_t gone : 1;   // deleted: found no more, written to no more
    uint32_t state : 3;  // enum row_state
    uint32_t queued : 1; // in the list of what a commit has to write
    // The rest.
    struct span packed;     // series list as stored, until unpacked
    struct hashidx *by_key; // from DEVICE_REFS_SCAN refs on
    uint32_t cap_refs;
};

#define DEVICE_ALIGN 32
_Static_assert(offsetof(struct device, refs) % DEVICE_ALIGN == 0 &&
                   offsetof(struct device, packed) - offsetof(struct device, refs) == DEVICE_ALIGN,
               "what a point needs of its device lies in one cache line");

struct key_entry {
    struct span name;
    uint8_t state;
};

struct directory {
    struct arena arena;    // names
    struct device **slabs; // of DEVICE_SLAB devices, in the order they were added
    uint32_t n_devices, cap_slabs, n_gone;
    struct hashidx by_name, by_uuid;
    struct key_entry *keys; // by id; 0 is unused
    uint32_t n_keys, cap_keys;
    struct hashidx by_key;
    struct series **pages; // of SERIES_PAGE, made when first touched
    uint32_t cap_pages;
    uint32_t next_series; // all ids are below
    int64_t next_device;
};

#define DEVICE_SLAB 256
#define SERIES_PAGE 1024
#define DEVICE_REFS_SCAN 16

// Reads keys and devices. ERR_INVALID for rows that make no sense.
int directory_load(struct directory *dir, struct db *db, struct err *e);
// Ids below these are not given out: deleted devices had them.
void directory_skip(struct directory *dir, int64_t devices, int64_t series);
void directory_free(struct directory *dir);

static inline struct device *device_of(struct store_device *d)
{
    return (struct device *)d;
}
struct device *directory_find(const struct directory *dir, struct span name, bool is_asset);
struct device *directory_find_uuid(const struct directory *dir, struct uuid id);
struct device *directory_add(struct directory *dir, const struct store_device *d);

// The list of the device's series, unpacked.
void directory_unpack(struct directory *dir, struct device *d);
// NULL when the device has none of that key. `guess`: where in the list it may stand.
const struct series_ref *directory_find_series(struct directory *dir, struct device *d,
                                               struct span key, uint32_t guess);
const struct series_ref *directory_add_series(struct directory *dir, struct device *d,
                                              struct span key);
// By id; NULL when the id was never given out.
struct series *directory_series(struct directory *dir, uint32_t id);
// The same without looking at it: it may be ROW_ABSENT.
struct series *directory_slot(struct directory *dir, uint32_t id);
// The stored form of the device's series list, without those that are still ROW_NEW.
void directory_pack_series(struct directory *dir, const struct device *d, struct buf *out);

void series_set_latest(struct series *s, int64_t ts, const struct value *v);
// False when there is none. A span lies in the series, until it is set again.
bool series_get_latest(const struct series *s, struct store_point *out);

#endif
