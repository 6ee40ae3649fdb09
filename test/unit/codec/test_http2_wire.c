// SPDX-License-Identifier: Apache-2.0

// What the HTTP/2 codec makes of a peer that breaks RFC 9113 (sections 5, 6 and 8), overdoes it, or
// says unusual things.

#include <stdio.h>

#include "codec/http2.h"
#include "http2_peer.h"
#include "lib/test.h"

enum { HEAD_MAX = 1000, HEADERS_MAX = 10, STREAMS = 4, WINDOW = 65535 };

static struct http2 *h;
static struct http2_stream *streams[8];
static int n_streams;
static struct buf in, block, said, events;
static int64_t now_ms;

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

static int setup_server(void **state)
{
    (void)state;
    h = make(HTTP2_SERVER);
    n_streams = 0;
    peer_begin(&in);
    return 0;
}

static int setup_client(void **state)
{
    (void)state;
    h = make(HTTP2_CLIENT);
    n_streams = 0;
    peer_frame(&in, F_SETTINGS, 0, 0, SPAN_NONE);
    return 0;
}

static int teardown(void **state)
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
static void take(void)
{
    struct http2_event e;
    struct buf out = {0};
    do {
        while (http2_next(h, &e)) {
            note(&e);
            if (e.type == HTTP2_HEAD && http2_stream_owner(e.stream) == NULL) {
                assert_true(n_streams < 8);
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

static int feed(void)
{
    buf_clear(&said);
    buf_clear(&events);
    int rc = http2_feed(h, buf_span(&in), now_ms);
    take();
    buf_clear(&in);
    return rc;
}

static bool says(const char *what)
{
    return strstr(buf_cstr(&said), what) != NULL;
}

static void assert_says(const char *what)
{
    if (!says(what))
        fail_msg("%s is not in: %s (%s)", what, buf_cstr(&said), http2_error(h));
}

static void assert_events(const char *what)
{
    assert_string_equal(buf_cstr(&events), what);
}

static void add_head(uint32_t id, int flags)
{
    buf_clear(&block);
    peer_get(&block);
    peer_frame(&in, F_HEADERS, flags | END_HEADERS, id, buf_span(&block));
}

static void add_number(int type, uint32_t id, uint32_t v)
{
    struct buf b = {0};
    peer_number(&b, v);
    peer_frame(&in, type, 0, id, buf_span(&b));
    buf_free(&b);
}

static void add_setting(unsigned id, uint32_t v)
{
    struct buf b = {0};
    buf_add_char(&b, 0);
    buf_add_char(&b, (char)id);
    peer_number(&b, v);
    peer_frame(&in, F_SETTINGS, 0, 0, buf_span(&b));
    buf_free(&b);
}

#define EIGHT SPAN("\0\0\0\0\0\0\0\0")

static void data_on_stream_0(void)
{
    peer_frame(&in, F_DATA, 0, 0, SPAN("x"));
}

static void data_on_an_idle_stream(void)
{
    peer_frame(&in, F_DATA, 0, 1, SPAN("x"));
}

static void padding_longer_than_the_frame(void)
{
    add_head(1, 0);
    peer_frame(&in, F_DATA, PADDED, 1, SPAN("\5abc"));
}

static void data_after_the_end(void)
{
    add_head(1, END_STREAM);
    peer_frame(&in, F_DATA, 0, 1, SPAN("x"));
}

static void head_on_stream_0(void)
{
    add_head(0, END_STREAM);
}

static void head_on_an_even_stream(void)
{
    add_head(2, END_STREAM);
}

static void frame_inside_a_head(void)
{
    buf_clear(&block);
    peer_get(&block);
    peer_frame(&in, F_HEADERS, 0, 1, buf_span(&block));
    peer_frame(&in, F_PING, 0, 0, EIGHT);
}

static void continuation_of_nothing(void)
{
    peer_frame(&in, F_CONTINUATION, END_HEADERS, 1, SPAN_NONE);
}

static void continuation_of_another_stream(void)
{
    peer_frame(&in, F_HEADERS, 0, 1, SPAN_NONE);
    peer_frame(&in, F_CONTINUATION, END_HEADERS, 3, SPAN_NONE);
}

static void wrong_compression(void)
{
    peer_frame(&in, F_HEADERS, END_HEADERS, 1, SPAN("\xff\xff\xff\xff\xff\xff\xff\xff"));
}

static void frame_too_large(void)
{
    static char large[16385];
    add_head(1, 0);
    peer_frame(&in, F_DATA, 0, 1, span_of(large, sizeof(large)));
}

static void priority_too_short(void)
{
    peer_frame(&in, F_PRIORITY, 0, 1, SPAN("abcd"));
}

static void reset_of_an_idle_stream(void)
{
    add_number(F_RST_STREAM, 1, 8);
}

static void reset_on_stream_0(void)
{
    add_number(F_RST_STREAM, 0, 8);
}

static void reset_too_short(void)
{
    add_head(1, 0);
    peer_frame(&in, F_RST_STREAM, 0, 1, SPAN("abc"));
}

static void settings_on_a_stream(void)
{
    peer_frame(&in, F_SETTINGS, 0, 1, SPAN_NONE);
}

static void settings_too_short(void)
{
    peer_frame(&in, F_SETTINGS, 0, 0, SPAN("abcde"));
}

static void settings_ack_with_more(void)
{
    peer_frame(&in, F_SETTINGS, ACK, 0, SPAN("abcdef"));
}

static void settings_push_of_2(void)
{
    add_setting(2, 2);
}

static void settings_window_too_large(void)
{
    add_setting(4, 0x80000000);
}

static void settings_frame_too_small(void)
{
    add_setting(5, 16383);
}

static void push_by_a_client(void)
{
    add_head(1, 0);
    peer_frame(&in, F_PUSH_PROMISE, END_HEADERS, 1, SPAN("\0\0\0\2"));
}

static void ping_on_a_stream(void)
{
    peer_frame(&in, F_PING, 0, 1, EIGHT);
}

static void ping_too_short(void)
{
    peer_frame(&in, F_PING, 0, 0, SPAN("1234567"));
}

static void goaway_on_a_stream(void)
{
    peer_frame(&in, F_GOAWAY, 0, 1, EIGHT);
}

static void window_update_of_0(void)
{
    add_number(F_WINDOW_UPDATE, 0, 0);
}

static void window_update_too_large(void)
{
    add_number(F_WINDOW_UPDATE, 0, 0x7fffffff);
}

static void window_update_too_short(void)
{
    peer_frame(&in, F_WINDOW_UPDATE, 0, 0, SPAN("abc"));
}

static void window_update_on_an_idle_stream(void)
{
    add_number(F_WINDOW_UPDATE, 1, 1);
}

static void window_update_of_0_on_a_stream(void)
{
    add_head(1, 0);
    add_number(F_WINDOW_UPDATE, 1, 0);
}

static void window_update_too_large_on_a_stream(void)
{
    add_head(1, 0);
    add_number(F_WINDOW_UPDATE, 1, 0x7fffffff);
}

static void more_than_the_window(void)
{
    static char piece[16384];
    add_head(1, 0);
    for (int i = 0; i < 4; i++)
        peer_frame(&in, F_DATA, 0, 1, span_of(piece, sizeof(piece)));
}

static void more_streams_than_allowed(void)
{
    // Our SETTINGS are known once they are acknowledged.
    buf_clear(&said);
    take();
    peer_frame(&in, F_SETTINGS, ACK, 0, SPAN_NONE);
    for (uint32_t id = 1; id <= 2 * STREAMS + 1; id += 2)
        add_head(id, 0);
}

static void too_many_continuations(void)
{
    peer_frame(&in, F_HEADERS, 0, 1, SPAN_NONE);
    for (int i = 0; i < 20; i++)
        peer_frame(&in, F_CONTINUATION, 0, 1, SPAN_NONE);
}

static void field_table(struct span name, struct span value)
{
    buf_clear(&block);
    peer_get(&block);
    peer_field(&block, name, value);
    peer_frame(&in, F_HEADERS, END_HEADERS | END_STREAM, 1, buf_span(&block));
}

static void upper_case_name(void)
{
    field_table(SPAN("X-Name"), SPAN("v"));
}

static void line_end_in_a_value(void)
{
    field_table(SPAN("x"), SPAN("a\r\nb: c"));
}

static void connection_header(void)
{
    field_table(SPAN("connection"), SPAN("close"));
}

static void transfer_encoding(void)
{
    field_table(SPAN("transfer-encoding"), SPAN("chunked"));
}

static void second_path(void)
{
    field_table(SPAN(":path"), SPAN("/2"));
}

static void unknown_pseudo_field(void)
{
    field_table(SPAN(":what"), SPAN("x"));
}

static void length_without_a_body(void)
{
    field_table(SPAN("content-length"), SPAN("5"));
}

static void no_path(void)
{
    buf_clear(&block);
    peer_field(&block, SPAN(":method"), SPAN("GET"));
    peer_field(&block, SPAN(":scheme"), SPAN("http"));
    peer_frame(&in, F_HEADERS, END_HEADERS | END_STREAM, 1, buf_span(&block));
}

static void body_longer_than_its_length(void)
{
    buf_clear(&block);
    peer_get(&block);
    peer_field(&block, SPAN("content-length"), SPAN("2"));
    peer_frame(&in, F_HEADERS, END_HEADERS, 1, buf_span(&block));
    peer_frame(&in, F_DATA, END_STREAM, 1, SPAN("abc"));
}

// Error codes of RFC 9113 section 7.
enum { PROTOCOL = 1, FLOW = 3, CLOSED = 5, SIZE = 6, COMPRESSION = 9, ANY = -1 };

static const struct {
    void (*add)(void);
    int goaway; // code, or 0: the connection lives
    int reset;  // code, or 0
    const char *name;
} faults[] = {
#define GOAWAY_BY(f, code) {f, code, 0, #f}
#define RESET_BY(f, code) {f, 0, code, #f}
    GOAWAY_BY(data_on_stream_0, PROTOCOL),
    GOAWAY_BY(data_on_an_idle_stream, PROTOCOL),
    GOAWAY_BY(padding_longer_than_the_frame, PROTOCOL),
    GOAWAY_BY(data_after_the_end, CLOSED),
    GOAWAY_BY(head_on_stream_0, PROTOCOL),
    GOAWAY_BY(head_on_an_even_stream, PROTOCOL),
    GOAWAY_BY(frame_inside_a_head, PROTOCOL),
    GOAWAY_BY(continuation_of_nothing, PROTOCOL),
    GOAWAY_BY(continuation_of_another_stream, PROTOCOL),
    GOAWAY_BY(wrong_compression, COMPRESSION),
    GOAWAY_BY(frame_too_large, SIZE),
    GOAWAY_BY(priority_too_short, SIZE),
    GOAWAY_BY(reset_of_an_idle_stream, PROTOCOL),
    GOAWAY_BY(reset_on_stream_0, PROTOCOL),
    GOAWAY_BY(reset_too_short, SIZE),
    GOAWAY_BY(settings_on_a_stream, PROTOCOL),
    GOAWAY_BY(settings_too_short, SIZE),
    GOAWAY_BY(settings_ack_with_more, SIZE),
    GOAWAY_BY(settings_push_of_2, PROTOCOL),
    GOAWAY_BY(settings_window_too_large, FLOW),
    GOAWAY_BY(settings_frame_too_small, PROTOCOL),
    GOAWAY_BY(push_by_a_client, PROTOCOL),
    GOAWAY_BY(ping_on_a_stream, PROTOCOL),
    GOAWAY_BY(ping_too_short, SIZE),
    GOAWAY_BY(goaway_on_a_stream, PROTOCOL),
    GOAWAY_BY(window_update_of_0, PROTOCOL),
    GOAWAY_BY(window_update_too_large, FLOW),
    GOAWAY_BY(window_update_too_short, SIZE),
    GOAWAY_BY(window_update_on_an_idle_stream, PROTOCOL),
    GOAWAY_BY(too_many_continuations, ANY),
    GOAWAY_BY(more_streams_than_allowed, PROTOCOL),
    // A stream error may be taken for one of the connection (section 5.4.1).
    GOAWAY_BY(window_update_of_0_on_a_stream, PROTOCOL),
    RESET_BY(window_update_too_large_on_a_stream, FLOW),
    RESET_BY(upper_case_name, PROTOCOL),
    RESET_BY(line_end_in_a_value, PROTOCOL),
    RESET_BY(connection_header, PROTOCOL),
    RESET_BY(transfer_encoding, PROTOCOL),
    RESET_BY(second_path, PROTOCOL),
    RESET_BY(unknown_pseudo_field, PROTOCOL),
    RESET_BY(length_without_a_body, PROTOCOL),
    RESET_BY(no_path, PROTOCOL),
    RESET_BY(body_longer_than_its_length, PROTOCOL),
};

static uint32_t code_said(const char *frame)
{
    const char *at = strstr(buf_cstr(&said), frame);
    unsigned id = 0, code = 0;
    if (at && sscanf(strchr(at, '('), "(%u,%u)", &id, &code) != 2)
        code = 0;
    return code;
}

static void faults_end_as_the_rules_say(void **state)
{
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        setup_server(state);
        faults[i].add();
        (void)!feed();
        int goaway = (int)code_said("GOAWAY"), reset = (int)code_said("RST_STREAM");
        bool as_said =
            faults[i].goaway == ANY ? goaway != 0 || http2_finished(h) : goaway == faults[i].goaway;
        if (!as_said || (faults[i].goaway == 0 && reset != faults[i].reset))
            fail_msg("%s: %s", faults[i].name, buf_cstr(&said));
        assert_int_equal(http2_finished(h), faults[i].goaway != 0);
        teardown(state);
    }
}

static void wrong_preface(void **state)
{
    (void)state;
    in.p[0] = 'G';
    assert_int_equal(feed(), ERR_PROTO);
    assert_true(http2_finished(h));
    assert_true(http2_error(h)[0] != '\0');
    buf_add_str(&in, "more");
    assert_int_equal(feed(), ERR_PROTO);
}

// The stream between was closed by the one after it (section 5.1.1).
static void stream_ids_do_not_go_back(void **state)
{
    (void)state;
    add_head(5, 0);
    add_head(3, 0);
    (void)!feed();
    assert_events("SETTLED HEAD");
    assert_int_equal(http2_stream_owner(streams[0]) == &streams[0], 1);
}

static void stream_window_is_kept(void **state)
{
    (void)state;
    more_than_the_window();
    (void)!feed();
    // Either is allowed (section 6.9.1).
    assert_true(code_said("RST_STREAM") == FLOW || code_said("GOAWAY") == FLOW);
}

static void head_limits(void **state)
{
    // Bytes: what peer_get() has, and one field.
    size_t get = 7 + 3 + 7 + 4 + 5 + 1 + 10 + 1 + 4 * 32;
    char value[HEAD_MAX];
    memset(value, 'v', sizeof(value));
    for (int over = 0; over < 2; over++) {
        size_t n = HEAD_MAX - get - 1 - 32 + (size_t)over;
        field_table(SPAN("x"), span_of(value, n));
        assert_int_equal(feed(), 0);
        assert_events(over ? "SETTLED HEAD(too large) END" : "SETTLED HEAD END");
        assert_int_equal(http2_stream_head_bytes(streams[0]), HEAD_MAX + over);
        teardown(state);
        setup_server(state);
    }
    for (int over = 0; over < 2; over++) {
        buf_clear(&block);
        peer_get(&block);
        for (int i = 0; i < HEADERS_MAX + over; i++)
            peer_field(&block, SPAN("x"), SPAN("v"));
        peer_frame(&in, F_HEADERS, END_HEADERS | END_STREAM, 1, buf_span(&block));
        assert_int_equal(feed(), 0);
        assert_events(over ? "SETTLED HEAD(too large) END" : "SETTLED HEAD END");
        assert_int_equal(http2_stream_head(streams[0])->headers.n, HEADERS_MAX + 1); // and "host"
        teardown(state);
        setup_server(state);
    }
}

// A small block that unfolds to a lot: an entry of the dynamic table, again and again.
static void decompression_bomb(void **state)
{
    (void)state;
    char value[3000];
    memset(value, 'v', sizeof(value));
    buf_clear(&block);
    peer_get(&block);
    size_t at = block.n;
    peer_field(&block, SPAN("x"), span_of(value, sizeof(value)));
    block.p[at] = 0x40; // with incremental indexing
    for (int i = 0; i < 1000; i++)
        buf_add_char(&block, (char)(0x80 | 62));
    peer_frame(&in, F_HEADERS, END_HEADERS | END_STREAM, 1, buf_span(&block));
    assert_int_equal(feed(), ERR_PROTO);
    assert_int_equal(code_said("GOAWAY"), HTTP2_ENHANCE_YOUR_CALM);
    assert_true(http2_finished(h));
}

static void add_ping(uint32_t i)
{
    (void)i;
    peer_frame(&in, F_PING, 0, 0, EIGHT);
}

static void add_settings(uint32_t i)
{
    (void)i;
    peer_frame(&in, F_SETTINGS, 0, 0, SPAN_NONE);
}

static void add_empty_data(uint32_t i)
{
    (void)i;
    peer_frame(&in, F_DATA, 0, 1, SPAN_NONE);
}

static void add_priority(uint32_t i)
{
    (void)i;
    peer_frame(&in, F_PRIORITY, 0, 1, SPAN("\0\0\0\0\0"));
}

static void add_reset(uint32_t i)
{
    add_head(3 + 2 * i, END_STREAM);
    add_number(F_RST_STREAM, 3 + 2 * i, 8);
}

// The peer makes us reset its streams.
static void add_fault(uint32_t i)
{
    add_head(3 + 2 * i, 0);
    add_number(F_WINDOW_UPDATE, 3 + 2 * i, 0x7fffffff);
}

static void floods_are_stopped(void **state)
{
    static const struct {
        void (*add)(uint32_t i);
        uint32_t burst;
        int64_t a_second;
        const char *name;
    } rows[] = {
        {add_ping, HTTP2_IDLE_FRAMES_BURST, HTTP2_IDLE_FRAMES_A_SECOND, "ping"},
        {add_settings, HTTP2_IDLE_FRAMES_BURST, HTTP2_IDLE_FRAMES_A_SECOND, "settings"},
        {add_empty_data, HTTP2_IDLE_FRAMES_BURST, HTTP2_IDLE_FRAMES_A_SECOND, "empty data"},
        {add_priority, HTTP2_IDLE_FRAMES_BURST, HTTP2_IDLE_FRAMES_A_SECOND, "priority"},
        {add_reset, HTTP2_RESETS_BURST, HTTP2_RESETS_A_SECOND, "reset"},
        {add_fault, HTTP2_RESETS_BURST, HTTP2_RESETS_A_SECOND, "fault"},
    };
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        setup_server(state);
        now_ms = 1000000;
        add_head(1, 0);
        assert_int_equal(feed(), 0);
        // The SETTINGS of the beginning count, too.
        uint32_t free_at_first = rows[k].burst == HTTP2_IDLE_FRAMES_BURST ? 1 : 0;
        uint32_t i = 0;
        for (; i < rows[k].burst - free_at_first; i++) {
            rows[k].add(i);
            if (feed() != 0)
                fail_msg("%s: too early at %u: %s", rows[k].name, i, http2_error(h));
            for (; n_streams > 1; n_streams--)
                http2_stream_free(streams[n_streams - 1], HTTP2_CANCEL);
        }
        // Another second, and so many more.
        now_ms += 1000;
        for (int64_t n = 0; n < rows[k].a_second; n++, i++) {
            rows[k].add(i);
            if (feed() != 0 || http2_finished(h))
                fail_msg("%s: too early after a second: %s", rows[k].name, http2_error(h));
            for (; n_streams > 1; n_streams--)
                http2_stream_free(streams[n_streams - 1], HTTP2_CANCEL);
        }
        rows[k].add(i);
        (void)!feed();
        if (code_said("GOAWAY") != HTTP2_ENHANCE_YOUR_CALM || !http2_finished(h))
            fail_msg("%s goes on: %s", rows[k].name, buf_cstr(&said));
        teardown(state);
    }
}

static void in_a_head_or_not(void **state)
{
    (void)state;
    buf_clear(&block);
    peer_get(&block);
    assert_int_equal(feed(), 0);
    assert_false(http2_in_head(h));
    peer_frame(&in, F_HEADERS, END_STREAM, 1, buf_span(&block));
    assert_int_equal(feed(), 0);
    assert_true(http2_in_head(h));
    peer_frame(&in, F_CONTINUATION, END_HEADERS, 1, SPAN_NONE);
    assert_int_equal(feed(), 0);
    assert_false(http2_in_head(h));
    assert_events("HEAD END");
    // Half a frame counts, too.
    peer_frame(&in, F_HEADERS, END_STREAM | END_HEADERS, 3, buf_span(&block));
    in.n -= 5;
    assert_int_equal(feed(), 0);
    assert_true(http2_in_head(h));
    buf_add(&in, block.p + block.n - 5, 5);
    assert_int_equal(feed(), 0);
    assert_false(http2_in_head(h));
    // And one that is refused is over.
    buf_clear(&block);
    peer_field(&block, SPAN("X"), SPAN("v"));
    peer_frame(&in, F_HEADERS, END_STREAM | END_HEADERS, 5, buf_span(&block));
    assert_int_equal(feed(), 0);
    assert_false(http2_in_head(h));
    assert_says("RST_STREAM(5,1)");
}

static void trailers_are_passed_over(void **state)
{
    (void)state;
    add_head(1, 0);
    peer_frame(&in, F_DATA, PADDED, 1, SPAN("\3abc\0\0\0"));
    buf_clear(&block);
    peer_field(&block, SPAN("x-sum"), SPAN("1"));
    peer_frame(&in, F_HEADERS, END_HEADERS | END_STREAM, 1, buf_span(&block));
    assert_int_equal(feed(), 0);
    assert_events("SETTLED HEAD DATA(3) END");
    assert_int_equal(http2_stream_head(streams[0])->headers.n, 1); // "host"
}

static void host_is_the_authority_unless_it_is_there(void **state)
{
    (void)state;
    add_head(1, END_STREAM);
    assert_int_equal(feed(), 0);
    const struct http2_head *head = http2_stream_head(streams[0]);
    assert_span_is(head->headers.h[0].name, "host");
    assert_span_is(head->headers.h[0].value, "h");
    assert_int_equal(head->content_length, 0);
    buf_clear(&block);
    peer_field(&block, SPAN(":method"), SPAN("POST"));
    peer_field(&block, SPAN(":scheme"), SPAN("http"));
    peer_field(&block, SPAN(":path"), SPAN("/x"));
    peer_field(&block, SPAN("host"), SPAN("other"));
    peer_field(&block, SPAN("content-length"), SPAN("7"));
    peer_field(&block, SPAN("expect"), SPAN("100-Continue"));
    peer_frame(&in, F_HEADERS, END_HEADERS, 3, buf_span(&block));
    assert_int_equal(feed(), 0);
    head = http2_stream_head(streams[1]);
    assert_int_equal(head->headers.n, 3);
    assert_span_is(head->headers.h[0].value, "other");
    assert_int_equal(head->content_length, 7);
    assert_true(head->expect_continue);
    http2_continue(streams[1]);
    buf_clear(&said);
    take();
    assert_says("HEADERS(3)");
}

static void reset_by_the_peer(void **state)
{
    (void)state;
    add_head(1, 0);
    peer_frame(&in, F_DATA, 0, 1, SPAN("abc"));
    add_number(F_RST_STREAM, 1, 8);
    assert_int_equal(feed(), 0);
    assert_events("SETTLED HEAD DATA(3) CLOSED(8)");
    assert_false(http2_stream_open(streams[0]));
    assert_int_equal(http2_respond(streams[0], 200, (struct http_headers){0}, true), ERR_CLOSED);
    assert_int_equal(http2_stream_write(streams[0], SPAN("x")), ERR_CLOSED);
    http2_stream_end(streams[0]);
    http2_stream_consume(streams[0], 3);
    http2_continue(streams[0]);
    assert_int_equal(http2_streams(h), 0);
    // The head is still there.
    assert_span_is(http2_stream_head(streams[0])->path, "/");
}

static void answer_before_the_end_of_the_request(void **state)
{
    (void)state;
    add_head(1, 0);
    assert_int_equal(feed(), 0);
    assert_int_equal(http2_respond(streams[0], 413, (struct http_headers){0}, false), 0);
    assert_int_equal(http2_stream_write(streams[0], SPAN("too large")), 0);
    http2_stream_end(streams[0]);
    buf_clear(&said);
    buf_clear(&events);
    take();
    assert_string_equal(buf_cstr(&said), "HEADERS(1) DATA(1,9,end)");
    assert_events("SENT");
    peer_frame(&in, F_DATA, 0, 1, SPAN("more"));
    assert_int_equal(feed(), 0);
    assert_events("DATA(4)");
    http2_stream_reset(streams[0], HTTP2_NO_ERROR);
    buf_clear(&said);
    take();
    assert_string_equal(buf_cstr(&said), "RST_STREAM(1,0)");
    assert_int_equal(http2_streams(h), 0);
    // What still comes is nobody's.
    peer_frame(&in, F_DATA, END_STREAM, 1, SPAN("rest"));
    assert_int_equal(feed(), 0);
    assert_events("");
}

static void answer_whose_head_cannot_be_sent(void **state)
{
    (void)state;
    static char value[128 * 1024];
    memset(value, 'v', sizeof(value));
    add_head(1, END_STREAM);
    assert_int_equal(feed(), 0);
    struct http_header header = {SPAN("x"), span_of(value, sizeof(value))};
    assert_int_equal(http2_respond(streams[0], 200, (struct http_headers){&header, 1}, true), 0);
    buf_clear(&said);
    buf_clear(&events);
    take();
    assert_string_equal(buf_cstr(&said), "RST_STREAM(1,2)");
    assert_events("CLOSED(2)");
}

static struct http2_stream *request(void)
{
    struct http2_request r = {.method = SPAN("GET"),
                              .scheme = SPAN("http"),
                              .authority = SPAN("h"),
                              .path = SPAN("/"),
                              .end = true,
                              .owner = h};
    struct http2_stream *s = http2_request(h, &r);
    assert_non_null(s);
    streams[n_streams++] = s;
    return s;
}

static void add_response(uint32_t id, const char *status, int flags)
{
    buf_clear(&block);
    peer_field(&block, SPAN(":status"), span_str(status));
    peer_frame(&in, F_HEADERS, END_HEADERS | flags, id, buf_span(&block));
}

static void interim_responses_are_passed_over(void **state)
{
    (void)state;
    request();
    buf_clear(&said);
    take();
    assert_string_equal(buf_cstr(&said), "SETTINGS WINDOW_UPDATE(0,983041) HEADERS(1,end)");
    add_response(1, "103", 0);
    add_response(1, "100", 0);
    add_response(1, "200", 0);
    peer_frame(&in, F_DATA, END_STREAM, 1, SPAN("abc"));
    assert_int_equal(feed(), 0);
    assert_events("SETTLED HEAD DATA(3) END CLOSED(0)");
    assert_int_equal(http2_stream_head(streams[0])->status, 200);
    assert_int_equal(http2_stream_head(streams[0])->headers.n, 0);
}

static void push_is_refused(void **state)
{
    (void)state;
    request();
    take();
    peer_frame(&in, F_SETTINGS, ACK, 0, SPAN_NONE);
    buf_clear(&block);
    peer_number(&block, 2);
    peer_get(&block);
    peer_frame(&in, F_PUSH_PROMISE, END_HEADERS, 1, buf_span(&block));
    (void)!feed();
    assert_int_equal(code_said("GOAWAY"), HTTP2_PROTOCOL_ERROR);
}

static void add_goaway(uint32_t last, uint32_t code)
{
    struct buf b = {0};
    peer_number(&b, last);
    peer_number(&b, code);
    peer_frame(&in, F_GOAWAY, 0, 0, buf_span(&b));
    buf_free(&b);
}

static void goaway_tells_what_was_not_looked_at(void **state)
{
    (void)state;
    request();
    request();
    take();
    request(); // not sent yet
    add_goaway(1, 0);
    add_response(1, "204", END_STREAM);
    assert_int_equal(feed(), 0);
    assert_events("SETTLED GOAWAY(0) CLOSED(7,unprocessed) HEAD END CLOSED(0) "
                  "CLOSED(7,unprocessed)");
    assert_false(http2_can_request(h));
    struct http2_request r = {.method = SPAN("GET")};
    assert_null(http2_request(h, &r));
    assert_true(http2_finished(h));
}

static void refused_streams_were_not_looked_at(void **state)
{
    (void)state;
    request();
    take();
    add_number(F_RST_STREAM, 1, HTTP2_REFUSED_STREAM);
    assert_int_equal(feed(), 0);
    assert_events("SETTLED CLOSED(7,unprocessed)");
}

static void streams_are_counted(void **state)
{
    (void)state;
    assert_true(http2_can_request(h));
    add_setting(3, 2);
    assert_int_equal(feed(), 0);
    request();
    request();
    assert_false(http2_can_request(h));
    take();
    // One that is given up counts until that has been said.
    http2_stream_free(streams[1], HTTP2_CANCEL);
    n_streams--;
    assert_false(http2_can_request(h));
    buf_clear(&said);
    take();
    assert_string_equal(buf_cstr(&said), "RST_STREAM(3,8)");
    assert_true(http2_can_request(h));
    add_setting(3, 0);
    assert_int_equal(feed(), 0);
    assert_false(http2_can_request(h));
}

static void given_up_before_it_was_sent(void **state)
{
    (void)state;
    request();
    http2_stream_free(streams[0], HTTP2_CANCEL);
    n_streams = 0;
    take();
    assert_false(says("HEADERS"));
    assert_int_equal(http2_streams(h), 0);
    request();
    take();
    assert_true(says("HEADERS"));
}

static void wrong_response(void **state)
{
    (void)state;
    request();
    take();
    buf_clear(&block);
    peer_field(&block, SPAN("x"), SPAN("no status"));
    peer_frame(&in, F_HEADERS, END_HEADERS, 1, buf_span(&block));
    assert_int_equal(feed(), 0);
    assert_events("SETTLED CLOSED(1)");
}

static void not_http2_at_all(void **state)
{
    (void)state;
    buf_clear(&in);
    buf_add_str(&in, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    request();
    (void)!feed();
    assert_true(http2_finished(h));
    assert_false(http2_settled(h));
}

int main(void)
{
#define S(f) cmocka_unit_test_setup_teardown(f, setup_server, teardown)
#define C(f) cmocka_unit_test_setup_teardown(f, setup_client, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_end_as_the_rules_say),
        S(wrong_preface),
        S(stream_ids_do_not_go_back),
        S(stream_window_is_kept),
        S(head_limits),
        S(decompression_bomb),
        cmocka_unit_test(floods_are_stopped),
        S(in_a_head_or_not),
        S(trailers_are_passed_over),
        S(host_is_the_authority_unless_it_is_there),
        S(reset_by_the_peer),
        S(answer_before_the_end_of_the_request),
        S(answer_whose_head_cannot_be_sent),
        C(interim_responses_are_passed_over),
        C(push_is_refused),
        C(goaway_tells_what_was_not_looked_at),
        C(refused_streams_were_not_looked_at),
        C(streams_are_counted),
        C(given_up_before_it_was_sent),
        C(wrong_response),
        C(not_http2_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
