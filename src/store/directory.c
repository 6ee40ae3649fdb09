// SPDX-License-Identifier: Apache-2.0
#include "store/directory.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "store/pack.h"

static void *aligned_zalloc(size_t align, size_t n)
{
    void *p;
    require(posix_memalign(&p, align, n) == 0);
    return memset(p, 0, n);
}

static struct device *device_at(const struct directory *dir, uint32_t i)
{
    return &dir->slabs[i / DEVICE_SLAB][i % DEVICE_SLAB];
}

static uint64_t name_hash(struct span name, bool is_asset)
{
    // Devices and assets may have the same names.
    return map_hash(name) ^ (is_asset ? 0x9e3779b97f4a7c15u : 0);
}

struct device *directory_find(const struct directory *dir, struct span name, bool is_asset)
{
    uint64_t hash = name_hash(name, is_asset);
    uint32_t i;
    for (size_t at = 0; hashidx_next(&dir->by_name, hash, &at, &i);) {
        struct device *d = device_at(dir, i);
        if (d->pub.is_asset == is_asset && span_eq(d->pub.name, name) && !d->gone)
            return d;
    }
    return NULL;
}

struct device *directory_find_uuid(const struct directory *dir, struct uuid id)
{
    uint64_t hash = map_hash(uuid_span(&id));
    uint32_t i;
    for (size_t at = 0; hashidx_next(&dir->by_uuid, hash, &at, &i);) {
        struct device *d = device_at(dir, i);
        if (uuid_eq(d->pub.uuid, id) && !d->gone)
            return d;
    }
    return NULL;
}

static struct device *new_device(struct directory *dir)
{
    uint32_t i = dir->n_devices++, slab = i / DEVICE_SLAB;
    if (slab == dir->cap_slabs) {
        dir->cap_slabs = slab ? slab * 2 : 4;
        dir->slabs = mem_realloc(dir->slabs, dir->cap_slabs * sizeof *dir->slabs);
    }
    if (i % DEVICE_SLAB == 0)
        dir->slabs[slab] = aligned_zalloc(DEVICE_ALIGN, DEVICE_SLAB * sizeof(struct device));
    return device_at(dir, i);
}

// Copies what `d` names. Its id, or 0 = the next.
struct device *directory_add(struct directory *dir, const struct store_device *d)
{
    uint32_t i = dir->n_devices;
    struct device *n = new_device(dir);
    n->pub = *d;
    n->pub.internal = n;
    n->pub.name = arena_span(&dir->arena, d->name);
    n->pub.label = arena_span(&dir->arena, d->label);
    n->state = d->durable ? ROW_DURABLE : ROW_NEW;
    if (n->pub.id == 0)
        n->pub.id = dir->next_device;
    if (n->pub.id >= dir->next_device)
        dir->next_device = n->pub.id + 1;
    hashidx_add(&dir->by_name, name_hash(n->pub.name, n->pub.is_asset), i);
    hashidx_add(&dir->by_uuid, map_hash(uuid_span(&n->pub.uuid)), i);
    return n;
}

// Keys --------------------------------------------------------------------------------------------

static void put_key(struct directory *dir, uint32_t id, struct span name, enum row_state state)
{
    if (id >= dir->cap_keys) {
        uint32_t cap = dir->cap_keys ? dir->cap_keys * 2 : 32;
        cap = cap > id ? cap : id + 1;
        dir->keys = mem_realloc(dir->keys, cap * sizeof *dir->keys);
        memset(dir->keys + dir->cap_keys, 0, (cap - dir->cap_keys) * sizeof *dir->keys);
        dir->cap_keys = cap;
    }
    dir->keys[id] = (struct key_entry){arena_span(&dir->arena, name), (uint8_t)state};
    hashidx_add(&dir->by_key, map_hash(name), id);
    if (id >= dir->n_keys)
        dir->n_keys = id + 1;
}

// 0 = unknown.
static uint32_t find_key(const struct directory *dir, struct span name, uint64_t hash)
{
    uint32_t id;
    for (size_t at = 0; hashidx_next(&dir->by_key, hash, &at, &id);) {
        if (span_eq(dir->keys[id].name, name))
            return id;
    }
    return 0;
}

// Series ------------------------------------------------------------------------------------------

static struct series *series_slot(struct directory *dir, uint32_t id)
{
    uint32_t page = id / SERIES_PAGE;
    if (page >= dir->cap_pages) {
        uint32_t cap = dir->cap_pages ? dir->cap_pages * 2 : 16;
        cap = cap > page ? cap : page + 1;
        dir->pages = mem_realloc(dir->pages, cap * sizeof *dir->pages);
        memset(dir->pages + dir->cap_pages, 0, (cap - dir->cap_pages) * sizeof *dir->pages);
        dir->cap_pages = cap;
    }
    if (!dir->pages[page])
        dir->pages[page] = aligned_zalloc(64, SERIES_PAGE * sizeof(struct series));
    return &dir->pages[page][id % SERIES_PAGE];
}

struct series *directory_slot(struct directory *dir, uint32_t id)
{
    return id == 0 || id >= dir->next_series ? NULL : series_slot(dir, id);
}

struct series *directory_series(struct directory *dir, uint32_t id)
{
    struct series *s = directory_slot(dir, id);
    if (s && s->state == ROW_ABSENT)
        s->state = ROW_DURABLE;
    return s;
}

static uint64_t ref_hash(uint32_t key)
{
    return (uint64_t)key * 0x9e3779b97f4a7c15u;
}

static void add_ref(struct device *d, struct series_ref ref)
{
    if (d->n_refs == 0) {
        d->refs = d->few;
        d->cap_refs = DEVICE_FEW;
    } else if (d->n_refs == d->cap_refs) {
        struct series_ref *more = mem_alloc_array(d->cap_refs * 2, sizeof *more);
        memcpy(more, d->refs, d->n_refs * sizeof *more);
        if (d->refs != d->few)
            mem_free(d->refs);
        d->refs = more;
        d->cap_refs *= 2;
    }
    d->refs[d->n_refs++] = ref;
    if (d->n_refs < DEVICE_REFS_SCAN)
        return;
    // From here on the index is what a look-up goes by.
    if (!d->by_key)
        d->by_key = mem_new(struct hashidx);
    for (uint32_t i = (uint32_t)d->by_key->n; i < d->n_refs; i++)
        hashidx_add(d->by_key, ref_hash(d->refs[i].key), i);
}

void directory_unpack(struct directory *dir, struct device *d)
{
    struct unpack u = unpack_of(d->packed);
    d->packed = SPAN_NONE;
    struct series_ref ref = {0, 0};
    while (unpack_more(&u)) {
        ref.key = unpack_u32(&u);
        ref.series += (uint32_t)unpack_i64(&u);
        directory_series(dir, ref.series);
        add_ref(d, ref);
    }
}

void directory_pack_series(struct directory *dir, const struct device *d, struct buf *out)
{
    uint32_t previous = 0;
    for (uint32_t i = 0; i < d->n_refs; i++) {
        struct series_ref ref = d->refs[i];
        if (series_slot(dir, ref.series)->state == ROW_NEW)
            continue;
        pack_u64(out, ref.key);
        pack_i64(out, (int64_t)ref.series - (int64_t)previous);
        previous = ref.series;
    }
}

const struct series_ref *directory_find_series(struct directory *dir, struct device *d,
                                               struct span key, uint32_t guess)
{
    if (d->n_refs == 0)
        directory_unpack(dir, d);
    if (guess < d->n_refs && span_eq(dir->keys[d->refs[guess].key].name, key))
        return &d->refs[guess];
    uint32_t id = d->n_refs ? find_key(dir, key, map_hash(key)) : 0, i;
    if (id == 0)
        return NULL;
    if (d->n_refs >= DEVICE_REFS_SCAN) {
        for (size_t at = 0; hashidx_next(d->by_key, ref_hash(id), &at, &i);) {
            if (d->refs[i].key == id)
                return &d->refs[i];
        }
        return NULL;
    }
    for (i = 0; i < d->n_refs; i++) {
        if (d->refs[i].key == id)
            return &d->refs[i];
    }
    return NULL;
}

const struct series_ref *directory_add_series(struct directory *dir, struct device *d,
                                              struct span key)
{
    uint32_t id = find_key(dir, key, map_hash(key));
    if (id == 0) {
        id = dir->n_keys;
        put_key(dir, id, key, ROW_NEW);
    }
    require(dir->next_series < UINT32_MAX - 1);
    uint32_t number = dir->next_series++;
    *series_slot(dir, number) = (struct series){.state = ROW_NEW, .known = true};
    add_ref(d, (struct series_ref){id, number});
    d->n_new++;
    return &d->refs[d->n_refs - 1];
}

void series_set_latest(struct series *s, int64_t ts, const struct value *v)
{
    bool had_text = s->latest_type >= VALUE_STRING;
    struct series_text *text = had_text ? (struct series_text *)(uintptr_t)s->latest_bits : NULL;
    if (v->type >= VALUE_STRING) {
        if (!text || text->n != v->s.n)
            text = mem_realloc(text, sizeof *text + v->s.n);
        text->n = v->s.n;
        if (v->s.n)
            memcpy(text->p, v->s.p, v->s.n);
        s->latest_bits = (uint64_t)(uintptr_t)text;
    } else {
        mem_free(text);
        if (v->type == VALUE_BOOL)
            s->latest_bits = v->b;
        else
            memcpy(&s->latest_bits, &v->i, sizeof s->latest_bits);
    }
    s->latest_type = (uint8_t)v->type;
    s->latest_ts = ts;
}

bool series_get_latest(const struct series *s, struct store_point *out)
{
    if (!s->latest_type)
        return false;
    *out = (struct store_point){.ts_ms = s->latest_ts,
                                .value = {.type = (enum value_type)s->latest_type}};
    if (s->latest_type == VALUE_BOOL) {
        out->value.b = s->latest_bits != 0;
    } else if (s->latest_type < VALUE_STRING) {
        memcpy(&out->value.i, &s->latest_bits, sizeof s->latest_bits);
    } else {
        const struct series_text *text = (const struct series_text *)(uintptr_t)s->latest_bits;
        out->value.s = (struct span){text->p, text->n};
    }
    return true;
}

// Loading -----------------------------------------------------------------------------------------

static int damaged(struct err *e, const char *what, int64_t id)
{
    return err_set(e, ERR_INVALID, "damaged database: %s %lld makes no sense", what, (long long)id);
}

// Ids are given out in order, with holes only where a transaction was never committed: an id far
// beyond the number of keys is damage, and would cost memory.
#define KEY_HOLES_MAX (1 << 20)

static int load_keys(struct directory *dir, struct db *db, struct err *e)
{
    int64_t n;
    if (db_query_int(db, "SELECT count(*) FROM key", 0, &n) != 0)
        return db_error(db, e);
    struct stmt *s = db_stmt(db, SQL_LOAD_KEYS);
    int rc;
    while ((rc = stmt_step(s)) > 0) {
        int64_t id = stmt_col_int(s, 0);
        if (id <= 0 || id > n + KEY_HOLES_MAX || (id < dir->n_keys && dir->keys[id].state)) {
            stmt_reset(s);
            return damaged(e, "key", id);
        }
        put_key(dir, (uint32_t)id, stmt_col_span(s, 1), ROW_DURABLE);
    }
    return rc < 0 ? db_error(db, e) : 0;
}

// Checks a packed series list and finds the highest id.
static bool check_series(struct directory *dir, struct span packed)
{
    struct unpack u = unpack_of(packed);
    uint32_t series = 0;
    while (unpack_more(&u)) {
        uint32_t key = unpack_u32(&u);
        series += (uint32_t)unpack_i64(&u);
        if (u.bad || key == 0 || key >= dir->n_keys || !dir->keys[key].state || series == 0 ||
            series >= UINT32_MAX / 2)
            return false;
        if (series >= dir->next_series)
            dir->next_series = series + 1;
    }
    return !u.bad;
}

static bool load_device(struct directory *dir, struct stmt *s)
{
    struct store_device d = {.id = stmt_col_int(s, 0),
                             .name = stmt_col_span(s, 2),
                             .is_asset = stmt_col_int(s, 3) != 0,
                             .label = stmt_col_span(s, 4),
                             .created_ms = stmt_col_int(s, 6),
                             .durable = true};
    if (d.id <= 0 || !stmt_col_uuid(s, 1, &d.uuid) || !stmt_col_uuid(s, 5, &d.profile))
        return false;
    if (directory_find(dir, d.name, d.is_asset) || directory_find_uuid(dir, d.uuid))
        return false;
    struct device *n = directory_add(dir, &d);
    n->packed = arena_span(&dir->arena, stmt_col_span(s, 7));
    return check_series(dir, n->packed);
}

int directory_load(struct directory *dir, struct db *db, struct err *e)
{
    dir->next_device = dir->next_series = dir->n_keys = 1;
    int rc = load_keys(dir, db, e);
    int64_t n;
    if (rc == 0 && db_query_int(db, "SELECT count(*) FROM device", 0, &n) != 0)
        rc = db_error(db, e);
    if (rc != 0)
        return rc;
    hashidx_reserve(&dir->by_name, (size_t)n);
    hashidx_reserve(&dir->by_uuid, (size_t)n);
    struct stmt *s = db_stmt(db, SQL_LOAD_DEVICES);
    while ((rc = stmt_step(s)) > 0) {
        if (!load_device(dir, s)) {
            rc = damaged(e, "device", stmt_col_int(s, 0));
            stmt_reset(s);
            return rc;
        }
    }
    return rc < 0 ? db_error(db, e) : 0;
}

void directory_skip(struct directory *dir, int64_t devices, int64_t series)
{
    if (dir->next_device < devices)
        dir->next_device = devices;
    if (dir->next_series < series && series < UINT32_MAX / 2)
        dir->next_series = (uint32_t)series;
}

static void free_page(struct series *page)
{
    for (int i = 0; page && i < SERIES_PAGE; i++) {
        if (page[i].latest_type >= VALUE_STRING)
            mem_free((void *)(uintptr_t)page[i].latest_bits);
    }
    mem_free(page);
}

static void free_device(struct device *d)
{
    if (d->refs != d->few)
        mem_free(d->refs);
    if (d->by_key)
        hashidx_free(d->by_key);
    mem_free(d->by_key);
}

void directory_free(struct directory *dir)
{
    for (uint32_t i = 0; i < dir->n_devices; i++)
        free_device(device_at(dir, i));
    for (uint32_t i = 0; i < dir->n_devices; i += DEVICE_SLAB)
        mem_free(dir->slabs[i / DEVICE_SLAB]);
    for (uint32_t i = 0; i < dir->cap_pages; i++)
        free_page(dir->pages[i]);
    mem_free(dir->pages);
    mem_free(dir->slabs);
    mem_free(dir->keys);
    hashidx_free(&dir->by_name);
    hashidx_free(&dir->by_uuid);
    hashidx_free(&dir->by_key);
    arena_free(&dir->arena);
    *dir = (struct directory){0};
}
