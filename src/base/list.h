// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_BASE_LIST_H
#define PENSTOCK_BASE_LIST_H

// Intrusive doubly-linked list. The owner embeds a link; an unlinked link is all zero.

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct list {
    struct list *prev, *next;
};

#define LIST_INIT(name) {&(name), &(name)}
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define list_for(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)
// Safe against removal of `it` itself inside the loop.
#define list_for_safe(it, head)                                                                    \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head);                      \
         it = it##_next, it##_next = it->next)

static inline void list_init(struct list *head)
{
    head->prev = head->next = head;
}
static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}
static inline bool list_linked(const struct list *item)
{
    return item->next != NULL;
}
static inline void list_push(struct list *head, struct list *item)
{
    require(!list_linked(item));
    item->prev = head->prev;
    item->next = head;
    head->prev->next = item;
    head->prev = item;
}
static inline void list_push_front(struct list *head, struct list *item)
{
    list_push(head->next, item);
}
static inline void list_remove(struct list *item)
{
    if (!list_linked(item))
        return;
    item->prev->next = item->next;
    item->next->prev = item->prev;
    item->prev = item->next = NULL;
}
static inline struct list *list_pop(struct list *head)
{
    struct list *item = head->next;
    if (item == head)
        return NULL;
    list_remove(item);
    return item;
}
// Moves all items of `from` to the end of `to`; `from` is empty after.
static inline void list_move_all(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#endif
