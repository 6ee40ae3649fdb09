// SPDX-License-Identifier: Apache-2.0
#include "emulator/stream.h"

#include <stdio.h>

#include "base/mem.h"

static void *grown(void *p, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap)
        return p;
    *cap = *cap ? *cap * 2 : 8;
    return mem_realloc(p, *cap * size);
}

static uint32_t open_at(const struct emu_stream *s, struct hash_key key)
{
    uint32_t lo = 0, hi = s->n_open - 1;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo + 1) / 2;
        if (hash_key_cmp(s->shards[s->open[mid]]->start, key) > 0)
            hi = mid - 1;
        else
            lo = mid;
    }
    return lo;
}

static void open_insert(struct emu_stream *s, uint32_t at, uint32_t index)
{
    s->open = grown(s->open, s->n_open, &s->open_cap, sizeof *s->open);
    memmove(s->open + at + 1, s->open + at, (s->n_open - at) * sizeof *s->open);
    s->open[at] = index;
    s->n_open++;
}

static void open_remove(struct emu_stream *s, uint32_t at)
{
    s->n_open--;
    memmove(s->open + at, s->open + at + 1, (s->n_open - at) * sizeof *s->open);
}

static struct emu_shard *shard_new(struct emu_stream *s, struct hash_key start, struct hash_key end,
                                   int64_t wall_ms, int64_t created_s)
{
    struct emu_shard *sh = mem_new(struct emu_shard);
    sh->index = s->n_shards;
    sh->start = start;
    sh->end = end;
    sh->parent = sh->adjacent = sh->child[0] = sh->child[1] = EMU_NO_SHARD;
    sh->created_ms = wall_ms;
    sh->created_s = created_s;
    emu_log_init(&sh->log, s->store);
    emu_sequence_gen_init(&sh->sequence, created_s, sh->index);
    s->shards = grown(s->shards, s->n_shards, &s->shards_cap, sizeof(struct emu_shard *));
    s->shards[s->n_shards++] = sh;
    return sh;
}

// A child's numbers must be above all of its parents', which share their second of creation.
static int64_t child_second(int64_t wall_ms, const struct emu_shard *a, const struct emu_shard *b)
{
    int64_t s = wall_ms / 1000;
    if (s <= a->created_s)
        s = a->created_s + 1;
    if (b && s <= b->created_s)
        s = b->created_s + 1;
    return s;
}

static void shard_close(struct emu_shard *sh, int64_t wall_ms)
{
    sh->closed_ms = wall_ms > sh->log.last_ms ? wall_ms : sh->log.last_ms;
}

static void split(struct emu_stream *s, uint32_t index, struct hash_key key, int64_t wall_ms)
{
    struct emu_shard *sh = s->shards[index];
    uint32_t at = open_at(s, sh->start);
    int64_t second = child_second(wall_ms, sh, NULL);
    struct emu_shard *low = shard_new(s, sh->start, hash_key_prev(key), wall_ms, second);
    struct emu_shard *high = shard_new(s, key, sh->end, wall_ms, second);
    low->parent = high->parent = index;
    sh->child[0] = low->index;
    sh->child[1] = high->index;
    s->open[at] = low->index;
    open_insert(s, at + 1, high->index);
    shard_close(sh, wall_ms);
}

// The lower shard may be either of the two.
static void merge(struct emu_stream *s, uint32_t index, uint32_t adjacent, int64_t wall_ms)
{
    struct emu_shard *a = s->shards[index], *b = s->shards[adjacent];
    const struct emu_shard *low = hash_key_cmp(a->start, b->start) < 0 ? a : b;
    const struct emu_shard *high = low == a ? b : a;
    uint32_t at = open_at(s, low->start);
    struct emu_shard *child =
        shard_new(s, low->start, high->end, wall_ms, child_second(wall_ms, a, b));
    child->parent = index;
    child->adjacent = adjacent;
    a->child[0] = b->child[0] = child->index;
    s->open[at] = child->index;
    open_remove(s, at + 1);
    shard_close(a, wall_ms);
    shard_close(b, wall_ms);
}

// Cuts at every bound of the wanted division, then joins what lies between two bounds: a shard
// keeps at most two parents, as in the service, which passes through shards of no duration too.
static void resize(struct emu_stream *s, uint32_t target, int64_t wall_ms)
{
    for (uint32_t i = 1; i < target; i++) {
        struct hash_key bound = hash_key_part(i, target);
        struct emu_shard *sh = emu_stream_route(s, bound);
        if (hash_key_cmp(sh->start, bound) != 0)
            split(s, sh->index, bound, wall_ms);
    }
    for (uint32_t i = 0; i < target; i++) {
        struct hash_key start = hash_key_part(i, target);
        struct hash_key end =
            i + 1 < target ? hash_key_prev(hash_key_part(i + 1, target)) : HASH_KEY_MAX;
        uint32_t at = open_at(s, start);
        while (hash_key_cmp(s->shards[s->open[at]]->end, end) != 0)
            merge(s, s->open[at], s->open[at + 1], wall_ms);
    }
}

struct emu_stream *emu_stream_new(struct emu_store *store, struct span name, uint64_t uid,
                                  uint32_t n_shards, int64_t wall_ms)
{
    require(n_shards >= 1 && n_shards <= EMU_SHARDS_EVER_MAX && name.n <= EMU_NAME_MAX);
    struct emu_stream *s = mem_new(struct emu_stream);
    s->name = span_of(mem_strndup(name.p, name.n), name.n);
    s->uid = uid;
    s->status = EMU_ACTIVE;
    s->created_ms = wall_ms;
    s->retention_h = EMU_RETENTION_MIN_H;
    s->record_kib = EMU_RECORD_KIB_DEFAULT;
    s->store = store;
    for (uint32_t i = 0; i < n_shards; i++) {
        struct hash_key end =
            i + 1 < n_shards ? hash_key_prev(hash_key_part(i + 1, n_shards)) : HASH_KEY_MAX;
        shard_new(s, hash_key_part(i, n_shards), end, wall_ms, wall_ms / 1000);
        open_insert(s, i, i);
    }
    return s;
}

void emu_stream_free(struct emu_stream *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->n_shards; i++) {
        emu_log_free(&s->shards[i]->log);
        mem_free(s->shards[i]);
    }
    while (s->n_tags)
        emu_stream_untag(s, s->tags[0].key);
    emu_consumers_free(&s->consumers);
    mem_free(s->shards);
    mem_free(s->open);
    mem_free((char *)s->name.p);
    mem_free(s);
}

void emu_stream_begin(struct emu_stream *s, struct emu_change change, struct emu_now now,
                      int64_t after_ms)
{
    s->change = change;
    s->change.due_ms = now.mono_ms + after_ms;
    s->status = change.kind == EMU_CHANGE_CREATE   ? EMU_CREATING
                : change.kind == EMU_CHANGE_DELETE ? EMU_DELETING
                                                   : EMU_UPDATING;
    emu_stream_settle(s, now);
}

bool emu_stream_settle(struct emu_stream *s, struct emu_now now)
{
    struct emu_change c = s->change;
    bool changing = emu_consumers_settle(&s->consumers, now);
    if (c.kind == EMU_CHANGE_NONE)
        return changing;
    if (now.mono_ms < c.due_ms)
        return true;
    if (c.kind == EMU_CHANGE_SPLIT)
        split(s, c.shard, c.key, now.wall_ms);
    else if (c.kind == EMU_CHANGE_MERGE)
        merge(s, c.shard, c.adjacent, now.wall_ms);
    else if (c.kind == EMU_CHANGE_RESIZE)
        resize(s, c.target, now.wall_ms);
    s->status = c.kind == EMU_CHANGE_DELETE ? EMU_DELETED : EMU_ACTIVE;
    s->change.kind = EMU_CHANGE_NONE;
    return changing;
}

int64_t emu_stream_due_ms(const struct emu_stream *s)
{
    int64_t due = s->change.kind == EMU_CHANGE_NONE ? INT64_MAX : s->change.due_ms;
    for (uint32_t i = 0; i < s->consumers.n; i++) {
        const struct emu_consumer *c = s->consumers.all[i];
        if (c->status != EMU_ACTIVE && c->due_ms < due)
            due = c->due_ms;
    }
    return due;
}

struct emu_shard *emu_stream_route(struct emu_stream *s, struct hash_key key)
{
    return s->shards[s->open[open_at(s, key)]];
}

void emu_shard_put(struct emu_shard *sh, struct span key, struct span data, int64_t wall_ms,
                   char sequence[EMU_SEQUENCE_LEN])
{
    require(!sh->closed_ms);
    // A wall clock that was set back must not bring records out of order.
    int64_t arrival_ms = wall_ms > sh->log.last_ms ? wall_ms : sh->log.last_ms;
    int64_t second = arrival_ms / 1000 > sh->created_s ? arrival_ms / 1000 : sh->created_s;
    emu_sequence_gen_make(&sh->sequence, sh->log.next, second, sequence);
    emu_log_append(&sh->log, sequence, arrival_ms, key, data);
}

static int64_t cutoff_ms(const struct emu_stream *s, int64_t wall_ms)
{
    return wall_ms - (int64_t)s->retention_h * 3600 * 1000;
}

void emu_shard_trim(struct emu_stream *s, struct emu_shard *sh, int64_t wall_ms)
{
    emu_log_trim(&sh->log, cutoff_ms(s, wall_ms));
    sh->gone = sh->closed_ms && sh->closed_ms < cutoff_ms(s, wall_ms);
}

void emu_stream_trim(struct emu_stream *s, int64_t wall_ms)
{
    for (uint32_t i = 0; i < s->n_shards; i++)
        if (!s->shards[i]->gone)
            emu_shard_trim(s, s->shards[i], wall_ms);
}

int64_t emu_stream_horizon(const struct emu_stream *s, int64_t wall_ms)
{
    int64_t cutoff = cutoff_ms(s, wall_ms);
    return cutoff > s->created_ms ? cutoff : s->created_ms;
}

int64_t emu_shard_behind(const struct emu_shard *sh, uint64_t next, int64_t wall_ms)
{
    if (next < sh->log.first)
        next = sh->log.first;
    if (next >= sh->log.next)
        return 0;
    int64_t behind = wall_ms - emu_log_arrival(&sh->log, next);
    return behind > 0 ? behind : 1;
}

const char *emu_status_name(enum emu_status status)
{
    static const char *const names[] = {"CREATING", "ACTIVE", "UPDATING", "DELETING", "DELETED"};
    return names[status];
}

void emu_shard_id(uint32_t index, char out[EMU_SHARD_ID_LEN + 1])
{
    memcpy(out, "shardId-", 8);
    for (int i = EMU_SHARD_ID_LEN - 1; i >= 8; i--) {
        out[i] = (char)('0' + index % 10);
        index /= 10;
    }
    out[EMU_SHARD_ID_LEN] = 0;
}

bool emu_shard_id_parse(struct span s, uint32_t *out)
{
    struct span prefix = SPAN("shardId-");
    if (span_has_prefix(s, prefix))
        s = span_of(s.p + prefix.n, s.n - prefix.n);
    uint64_t v;
    if (!span_to_u64(s, &v) || v > INT32_MAX)
        return false;
    *out = (uint32_t)v;
    return true;
}

struct emu_shard *emu_stream_shard(const struct emu_stream *s, uint32_t index)
{
    return index < s->n_shards && !s->shards[index]->gone ? s->shards[index] : NULL;
}

void emu_shard_first_sequence(const struct emu_shard *sh, char out[EMU_SEQUENCE_LEN])
{
    emu_sequence_format(&(struct emu_sequence){.created_s = sh->created_s,
                                               .shard = sh->index,
                                               .time_s = sh->created_s},
                        out);
}

void emu_shard_last_sequence(const struct emu_shard *sh, char out[EMU_SEQUENCE_LEN])
{
    int64_t second = sh->closed_ms / 1000 > sh->created_s ? sh->closed_ms / 1000 : sh->created_s;
    emu_sequence_format(&(struct emu_sequence){.created_s = sh->created_s,
                                               .shard = sh->index,
                                               .index = EMU_SEQUENCE_END_INDEX,
                                               .time_s = second},
                        out);
}

// First tag whose key is not below `key`.
static uint32_t tag_at(const struct emu_stream *s, struct span key)
{
    uint32_t i = 0;
    while (i < s->n_tags && span_cmp(s->tags[i].key, key) < 0)
        i++;
    return i;
}

static struct span owned(struct span s)
{
    return span_of(mem_strndup(s.p, s.n), s.n);
}

bool emu_stream_tag(struct emu_stream *s, struct span key, struct span value)
{
    uint32_t at = tag_at(s, key);
    if (at < s->n_tags && span_eq(s->tags[at].key, key)) {
        mem_free((char *)s->tags[at].value.p);
        s->tags[at].value = owned(value);
        return true;
    }
    if (s->n_tags == EMU_TAGS_MAX)
        return false;
    memmove(s->tags + at + 1, s->tags + at, (s->n_tags - at) * sizeof *s->tags);
    s->tags[at] = (struct emu_tag){owned(key), owned(value)};
    s->n_tags++;
    return true;
}

void emu_stream_untag(struct emu_stream *s, struct span key)
{
    uint32_t at = tag_at(s, key);
    if (at == s->n_tags || !span_eq(s->tags[at].key, key))
        return;
    mem_free((char *)s->tags[at].key.p);
    mem_free((char *)s->tags[at].value.p);
    s->n_tags--;
    memmove(s->tags + at, s->tags + at + 1, (s->n_tags - at) * sizeof *s->tags);
}
