// SPDX-License-Identifier: Apache-2.0

// What the HTTP/2 codec makes of a peer that breaks RFC 9113 (sections 5, 6 and 8).

#include "http2_wire.h"

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

static void upper_case_name(void)
{
    add_field_head(SPAN("X-Name"), SPAN("v"));
}

static void line_end_in_a_value(void)
{
    add_field_head(SPAN("x"), SPAN("a\r\nb: c"));
}

static void connection_header(void)
{
    add_field_head(SPAN("connection"), SPAN("close"));
}

static void transfer_encoding(void)
{
    add_field_head(SPAN("transfer-encoding"), SPAN("chunked"));
}

static void second_path(void)
{
    add_field_head(SPAN(":path"), SPAN("/2"));
}

static void unknown_pseudo_field(void)
{
    add_field_head(SPAN(":what"), SPAN("x"));
}

static void length_without_a_body(void)
{
    add_field_head(SPAN("content-length"), SPAN("5"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_end_as_the_rules_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
