// SPDX-License-Identifier: Apache-2.0
#include "http2_wire.h"

#include <stdio.h>

struct http2 *h;
struct http2_stream *streams[WIRE_STREAMS];
int n_streams;
struct buf in, block, said, events;
int64_t now_ms;

static struct http2 *make(enum http2_side side)
{
    struct http2_options o = {.side = side,
                              .head_max = HEAD_MAX,
                              .headers_max = HEADERS_MAX,
                              .streams_max = STREAMS,
                              .window = WINDOW,
                              .conn_window = 1024 * 1024};
    return http2_new(&o);
}

int setup_server(void **state)
{
    (void)state;
    h = make(HTTP2_SERVER);
    n_streams = 0;
    peer_begin(&in);
    return 0;
}

int setup_client(void **state)
{
    (void)state;
    h = make(HTTP2_CLIENT);
    n_streams = 0;
    peer_frame(&in, F_SETTINGS, 0, 0, SPAN_NONE);
    return 0;
}

int teardown(void **state)
{
    (void)state;
    http2_free(h);
    for (int i = 0; i < n_streams; i++)
        http2_stream_free(streams[i], HTTP2_CANCEL);
    buf_free(&in);
    buf_free(&block);
    buf_free(&said);
    buf_free(&events);
    return 0;
}

static void note(const struct http2_event *e)
{
    static const char *const names[] = {"HEAD",    "DATA", "END",     "CLOSED", "SENT",
                                        "DRAINED", "PONG", "SETTLED", "GOAWAY"};
    buf_printf(&events, "%s%s", events.n ? " " : "", names[e->type]);
    if (e->type == HTTP2_HEAD && http2_stream_head(e->stream)->too_large)
        buf_add_str(&events, "(too large)");
    if (e->type == HTTP2_DATA)
        buf_printf(&events, "(%zu)", e->data.n);
    if (e->type == HTTP2_CLOSED || e->type == HTTP2_GOAWAY)
        buf_printf(&events, "(%u%s)", e->code, e->unprocessed ? ",unprocessed" : "");
}

// Takes what has happened; then what the codec has to say, in words.
void take(void)
{
    struct http2_event e;
    struct buf out = {0};
    do {
        while (http2_next(h, &e)) {
            note(&e);
            if (e.type == HTTP2_HEAD && http2_stream_owner(e.stream) == NULL) {
                assert_true(n_streams < WIRE_STREAMS);
                http2_stream_set_owner(e.stream, &streams[n_streams]);
                streams[n_streams++] = e.stream;
            }
        }
    } while (http2_out(h, &out, 1024 * 1024) > 0);
    struct span sent = buf_span(&out);
    if (span_has_prefix(sent, SPAN(HTTP2_PREFACE)))
        sent = span_of(sent.p + HTTP2_PREFACE_LEN, sent.n - HTTP2_PREFACE_LEN);
    peer_describe(sent, &said);
    buf_free(&out);
}

int feed(void)
{
    buf_clear(&said);
    buf_clear(&events);
    int rc = http2_feed(h, buf_span(&in), now_ms);
    take();
    buf_clear(&in);
    return rc;
}

bool says(const char *what)
{
    return strstr(buf_cstr(&said), what) != NULL;
}

void assert_says(const char *what)
{
    if (!says(what))
        fail_msg("%s is not in: %s (%s)", what, buf_cstr(&said), http2_error(h));
}

void assert_events(const char *what)
{
    assert_string_equal(buf_cstr(&events), what);
}

void add_head(uint32_t id, int flags)
{
    buf_clear(&block);
    peer_get(&block);
    peer_frame(&in, F_HEADERS, flags | END_HEADERS, id, buf_span(&block));
}

void add_number(int type, uint32_t id, uint32_t v)
{
    struct buf b = {0};
    peer_number(&b, v);
    peer_frame(&in, type, 0, id, buf_span(&b));
    buf_free(&b);
}

void add_setting(unsigned id, uint32_t v)
{
    struct buf b = {0};
    buf_add_char(&b, 0);
    buf_add_char(&b, (char)id);
    peer_number(&b, v);
    peer_frame(&in, F_SETTINGS, 0, 0, buf_span(&b));
    buf_free(&b);
}

void add_field_head(struct span name, struct span value)
{
    buf_clear(&block);
    peer_get(&block);
    peer_field(&block, name, value);
    peer_frame(&in, F_HEADERS, END_HEADERS | END_STREAM, 1, buf_span(&block));
}

uint32_t code_said(const char *frame)
{
    const char *at = strstr(buf_cstr(&said), frame);
    unsigned id = 0, code = 0;
    if (at && sscanf(strchr(at, '('), "(%u,%u)", &id, &code) != 2)
        code = 0;
    return code;
}
