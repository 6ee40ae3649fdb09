// SPDX-License-Identifier: Apache-2.0
#include "stream/shard_map.h"

#include "base/mem.h"
#include "stream/shard_range.h"

void shard_map_init(struct shard_map *m, enum kinesis_iterator start, int64_t start_timestamp_ms,
                    struct arena *ids)
{
    *m = (struct shard_map){.start = start, .start_timestamp_ms = start_timestamp_ms, .ids = ids};
    list_init(&m->waiting);
}

void shard_map_free(struct shard_map *m)
{
    for (size_t i = 0; i < m->n; i++)
        mem_free(m->nodes[i]);
    mem_free(m->nodes);
    map_free(&m->by_id);
    arena_free(&m->arena);
    *m = (struct shard_map){0};
}

struct shard_node *shard_map_find(const struct shard_map *m, struct span id)
{
    return map_get(&m->by_id, id);
}

// Names are usable and there is room for what is new.
static int check_shards(const struct shard_map *m, const struct kinesis_shard *shards, size_t n)
{
    size_t added = 0;
    for (size_t i = 0; i < n; i++) {
        if (shards[i].shard_id.n == 0 || shards[i].shard_id.n > SHARD_MAP_MAX_ID)
            return ERR_PROTO;
        added += !shard_map_find(m, shards[i].shard_id);
    }
    return added > SHARD_MAP_MAX_SHARDS + m->n_checkpoints - m->n ? ERR_LIMIT : 0;
}

static struct shard_node *find_or_add(struct shard_map *m, struct span id)
{
    struct shard_node *node = shard_map_find(m, id);
    if (node)
        return node;
    if (m->n == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 16;
        m->nodes = mem_realloc(m->nodes, m->cap * sizeof(*m->nodes));
    }
    node = mem_new(struct shard_node);
    node->id = arena_span(m->ids, id);
    node->added = m->listings;
    m->nodes[m->n++] = node;
    map_put(&m->by_id, node->id, node);
    list_push(&m->waiting, &node->link);
    return node;
}

static void set_ended(struct shard_node *node)
{
    node->phase = SHARD_PHASE_ENDED;
    list_remove(&node->link);
}

int shard_map_add_checkpoint(struct shard_map *m, struct span id, struct span sequence,
                             uint64_t sub_sequence, bool shard_end)
{
    require(m->listings == 0);
    if (id.n == 0 || id.n > SHARD_MAP_MAX_ID || shard_map_find(m, id))
        return ERR_INVALID;
    struct shard_node *node = find_or_add(m, id);
    m->n_checkpoints++;
    node->from_checkpoint = true;
    node->has_checkpoint = shard_end || sequence.n > 0;
    node->checkpoint_end = shard_end;
    node->saved = arena_span(&m->arena, sequence);
    node->saved_sub = sub_sequence;
    if (node->has_checkpoint)
        m->has_checkpoints = node->ours = true;
    if (shard_end)
        set_ended(node);
    return 0;
}

int shard_map_add_range(struct shard_map *m, struct span id, const struct shard_range *r)
{
    require(m->listings == 0);
    if (id.n == 0 || id.n > SHARD_MAP_MAX_ID || shard_map_find(m, id))
        return ERR_INVALID;
    struct shard_node *node = find_or_add(m, id);
    struct shard_range *own = arena_new(&m->arena, struct shard_range);
    *own = *r;
    own->start.sequence = arena_span(&m->arena, r->start.sequence);
    own->until_sequence = arena_span(&m->arena, r->until_sequence);
    node->range = own;
    // It may have expired: then its reader finds out.
    node->from_checkpoint = true;
    m->n_checkpoints++;
    return 0;
}

static void add_parent(struct shard_map *m, struct shard_node *node, struct span id)
{
    if (id.n == 0 || id.n > SHARD_MAP_MAX_ID || span_eq(id, node->id))
        return;
    for (int i = 0; i < 2; i++) {
        if (span_eq(node->parent_ids[i], id))
            return;
        if (node->parent_ids[i].n == 0) {
            node->parent_ids[i] = arena_span(&m->arena, id);
            return;
        }
    }
}

// Turns the parents' names into pointers where they are known. False when one is not.
static bool link_parents(struct shard_map *m, struct shard_node *node)
{
    bool all = true;
    for (int i = 0; i < 2; i++) {
        if (node->parent_ids[i].n == 0 || node->parents[i])
            continue;
        node->parents[i] = shard_map_find(m, node->parent_ids[i]);
        if (node->parents[i])
            node->parents[i]->parented = true;
        else
            all = false;
    }
    return all;
}

static void learn_keys(struct shard_node *node, const struct kinesis_shard *s)
{
    node->has_keys = hash_key_parse(s->starting_hash_key, &node->first_key) &&
                     hash_key_parse(s->ending_hash_key, &node->last_key);
}

static void learn_shard(struct shard_map *m, const struct kinesis_shard *s)
{
    struct shard_node *node = shard_map_find(m, s->shard_id);
    bool known = node != NULL;
    node = find_or_add(m, s->shard_id);
    if (!known)
        node->late = m->listings > 1;
    add_parent(m, node, s->parent_id);
    add_parent(m, node, s->adjacent_parent_id);
    learn_keys(node, s);
    node->closed = s->ending_sequence_number.n > 0;
    node->unsure = false;
    node->listed = m->listings;
}

// Marks all ancestors of the shards that have a checkpoint.
static void mark_passed(struct shard_map *m)
{
    struct shard_node **stack = mem_alloc_array(m->n ? 2 * m->n : 1, sizeof(*stack));
    size_t depth = 0;
    for (size_t i = 0; i < m->n; i++) {
        if (!m->nodes[i]->has_checkpoint)
            continue;
        stack[depth++] = m->nodes[i];
        while (depth > 0) {
            struct shard_node *node = stack[--depth];
            for (int k = 0; k < 2; k++) {
                struct shard_node *parent = node->parents[k];
                if (!parent || parent->passed)
                    continue;
                parent->passed = true;
                stack[depth++] = parent;
            }
        }
    }
    mem_free(stack);
}

// Whether no listed shard has to do with any checkpoint.
static bool none_connects(const struct shard_map *m)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct shard_node *node = m->nodes[i];
        if (node->listed != m->listings)
            continue;
        if (node->has_checkpoint || node->passed)
            return false;
        for (int k = 0; k < 2; k++)
            if (node->parents[k] && node->parents[k]->has_checkpoint)
                return false;
    }
    return true;
}

static void finish_first_listing(struct shard_map *m)
{
    mark_passed(m);
    m->all_expired = m->has_checkpoints && none_connects(m);
    for (size_t i = 0; i < m->n; i++) {
        struct shard_node *node = m->nodes[i];
        // One with a checkpoint or a range is asked for: the service says whether it is gone.
        if (!node->has_checkpoint && !node->range && (node->passed || node->listed != m->listings))
            set_ended(node);
    }
}

int shard_map_merge_listing(struct shard_map *m, const struct kinesis_shard *shards, size_t n)
{
    int rc = check_shards(m, shards, n);
    if (rc)
        return rc;
    m->listings++;
    for (size_t i = 0; i < n; i++)
        learn_shard(m, &shards[i]);
    for (size_t i = 0; i < m->n; i++) {
        link_parents(m, m->nodes[i]);
        m->nodes[i]->unsure = false;
    }
    if (m->listings == 1)
        finish_first_listing(m);
    return 0;
}

int shard_map_add_children(struct shard_map *m, struct shard_node *parent,
                           const struct kinesis_shard *shards, size_t n, bool *want_listing)
{
    int rc = check_shards(m, shards, n);
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++) {
        const struct kinesis_shard *s = &shards[i];
        if (span_eq(s->shard_id, parent->id))
            continue;
        if (shard_map_find(m, s->shard_id)) {
            parent->parented = true; // a listing told first, and told more
            continue;
        }
        struct shard_node *node = find_or_add(m, s->shard_id);
        node->late = true;
        learn_keys(node, s);
        add_parent(m, node, parent->id);
        for (size_t k = 0; k < s->n_parents; k++)
            add_parent(m, node, s->parents[k]);
        add_parent(m, node, s->parent_id);
        add_parent(m, node, s->adjacent_parent_id);
        node->unsure = !link_parents(m, node);
        if (node->unsure)
            *want_listing = true;
    }
    return 0;
}

static bool is_blocked(const struct shard_node *node)
{
    if (node->unsure)
        return true;
    for (int i = 0; i < 2; i++)
        if (node->parents[i] && node->parents[i]->phase != SHARD_PHASE_ENDED)
            return true;
    return false;
}

static struct shard_position saved_position(const struct shard_node *node)
{
    int64_t ms;
    if (node->saved.p[0] == SHARD_POSITION_TIME &&
        span_to_i64(span_of(node->saved.p + 1, node->saved.n - 1), &ms))
        return (struct shard_position){.type = KINESIS_AT_TIMESTAMP, .timestamp_ms = ms};
    return (struct shard_position){.type = KINESIS_AT_SEQUENCE_NUMBER,
                                   .sequence = node->saved,
                                   .sub_sequence = node->saved_sub};
}

// A child of a shard that an earlier run read, or that this run reads. With AT_TIMESTAMP a parent
// of the first listing may have closed before that time, so its child asks for the time again.
static bool follows_parent(const struct shard_map *m, const struct shard_node *node)
{
    for (int i = 0; i < 2; i++) {
        const struct shard_node *parent = node->parents[i];
        if (parent && parent->ours && (parent->has_checkpoint || m->start != KINESIS_AT_TIMESTAMP))
            return true;
    }
    return false;
}

// It came from shards that have all expired, and nobody has read it yet.
static bool parents_expired(const struct shard_node *node)
{
    return node->parent_ids[0].n > 0 && !node->parents[0] && !node->parents[1];
}

// False when the shard is not to be read at all.
static bool decide_start(const struct shard_map *m, struct shard_node *node)
{
    if (m->only_ranges) {
        if (node->range)
            node->start = node->range->start;
        return node->range != NULL;
    }
    if (node->has_checkpoint) {
        node->start = saved_position(node);
        return true;
    }
    if (node->late || m->all_expired || (m->has_checkpoints && parents_expired(node)) ||
        follows_parent(m, node)) {
        node->start = (struct shard_position){.type = KINESIS_TRIM_HORIZON};
        return true;
    }
    if (m->start == KINESIS_LATEST && node->closed)
        return false;
    node->start = (struct shard_position){.type = m->start, .timestamp_ms = m->start_timestamp_ms};
    return true;
}

void shard_map_take_ready(struct shard_map *m, struct list *out)
{
    if (m->listings == 0)
        return;
    for (bool again = true; again;) {
        again = false;
        list_for_safe(it, &m->waiting)
        {
            struct shard_node *node = container_of(it, struct shard_node, link);
            if (is_blocked(node))
                continue;
            list_remove(&node->link);
            if (decide_start(m, node)) {
                node->phase = SHARD_PHASE_STARTED;
                node->ours = true;
                list_push(out, &node->link);
            } else {
                node->phase = SHARD_PHASE_ENDED;
                again = true;
            }
        }
    }
}

void shard_map_end(struct shard_map *m, struct shard_node *node)
{
    (void)m;
    set_ended(node);
}

bool shard_map_is_listed(const struct shard_map *m, const struct shard_node *node)
{
    return node->listed == m->listings;
}

bool shard_map_is_gone(const struct shard_map *m, const struct shard_node *node)
{
    return node->listed != m->listings && (node->listed > 0 || node->from_checkpoint);
}

bool shard_map_has_child(const struct shard_map *m, const struct shard_node *node)
{
    (void)m;
    return node->parented;
}

static bool is_needed(const struct shard_map *m, const struct shard_node *node)
{
    // The listing that was under way when a child was found does not have it, the next one does.
    bool to_come = node->listed == 0 && !node->from_checkpoint && m->listings < node->added + 2;
    return node->phase != SHARD_PHASE_ENDED || node->in_use || node->awaited || to_come ||
           node->listed == m->listings;
}

void shard_map_prune(struct shard_map *m)
{
    // Where a shard starts that still waits depends on its parents.
    for (size_t i = 0; i < m->n; i++)
        m->nodes[i]->awaited = false;
    list_for(it, &m->waiting)
    {
        struct shard_node *node = container_of(it, struct shard_node, link);
        for (int k = 0; k < 2; k++)
            if (node->parents[k])
                node->parents[k]->awaited = true;
    }
    size_t kept = 0, gone = 0;
    struct shard_node **drop = mem_alloc_array(m->n ? m->n : 1, sizeof(*drop));
    for (size_t i = 0; i < m->n; i++) {
        struct shard_node *node = m->nodes[i];
        for (int k = 0; k < 2; k++)
            if (node->parents[k] && !is_needed(m, node->parents[k]))
                node->parents[k] = NULL;
        if (is_needed(m, node))
            m->nodes[kept++] = node;
        else
            drop[gone++] = node;
    }
    m->n = kept;
    for (size_t i = 0; i < gone; i++) {
        if (drop[i]->from_checkpoint)
            m->n_checkpoints--;
        map_remove(&m->by_id, drop[i]->id);
        mem_free(drop[i]);
    }
    mem_free(drop);
}
