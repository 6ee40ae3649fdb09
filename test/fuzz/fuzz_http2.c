// SPDX-License-Identifier: Apache-2.0

// The HTTP/2 codec: however the input is cut, the same comes out, within the limits, and bodies are
// pieces of the input; streams may be answered, given up or outlive their connection. First byte:
// bit 0 client, bit 1 answers, bit 2 gives up, bit 3 takes no body, the rest seeds the cuts.

#include <stdlib.h>

#include "base/buf.h"
#include "codec/http2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD_MAX = 512, HEADERS_MAX = 8, STREAMS_MAX = 4, KEPT = 64 };

struct run {
    struct http2 *h;
    uint8_t flags;
    struct buf said;
    struct http2_stream *kept[KEPT];
    size_t n_kept;
    struct body {
        size_t n;
        uint32_t sum;
    } bodies[KEPT]; // of the streams in `kept`, by their owner
    bool going;
    size_t said_n; // when the peer said GOAWAY
};

static void add_span(struct buf *out, struct span s)
{
    buf_add_u64(out, s.n);
    buf_add_char(out, ':');
    buf_add_span(out, s);
}

static void keep(struct run *r, struct http2_stream *s)
{
    http2_stream_set_owner(s, &r->bodies[r->n_kept]);
    r->kept[r->n_kept++] = s;
}

static void take_data(struct run *r, const struct http2_event *e, struct span piece)
{
    require(e->data.p >= piece.p && e->data.p + e->data.n <= piece.p + piece.n);
    struct body *b = http2_stream_owner(e->stream);
    for (size_t i = 0; b && i < e->data.n; i++)
        b->sum = b->sum * 31 + (unsigned char)e->data.p[i];
    if (b)
        b->n += e->data.n;
    if (!(r->flags & 8))
        http2_stream_consume(e->stream, e->data.n);
}

// How much of a body comes before an error in it depends on the cuts: it is told at its end.
static void take_end(struct run *r, struct http2_stream *s)
{
    struct body *b = http2_stream_owner(s);
    if (b)
        buf_printf(&r->said, "%zu %u", b->n, b->sum);
}

static void take_head(struct run *r, struct http2_stream *s)
{
    const struct http2_head *head = http2_stream_head(s);
    require(head->headers.n <= HEADERS_MAX + 1);
    require(head->content_length >= -1);
    require(head->too_large || http2_stream_head_bytes(s) <= HEAD_MAX);
    buf_printf(&r->said, "\nhead %d %lld %d%d%d ", head->status, (long long)head->content_length,
               head->end, head->too_large, head->expect_continue);
    add_span(&r->said, head->method);
    add_span(&r->said, head->path);
    add_span(&r->said, head->authority);
    size_t bytes = 0;
    for (size_t i = 0; i < head->headers.n; i++) {
        struct http_header h = head->headers.h[i];
        add_span(&r->said, h.name);
        add_span(&r->said, h.value);
        bytes += h.name.n + h.value.n;
        for (size_t k = 0; k < h.value.n; k++)
            require(h.value.p[k] != '\r' && h.value.p[k] != '\n' && h.value.p[k] != '\0');
    }
    require(bytes <= 2 * HEAD_MAX);
    if (!(r->flags & 1)) {
        if (r->n_kept < KEPT)
            keep(r, s);
        else
            http2_stream_free(s, HTTP2_REFUSED_STREAM);
    }
}

static void answer(struct run *r, struct http2_stream *s)
{
    if (r->flags & 1 || !(r->flags & 2))
        return;
    const struct http_header h = {SPAN("X-Name"), SPAN("value")};
    if (http2_respond(s, 200, (struct http_headers){&h, 1}, false) == 0) {
        (void)!http2_stream_write(s, SPAN("body"));
        http2_stream_end(s);
    }
}

static void take(struct run *r, struct span piece)
{
    struct http2_event e;
    while (http2_next(r->h, &e)) {
        if (e.type != HTTP2_DATA)
            buf_printf(&r->said, "\n%d ", (int)e.type);
        switch (e.type) {
        case HTTP2_HEAD:
            take_head(r, e.stream);
            break;
        case HTTP2_DATA:
            take_data(r, &e, piece);
            break;
        case HTTP2_END:
            take_end(r, e.stream);
            answer(r, e.stream);
            break;
        case HTTP2_GOAWAY:
            // From here on, how much of the rest is looked at depends on the cuts.
            r->said_n = r->going ? r->said_n : r->said.n;
            r->going = true;
            break;
        case HTTP2_CLOSED:
            buf_printf(&r->said, "%u %d", e.code, e.unprocessed);
            break;
        default:
            break;
        }
    }
}

static void request(struct run *r)
{
    struct http2_request q = {.method = SPAN("GET"),
                              .scheme = SPAN("http"),
                              .authority = SPAN("h"),
                              .path = SPAN("/"),
                              .end = true};
    while (r->n_kept < 3) {
        struct http2_stream *s = http2_request(r->h, &q);
        require(s);
        keep(r, s);
    }
}

// What is said is taken at the end only: when depends on the cuts.
static void run(struct span in, uint8_t flags, unsigned seed, struct buf *out)
{
    struct http2_options o = {.side = flags & 1 ? HTTP2_CLIENT : HTTP2_SERVER,
                              .head_max = HEAD_MAX,
                              .headers_max = HEADERS_MAX,
                              .streams_max = STREAMS_MAX,
                              .window = 65535,
                              .conn_window = 100000};
    struct run r = {.h = http2_new(&o), .flags = flags};
    struct buf sent = {0};
    if (flags & 1)
        request(&r);
    while (http2_out(r.h, &sent, 65536) > 0) {
    }
    int rc = flags & 1 ? 0 : http2_feed(r.h, SPAN(HTTP2_PREFACE), 0);
    while (rc == 0 && in.n > 0) {
        size_t n = seed ? 1 + (size_t)(rand_r(&seed) % 7) : in.n;
        if (n > in.n)
            n = in.n;
        char *piece = malloc(n); // of its own size, for the sanitizer
        memcpy(piece, in.p, n);
        rc = http2_feed(r.h, span_of(piece, n), 0);
        take(&r, span_of(piece, n));
        free(piece);
        in.p += n;
        in.n -= n;
    }
    buf_printf(&r.said, "\nend %d", rc);
    if (flags & 4) {
        for (size_t i = 0; i < r.n_kept; i++)
            http2_stream_free(r.kept[i], HTTP2_CANCEL);
        r.n_kept = 0;
    }
    size_t more;
    do {
        buf_clear(&sent);
        more = http2_out(r.h, &sent, 1000);
        take(&r, SPAN_NONE);
    } while (more > 0);
    (void)http2_finished(r.h);
    http2_free(r.h);
    for (size_t i = 0; i < r.n_kept; i++)
        http2_stream_free(r.kept[i], HTTP2_CANCEL);
    buf_free(&sent);
    if (r.going)
        r.said.n = r.said_n;
    *out = r.said;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct span in = span_of((const char *)data + 1, size - 1);
    struct buf whole = {0}, cut = {0};
    run(in, data[0], 0, &whole);
    run(in, data[0], 1 + data[0] / 16u, &cut);
    require(span_eq(buf_span(&whole), buf_span(&cut)));
    buf_free(&whole);
    buf_free(&cut);
    return 0;
}
