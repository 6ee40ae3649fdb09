// SPDX-License-Identifier: Apache-2.0

// The HTTP/1.1 parser: however the input is cut, the same messages come out, within the limits, and
// bodies are pieces of the input. First byte: bit 0 responses, bit 1 the first answers HEAD, the
// rest seeds the cuts.

#include <stdlib.h>

#include "base/buf.h"
#include "codec/http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http1_limits limits = {.head = 512, .headers = 8, .target = 64};

static void add_span(struct buf *out, struct span s)
{
    buf_add_u64(out, s.n);
    buf_add_char(out, ':');
    buf_add_span(out, s);
}

static void write_head(const struct http1_head *h, struct buf *out)
{
    require(h->headers.n <= limits.headers && h->target.n <= limits.target);
    require(h->minor <= 1 && h->content_length >= -1);
    require((h->content_length == -1) == (h->chunked || h->until_close));
    size_t bytes = h->target.n;
    buf_printf(out, "\nhead %d %d %d %lld ", h->status, h->minor, h->keep_alive,
               (long long)h->content_length);
    add_span(out, h->method);
    add_span(out, h->target);
    for (size_t i = 0; i < h->headers.n; i++) {
        add_span(out, h->headers.h[i].name);
        add_span(out, h->headers.h[i].value);
        bytes += h->headers.h[i].name.n + h->headers.h[i].value.n;
        for (size_t k = 0; k < h->headers.h[i].value.n; k++) {
            char c = h->headers.h[i].value.p[k];
            require(c != '\r' && c != '\n' && c != '\0');
        }
    }
    require(bytes <= limits.head);
}

// Returns false after an error.
static bool drain(struct http1 *p, struct span piece, struct buf *out, bool *in_body)
{
    enum http1_event event;
    while ((event = http1_next(p)) != HTTP1_MORE) {
        struct span body = http1_body(p);
        if (event == HTTP1_BODY) {
            require(body.n > 0 && body.p >= piece.p && body.p + body.n <= piece.p + piece.n);
            if (!*in_body)
                buf_add_str(out, "\nbody ");
            buf_add_span(out, body);
        } else if (event == HTTP1_HEAD) {
            write_head(http1_head(p), out);
        } else if (event == HTTP1_DONE) {
            buf_add_str(out, "\ndone");
            require(http1_idle(p));
        } else {
            buf_printf(out, "\nerror %d", http1_error(p).status);
            require(http1_next(p) == HTTP1_ERROR && http1_eof(p) == HTTP1_ERROR);
            return false;
        }
        *in_body = event == HTTP1_BODY;
    }
    require(http1_rest(p).n == 0);
    return true;
}

static void run(struct span in, uint8_t flags, unsigned seed, struct buf *out)
{
    struct http1 *p = http1_new(flags & 1 ? HTTP1_RESPONSES : HTTP1_REQUESTS, &limits);
    bool in_body = false, good = true;
    if (flags & 2)
        http1_expect_no_body(p);
    while (good && in.n > 0) {
        size_t n = seed ? 1 + (size_t)(rand_r(&seed) % 5) : in.n;
        if (n > in.n)
            n = in.n;
        char *piece = malloc(n); // of its own size, for the sanitizer
        memcpy(piece, in.p, n);
        http1_feed(p, span_of(piece, n));
        good = drain(p, span_of(piece, n), out, &in_body);
        free(piece);
        in.p += n;
        in.n -= n;
    }
    if (good)
        buf_printf(out, "\neof %d", (int)http1_eof(p));
    http1_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct span in = span_of((const char *)data + 1, size - 1);
    struct buf whole = {0}, cut = {0};
    run(in, data[0], 0, &whole);
    run(in, data[0], 1 + data[0] / 4u, &cut);
    require(span_eq(buf_span(&whole), buf_span(&cut)));
    buf_free(&whole);
    buf_free(&cut);
    return 0;
}
