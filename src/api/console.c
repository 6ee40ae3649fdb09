// SPDX-License-Identifier: Apache-2.0
#include "api/console.h"

#include "api/internal.h"
#include "api/routes.h"

// Everything comes from here and nothing runs that is not in a file: no inline script or style.
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "                    \
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "            \
    "require-trusted-types-for 'script'"

static const char *type_of(struct span path)
{
    if (span_has_suffix(path, SPAN(".js")))
        return "text/javascript; charset=utf-8";
    if (span_has_suffix(path, SPAN(".css")))
        return "text/css; charset=utf-8";
    if (span_has_suffix(path, SPAN(".svg")))
        return "image/svg+xml";
    return "text/html; charset=utf-8";
}

static const struct console_file *find(struct span path)
{
    if (span_is(path, "/"))
        path = SPAN("/index.html");
    for (size_t i = 0; i < console_n_files; i++) {
        if (span_is(path, console_files[i].path))
            return &console_files[i];
    }
    return NULL;
}

// RFC 9110 section 13.1.2: any of a list, weak or not.
static bool has_etag(struct span list, struct span etag)
{
    while (list.p) {
        struct span one = span_trim(span_cut(&list, ','));
        if (span_has_prefix(one, SPAN("W/")))
            one = span_of(one.p + 2, one.n - 2);
        if (span_eq(one, etag) || span_is(one, "*"))
            return true;
    }
    return false;
}

void console_show(struct request *q)
{
    const struct console_file *f = find(http_path(q->x));
    if (!f) {
        respond_error(q, 404, HUB_NOT_FOUND, "there is nothing at this path");
        return;
    }
    struct http_header h[] = {
        {SPAN("ETag"), span_str(f->etag)},
        {SPAN("Cache-Control"), SPAN("no-cache")},
        {SPAN("Content-Security-Policy"), SPAN(POLICY)},
        {SPAN("X-Content-Type-Options"), SPAN("nosniff")},
        {SPAN("Referrer-Policy"), SPAN("no-referrer")},
        {SPAN("Cross-Origin-Opener-Policy"), SPAN("same-origin")},
        {SPAN("Content-Type"), span_str(type_of(span_str(f->path)))},
    };
    struct http_headers headers = {h, sizeof h / sizeof *h};
    if (has_etag(http_request_header(q->x, "If-None-Match"), span_str(f->etag)))
        respond_headers(q, 304, (struct http_headers){h, headers.n - 1}, SPAN_NONE);
    else
        respond_headers(q, 200, headers, span_of((const char *)f->data, f->n));
}
