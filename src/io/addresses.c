// SPDX-License-Identifier: Apache-2.0
#include "io/addresses.h"

#include <string.h>

bool address_eq(const union address *a, const union address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET6)
        return a->v6.sin6_port == b->v6.sin6_port && a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
               memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
    return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

void addresses_add(struct addresses *list, const struct sockaddr *addr, uint16_t port)
{
    union address a = {0};
    if (addr->sa_family == AF_INET) {
        memcpy(&a.v4, addr, sizeof(a.v4));
        a.v4.sin_port = htons(port);
    } else if (addr->sa_family == AF_INET6) {
        memcpy(&a.v6, addr, sizeof(a.v6));
        a.v6.sin6_port = htons(port);
    } else {
        return;
    }
    for (unsigned i = 0; i < list->n; i++) {
        if (address_eq(&list->at[i], &a))
            return;
    }
    if (list->n < ADDRESSES_MAX)
        list->at[list->n++] = a;
}

// Appends those of `from` for which `bad` is so, the families in turns.
static void append_turns(struct addresses *to, const struct addresses *from, const bool *is_bad,
                         bool bad)
{
    sa_family_t family = from->at[0].any.sa_family;
    unsigned first = 0, other = 0;
    for (bool turn = true; first < from->n || other < from->n; turn = !turn) {
        unsigned *at = turn ? &first : &other;
        while (*at < from->n &&
               (is_bad[*at] != bad || (from->at[*at].any.sa_family == family) != turn))
            ++*at;
        if (*at < from->n)
            to->at[to->n++] = from->at[(*at)++];
    }
}

void addresses_order(struct addresses *list, const struct bad_addresses *bad, int64_t now_ms)
{
    struct addresses from = *list;
    bool is_bad[ADDRESSES_MAX];
    if (from.n == 0)
        return;
    for (unsigned i = 0; i < from.n; i++)
        is_bad[i] = bad_addresses_has(bad, &from.at[i], now_ms);
    list->n = 0;
    append_turns(list, &from, is_bad, false);
    append_turns(list, &from, is_bad, true);
}

void bad_addresses_add(struct bad_addresses *bad, const union address *a, int64_t now_ms)
{
    bad_addresses_remove(bad, a);
    bad->at[bad->next].address = *a;
    bad->at[bad->next].until_ms = now_ms + ADDRESSES_BAD_MS;
    bad->next = (bad->next + 1) % ADDRESSES_BAD_MAX;
}

void bad_addresses_remove(struct bad_addresses *bad, const union address *a)
{
    for (unsigned i = 0; i < ADDRESSES_BAD_MAX; i++) {
        if (address_eq(&bad->at[i].address, a))
            bad->at[i].until_ms = 0;
    }
}

bool bad_addresses_has(const struct bad_addresses *bad, const union address *a, int64_t now_ms)
{
    for (unsigned i = 0; i < ADDRESSES_BAD_MAX; i++) {
        if (bad->at[i].until_ms > now_ms && address_eq(&bad->at[i].address, a))
            return true;
    }
    return false;
}
