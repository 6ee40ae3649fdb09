// SPDX-License-Identifier: Apache-2.0
#include "api/query.h"

#include <limits.h>

#include "base/map.h"
#include "codec/url.h"

static size_t count_args(struct span text)
{
    size_t n = 0;
    while (text.p)
        n += span_cut(&text, '&').n > 0;
    return n;
}

int query_parse(struct span text, struct arena *a, struct query *out, struct err *e)
{
    size_t n = text.n ? count_args(text) : 0;
    *out = (struct query){0};
    if (n == 0)
        return 0;
    if (n > QUERY_ARGS_MAX)
        return err_set(e, ERR_INVALID, "more than %d query arguments", QUERY_ARGS_MAX);
    out->args = arena_array(a, struct query_arg, n);
    while (text.p) {
        struct span value = span_cut(&text, '&');
        if (!value.n)
            continue;
        struct span name = span_cut(&value, '=');
        struct query_arg *arg = &out->args[out->n++];
        if (!value.p)
            value = SPAN("");
        if (url_decode(name, true, a, &arg->name) < 0 ||
            url_decode(value, true, a, &arg->value) < 0)
            return err_set(e, ERR_INVALID, "query argument %.*s: wrong percent-coding",
                           (int)(name.n < 64 ? name.n : 64), name.p);
    }
    return 0;
}

struct span query_get(const struct query *q, const char *name)
{
    for (size_t i = 0; i < q->n; i++) {
        if (span_is(q->args[i].name, name))
            return q->args[i].value.p ? q->args[i].value : SPAN("");
    }
    return SPAN_NONE;
}

int query_get_int(const struct query *q, const char *name, int64_t otherwise, int64_t *out,
                  struct err *e)
{
    struct span s = query_get(q, name);
    *out = otherwise;
    if (s.n == 0 || span_to_i64(s, out))
        return 0;
    return err_set(e, ERR_INVALID, "query argument %s: must be a whole number", name);
}

int query_get_bool(const struct query *q, const char *name, bool otherwise, bool *out,
                   struct err *e)
{
    struct span s = query_get(q, name);
    *out = otherwise;
    if (s.n == 0)
        return 0;
    *out = span_ieq(s, SPAN("true"));
    if (*out || span_ieq(s, SPAN("false")))
        return 0;
    return err_set(e, ERR_INVALID, "query argument %s: must be true or false", name);
}

struct list_reader {
    struct arena *arena;
    struct query_list *out;
    struct map seen; // only for lists that are long
    struct err *err;
};

#define SEARCH_MAX 16

static bool is_known(const struct list_reader *r, struct span item)
{
    if (r->out->n > SEARCH_MAX)
        return map_get(&r->seen, item) != NULL;
    for (size_t i = 0; i < r->out->n; i++) {
        if (span_eq(r->out->items[i], item))
            return true;
    }
    return false;
}

static int add_item(struct list_reader *r, struct span item)
{
    struct query_list *l = r->out;
    if (!item.n || is_known(r, item))
        return 0;
    if (l->n == QUERY_LIST_MAX)
        return err_set(r->err, ERR_INVALID, "more than %d items in a list", QUERY_LIST_MAX);
    if (l->n % SEARCH_MAX == 0)
        l->items = arena_grow(r->arena, l->items, l->n * sizeof *l->items,
                              (l->n + SEARCH_MAX) * sizeof *l->items);
    l->items[l->n++] = item;
    if (l->n == SEARCH_MAX + 1) {
        for (size_t i = 0; i < l->n; i++)
            map_put(&r->seen, l->items[i], l);
    } else if (l->n > SEARCH_MAX) {
        map_put(&r->seen, item, l);
    }
    return 0;
}

int query_get_list(const struct query *q, const char *name, const char *single, struct arena *a,
                   struct query_list *out, struct err *e)
{
    struct list_reader r = {.arena = a, .out = out, .err = e};
    int status = 0;
    *out = (struct query_list){0};
    for (size_t i = 0; i < q->n && status == 0; i++) {
        struct span value = q->args[i].value;
        if (single && span_is(q->args[i].name, single))
            status = add_item(&r, value);
        if (!span_is(q->args[i].name, name))
            continue;
        while (value.p && status == 0)
            status = add_item(&r, span_trim(span_cut(&value, ',')));
    }
    map_free(&r.seen);
    return status;
}

static int get_needed(const struct query *q, const char *name, int64_t min, int64_t *out,
                      struct err *e)
{
    struct span s = query_get(q, name);
    if (!s.p)
        return err_set(e, ERR_INVALID, "Required request parameter '%s' is not present", name);
    if (!span_to_i64(s, out))
        return err_set(e, ERR_INVALID, "query argument %s: must be a whole number", name);
    if (*out < min || *out > INT_MAX)
        return err_set(e, ERR_INVALID, "Incorrect page link: %s must be from %lld to %d", name,
                       (long long)min, INT_MAX);
    return 0;
}

int query_get_page(const struct query *q, size_t max_size, struct page_link *out, struct err *e)
{
    int64_t page, size;
    if (get_needed(q, "pageSize", 1, &size, e) < 0 || get_needed(q, "page", 0, &page, e) < 0)
        return e->code;
    *out = (struct page_link){
        .page = (size_t)page,
        .page_size = (size_t)size < max_size ? (size_t)size : max_size,
        .text = span_trim(query_get(q, "textSearch")),
        .sort_property = span_trim(query_get(q, "sortProperty")),
    };
    struct span order = span_trim(query_get(q, "sortOrder"));
    out->descending = span_ieq(order, SPAN("DESC"));
    if (order.n && !out->descending && !span_ieq(order, SPAN("ASC")))
        return err_set(e, ERR_INVALID, "query argument sortOrder: must be ASC or DESC");
    return 0;
}
