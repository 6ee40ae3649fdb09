// SPDX-License-Identifier: Apache-2.0
#include "store/head.h"

#include "base/err.h"
#include "base/mem.h"

// An address is a page number and an offset in the page.
#define PAGE_BITS 18
#define PAGE_BYTES (1u << PAGE_BITS)
#define PAGES_MAX (1u << (32 - PAGE_BITS))

// An extent: bytes, then the address of the next extent (set when that is made).
#define EXTENT_LINK 4
#define EXTENT_FIRST 28
#define EXTENT_MAX 4092u

struct head {
    uint32_t epoch;
    uint8_t **pages;
    uint32_t n_pages, cap_pages;
    uint32_t used; // of the last page
    struct head_run *runs;
    uint32_t n_runs, cap_runs;
    bool crowded;
};

struct head *head_new(uint32_t epoch)
{
    require(epoch > 0);
    struct head *h = mem_new(struct head);
    h->epoch = epoch;
    return h;
}

void head_free(struct head *h)
{
    if (!h)
        return;
    for (uint32_t i = 0; i < h->n_pages; i++)
        mem_free(h->pages[i]);
    mem_free(h->pages);
    mem_free(h->runs);
    mem_free(h);
}

uint32_t head_epoch(const struct head *h)
{
    return h->epoch;
}

size_t head_bytes(const struct head *h)
{
    size_t pages = h->n_pages ? (size_t)(h->n_pages - 1) * PAGE_BYTES + h->used : 0;
    return pages + (size_t)h->cap_runs * sizeof *h->runs;
}

bool head_crowded(const struct head *h)
{
    return h->crowded;
}

static uint8_t *at_address(const struct head *h, uint32_t address)
{
    return h->pages[address >> PAGE_BITS] + (address & (PAGE_BYTES - 1));
}

static void add_page(struct head *h)
{
    require(h->n_pages < PAGES_MAX);
    if (h->n_pages == h->cap_pages) {
        h->cap_pages = h->cap_pages ? h->cap_pages * 2 : 16;
        h->pages = mem_realloc(h->pages, h->cap_pages * sizeof *h->pages);
    }
    h->pages[h->n_pages++] = mem_alloc(PAGE_BYTES);
    h->used = 0;
}

static uint32_t add_extent(struct head *h, uint32_t room)
{
    if (h->n_pages == 0 || PAGE_BYTES - h->used < room + EXTENT_LINK)
        add_page(h);
    uint32_t address = (h->n_pages - 1) << PAGE_BITS | h->used;
    h->used += room + EXTENT_LINK;
    return address;
}

// The room of an extent follows from the bytes before it, so that no extent has to say.
static uint32_t next_room(uint32_t bytes)
{
    if (bytes < EXTENT_FIRST)
        return EXTENT_FIRST;
    return bytes < EXTENT_MAX ? bytes : EXTENT_MAX;
}

static void start_run(struct head *h, struct head_cursor *c, uint32_t series)
{
    if (h->n_runs == h->cap_runs) {
        h->cap_runs = h->cap_runs ? h->cap_runs * 2 : 16;
        h->runs = mem_realloc(h->runs, h->cap_runs * sizeof *h->runs);
    }
    uint32_t old = c->epoch ? c->run : UINT32_MAX, first = add_extent(h, EXTENT_FIRST);
    *c = (struct head_cursor){
        .epoch = h->epoch, .run = h->n_runs++, .at = first, .room = EXTENT_FIRST};
    h->runs[c->run] = (struct head_run){series, first, old};
}

static void put_bytes(struct head *h, struct head_cursor *c, const void *p, size_t n)
{
    const uint8_t *from = p;
    while (n > 0) {
        if (c->room == 0) {
            uint32_t room = next_room(c->bytes), next = add_extent(h, room);
            memcpy(at_address(h, c->at), &next, EXTENT_LINK);
            c->at = next;
            c->room = (uint16_t)room;
        }
        uint32_t part = n < c->room ? (uint32_t)n : c->room;
        memcpy(at_address(h, c->at), from, part);
        from += part;
        n -= part;
        c->at += part;
        c->room = (uint16_t)(c->room - part);
        c->bytes += part;
    }
}

void head_prefetch(const struct head *h, const struct head_cursor *c)
{
    if (c->epoch == h->epoch)
        __builtin_prefetch(at_address(h, c->at), 1);
}

void head_append(struct head *h, struct head_cursor *c, uint32_t series, int64_t ts,
                 const struct value *v)
{
    if (c->epoch != h->epoch)
        start_run(h, c, series);
    uint8_t tmp[POINTS_FIXED_MAX];
    bool in_place = c->room >= POINTS_FIXED_MAX;
    uint8_t *p = in_place ? at_address(h, c->at) : tmp;
    struct points_state st = {c->ts, c->bits, c->step, c->tag};
    uint32_t n = (uint32_t)(points_encode(&st, ts, v, p) - p);
    c->ts = st.ts;
    c->step = st.step;
    c->bits = st.bits;
    c->tag = st.tag;
    if (in_place) {
        c->at += n;
        c->room = (uint16_t)(c->room - n);
        c->bytes += n;
    } else {
        put_bytes(h, c, tmp, n);
    }
    if (v->type >= VALUE_STRING)
        put_bytes(h, c, v->s.p, v->s.n);
    if (c->bytes >= HEAD_SERIES_BYTES)
        h->crowded = true;
}

void head_freeze(struct head *h, struct head_cursor *(*cursor_of)(void *ctx, uint32_t series),
                 void *ctx)
{
    for (uint32_t i = 0; i < h->n_runs; i++) {
        const struct head_cursor *c = cursor_of(ctx, h->runs[i].series);
        require(c->epoch == h->epoch && c->run == i);
        h->runs[i].bytes = c->bytes;
    }
}

size_t head_runs(const struct head *h, const struct head_run **out)
{
    *out = h->runs;
    return h->n_runs;
}

static void read_chain(const struct head *h, uint32_t first, uint32_t bytes, struct buf *out)
{
    uint32_t at = first, done = 0;
    while (done < bytes) {
        uint32_t room = next_room(done), part = bytes - done < room ? bytes - done : room;
        buf_add(out, at_address(h, at), part);
        done += part;
        if (done < bytes)
            memcpy(&at, at_address(h, at + part), EXTENT_LINK);
    }
}

void head_read(const struct head *h, const struct head_run *run, struct buf *out)
{
    read_chain(h, run->first, run->bytes, out);
}

void head_read_active(const struct head *h, const struct head_cursor *c, struct buf *out)
{
    if (c->epoch == h->epoch)
        read_chain(h, h->runs[c->run].first, c->bytes, out);
}

void head_read_frozen(const struct head *h, const struct head *active, const struct head_cursor *c,
                      uint32_t series, struct buf *out)
{
    if (!h || !c->epoch)
        return;
    // A number left from an older head may point at any run; the run itself says whose it is.
    uint32_t run = c->epoch == active->epoch ? active->runs[c->run].bytes : c->run;
    if (run < h->n_runs && h->runs[run].series == series)
        head_read(h, &h->runs[run], out);
}
