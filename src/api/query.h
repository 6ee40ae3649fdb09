// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_API_QUERY_H
#define PENSTOCK_API_QUERY_H

// The arguments of a query string, decoded, and the paging arguments that lists share
// (facts/hub.md section 3.1). Pure. Unknown arguments are ignored.

#include "base/arena.h"
#include "base/err.h"

#define QUERY_ARGS_MAX 1024
#define QUERY_LIST_MAX 512 // items of a list: keys, ids

struct query_arg {
    struct span name, value;
};
struct query {
    struct query_arg *args;
    size_t n;
};

// ERR_INVALID with a message: bad percent-coding, or more than QUERY_ARGS_MAX arguments.
int query_parse(struct span text, struct arena *a, struct query *out, struct err *e);
// The first of that name; p == NULL when absent.
struct span query_get(const struct query *q, const char *name);
// Absent or empty: `otherwise`. ERR_INVALID with a message that names it.
int query_get_int(const struct query *q, const char *name, int64_t otherwise, int64_t *out,
                  struct err *e);
int query_get_bool(const struct query *q, const char *name, bool otherwise, bool *out,
                   struct err *e);

struct query_list {
    struct span *items;
    size_t n;
};
// Items of every `name` argument, cut at commas, and of every `single` argument (may be NULL),
// whole; empty ones and repetitions left out. ERR_INVALID beyond QUERY_LIST_MAX.
int query_get_list(const struct query *q, const char *name, const char *single, struct arena *a,
                   struct query_list *out, struct err *e);

struct page_link {
    size_t page, page_size;
    struct span text;          // textSearch, trimmed; empty = all
    struct span sort_property; // empty = by creation
    bool descending;
};
// pageSize beyond `max_size` is taken for it. ERR_INVALID: missing, pageSize < 1, page < 0, ...
int query_get_page(const struct query *q, size_t max_size, struct page_link *out, struct err *e);

#endif
