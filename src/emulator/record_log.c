// SPDX-License-Identifier: Apache-2.0
#include "emulator/record_log.h"

#include "base/mem.h"

// A block: records grow up from the start of bytes[], their index grows down from its end.
struct emu_block {
    struct list age;
    struct list link;
    struct emu_log *log;
    uint64_t first; // number of its first record
    uint32_t n;
    uint32_t used;
    uint32_t payload;
    uint32_t cap; // of bytes[], a multiple of 8
    _Alignas(8) char bytes[];
};

struct entry {
    uint32_t offset;
    uint32_t payload; // of the records before this one in the block
};

// RFC 8949: map(4), the two names that stand before fixed-size values, and what follows them.
static const char head[] = "\xa4\x6eSequenceNumber\x78\x38";
static const char arrival_head[] = "\x78\x1b"
                                   "ApproximateArrivalTimestamp\xc1\x1b";
static const char data_head[] = "\x64"
                                "Data";
static const char key_head[] = "\x6cPartitionKey";

enum {
    AT_SEQUENCE = sizeof(head) - 1,
    AT_ARRIVAL = AT_SEQUENCE + EMU_SEQUENCE_LEN + sizeof(arrival_head) - 1,
    AT_DATA = AT_ARRIVAL + 8 + sizeof(data_head) - 1,
    STRING_HEAD_MAX = 5,
};

#define BYTES 0x40
#define TEXT 0x60

static size_t put_string_head(char *p, int major, size_t n)
{
    if (n < 24) {
        p[0] = (char)(major | (int)n);
        return 1;
    }
    int width = n <= 0xff ? 1 : n <= 0xffff ? 2 : 4;
    p[0] = (char)(major | (width == 1 ? 24 : width == 2 ? 25 : 26));
    for (int i = 0; i < width; i++)
        p[1 + i] = (char)(n >> 8 * (width - 1 - i));
    return 1 + (size_t)width;
}

static size_t get_string_head(const char *p, size_t *n)
{
    unsigned low = (uint8_t)p[0] & 31u;
    if (low < 24) {
        *n = low;
        return 1;
    }
    size_t width = low == 24 ? 1 : low == 25 ? 2 : 4, v = 0;
    for (size_t i = 0; i < width; i++)
        v = v << 8 | (uint8_t)p[1 + i];
    *n = v;
    return 1 + width;
}

static int64_t get_arrival(const char *record)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | (uint8_t)record[AT_ARRIVAL + i];
    return (int64_t)v;
}

static char *put(char *p, const void *src, size_t n)
{
    if (n)
        memcpy(p, src, n);
    return p + n;
}

static struct entry *entry_at(const struct emu_block *b, uint32_t i)
{
    return (struct entry *)(void *)(b->bytes + b->cap) - 1 - i;
}

static uint32_t offset_of(const struct emu_block *b, uint32_t i)
{
    return i < b->n ? entry_at(b, i)->offset : b->used;
}

static uint32_t payload_before(const struct emu_block *b, uint32_t i)
{
    return i < b->n ? entry_at(b, i)->payload : b->payload;
}

static struct emu_block *block_of(struct list *link)
{
    return container_of(link, struct emu_block, link);
}

static size_t block_size(const struct emu_block *b)
{
    return sizeof *b + b->cap;
}

static void block_drop(struct emu_block *b)
{
    struct emu_log *l = b->log;
    if (l->first < b->first + b->n)
        l->first = b->first + b->n;
    l->store->bytes -= block_size(b);
    list_remove(&b->age);
    list_remove(&b->link);
    mem_free(b);
}

// Makes room for `need` bytes under the cap, oldest blocks of any shard first.
static void evict(struct emu_store *s, size_t need)
{
    while (s->bytes + need > s->cap && !list_empty(&s->blocks)) {
        struct emu_block *b = container_of(s->blocks.next, struct emu_block, age);
        uint64_t from = b->log->first > b->first ? b->log->first : b->first;
        s->evicted += b->first + b->n - from;
        block_drop(b);
    }
}

static struct emu_block *block_new(struct emu_log *l, size_t need)
{
    size_t cap = EMU_BLOCK_MIN;
    if (!list_empty(&l->blocks))
        cap = 2 * (size_t)block_of(l->blocks.prev)->cap;
    if (cap > EMU_BLOCK_MAX)
        cap = EMU_BLOCK_MAX;
    if (cap < need)
        cap = (need + 7) & ~(size_t)7;
    require(cap <= EMU_BLOCK_HARD_MAX);
    evict(l->store, sizeof(struct emu_block) + cap);
    struct emu_block *b = mem_alloc(sizeof *b + cap);
    *b = (struct emu_block){.log = l, .first = l->next, .cap = (uint32_t)cap};
    list_push(&l->blocks, &b->link);
    list_push(&l->store->blocks, &b->age);
    l->store->bytes += block_size(b);
    return b;
}

void emu_store_init(struct emu_store *s, size_t cap)
{
    *s = (struct emu_store){.cap = cap};
    list_init(&s->blocks);
}

void emu_log_init(struct emu_log *l, struct emu_store *s)
{
    *l = (struct emu_log){.store = s, .first = 1, .next = 1};
    list_init(&l->blocks);
}

void emu_log_free(struct emu_log *l)
{
    while (!list_empty(&l->blocks))
        block_drop(block_of(l->blocks.next));
}

void emu_log_append(struct emu_log *l, const char sequence[EMU_SEQUENCE_LEN], int64_t arrival_ms,
                    struct span key, struct span data)
{
    require(arrival_ms >= l->last_ms);
    require(key.n < EMU_BLOCK_HARD_MAX && data.n < EMU_BLOCK_HARD_MAX);
    size_t need =
        AT_DATA + sizeof(key_head) + 2 * STRING_HEAD_MAX + data.n + key.n + sizeof(struct entry);
    struct emu_block *b = list_empty(&l->blocks) ? NULL : block_of(l->blocks.prev);
    if (!b || b->cap - b->used - b->n * sizeof(struct entry) < need)
        b = block_new(l, need);

    *entry_at(b, b->n) = (struct entry){b->used, b->payload};
    char *p = put(b->bytes + b->used, head, sizeof(head) - 1);
    p = put(p, sequence, EMU_SEQUENCE_LEN);
    p = put(p, arrival_head, sizeof(arrival_head) - 1);
    for (int i = 7; i >= 0; i--)
        *p++ = (char)((uint64_t)arrival_ms >> 8 * i);
    p = put(p, data_head, sizeof(data_head) - 1);
    p += put_string_head(p, BYTES, data.n);
    p = put(p, data.p, data.n);
    p = put(p, key_head, sizeof(key_head) - 1);
    p += put_string_head(p, TEXT, key.n);
    p = put(p, key.p, key.n);

    b->used = (uint32_t)(p - b->bytes);
    b->payload += (uint32_t)(data.n + key.n);
    b->n++;
    l->next++;
    l->last_ms = arrival_ms;
}

static int64_t arrival_in(const struct emu_block *b, uint32_t i)
{
    return get_arrival(b->bytes + entry_at(b, i)->offset);
}

// First record of the block that arrived at or after ms, b->n when none did.
static uint32_t block_at(const struct emu_block *b, int64_t ms)
{
    uint32_t lo = 0, hi = b->n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (arrival_in(b, mid) < ms)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void emu_log_trim(struct emu_log *l, int64_t cutoff_ms)
{
    while (!list_empty(&l->blocks)) {
        struct emu_block *b = block_of(l->blocks.next);
        if (arrival_in(b, b->n - 1) >= cutoff_ms) {
            uint64_t first = b->first + block_at(b, cutoff_ms);
            if (first > l->first)
                l->first = first;
            return;
        }
        block_drop(b);
    }
}

uint64_t emu_log_at(const struct emu_log *l, int64_t ms)
{
    list_for(it, &l->blocks)
    {
        const struct emu_block *b = block_of(it);
        if (arrival_in(b, b->n - 1) >= ms) {
            uint64_t i = b->first + block_at(b, ms);
            return i > l->first ? i : l->first;
        }
    }
    return l->next;
}

// The block that holds record `index`, which is kept.
static const struct emu_block *block_find(const struct emu_log *l, uint64_t index)
{
    // From the new end: that is where most readers are.
    for (struct list *it = l->blocks.prev; it != &l->blocks; it = it->prev)
        if (block_of(it)->first <= index)
            return block_of(it);
    return NULL;
}

int64_t emu_log_arrival(const struct emu_log *l, uint64_t index)
{
    require(index >= l->first && index < l->next);
    const struct emu_block *b = block_find(l, index);
    require(b != NULL);
    return arrival_in(b, (uint32_t)(index - b->first));
}

// How many records of the block from `i` on fit; *page grows by them.
static uint32_t block_take(const struct emu_block *b, uint32_t i, size_t limit, size_t max_payload,
                           struct emu_page *page)
{
    uint32_t end = b->n;
    if (end - i > limit - (page->end - page->first))
        end = i + (uint32_t)(limit - (page->end - page->first));
    uint32_t base = payload_before(b, i);
    if (page->payload + (payload_before(b, end) - base) > max_payload) {
        uint32_t lo = i, hi = end; // the largest end whose payload fits
        while (lo < hi) {
            uint32_t mid = lo + (hi - lo + 1) / 2;
            if (page->payload + (payload_before(b, mid) - base) > max_payload)
                hi = mid - 1;
            else
                lo = mid;
        }
        end = lo;
        if (end == i && page->end == page->first)
            end = i + 1;
    }
    page->end += end - i;
    page->payload += payload_before(b, end) - base;
    page->cbor_bytes += offset_of(b, end) - offset_of(b, i);
    return end;
}

struct emu_page emu_log_page(const struct emu_log *l, uint64_t from, size_t limit,
                             size_t max_payload)
{
    if (from < l->first)
        from = l->first;
    struct emu_page page = {.first = from, .end = from};
    if (from >= l->next || limit == 0)
        return page;
    const struct emu_block *b = block_find(l, from);
    require(b != NULL);
    for (;;) {
        uint32_t end = block_take(b, (uint32_t)(page.end - b->first), limit, max_payload, &page);
        if (end < b->n || b->link.next == &l->blocks || page.end - page.first == limit)
            return page;
        b = block_of(b->link.next);
    }
}

void emu_log_copy(const struct emu_log *l, const struct emu_page *page, struct buf *out)
{
    if (page->first == page->end)
        return;
    const struct emu_block *b = block_find(l, page->first);
    for (uint64_t at = page->first; at < page->end; b = block_of(b->link.next)) {
        uint64_t end = b->first + b->n < page->end ? b->first + b->n : page->end;
        uint32_t from = offset_of(b, (uint32_t)(at - b->first));
        buf_add(out, b->bytes + from, offset_of(b, (uint32_t)(end - b->first)) - from);
        at = end;
    }
}

bool emu_log_next(const struct emu_log *l, const struct emu_page *page, struct emu_cursor *c,
                  struct emu_record *out)
{
    if (!c->block) {
        c->at = page->first;
        c->block = page->first < page->end ? block_find(l, page->first) : NULL;
    }
    if (c->at >= page->end)
        return false;
    if (c->at == c->block->first + c->block->n)
        c->block = block_of(c->block->link.next);
    const char *p =
        c->block->bytes + entry_at(c->block, (uint32_t)(c->at - c->block->first))->offset;
    out->sequence = span_of(p + AT_SEQUENCE, EMU_SEQUENCE_LEN);
    out->arrival_ms = get_arrival(p);
    p += AT_DATA;
    size_t n;
    p += get_string_head(p, &n);
    out->data = span_of(p, n);
    p += n + sizeof(key_head) - 1;
    p += get_string_head(p, &n);
    out->key = span_of(p, n);
    c->at++;
    return true;
}
