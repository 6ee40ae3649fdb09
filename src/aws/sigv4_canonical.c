// SPDX-License-Identifier: Apache-2.0
#include "aws/sigv4_canonical.h"

#include "base/text.h"

#include <stdlib.h>

#include "codec/url.h"

static void drop_last_segment(struct buf *out, size_t start)
{
    while (out->n > start && out->p[out->n - 1] != '/') {
        out->n--;
    }
    if (out->n > start) {
        out->n--;
    }
}

// Every kept segment is written with the slash before it; a trailing slash is put back at the end.
static void put_normal_path(struct buf *out, struct span path)
{
    size_t start = out->n;
    bool trailing = false;
    for (struct span rest = path; rest.p;) {
        struct span segment = span_cut(&rest, '/');
        bool dot = span_is(segment, "."), up = span_is(segment, "..");
        trailing = segment.n == 0 || dot || up;
        if (up) {
            drop_last_segment(out, start);
        } else if (!dot && segment.n) {
            buf_add_char(out, '/');
            url_encode(out, segment, false);
        }
    }
    if (trailing || out->n == start) {
        buf_add_char(out, '/');
    }
}

void sigv4_put_path(struct buf *out, const struct sigv4_request *r)
{
    if (r->path.n == 0) {
        buf_add_char(out, '/');
    } else if (r->keep_path) {
        buf_add_span(out, r->path);
    } else if (r->no_normalize) {
        url_encode(out, r->path, true);
    } else {
        put_normal_path(out, r->path);
    }
}

struct pair {
    struct span name, value;
};

static int pair_cmp(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int c = span_cmp(x->name, y->name);
    return c ? c : span_cmp(x->value, y->value);
}

// An escape that is none stays as it is and is encoded as a literal percent sign.
static struct span encode_anew(struct span s, struct arena *a)
{
    struct buf raw = {0}, out = {0};
    for (size_t i = 0; i < s.n; i++) {
        int hi = -1, lo = -1;
        if (s.p[i] == '%' && s.n - i > 2) {
            hi = text_hex_value(s.p[i + 1]);
            lo = text_hex_value(s.p[i + 2]);
        }
        if (hi >= 0 && lo >= 0) {
            buf_add_char(&raw, (char)(hi << 4 | lo));
            i += 2;
        } else {
            buf_add_char(&raw, s.p[i]);
        }
    }
    url_encode(&out, buf_span(&raw), false);
    struct span result = arena_span(a, buf_span(&out));
    buf_free(&raw);
    buf_free(&out);
    return result;
}

void sigv4_put_query(struct buf *out, struct span query, struct arena *a)
{
    size_t n = 0, max = 1;
    for (size_t i = 0; i < query.n; i++) {
        max += query.p[i] == '&';
    }
    struct pair *pairs = arena_array(a, struct pair, max);
    for (struct span rest = query; rest.n;) {
        struct span value = span_cut(&rest, '&');
        if (value.n == 0) {
            continue;
        }
        struct span name = span_cut(&value, '=');
        pairs[n++] = (struct pair){encode_anew(name, a), encode_anew(value, a)};
    }
    qsort(pairs, n, sizeof *pairs, pair_cmp);
    for (size_t i = 0; i < n; i++) {
        if (i) {
            buf_add_char(out, '&');
        }
        buf_add_span(out, pairs[i].name);
        buf_add_char(out, '=');
        buf_add_span(out, pairs[i].value);
    }
}

// Intermediaries add, drop or change these.
static bool is_unsigned(struct span name)
{
    static const char *const names[] = {"authorization",
                                        "connection",
                                        "expect",
                                        "keep-alive",
                                        "proxy-authenticate",
                                        "te",
                                        "trailer",
                                        "upgrade",
                                        "transfer-encoding",
                                        "proxy-authorization",
                                        "user-agent",
                                        "x-amzn-trace-id"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (span_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

static struct span lower_case(struct span s, struct arena *a)
{
    char *p = arena_dup(a, s.p, s.n);
    for (size_t i = 0; i < s.n; i++) {
        if (p[i] >= 'A' && p[i] <= 'Z') {
            p[i] = (char)(p[i] + 32);
        }
    }
    return span_of(p, s.n);
}

// Trims and turns inner runs of white space (folded lines too) into one space.
static struct span tidy_value(struct span s, struct arena *a)
{
    s = span_trim(s);
    char *p = arena_dup(a, s.p, s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool space = s.p[i] == ' ' || (s.p[i] >= '\t' && s.p[i] <= '\r');
        if (!space) {
            p[n++] = s.p[i];
        } else if (n && p[n - 1] != ' ') {
            p[n++] = ' ';
        }
    }
    return span_of(p, n);
}

static void headers_add(struct sigv4_headers *to, struct span name, struct span value,
                        struct arena *a)
{
    value = tidy_value(value, a);
    size_t at = to->n;
    // From the back, so that a repeat lands on its own name.
    while (at && span_cmp(to->h[at - 1].name, name) > 0) {
        at--;
    }
    if (at && span_eq(to->h[at - 1].name, name)) {
        struct span *old = &to->h[at - 1].value;
        *old = arena_printf(a, "%.*s,%.*s", SPAN_ARG(*old), SPAN_ARG(value));
        return;
    }
    memmove(to->h + at + 1, to->h + at, (to->n - at) * sizeof *to->h);
    to->h[at] = (struct http_header){name, value};
    to->n++;
}

void sigv4_headers_collect(struct sigv4_headers *out, struct http_headers from,
                           const struct http_header *extra, size_t n_extra, struct arena *a)
{
    out->h = arena_array(a, struct http_header, from.n + n_extra + 1);
    out->n = 0;
    for (size_t i = 0; i < from.n; i++) {
        struct span name = lower_case(from.h[i].name, a);
        if (!is_unsigned(name)) {
            headers_add(out, name, from.h[i].value, a);
        }
    }
    for (size_t i = 0; i < n_extra; i++) {
        headers_add(out, extra[i].name, extra[i].value, a);
    }
}

struct span sigv4_signed_names(const struct sigv4_headers *h, struct arena *a)
{
    size_t len = 0;
    for (size_t i = 0; i < h->n; i++) {
        len += h->h[i].name.n + 1;
    }
    char *p = arena_alloc(a, len + 1), *at = p;
    for (size_t i = 0; i < h->n; i++) {
        if (i) {
            *at++ = ';';
        }
        memcpy(at, h->h[i].name.p, h->h[i].name.n);
        at += h->h[i].name.n;
    }
    return span_of(p, (size_t)(at - p));
}
