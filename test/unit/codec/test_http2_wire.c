// SPDX-License-Identifier: Apache-2.0

// What the HTTP/2 codec makes of a peer that overdoes it, or says unusual things.

#include "http2_wire.h"

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

static void more_than_the_window(void)
{
    static char piece[16384];
    add_head(1, 0);
    for (int i = 0; i < 4; i++)
        peer_frame(&in, F_DATA, 0, 1, span_of(piece, sizeof(piece)));
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
        add_field_head(SPAN("x"), span_of(value, n));
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
