// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "codec/http1.h"

static const struct http1_limits limits = {.head = 1024, .headers = 10, .target = 100};

// Parses `in` cut into pieces and writes down what is told, as one line of text.
static void trace_event(struct http1 *p, enum http1_event event, struct buf *out, bool *in_body)
{
    const struct http1_head *h = http1_head(p);
    if (event == HTTP1_BODY) {
        struct span b = http1_body(p);
        if (!*in_body)
            buf_add_char(out, '<');
        *in_body = true;
        buf_add_span(out, b);
        return;
    }
    if (*in_body)
        buf_add_char(out, '>');
    *in_body = false;
    if (event == HTTP1_HEAD && h->status)
        buf_printf(out, "%d", h->status);
    else if (event == HTTP1_HEAD)
        buf_printf(out, "%.*s %.*s", SPAN_ARG(h->method), SPAN_ARG(h->target));
    if (event == HTTP1_HEAD) {
        for (size_t i = 0; i < h->headers.n; i++)
            buf_printf(out, " %.*s=%.*s", SPAN_ARG(h->headers.h[i].name),
                       SPAN_ARG(h->headers.h[i].value));
        buf_printf(out, " /1.%d%s%s%s%s", h->minor, h->keep_alive ? " keep" : " close",
                   h->chunked ? " chunked" : "", h->until_close ? " eof" : "",
                   h->expect_continue ? " expect" : "");
        buf_printf(out, " n=%lld", (long long)h->content_length);
    }
    if (event == HTTP1_DONE)
        buf_add_str(out, " done;");
    if (event == HTTP1_ERROR)
        buf_printf(out, "error %d;", http1_error(p).status);
}

enum cut { WHOLE, BYTES, RANDOM };

static struct buf trace(enum http1_side side, struct span in, enum cut cut, bool no_body, bool eof)
{
    struct buf out = {0};
    bool in_body = false, failed = false;
    struct http1 *p = http1_new(side, &limits);
    if (no_body)
        http1_expect_no_body(p);
    while (in.n > 0 && !failed) {
        size_t n = cut == WHOLE ? in.n : cut == BYTES ? 1 : 1 + (size_t)random() % 7;
        if (n > in.n)
            n = in.n;
        // A copy of its own size, so that the sanitizer sees any step beyond it.
        char *piece = malloc(n);
        memcpy(piece, in.p, n);
        http1_feed(p, span_of(piece, n));
        enum http1_event event;
        while (!failed && (event = http1_next(p)) != HTTP1_MORE) {
            trace_event(p, event, &out, &in_body);
            failed = event == HTTP1_ERROR;
        }
        if (!failed)
            assert_int_equal(http1_rest(p).n, 0);
        else
            assert_int_equal(http1_next(p), HTTP1_ERROR);
        free(piece);
        in.p += n;
        in.n -= n;
    }
    if (eof && !failed) {
        enum http1_event event = http1_eof(p);
        if (event != HTTP1_MORE)
            trace_event(p, event, &out, &in_body);
        else
            buf_add_str(&out, "idle;");
    }
    http1_free(p);
    buf_cstr(&out);
    return out;
}

static void check(enum http1_side side, struct span in, bool no_body, bool eof, const char *want)
{
    for (int round = 0; round < 12; round++) {
        struct buf got = trace(side, in,
                               round == 0   ? WHOLE
                               : round == 1 ? BYTES
                                            : RANDOM,
                               no_body, eof);
        if (strcmp(buf_cstr(&got), want) != 0)
            fail_msg("round %d of \"%.*s\"\n want \"%s\"\n  got \"%s\"", round, SPAN_ARG(in), want,
                     buf_cstr(&got));
        buf_free(&got);
    }
}

struct row {
    const char *in;
    const char *want;
};

#define H "Host: h\r\n"

static void good_requests(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"GET / HTTP/1.1\r\n" H "\r\n", "GET / Host=h /1.1 keep n=0 done;"},
        {"\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "GET / Host=h /1.1 keep n=0 done;"},
        {"GET / HTTP/1.0\r\n\r\n", "GET / /1.0 close n=0 done;"},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
         "GET / Connection=keep-alive /1.0 keep n=0 done;"},
        {"GET / HTTP/1.1\r\n" H "Connection: x , Close\r\n\r\n",
         "GET / Host=h Connection=x , Close /1.1 close n=0 done;"},
        {"GET /a?b=c HTTP/1.1\r\nhOsT:h\r\nA:   b c \t\r\nEmpty:\r\nZ: \r\n\r\n",
         "GET /a?b=c hOsT=h A=b c Empty= Z= /1.1 keep n=0 done;"},
        {"OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS * Host=h /1.1 keep n=0 done;"},
        {"GET http://h/x HTTP/1.1\r\n" H "\r\n", "GET http://h/x Host=h /1.1 keep n=0 done;"},
        {"POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc",
         "POST / Host=h Content-Length=3 /1.1 keep n=3<abc> done;"},
        {"POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n",
         "POST / Host=h Content-Length=0 /1.1 keep n=0 done;"},
        {"POST / HTTP/1.1\r\n" H "Content-Length: 2\r\nExpect: 100-continue\r\n\r\nab",
         "POST / Host=h Content-Length=2 Expect=100-continue /1.1 keep expect n=2<ab> done;"},
        {"POST / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n"
         "3\r\nabc\r\n0a;x=\"y\"\r\n0123456789\r\n00\r\n\r\n",
         "POST / Host=h Transfer-Encoding=Chunked /1.1 keep chunked n=-1<abc0123456789> done;"},
        {"POST / HTTP/1.1\r\n" H
         "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nA: b\r\nC:\r\n\r\n",
         "POST / Host=h Transfer-Encoding=chunked /1.1 keep chunked n=-1<a> done;"},
        // Pipelined: nothing of one leaks into the next.
        {"POST /1 HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\naGET /2 HTTP/1.1\r\n" H "\r\n"
         "POST /3 HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /4 HTTP/1.1\r\n" H
         "\r\n",
         "POST /1 Host=h Content-Length=1 /1.1 keep n=1<a> done;"
         "GET /2 Host=h /1.1 keep n=0 done;"
         "POST /3 Host=h Transfer-Encoding=chunked /1.1 keep chunked n=-1 done;"
         "GET /4 Host=h /1.1 keep n=0 done;"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char want[1000];
        snprintf(want, sizeof(want), "%sidle;", rows[i].want);
        check(HTTP1_REQUESTS, span_str(rows[i].in), false, true, want);
    }
}

// Whatever two readers could understand differently.
static void smuggling(void **state)
{
    (void)state;
#define POST "POST / HTTP/1.1\r\n" H
#define TE "Transfer-Encoding: chunked\r\n"
    static const char *const bad[] = {
        POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\na",
        POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
        POST "Content-Length: 1, 1\r\n\r\na",
        POST "Content-Length: +1\r\n\r\na",
        POST "Content-Length: -1\r\n\r\na",
        POST "Content-Length: 0x1\r\n\r\na",
        POST "Content-Length: 1 1\r\n\r\na",
        POST "Content-Length: 1a\r\n\r\na",
        POST "Content-Length: \r\n\r\na",
        POST "Content-Length: 9223372036854775808\r\n\r\na",
        POST "Content-Length: 18446744073709551617\r\n\r\na",
        POST "Content-Length: 3\r\n" TE "\r\n0\r\n\r\n",
        POST TE "Content-Length: 3\r\n\r\n0\r\n\r\n",
        POST TE TE "\r\n0\r\n\r\n",
        POST "Transfer-Encoding: chunked, chunked, gzip\r\n\r\n0\r\n\r\n",
        POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST "Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n",
        POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
        POST "Transfer-Encoding: \x0b"
             "chunked\r\n\r\n0\r\n\r\n",
        POST "Transfer-Encoding:\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\n" TE "\r\n0\r\n\r\n",
        POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        POST "Content-Length : 1\r\n\r\na",
        POST " Content-Length: 1\r\n\r\na",
        POST "X: y\r\n Content-Length: 1\r\n\r\na",
        POST "X: y\r\n\tfolded\r\n\r\n",
        POST "X\r\n\r\n",
        POST ": x\r\n\r\n",
        POST "X Y: z\r\n\r\n",
        POST "X\"Y: z\r\n\r\n",
        POST "X: a\x01z\r\n\r\n",
        "GET / HTTP/1.1\n" H "\r\n",
        "GET / HTTP/1.1\r\nHost: h\n\r\n",
        "GET / HTTP/1.1\r\n" H "\n",
        "\nGET / HTTP/1.1\r\n" H "\r\n",
        "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n",
        "GET / HTTP/1.1\r\n" H "\rX: y\r\n\r\n",
        "GET / HTTP/1.1\r\r\n" H "\r\n",
        "\r\n\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n" H H "\r\n",
        "GET /\x01 HTTP/1.1\r\n" H "\r\n",
        "GET  HTTP/1.1\r\n" H "\r\n",
        "GET / HTTP/1.1 \r\n" H "\r\n",
        "GET / HTTP\r\n" H "\r\n",
        "GET /\r\n" H "\r\n",
        "get / HTTP/1.1\r\n" H "\r\n",
        "NOSUCH / HTTP/1.1\r\n" H "\r\n",
        "\x16\x03\x01\x02",
        "HTTP/1.1 200 OK\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        check(HTTP1_REQUESTS, span_str(bad[i]), false, false, "error 400;");
    check(HTTP1_REQUESTS, SPAN("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"), false, false,
          "error 400;");
    static const char *const bad_501[] = {
        POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "CONNECT h:443 HTTP/1.1\r\n" H "\r\n",
    };
    for (size_t i = 0; i < sizeof(bad_501) / sizeof(bad_501[0]); i++)
        check(HTTP1_REQUESTS, span_str(bad_501[i]), false, false, "error 501;");
    static const char *const bad_505[] = {
        "GET / HTTP/2.0\r\n" H "\r\n",
        "GET / HTTP/0.9\r\n" H "\r\n",
        "GET / HTTP/1.2\r\n" H "\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(bad_505) / sizeof(bad_505[0]); i++)
        check(HTTP1_REQUESTS, span_str(bad_505[i]), false, false, "error 505;");
}

static void wrong_chunks(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"\r\n", ""},
        {"g\r\n", ""},
        {"-1\r\n", ""},
        {"0x1\r\na\r\n", ""},
        {" 1\r\na\r\n", ""},
        {"1 \r\na\r\n", ""},
        {"1\na\r\n", ""},
        {"1;\n", ""},
        {"1;a\x01\r\n", ""},
        {"1;a\rb\r\n", ""},
        {"1\r\nab\r\n", "<a>"},
        {"1\r\na\n", "<a>"},
        {"1\r\na\rb", "<a>"},
        {"8000000000000000\r\n", ""},
        {"10000000000000000\r\n", ""},
        {"0\r\n\n", ""},
        {"0\r\n X: y\r\n\r\n", ""},
        {"0\r\nX: y\n\r\n", ""},
        {"0\r\nX: y\rz\r\n\r\n", ""},
        {"0\r\n: y\r\n\r\n", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char in[300], want[300];
        snprintf(in, sizeof(in), "POST / HTTP/1.1\r\n" H TE "\r\n%s", rows[i].in);
        snprintf(want, sizeof(want),
                 "POST / Host=h Transfer-Encoding=chunked /1.1 keep chunked n=-1%serror 400;",
                 rows[i].want);
        check(HTTP1_REQUESTS, span_str(in), false, false, want);
    }
}

static void responses(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
         "200 Content-Length=2 /1.1 keep n=2<ab> done;idle;"},
        {"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304\r\nContent-Length: 5\r\n\r\n",
         "204 /1.1 keep n=0 done;304 Content-Length=5 /1.1 keep n=0 done;idle;"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
         "100 /1.1 keep n=0 done;201 Content-Length=0 /1.1 keep n=0 done;idle;"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
         "200 Transfer-Encoding=chunked /1.1 keep chunked n=-1<a> done;idle;"},
        {"HTTP/1.1 200 OK\r\n\r\nall", "200 /1.1 close eof n=-1<all> done;"},
        {"HTTP/1.0 200 OK\r\n\r\n", "200 /1.0 close eof n=-1 done;"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na",
         "200 Content-Length=2 /1.1 keep n=2<a>error 400;"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
         "200 Transfer-Encoding=chunked /1.1 keep chunked n=-1<a>error 400;"},
        {"HTTP/1.1 20", "error 400;"},
        {"HTTP/1.1 099 X\r\n\r\n", "error 400;"},
        {"HTTP/1.1 600 X\r\n\r\n", "error 400;"},
        {"HTTP/1.1 2000 X\r\n\r\n", "error 400;"},
        {"HTTP/1.1 abc\r\n\r\n", "error 400;"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "error 400;"},
        {"GET / HTTP/1.1\r\n\r\n", "error 400;"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(HTTP1_RESPONSES, span_str(rows[i].in), false, true, rows[i].want);
    check(HTTP1_RESPONSES,
          SPAN("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
               "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"),
          true, true,
          "103 /1.1 keep n=0 done;200 Content-Length=9 /1.1 keep n=0 done;"
          "200 Content-Length=1 /1.1 keep n=1<a> done;idle;");
    check(HTTP1_RESPONSES, SPAN("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), true,
          true, "200 Transfer-Encoding=chunked /1.1 keep n=0 done;idle;");
}

// One request whose parts have the given sizes; the first word of what is told.
static void check_size(size_t target, size_t headers, size_t pad, int status)
{
    struct buf in = {0};
    buf_add_str(&in, "GET /");
    for (size_t i = 1; i < target; i++)
        buf_add_char(&in, 'x');
    buf_add_str(&in, " HTTP/1.1\r\n" H);
    for (size_t i = 2; i < headers; i++)
        buf_add_str(&in, "A: b\r\n");
    buf_add_str(&in, "P: ");
    while (in.n + 4 < pad)
        buf_add_char(&in, 'p');
    buf_add_str(&in, "\r\n\r\n");
    for (enum cut cut = WHOLE; cut <= RANDOM; cut++) {
        struct buf got = trace(HTTP1_REQUESTS, buf_span(&in), cut, false, false);
        char want[20];
        snprintf(want, sizeof(want), "error %d;", status);
        if (status == 200)
            assert_memory_equal(got.p, "GET /", 5);
        else
            assert_string_equal(buf_cstr(&got), want);
        buf_free(&got);
    }
    buf_free(&in);
}

static void limits_at_and_over(void **state)
{
    (void)state;
    check_size(100, 2, 0, 200);
    check_size(101, 2, 0, 414);
    check_size(10, 10, 0, 200);
    check_size(10, 11, 0, 431);
    check_size(10, 2, 1024, 200);
    check_size(10, 2, 1025, 431);
    check_size(1100, 2, 0, 414); // the whole head has no room for the target
}

static void chunk_limits_at_and_over(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct buf ext = {0}, trailer = {0};
        buf_add_str(&ext, "POST / HTTP/1.1\r\n" H TE "\r\n");
        buf_add_span(&trailer, buf_span(&ext));
        buf_add_str(&ext, "1;");
        // size line: "1", ";", the extension and CR
        for (int i = 0; i < HTTP1_CHUNK_LINE_MAX - 3 + over; i++)
            buf_add_char(&ext, 'e');
        buf_add_str(&ext, "\r\na\r\n0\r\n\r\n");
        buf_add_str(&trailer, "0\r\nT: ");
        // trailer: "T: ", the value and both CR LF
        for (int i = 0; i < HTTP1_TRAILER_MAX - 7 + over; i++)
            buf_add_char(&trailer, 't');
        buf_add_str(&trailer, "\r\n\r\n");
        const char *head = "POST / Host=h Transfer-Encoding=chunked /1.1 keep chunked n=-1";
        char want[200];
        snprintf(want, sizeof(want), "%s%s", head, over ? "error 400;" : "<a> done;");
        check(HTTP1_REQUESTS, buf_span(&ext), false, false, want);
        snprintf(want, sizeof(want), "%s%s", head, over ? "error 431;" : " done;");
        check(HTTP1_REQUESTS, buf_span(&trailer), false, false, want);
        buf_free(&ext);
        buf_free(&trailer);
    }
}

static void taken_one_at_a_time(void **state)
{
    (void)state;
    struct http1 *p = http1_new(HTTP1_REQUESTS, &limits);
    assert_true(http1_idle(p));
    struct span two = SPAN("GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n" H "\r\nG");
    http1_feed(p, two);
    assert_int_equal(http1_next(p), HTTP1_HEAD);
    assert_int_equal(http1_next(p), HTTP1_DONE);
    assert_true(http1_idle(p));
    // The head stays readable while the rest is kept elsewhere.
    struct span rest = http1_rest(p);
    assert_ptr_equal(rest.p, two.p + (two.n - 1) / 2);
    assert_true(span_is(http1_head(p)->target, "/1"));
    struct buf kept = {0};
    buf_add_span(&kept, rest);
    http1_feed(p, buf_span(&kept));
    assert_true(span_is(http1_head(p)->target, "/1"));
    assert_int_equal(http1_next(p), HTTP1_HEAD);
    assert_true(span_is(http1_head(p)->target, "/2"));
    assert_int_equal(http1_next(p), HTTP1_DONE);
    assert_int_equal(http1_next(p), HTTP1_MORE);
    assert_false(http1_idle(p));
    assert_int_equal(http1_eof(p), HTTP1_ERROR);
    buf_free(&kept);
    http1_free(p);
}

static void body_is_not_copied(void **state)
{
    (void)state;
    struct http1 *p = http1_new(HTTP1_REQUESTS, &limits);
    struct span in = SPAN("POST / HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nabcd");
    http1_feed(p, in);
    assert_int_equal(http1_next(p), HTTP1_HEAD);
    assert_int_equal(http1_next(p), HTTP1_BODY);
    assert_ptr_equal(http1_body(p).p, in.p + in.n - 4);
    http1_free(p);
}

int main(void)
{
    srandom(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_requests),       cmocka_unit_test(smuggling),
        cmocka_unit_test(wrong_chunks),        cmocka_unit_test(responses),
        cmocka_unit_test(limits_at_and_over),  cmocka_unit_test(chunk_limits_at_and_over),
        cmocka_unit_test(taken_one_at_a_time), cmocka_unit_test(body_is_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
