// SPDX-License-Identifier: Apache-2.0
#include "codec/http2.h"

#include <stdio.h>

#include "base/mem.h"
#include "codec/http2_internal.h"

// Happy path: the library parses what is fed and calls the functions below, which only record
// events; the owner takes them after. Failure modes: a peer that breaks the protocol gets the
// library's GOAWAY or RST_STREAM; floods end the connection; a stream whose owner has let go stays
// here, ownerless, until its RST_STREAM is out.

#define KEEP_EVENTS 256

void http2_record(struct http2 *h, struct http2_event event)
{
    if (event.stream) {
        if (!event.stream->owned)
            return;
        event.stream->pending++;
    }
    if (h->events_n == h->events_cap) {
        h->events_cap = h->events_cap ? 2 * h->events_cap : 16;
        h->events = mem_realloc(h->events, h->events_cap * sizeof(*h->events));
    }
    h->events[h->events_n++] = event;
}

bool http2_next(struct http2 *h, struct http2_event *out)
{
    while (h->events_at < h->events_n) {
        *out = h->events[h->events_at++];
        struct http2_stream *s = out->stream;
        if (!s)
            return true;
        s->pending--;
        if (s->owned)
            return true;
        http2_stream_release(s);
    }
    h->events_at = h->events_n = 0;
    if (h->events_cap > KEEP_EVENTS) {
        mem_free(h->events);
        h->events = NULL;
        h->events_cap = 0;
    }
    return false;
}

void http2_fail(struct http2 *h, const char *why)
{
    h->failed = true;
    if (!h->error[0])
        snprintf(h->error, sizeof(h->error), "%s", why);
}

bool http2_bucket_add(struct http2_bucket *b, int64_t now_ms, int64_t burst, int64_t a_second)
{
    int64_t leaked = (now_ms - b->at_ms) * a_second;
    b->at_ms = now_ms;
    b->level = leaked < b->level ? b->level - leaked : 0;
    b->level += 1000;
    return b->level <= burst * 1000;
}

static int calm_down(struct http2 *h, const char *why)
{
    h->calm = true;
    http2_fail(h, why);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int count_idle_frame(struct http2 *h)
{
    if (http2_bucket_add(&h->idle_frames, h->now_ms, HTTP2_IDLE_FRAMES_BURST,
                         HTTP2_IDLE_FRAMES_A_SECOND))
        return 0;
    return calm_down(h, "too many frames that move nothing");
}

static int count_reset(struct http2 *h)
{
    if (h->o.side == HTTP2_CLIENT ||
        http2_bucket_add(&h->resets, h->now_ms, HTTP2_RESETS_BURST, HTTP2_RESETS_A_SECOND))
        return 0;
    return calm_down(h, "too many streams that were reset");
}

struct http2_stream *http2_stream_new(struct http2 *h)
{
    struct http2_stream *s = mem_new(struct http2_stream);
    s->h = h;
    s->owned = true;
    list_push(&h->streams, &s->link);
    h->n_streams++;
    return s;
}

void http2_stream_release(struct http2_stream *s)
{
    if (s->h || s->owned || s->pending)
        return;
    arena_free(&s->arena);
    buf_free(&s->out);
    mem_free(s);
}

static struct http2_stream *find(struct http2 *h, int32_t id)
{
    return nghttp2_session_get_stream_user_data(h->session, id);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct http2 *h = ctx;
    h->in_head = true;
    struct http2_stream *s = find(h, frame->hd.stream_id);
    if (!s && h->o.side == HTTP2_SERVER) {
        s = http2_stream_new(h);
        s->id = frame->hd.stream_id;
        nghttp2_session_set_stream_user_data(session, s->id, s);
    }
    if (s && !s->head_done)
        http2_head_begin(s);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags, void *ctx)
{
    (void)session;
    (void)flags;
    struct http2 *h = ctx;
    struct http2_stream *s = find(h, frame->hd.stream_id);
    if (!s)
        return 0;
    int rc = http2_head_add(s, span_of((const char *)name, name_n),
                            span_of((const char *)value, value_n));
    return rc == 0 ? 0 : calm_down(h, "a head far over the limit");
}

static void on_end(struct http2 *h, struct http2_stream *s)
{
    s->remote_end = true;
    http2_record(h, (struct http2_event){.type = HTTP2_END, .stream = s});
}

static void on_headers(struct http2 *h, const nghttp2_frame *frame)
{
    h->in_head = false;
    struct http2_stream *s = find(h, frame->hd.stream_id);
    if (!s)
        return;
    bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    bool interim = h->o.side == HTTP2_CLIENT && s->head.status < 200;
    if (!s->head_done && !interim) {
        http2_head_done(s, end);
        http2_record(h, (struct http2_event){.type = HTTP2_HEAD, .stream = s});
    }
    if (end)
        on_end(h, s);
}

static int on_ping(struct http2 *h, const nghttp2_frame *frame)
{
    if (!(frame->hd.flags & NGHTTP2_FLAG_ACK))
        return count_idle_frame(h);
    if (h->shut_pinged) {
        h->shut_pinged = false;
        http2_goaway(h, HTTP2_NO_ERROR);
    }
    http2_record(h, (struct http2_event){.type = HTTP2_PONG});
    return 0;
}

static int on_settings(struct http2 *h, const nghttp2_frame *frame)
{
    if (frame->hd.flags & NGHTTP2_FLAG_ACK)
        return 0;
    if (!h->settled)
        http2_record(h, (struct http2_event){.type = HTTP2_SETTLED});
    h->settled = true;
    return count_idle_frame(h);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    (void)session;
    struct http2 *h = ctx;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        on_headers(h, frame);
        return 0;
    case NGHTTP2_DATA: {
        bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
        struct http2_stream *s = find(h, frame->hd.stream_id);
        if (end && s)
            on_end(h, s);
        return end || frame->hd.length > 0 ? 0 : count_idle_frame(h);
    }
    case NGHTTP2_RST_STREAM:
        return count_reset(h);
    case NGHTTP2_SETTINGS:
        return on_settings(h, frame);
    case NGHTTP2_PING:
        return on_ping(h, frame);
    case NGHTTP2_GOAWAY:
        h->peer_going = true;
        http2_record(h,
                     (struct http2_event){.type = HTTP2_GOAWAY, .code = frame->goaway.error_code});
        return 0;
    case NGHTTP2_WINDOW_UPDATE:
        return 0;
    default:
        return count_idle_frame(h);
    }
}

// That a frame begins ends any head before it.
static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *ctx)
{
    (void)session;
    (void)hd;
    struct http2 *h = ctx;
    h->in_head = false;
    return 0;
}

static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int code,
                            void *ctx)
{
    (void)session;
    (void)frame;
    (void)code;
    struct http2 *h = ctx;
    h->in_head = false;
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
                   void *ctx)
{
    (void)flags;
    struct http2 *h = ctx;
    struct http2_stream *s = find(h, id);
    nghttp2_session_consume_connection(session, n);
    if (s)
        http2_record(
            h, (struct http2_event){.type = HTTP2_DATA, .stream = s, .data = {(const char *)p, n}});
    return 0;
}

static void detach(struct http2_stream *s)
{
    struct http2 *h = s->h;
    s->h = NULL;
    list_remove(&s->link);
    h->n_streams--;
    http2_stream_release(s);
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx)
{
    (void)session;
    struct http2 *h = ctx;
    struct http2_stream *s = find(h, id);
    if (!s)
        return 0;
    // The library closes what is beyond a GOAWAY as refused.
    struct http2_event event = {.type = HTTP2_CLOSED,
                                .stream = s,
                                .code = code,
                                .unprocessed = s->refused || code == HTTP2_REFUSED_STREAM};
    // A server's owner never heard of one without a head.
    if (h->o.side == HTTP2_SERVER && !s->head_done)
        s->owned = false;
    http2_record(h, event);
    detach(s);
    return 0;
}

static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct http2 *h = ctx;
    int32_t id = frame->hd.stream_id;
    // The library sends PING before all else: earlier it would overtake the announcement.
    if (frame->hd.type == NGHTTP2_GOAWAY && h->shutting && !h->shut_noticed) {
        h->shut_noticed = h->shut_pinged = true;
        http2_ping(h);
    }
    struct http2_stream *s = id ? find(h, id) : NULL;
    if (!s)
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && s->window) {
        nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, id, (int32_t)s->window);
        s->window = 0;
    }
    // A peer that makes us reset streams by its own faults is as costly as one that resets them.
    if (frame->hd.type == NGHTTP2_RST_STREAM && !s->resetting && h->o.side == HTTP2_SERVER &&
        count_reset(h) != 0)
        nghttp2_session_terminate_session(session, HTTP2_ENHANCE_YOUR_CALM);
    bool body_out = frame->hd.flags & NGHTTP2_FLAG_END_STREAM &&
                    (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA);
    if (body_out && h->o.side == HTTP2_SERVER && !s->remote_end && !s->resetting)
        http2_record(h, (struct http2_event){.type = HTTP2_SENT, .stream = s});
    return 0;
}

static int on_not_sent(nghttp2_session *session, const nghttp2_frame *frame, int rc, void *ctx)
{
    (void)rc;
    struct http2 *h = ctx;
    struct http2_stream *s = find(h, frame->hd.stream_id);
    if (frame->hd.type != NGHTTP2_HEADERS || !s)
        return 0;
    if (h->o.side == HTTP2_CLIENT) {
        s->refused = true;
    } else if (!s->resetting) {
        s->resetting = true;
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id, HTTP2_INTERNAL_ERROR);
    }
    return 0;
}

static int on_error(nghttp2_session *session, int code, const char *text, size_t n, void *ctx)
{
    (void)session;
    (void)code;
    struct http2 *h = ctx;
    snprintf(h->error, sizeof(h->error), "%.*s", (int)n, text);
    // It may quote the peer.
    for (char *p = h->error; *p; p++) {
        if (*p < ' ' || *p > '~')
            *p = '?';
    }
    return 0;
}

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *cb;
    require(nghttp2_session_callbacks_new(&cb) == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb, on_invalid_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(cb, on_not_sent);
    nghttp2_session_callbacks_set_send_data_callback(cb, http2_send_data);
    nghttp2_session_callbacks_set_error_callback2(cb, on_error);
    return cb;
}

static nghttp2_option *make_options(void)
{
    nghttp2_option *option;
    require(nghttp2_option_new(&option) == 0);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_reserved_remote_streams(option, 0);
    return option;
}

static void introduce(struct http2 *h)
{
    const struct http2_options *o = &h->o;
    nghttp2_settings_entry entries[4] = {
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)o->head_max},
    };
    size_t n = 1;
    if (o->side == HTTP2_CLIENT) {
        entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
    } else {
        entries[n++] =
            (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, o->streams_max};
        entries[n++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, o->window};
    }
    require(nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, entries, n) == 0);
    require(nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0,
                                                  (int32_t)o->conn_window) == 0);
}

struct http2 *http2_new(const struct http2_options *o)
{
    struct http2 *h = mem_new(struct http2);
    h->o = *o;
    list_init(&h->streams);
    nghttp2_session_callbacks *cb = make_callbacks();
    nghttp2_option *option = make_options();
    int rc = o->side == HTTP2_CLIENT ? nghttp2_session_client_new2(&h->session, cb, h, option)
                                     : nghttp2_session_server_new2(&h->session, cb, h, option);
    require(rc == 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(cb);
    introduce(h);
    return h;
}

void http2_free(struct http2 *h)
{
    if (!h)
        return;
    nghttp2_session_del(h->session);
    // A head nobody has been told of yet is nobody's.
    while (h->events_at < h->events_n) {
        struct http2_event *event = &h->events[h->events_at++];
        if (!event->stream)
            continue;
        event->stream->pending--;
        if (event->type == HTTP2_HEAD && h->o.side == HTTP2_SERVER)
            event->stream->owned = false;
        http2_stream_release(event->stream);
    }
    list_for_safe(it, &h->streams)
    {
        struct http2_stream *s = container_of(it, struct http2_stream, link);
        if (h->o.side == HTTP2_SERVER && !s->head_done)
            s->owned = false;
        detach(s);
    }
    mem_free(h->events);
    mem_free(h);
}

int http2_feed(struct http2 *h, struct span in, int64_t now_ms)
{
    h->now_ms = now_ms;
    if (h->failed)
        return ERR_PROTO;
    ssize_t n = nghttp2_session_mem_recv(h->session, (const uint8_t *)in.p, in.n);
    if (n >= 0 && (size_t)n == in.n && !h->failed)
        return 0;
    if (h->calm)
        nghttp2_session_terminate_session(h->session, HTTP2_ENHANCE_YOUR_CALM);
    http2_fail(h, n < 0 ? nghttp2_strerror((int)n) : "protocol error");
    return ERR_PROTO;
}

bool http2_finished(const struct http2 *h)
{
    return h->failed ||
           (!nghttp2_session_want_read(h->session) && !nghttp2_session_want_write(h->session));
}

const char *http2_error(const struct http2 *h)
{
    return h->error;
}

bool http2_settled(const struct http2 *h)
{
    return h->settled;
}

bool http2_in_head(const struct http2 *h)
{
    return h->in_head;
}

size_t http2_streams(const struct http2 *h)
{
    return h->n_streams;
}

const char *http2_code_text(uint32_t code)
{
    return nghttp2_http2_strerror(code);
}
