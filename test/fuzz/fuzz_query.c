// SPDX-License-Identifier: Apache-2.0
// A request line's path and query from a stranger: "PATH?QUERY".

#include "api/query.h"
#include "api/router.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct route routes[] = {
    {"GET", "/a/{x}/b", NULL, ROUTE_OPEN},
    {"POST", "/a/{x}/{y}", NULL, ROUTE_OPEN},
    {"GET", "/{a}/{b}/{c}/{d}", NULL, ROUTE_OPEN},
    {"GET", "/", NULL, ROUTE_OPEN},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span query = span_of((const char *)data, size), path = span_cut(&query, '?');
    struct route_match m;
    struct query q;
    struct query_list l;
    struct page_link link;
    struct arena a = {0};
    struct buf allowed = {0};
    struct err e = {0};
    size_t n = sizeof routes / sizeof *routes;
    if (route_find(routes, n, SPAN("GET"), path, &m) == 0)
        require(m.n_args <= ROUTE_ARGS_MAX);
    route_allowed(routes, n, path, &allowed);
    if (query_parse(query, &a, &q, &e) == 0) {
        if (query_get_page(&q, 100, &link, &e) == 0)
            require(link.page_size >= 1 && link.page_size <= 100);
        if (query_get_list(&q, "keys", "key", &a, &l, &e) == 0)
            require(l.n <= QUERY_LIST_MAX);
    }
    buf_free(&allowed);
    arena_free(&a);
    return 0;
}
