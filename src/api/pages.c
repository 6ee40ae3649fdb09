// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "api/internal.h"

// Pages of the registry's documents, in the hub's PageData (facts/hub.md section 3.1).

#define PAGE_MAX 1000

void write_ref(struct json_out *j, const char *key, const char *entity_type, struct uuid id)
{
    json_out_key(j, span_str(key));
    json_out_object(j);
    json_out_key_str(j, "entityType", span_str(entity_type));
    json_out_key(j, SPAN("id"));
    json_out_uuid(j, id);
    json_out_end(j);
}

void write_doc(struct json_out *j, const struct json *doc)
{
    json_out_raw(j, SPAN_NONE);
    json_write(doc, j->out);
}

void page_begin(struct json_out *j)
{
    json_out_object(j);
    json_out_key(j, SPAN("data"));
    json_out_array(j);
}

void page_end(struct json_out *j, const struct page_link *l, uint64_t total)
{
    json_out_end(j);
    json_out_key_int(j, "totalPages", (int64_t)((total + l->page_size - 1) / l->page_size));
    json_out_key_int(j, "totalElements", (int64_t)total);
    json_out_key_bool(j, "hasNext", (uint64_t)(l->page + 1) * l->page_size < total);
    json_out_end(j);
}

static bool prefix_ieq(struct span s, struct span prefix)
{
    return s.n >= prefix.n && span_ieq(span_of(s.p, prefix.n), prefix);
}

static bool name_matches(struct span name, struct span text, bool prefix)
{
    if (prefix)
        return prefix_ieq(name, text);
    for (size_t i = 0; i + text.n <= name.n; i++) {
        if (prefix_ieq(span_of(name.p + i, name.n - i), text))
            return true;
    }
    return false;
}

static int compare_members(const struct json *a, const struct json *b)
{
    if (json_is(a, JSON_STRING) && json_is(b, JSON_STRING))
        return span_cmp(json_str(a, SPAN_NONE), json_str(b, SPAN_NONE));
    double x = json_is(a, JSON_BOOL) ? json_bool(a, false) : json_num(a, 0);
    double y = json_is(b, JSON_BOOL) ? json_bool(b, false) : json_num(b, 0);
    return (x > y) - (x < y);
}

struct sortable {
    struct entity *entity;
    const struct json *key;
    size_t at; // keeps the sort stable
};

static int compare(const void *a, const void *b)
{
    const struct sortable *x = a, *y = b;
    int c = compare_members(x->key, y->key);
    return c ? c : (x->at > y->at) - (x->at < y->at);
}

static size_t collect(struct request *q, const struct entity_page *p, const struct page_link *l,
                      struct sortable *out)
{
    size_t n = 0;
    const char *sort_key = arena_cstr(q->arena, l->sort_property);
    const struct registry *r = hub_registry(q->api->o.hub);
    for (struct entity *e = NULL; (e = registry_next(r, p->kind, e));) {
        if ((p->keep && !p->keep(q, e)) || !name_matches(e->name, l->text, p->search_prefix))
            continue;
        out[n] = (struct sortable){e, json_get(e->doc, sort_key), n};
        n++;
    }
    return n;
}

void respond_entity(struct request *q, struct entity *e, write_entity_fn *write)
{
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    write(q, &j, e);
    respond_json(q, buf_span(b));
}

void respond_entity_page(struct request *q, const struct entity_page *p)
{
    struct page_link l;
    if (!request_page(q, PAGE_MAX, &l))
        return;
    size_t count = registry_count(hub_registry(q->api->o.hub), p->kind);
    struct sortable *found = arena_array(q->arena, struct sortable, count + 1);
    size_t n = collect(q, p, &l, found);
    if (l.sort_property.n && n > 1)
        qsort(found, n, sizeof *found, compare);
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    page_begin(&j);
    size_t first = l.page < n / l.page_size + 1 ? l.page * l.page_size : n;
    for (size_t i = first; i < n && i < first + l.page_size; i++)
        p->write(q, &j, found[l.descending ? n - 1 - i : i].entity);
    page_end(&j, &l, n);
    respond_json(q, buf_span(b));
}

void respond_entity_list(struct request *q, enum store_doc_kind kind, const char *name,
                         write_entity_fn *write)
{
    struct query_list ids;
    struct err e = {0};
    if (query_get_list(&q->query, name, NULL, q->arena, &ids, &e) < 0) {
        respond_err(q, &e);
        return;
    }
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    json_out_array(&j);
    for (size_t i = 0; i < ids.n; i++) {
        struct uuid id;
        if (!request_uuid(q, ids.items[i], &id))
            return;
        struct entity *found = registry_find(hub_registry(q->api->o.hub), kind, id);
        if (found)
            write(q, &j, found);
    }
    json_out_end(&j);
    respond_json(q, buf_span(b));
}
