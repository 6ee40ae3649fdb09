// SPDX-License-Identifier: Apache-2.0
#include "api/router.h"

#include "base/err.h"

static bool fits(const char *pattern, struct span path, struct route_match *m)
{
    const char *p = path.p, *end = path.p + path.n;
    m->n_args = 0;
    for (; *pattern; pattern++) {
        if (*pattern != '{') {
            if (p == end || *p++ != *pattern)
                return false;
            continue;
        }
        const char *start = p;
        while (p < end && *p != '/')
            p++;
        if (p == start || m->n_args == ROUTE_ARGS_MAX)
            return false;
        m->args[m->n_args++] = span_of(start, (size_t)(p - start));
        while (*pattern != '}')
            pattern++;
    }
    return p == end;
}

int route_find(const struct route *routes, size_t n, struct span method, struct span path,
               struct route_match *out)
{
    int status = ERR_NOT_FOUND;
    if (span_is(method, "HEAD"))
        method = SPAN("GET");
    for (size_t i = 0; i < n; i++) {
        if (!fits(routes[i].pattern, path, out))
            continue;
        if (span_is(method, routes[i].method)) {
            out->route = &routes[i];
            return 0;
        }
        status = ERR_INVALID;
    }
    return status;
}

static bool listed(struct span list, const char *method)
{
    while (list.p) {
        if (span_is(span_trim(span_cut(&list, ',')), method))
            return true;
    }
    return false;
}

void route_allowed(const struct route *routes, size_t n, struct span path, struct buf *out)
{
    struct route_match m;
    for (size_t i = 0; i < n; i++) {
        if (listed(buf_span(out), routes[i].method) || !fits(routes[i].pattern, path, &m))
            continue;
        buf_printf(out, "%s%s", out->n ? ", " : "", routes[i].method);
        if (span_is(SPAN("GET"), routes[i].method))
            buf_add_str(out, ", HEAD");
    }
}
