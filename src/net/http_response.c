// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "net/http_server_internal.h"

// A body from this size on is handed to the stream where it is, not copied behind its head first.
#define LARGE_BODY (16 * 1024)
#define FLUSH_AT (64 * 1024)
// Longest status line, our own headers and the empty line.
#define FIXED_HEAD_MAX 256

const char *response_date(struct http_server *s)
{
    int64_t now_s = loop_wall_ms(s->loop) / 1000;
    if (now_s != s->date_s) {
        static const char days[] = "SunMonTueWedThuFriSat";
        static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        time_t t = (time_t)now_s;
        struct tm tm;
        gmtime_r(&t, &tm);
        // IMF-fixdate (RFC 9110 section 5.6.7), the same in every locale.
        snprintf(s->date, sizeof(s->date), "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
                 days + 3 * tm.tm_wday, (unsigned)tm.tm_mday % 100u, months + 3 * tm.tm_mon,
                 (unsigned)(tm.tm_year + 1900) % 10000u, (unsigned)tm.tm_hour % 100u,
                 (unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u);
        s->date_s = now_s;
    }
    return s->date;
}

static bool header_ok(const struct http_header *h)
{
    for (size_t i = 0; i < h->value.n; i++) {
        char c = h->value.p[i];
        if (c == '\r' || c == '\n' || c == '\0')
            return false;
    }
    for (size_t i = 0; i < h->name.n; i++) {
        char c = h->name.p[i];
        if (c <= ' ' || c == ':' || c == 0x7f)
            return false;
    }
    return h->name.n > 0;
}

bool response_header_ok(const struct http_header *h)
{
    bool ok = header_ok(h);
    if (!ok)
        log_error("net", "response header dropped: it holds a control character", "name_bytes=%zu",
                  h->name.n);
    return ok;
}

static char *put(char *to, const char *p, size_t n)
{
    if (n)
        memcpy(to, p, n);
    return to + n;
}

#define PUT(to, literal) put((to), "" literal, sizeof(literal) - 1)

static char *put_number(char *to, uint64_t v)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[sizeof(digits) - ++n] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    return put(to, digits + sizeof(digits) - n, n);
}

bool response_bodiless(int status)
{
    return status == 204 || status == 304;
}

static char *put_status_line(char *to, int status)
{
    const char *text = http_status_text(status);
    to = PUT(to, "HTTP/1.1 ");
    to = put_number(to, (unsigned)status);
    to = PUT(to, " ");
    to = put(to, text, strlen(text));
    return PUT(to, "\r\n");
}

enum body_kind { BODY_KNOWN, BODY_CHUNKED, BODY_UNTIL_CLOSE };

static void write_head(struct conn *c, int status, struct http_headers h, enum body_kind kind,
                       size_t body_n)
{
    size_t room = FIXED_HEAD_MAX;
    for (size_t i = 0; i < h.n; i++)
        room += h.h[i].name.n + h.h[i].value.n + 4;
    char *start = buf_reserve(&c->out, room), *to = put_status_line(start, status);
    to = PUT(to, "Date: ");
    to = put(to, response_date(c->server), SERVER_DATE_LEN);
    to = PUT(to, "\r\n");
    if (kind == BODY_CHUNKED) {
        to = PUT(to, "Transfer-Encoding: chunked\r\n");
    } else if (kind == BODY_KNOWN && !response_bodiless(status)) {
        to = PUT(to, "Content-Length: ");
        to = put_number(to, body_n);
        to = PUT(to, "\r\n");
    }
    if (c->last)
        to = PUT(to, "Connection: close\r\n");
    else if (c->x.minor0)
        to = PUT(to, "Connection: keep-alive\r\n");
    for (size_t i = 0; i < h.n; i++) {
        if (!response_header_ok(&h.h[i]))
            continue;
        to = put(to, h.h[i].name.p, h.h[i].name.n);
        to = PUT(to, ": ");
        to = put(to, h.h[i].value.p, h.h[i].value.n);
        to = PUT(to, "\r\n");
    }
    to = PUT(to, "\r\n");
    buf_commit(&c->out, (size_t)(to - start));
}

void response_write(struct conn *c, int status, struct http_headers h, struct span body)
{
    require(status >= 200 && status <= 599);
    write_head(c, status, h, BODY_KNOWN, body.n);
    if (c->x.head_only || response_bodiless(status))
        body = SPAN_NONE;
    if (body.n >= LARGE_BODY) {
        conn_flush(c, body);
        return;
    }
    buf_add_span(&c->out, body);
    if (c->out.n >= FLUSH_AT)
        conn_flush(c, SPAN_NONE);
}

const char *response_error_body(const struct http_server *s, int status, const char *reason,
                                struct buf *out)
{
    if (s->o.error_body)
        return s->o.error_body(status, reason, out);
    buf_add_str(out, reason);
    buf_add_char(out, '\n');
    return "text/plain";
}

void response_write_error(struct conn *c, int status, const char *reason)
{
    struct buf body = {0};
    const char *type = response_error_body(c->server, status, reason, &body);
    struct http_header h = {SPAN("Content-Type"), span_str(type)};
    response_write(c, status, (struct http_headers){&h, 1}, buf_span(&body));
    buf_free(&body);
}

static void note_last(struct http_exchange *x)
{
    if (!x->keep_alive || x->conn->server->draining)
        x->conn->last = true;
}

static void respond(struct http_exchange *x, int status, struct http_headers h, struct span body)
{
    struct conn *c = x->conn;
    note_last(x);
    if (c->stream)
        response_write(c, status, h, body);
    conn_answered(c);
}

// Inside the loop over pipelined requests what is written leaves after it, in one piece.
static void flush_streamed(struct conn *c)
{
    if (!c->processing || c->out.n >= FLUSH_AT)
        conn_flush(c, SPAN_NONE);
}

static void respond_start(struct http_exchange *x, int status, struct http_headers h)
{
    struct conn *c = x->conn;
    require(status >= 200 && status <= 599);
    enum body_kind kind = response_bodiless(status) ? BODY_KNOWN
                          : x->minor0               ? BODY_UNTIL_CLOSE
                                                    : BODY_CHUNKED;
    x->chunked = kind == BODY_CHUNKED;
    x->head_only = x->head_only || response_bodiless(status);
    note_last(x);
    c->last = c->last || kind == BODY_UNTIL_CLOSE;
    if (!c->stream)
        return;
    conn_watch_reader(c);
    write_head(c, status, h, kind, 0);
    flush_streamed(c);
}

static int respond_write(struct http_exchange *x, struct span piece)
{
    struct conn *c = x->conn;
    if (!c->stream)
        return ERR_CLOSED;
    if (x->head_only || piece.n == 0)
        return 0;
    // RFC 9112 section 7.1.
    if (x->chunked)
        buf_printf(&c->out, "%zx\r\n", piece.n);
    buf_add_span(&c->out, piece);
    if (x->chunked)
        buf_add_str(&c->out, "\r\n");
    flush_streamed(c);
    return 0;
}

static size_t respond_queued(const struct http_exchange *x)
{
    struct conn *c = x->conn;
    return c->stream ? stream_queued(c->stream) + c->out.n : 0;
}

static void respond_end(struct http_exchange *x)
{
    struct conn *c = x->conn;
    if (c->stream && x->chunked && !x->head_only)
        buf_add_str(&c->out, "0\r\n\r\n");
    note_last(x);
    conn_answered(c);
}

static void cut(struct http_exchange *x)
{
    // What has been said is said: only the rest is missing.
    if (x->streaming)
        conn_flush(x->conn, SPAN_NONE);
    conn_cut(x->conn);
    conn_answered(x->conn);
}

const struct exchange_ops http1_exchange_ops = {
    .version = HTTP_1_1,
    .respond = respond,
    .start = respond_start,
    .write = respond_write,
    .queued = respond_queued,
    .end = respond_end,
    .reset = cut,
    .cut = cut,
};
