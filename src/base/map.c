// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

struct map_slot {
    uint64_t hash; // 0 = free
    struct span key;
    void *value;
};

static uint64_t hash_key[2];
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;

static void draw_key(void)
{
    clock_system.random(clock_system.ctx, hash_key, sizeof hash_key);
}

// SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", with one and three rounds).
#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
#define SIPROUND                                                                                   \
    do {                                                                                           \
        v0 += v1, v1 = ROTL(v1, 13), v1 ^= v0, v0 = ROTL(v0, 32);                                  \
        v2 += v3, v3 = ROTL(v3, 16), v3 ^= v2;                                                     \
        v0 += v3, v3 = ROTL(v3, 21), v3 ^= v0;                                                     \
        v2 += v1, v1 = ROTL(v1, 17), v1 ^= v2, v2 = ROTL(v2, 32);                                  \
    } while (0)

uint64_t map_hash(struct span key)
{
    pthread_once(&hash_once, draw_key);
    uint64_t v0 = hash_key[0] ^ 0x736f6d6570736575u, v1 = hash_key[1] ^ 0x646f72616e646f6du;
    uint64_t v2 = hash_key[0] ^ 0x6c7967656e657261u, v3 = hash_key[1] ^ 0x7465646279746573u;
    const char *p = key.p;
    size_t n = key.n;
    uint64_t m;
    for (; n >= 8; p += 8, n -= 8) {
        memcpy(&m, p, 8);
        v3 ^= m;
        SIPROUND;
        v0 ^= m;
    }
    m = 0;
    if (n)
        memcpy(&m, p, n);
    m |= (uint64_t)key.n << 56;
    v3 ^= m;
    SIPROUND;
    v0 ^= m;
    v2 ^= 0xff;
    SIPROUND;
    SIPROUND;
    SIPROUND;
    uint64_t h = v0 ^ v1 ^ v2 ^ v3;
    return h ? h : 1;
}

// Slot of the key, or the free slot where it belongs. cap > n always holds.
static struct map_slot *find(const struct map *m, uint64_t h, struct span key)
{
    size_t mask = m->cap - 1;
    for (size_t i = h & mask;; i = (i + 1) & mask) {
        struct map_slot *s = &m->slots[i];
        if (s->hash == 0 || (s->hash == h && span_eq(s->key, key)))
            return s;
    }
}

static void grow(struct map *m)
{
    struct map next = {.n = m->n, .cap = m->cap ? m->cap * 2 : 16};
    next.slots = mem_zalloc(next.cap * sizeof *next.slots);
    for (size_t i = 0; i < m->cap; i++) {
        if (m->slots[i].hash)
            *find(&next, m->slots[i].hash, m->slots[i].key) = m->slots[i];
    }
    mem_free(m->slots);
    *m = next;
}

void *map_get(const struct map *m, struct span key)
{
    if (m->n == 0)
        return NULL;
    return find(m, map_hash(key), key)->value;
}

void *map_put(struct map *m, struct span key, void *value)
{
    require(value);
    if ((m->n + 1) * 4 > m->cap * 3)
        grow(m);
    uint64_t h = map_hash(key);
    struct map_slot *s = find(m, h, key);
    void *old = s->value;
    if (!s->hash)
        m->n++;
    *s = (struct map_slot){h, key, value};
    return old;
}

void *map_remove(struct map *m, struct span key)
{
    if (m->n == 0)
        return NULL;
    struct map_slot *s = find(m, map_hash(key), key);
    if (!s->hash)
        return NULL;
    void *old = s->value;
    size_t mask = m->cap - 1, hole = (size_t)(s - m->slots);
    // Backward-shift deletion keeps probe runs unbroken without tombstones.
    for (size_t i = (hole + 1) & mask; m->slots[i].hash; i = (i + 1) & mask) {
        size_t home = m->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole] = (struct map_slot){0};
    m->n--;
    return old;
}

void *map_next(const struct map *m, size_t *at, struct span *key)
{
    while (*at < m->cap) {
        const struct map_slot *s = &m->slots[(*at)++];
        if (!s->hash)
            continue;
        if (key)
            *key = s->key;
        return s->value;
    }
    return NULL;
}

void map_free(struct map *m)
{
    mem_free(m->slots);
    *m = (struct map){0};
}
