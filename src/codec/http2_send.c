// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "codec/http2_internal.h"

// What goes out: requests, responses, bodies, and the words about the connection itself. A body
// waits in its stream until both windows and the owner's output have room for a frame of it.

#define FRAME_HEAD 9
// Until its SETTINGS have come: what RFC 9113 section 6.5.2 asks peers to allow at least.
#define STREAMS_AT_FIRST 100
#define DEFAULT_WINDOW 65535

int http2_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *framehd,
                    size_t n, nghttp2_data_source *source, void *ctx)
{
    (void)session;
    (void)frame;
    struct http2 *h = ctx;
    struct http2_stream *s = source->ptr;
    if (h->sink->n >= h->sink_max)
        return NGHTTP2_ERR_WOULDBLOCK;
    buf_add(h->sink, framehd, FRAME_HEAD);
    buf_add(h->sink, s->out.p + s->out_at, n);
    s->out_at += n;
    s->sent += n;
    if (s->out_at == s->out.n) {
        if (s->out.cap > HTTP2_LOW_MARK)
            buf_free(&s->out);
        else
            buf_clear(&s->out);
        s->out_at = 0;
    } else if (s->out_at > s->out.n / 2) {
        buf_drop(&s->out, s->out_at);
        s->out_at = 0;
    }
    if (s->above && http2_stream_queued(s) <= HTTP2_LOW_MARK) {
        s->above = false;
        http2_record(h, (struct http2_event){.type = HTTP2_DRAINED, .stream = s});
    }
    return 0;
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *to, size_t room,
                         uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    (void)session;
    (void)id;
    (void)to;
    (void)ctx;
    struct http2_stream *s = source->ptr;
    size_t left = http2_stream_queued(s), n = left < room ? left : room;
    if (left == 0 && !s->out_end) {
        s->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (n > 0)
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (n == left && s->out_end)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

size_t http2_out(struct http2 *h, struct buf *out, size_t max)
{
    size_t before = out->n;
    h->sink = out;
    h->sink_max = max;
    while (out->n < max) {
        const uint8_t *p;
        size_t had = out->n;
        ssize_t n = nghttp2_session_mem_send(h->session, &p);
        if (n < 0)
            http2_fail(h, nghttp2_strerror((int)n));
        if (n <= 0 && out->n == had)
            break;
        if (n > 0)
            buf_add(out, p, (size_t)n);
    }
    h->sink = NULL;
    return out->n - before;
}

// What belongs to a connection of HTTP/1.1, or is said otherwise here (RFC 9113 section 8.2.2).
static bool has_no_use(struct span name)
{
    static const char *const names[] = {"connection",       "host", "keep-alive",
                                        "proxy-connection", "te",   "upgrade",
                                        "transfer-encoding"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (span_ieq(name, span_str(names[i])))
            return true;
    }
    return name.n == 0 || name.p[0] == ':';
}

static nghttp2_nv field(struct span name, struct span value)
{
    // The library copies, and writes lower-case names.
    return (nghttp2_nv){(uint8_t *)name.p, (uint8_t *)value.p, name.n, value.n,
                        NGHTTP2_NV_FLAG_NONE};
}

static size_t add_fields(nghttp2_nv *to, size_t n, struct http_headers headers)
{
    for (size_t i = 0; i < headers.n; i++) {
        if (!has_no_use(headers.h[i].name))
            to[n++] = field(headers.h[i].name, headers.h[i].value);
    }
    return n;
}

bool http2_can_request(const struct http2 *h)
{
    uint32_t max =
        nghttp2_session_get_remote_settings(h->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    if (!h->settled || max > INT32_MAX)
        max = h->settled ? INT32_MAX : STREAMS_AT_FIRST;
    return !h->failed && !h->peer_going && h->n_streams < max &&
           nghttp2_session_check_request_allowed(h->session);
}

struct http2_stream *http2_request(struct http2 *h, const struct http2_request *r)
{
    if (!http2_can_request(h))
        return NULL;
    struct http2_stream *s = http2_stream_new(h);
    s->owner = r->owner;
    s->out_end = r->end;
    uint32_t window = r->window ? r->window : h->o.window;
    s->window = window > DEFAULT_WINDOW ? window : 0;
    nghttp2_nv *nv = mem_alloc_array(r->headers.n + 4, sizeof(*nv));
    nv[0] = field(SPAN(":method"), r->method);
    nv[1] = field(SPAN(":scheme"), r->scheme);
    nv[2] = field(SPAN(":authority"), r->authority);
    nv[3] = field(SPAN(":path"), r->path);
    size_t n = add_fields(nv, 4, r->headers);
    nghttp2_data_provider body = {.source.ptr = s, .read_callback = read_body};
    s->id = nghttp2_submit_request(h->session, NULL, nv, n, r->end ? NULL : &body, s);
    mem_free(nv);
    require(s->id > 0);
    return s;
}

int http2_respond(struct http2_stream *s, int status, struct http_headers headers, bool end)
{
    if (!http2_stream_open(s))
        return ERR_CLOSED;
    require(status >= 200 && status <= 599);
    char text[3] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10),
                    (char)('0' + status % 10)};
    nghttp2_nv *nv = mem_alloc_array(headers.n + 1, sizeof(*nv));
    nv[0] = field(SPAN(":status"), span_of(text, 3));
    size_t n = add_fields(nv, 1, headers);
    nghttp2_data_provider body = {.source.ptr = s, .read_callback = read_body};
    s->out_end = end;
    int rc = nghttp2_submit_response(s->h->session, s->id, nv, n, end ? NULL : &body);
    mem_free(nv);
    return rc == 0 ? 0 : ERR_CLOSED;
}

void http2_continue(struct http2_stream *s)
{
    if (!http2_stream_open(s))
        return;
    nghttp2_nv nv = field(SPAN(":status"), SPAN("100"));
    (void)!nghttp2_submit_headers(s->h->session, NGHTTP2_FLAG_NONE, s->id, NULL, &nv, 1, NULL);
}

static void go_on(struct http2_stream *s)
{
    if (s->deferred) {
        s->deferred = false;
        (void)!nghttp2_session_resume_data(s->h->session, s->id);
    }
}

int http2_stream_write(struct http2_stream *s, struct span piece)
{
    if (!http2_stream_open(s))
        return ERR_CLOSED;
    require(!s->out_end);
    if (piece.n == 0)
        return 0;
    buf_add_span(&s->out, piece);
    if (http2_stream_queued(s) >= HTTP2_HIGH_MARK)
        s->above = true;
    go_on(s);
    return 0;
}

void http2_stream_end(struct http2_stream *s)
{
    if (!http2_stream_open(s))
        return;
    s->out_end = true;
    go_on(s);
}

void http2_stream_consume(struct http2_stream *s, size_t n)
{
    if (http2_stream_open(s) && n > 0)
        (void)!nghttp2_session_consume_stream(s->h->session, s->id, n);
}

void http2_stream_reset(struct http2_stream *s, uint32_t code)
{
    if (!http2_stream_open(s))
        return;
    s->resetting = true;
    (void)!nghttp2_submit_rst_stream(s->h->session, NGHTTP2_FLAG_NONE, s->id, code);
}

void http2_stream_free(struct http2_stream *s, uint32_t code)
{
    if (!s)
        return;
    s->owned = false;
    s->owner = NULL;
    http2_stream_reset(s, code);
    http2_stream_release(s);
}

size_t http2_stream_head_bytes(const struct http2_stream *s)
{
    return s->head_bytes;
}

void http2_ping(struct http2 *h)
{
    (void)!nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL);
}

void http2_shutdown(struct http2 *h)
{
    if (h->shutting)
        return;
    h->shutting = true;
    // A PING follows it, whose answer tells that the peer has heard: see on_sent().
    (void)!nghttp2_submit_shutdown_notice(h->session);
}

void http2_goaway(struct http2 *h, uint32_t code)
{
    if (code != HTTP2_NO_ERROR)
        (void)!nghttp2_session_terminate_session(h->session, code);
    else
        (void)!nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
                                     nghttp2_session_get_last_proc_stream_id(h->session), code,
                                     NULL, 0);
}

void http2_stream_set_owner(struct http2_stream *s, void *owner)
{
    s->owner = owner;
}

void *http2_stream_owner(const struct http2_stream *s)
{
    return s->owner;
}

const struct http2_head *http2_stream_head(const struct http2_stream *s)
{
    return &s->head;
}

size_t http2_stream_queued(const struct http2_stream *s)
{
    return s->out.n - s->out_at;
}

uint64_t http2_stream_sent(const struct http2_stream *s)
{
    return s->sent;
}

bool http2_stream_open(const struct http2_stream *s)
{
    return s->h != NULL && !s->resetting;
}
