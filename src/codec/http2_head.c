// SPDX-License-Identifier: Apache-2.0
#include "codec/http2_internal.h"

// Heads of requests and responses, collected field by field into the stream's arena.

#define FIELD_OVERHEAD 32 // RFC 9113 section 6.5.2
// A head this many times over the limit is an attack on the decoder, not a mistake.
#define FAR_BEYOND 16

void http2_head_begin(struct http2_stream *s)
{
    // An interim response came before.
    arena_reset(&s->arena);
    s->head = (struct http2_head){.content_length = -1};
    s->fields = NULL;
    s->fields_cap = 0;
    s->head_bytes = 0;
}

static void add_field(struct http2_stream *s, struct span name, struct span value)
{
    size_t n = s->head.headers.n;
    if (n == s->fields_cap) {
        size_t cap = n ? 2 * n : 16;
        s->fields =
            arena_grow(&s->arena, s->fields, n * sizeof(*s->fields), cap * sizeof(*s->fields));
        s->fields_cap = cap;
    }
    s->fields[n] = (struct http_header){name, value};
    s->head.headers = (struct http_headers){s->fields, n + 1};
}

static void set_pseudo(struct http2_head *head, struct span name, struct span value)
{
    uint64_t status = 0;
    if (span_is(name, ":method"))
        head->method = value;
    else if (span_is(name, ":path"))
        head->path = value;
    else if (span_is(name, ":scheme"))
        head->scheme = value;
    else if (span_is(name, ":authority"))
        head->authority = value;
    else if (span_is(name, ":status") && span_to_u64(value, &status) && status < 1000)
        head->status = (int)status;
}

int http2_head_add(struct http2_stream *s, struct span name, struct span value)
{
    const struct http2_options *o = &s->h->o;
    size_t bytes = name.n + value.n + FIELD_OVERHEAD;
    if (s->head_done) {
        s->trailer_bytes += bytes;
        return s->trailer_bytes <= FAR_BEYOND * o->head_max ? 0 : ERR_LIMIT;
    }
    s->head_bytes += bytes;
    if (s->head_bytes > FAR_BEYOND * o->head_max)
        return ERR_LIMIT;
    if (s->head_bytes > o->head_max || s->head.headers.n >= o->headers_max)
        s->head.too_large = true;
    bool pseudo = name.n > 0 && name.p[0] == ':';
    if (s->head.too_large && !pseudo)
        return 0;
    // What is over the limit in the pseudo fields themselves is not kept either.
    if (s->head.too_large && value.n > o->head_max)
        value.n = 0;
    value = arena_span(&s->arena, value);
    if (pseudo) {
        set_pseudo(&s->head, name, value);
        return 0;
    }
    uint64_t length;
    if (span_is(name, "content-length") && span_to_u64(value, &length) && length <= INT64_MAX)
        s->head.content_length = (int64_t)length;
    if (span_is(name, "expect") && span_ieq(value, SPAN("100-continue")))
        s->head.expect_continue = true;
    add_field(s, arena_span(&s->arena, name), value);
    return 0;
}

void http2_head_done(struct http2_stream *s, bool end)
{
    struct http2_head *head = &s->head;
    s->head_done = true;
    head->end = end;
    if (end)
        head->content_length = 0;
    if (head->authority.n == 0 || s->h->o.side == HTTP2_CLIENT)
        return;
    for (size_t i = 0; i < head->headers.n; i++) {
        if (span_is(head->headers.h[i].name, "host"))
            return;
    }
    add_field(s, SPAN("host"), head->authority);
}

void http2_stream_drop_head(struct http2_stream *s)
{
    require(s->head_done);
    arena_free(&s->arena);
    s->head = (struct http2_head){.status = s->head.status};
    s->fields = NULL;
    s->fields_cap = 0;
}
