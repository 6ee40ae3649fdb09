// SPDX-License-Identifier: Apache-2.0
#include "codec/http1.h"

#include <llhttp.h>

#include "base/buf.h"
#include "base/mem.h"
#include "codec/http1_chunk.h"

// Blank lines tolerated before a message (RFC 9112 section 2.2).
#define BLANK_LINES_MAX 2
#define HEAD_KEEP_MAX (16 * 1024)

enum state {
    IN_HEAD,
    IN_SIZED,
    IN_CHUNKS,
    UNTIL_CLOSE,
    AT_END,  // HTTP1_DONE is still to be told
    BETWEEN, // told; the head stays readable until the next message begins
    FAILED,
};

struct http1 {
    enum http1_side side;
    enum state state;
    struct http1_limits limits;
    struct span in;
    // Head as it comes in.
    struct buf raw;
    size_t lines;
    size_t line_n;
    unsigned blank_lines;
    bool after_cr;
    bool no_body;
    // Body.
    uint64_t left; // IN_SIZED
    struct http1_chunks chunks;
    struct span body;
    struct http1_error error;
    // Head as parsed: spans into `raw`.
    struct http1_head head;
    struct http_header *headers;
    size_t headers_n, headers_cap;
    llhttp_t parser;
};

static enum http1_event fail(struct http1 *p, int status, const char *reason)
{
    p->state = FAILED;
    p->error = (struct http1_error){status, reason};
    return HTTP1_ERROR;
}

static int on_url(llhttp_t *parser, const char *at, size_t n)
{
    struct http1 *p = parser->data;
    // One run of llhttp over the whole head: spans that touch are pieces of one.
    if (p->head.target.p)
        p->head.target.n += n;
    else
        p->head.target = span_of(at, n);
    return 0;
}

static int on_field(llhttp_t *parser, const char *at, size_t n)
{
    struct http1 *p = parser->data;
    struct http_header *last = p->headers_n ? &p->headers[p->headers_n - 1] : NULL;
    if (last && !last->value.p && last->name.p + last->name.n == at) {
        last->name.n += n;
        return 0;
    }
    if (p->headers_n == p->headers_cap) {
        p->headers_cap = p->headers_cap ? p->headers_cap * 2 : 16;
        p->headers = mem_realloc(p->headers, p->headers_cap * sizeof(*p->headers));
    }
    p->headers[p->headers_n++] = (struct http_header){.name = span_of(at, n)};
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t n)
{
    struct http1 *p = parser->data;
    struct http_header *last = &p->headers[p->headers_n - 1];
    if (last->value.p)
        last->value.n = (size_t)(at + n - last->value.p);
    else
        last->value = span_of(at, n);
    return 0;
}

static int on_head_complete(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_head_complete,
};

struct http1 *http1_new(enum http1_side side, const struct http1_limits *limits)
{
    struct http1 *p = mem_new(struct http1);
    p->side = side;
    p->limits = *limits;
    llhttp_init(&p->parser, side == HTTP1_REQUESTS ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
    p->parser.data = p;
    http1_reset(p);
    return p;
}

void http1_free(struct http1 *p)
{
    if (!p)
        return;
    buf_free(&p->raw);
    mem_free(p->headers);
    mem_free(p);
}

static void begin_message(struct http1 *p)
{
    p->state = IN_HEAD;
    if (p->raw.cap > HEAD_KEEP_MAX)
        buf_free(&p->raw);
    buf_clear(&p->raw);
    p->lines = p->line_n = p->blank_lines = 0;
    p->after_cr = false;
    p->headers_n = 0;
    p->chunks = (struct http1_chunks){0};
}

void http1_reset(struct http1 *p)
{
    begin_message(p);
    p->no_body = false;
    p->in = SPAN_NONE;
}

void http1_expect_no_body(struct http1 *p)
{
    p->no_body = true;
}

void http1_feed(struct http1 *p, struct span in)
{
    p->in = in;
}

struct span http1_rest(const struct http1 *p)
{
    return p->in;
}

bool http1_idle(const struct http1 *p)
{
    return p->state == BETWEEN || (p->state == IN_HEAD && p->raw.n == 0 && !p->blank_lines);
}

const struct http1_head *http1_head(const struct http1 *p)
{
    return &p->head;
}

struct span http1_body(const struct http1 *p)
{
    return p->body;
}

struct http1_error http1_error(const struct http1 *p)
{
    return p->error;
}

// Whether the list value (RFC 9110 section 5.6.1) holds the token.
static bool has_token(struct span list, const char *token)
{
    for (struct span rest = list; rest.p;) {
        if (span_ieq(span_trim(span_cut(&rest, ',')), span_str(token)))
            return true;
    }
    return false;
}

// What the framing of a message depends on.
struct framing {
    size_t hosts, lengths, codings;
    struct span length, coding, expect;
    bool close, keep_alive;
};

static struct framing collect_framing(const struct http1 *p)
{
    struct framing f = {0};
    for (size_t i = 0; i < p->headers_n; i++) {
        const struct http_header *h = &p->headers[i];
        switch (h->name.n) {
        case 4:
            f.hosts += span_ieq(h->name, SPAN("host"));
            break;
        case 6:
            if (span_ieq(h->name, SPAN("expect")))
                f.expect = h->value;
            break;
        case 10:
            if (span_ieq(h->name, SPAN("connection"))) {
                f.close |= has_token(h->value, "close");
                f.keep_alive |= has_token(h->value, "keep-alive");
            }
            break;
        case 14:
            if (span_ieq(h->name, SPAN("content-length"))) {
                f.lengths++;
                f.length = h->value;
            }
            break;
        case 17:
            if (span_ieq(h->name, SPAN("transfer-encoding"))) {
                f.codings++;
                f.coding = h->value;
            }
            break;
        }
    }
    return f;
}

// RFC 9112 section 6.3, refusing whatever two readers could understand differently.
static enum http1_event apply_framing(struct http1 *p, const struct framing *f)
{
    struct http1_head *h = &p->head;
    h->keep_alive = !f->close && (h->minor > 0 || f->keep_alive);
    if (f->lengths > 1)
        return fail(p, 400, "more than one Content-Length");
    if (f->codings > 1)
        return fail(p, 400, "more than one Transfer-Encoding");
    if (f->codings && f->lengths)
        return fail(p, 400, "both Content-Length and Transfer-Encoding");
    if (f->codings && h->minor == 0)
        return fail(p, 400, "Transfer-Encoding in HTTP/1.0");
    uint64_t length = 0;
    if (f->lengths && (!span_to_u64(f->length, &length) || length > INT64_MAX))
        return fail(p, 400, "wrong Content-Length");
    if (f->codings && !span_ieq(f->coding, SPAN("chunked"))) {
        size_t last = f->coding.n;
        while (last > 0 && f->coding.p[last - 1] != ',')
            last--;
        struct span coding = span_trim(span_of(f->coding.p + last, f->coding.n - last));
        return span_ieq(coding, SPAN("chunked"))
                   ? fail(p, 501, "unknown Transfer-Encoding")
                   : fail(p, 400, "Transfer-Encoding does not end with chunked");
    }
    h->chunked = f->codings > 0;
    h->content_length = h->chunked ? -1 : (int64_t)length;
    return HTTP1_HEAD;
}

static enum http1_event finish_request(struct http1 *p, const struct framing *f)
{
    struct http1_head *h = &p->head;
    h->method = span_str(llhttp_method_name((llhttp_method_t)p->parser.method));
    if (h->target.n == 0)
        return fail(p, 400, "no request target");
    if (h->target.n > p->limits.target)
        return fail(p, 414, "request target too long");
    // RFC 9112 section 3.2.
    if (f->hosts > 1 || (f->hosts == 0 && h->minor > 0))
        return fail(p, 400, f->hosts ? "more than one Host" : "no Host");
    if (span_is(h->method, "CONNECT"))
        return fail(p, 501, "CONNECT is not supported");
    bool has_body = h->chunked || h->content_length > 0;
    h->expect_continue =
        has_body && h->minor > 0 && f->expect.p && span_ieq(f->expect, SPAN("100-continue"));
    return HTTP1_HEAD;
}

static enum http1_event finish_response(struct http1 *p, const struct framing *f)
{
    struct http1_head *h = &p->head;
    h->status = p->parser.status_code;
    if (h->status < 100 || h->status > 599)
        return fail(p, 400, "wrong status code");
    if (p->no_body || h->status < 200 || h->status == 204 || h->status == 304) {
        h->chunked = false;
        h->content_length = 0;
    } else if (!f->codings && !f->lengths) {
        h->until_close = true;
        h->keep_alive = false;
        h->content_length = -1;
    }
    if (h->status >= 200)
        p->no_body = false;
    return HTTP1_HEAD;
}

static enum http1_event parse_failed(struct http1 *p, llhttp_errno_t code)
{
    switch (code) {
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return fail(p, 400, "wrong or conflicting Content-Length");
    case HPE_INVALID_TRANSFER_ENCODING:
        return fail(p, 400, "wrong Transfer-Encoding");
    case HPE_INVALID_HEADER_TOKEN:
        return fail(p, 400, "wrong character in a header");
    case HPE_INVALID_METHOD:
        return fail(p, 400, "unknown method");
    case HPE_INVALID_URL:
        return fail(p, 400, "wrong request target");
    default:
        return fail(p, 400, "not an HTTP/1.1 message");
    }
}

// llhttp 8 lets pass in a field name, a value or the target what version 9 refuses.
static bool characters_ok(const struct http1 *p)
{
    for (size_t i = 0; i < p->headers_n; i++) {
        const struct http_header *h = &p->headers[i];
        for (size_t k = 0; k < h->name.n; k++) {
            if (!http1_is_token_char((unsigned char)h->name.p[k]))
                return false;
        }
        for (size_t k = 0; k < h->value.n; k++) {
            unsigned char c = (unsigned char)h->value.p[k];
            if ((c < ' ' && c != '\t') || c == 0x7f)
                return false;
        }
    }
    for (size_t k = 0; k < p->head.target.n; k++) {
        unsigned char c = (unsigned char)p->head.target.p[k];
        if (c <= ' ' || c > '~')
            return false;
    }
    return true;
}

// The version as it stands at its place in the first line; 0 for anything but "HTTP/" digit "."
// digit.
static int named_version(const struct http1 *p)
{
    size_t line = (size_t)((const char *)memchr(p->raw.p, '\r', p->raw.n) - p->raw.p);
    if (line < 8)
        return 0;
    const char *v = p->side == HTTP1_REQUESTS ? p->raw.p + line - 8 : p->raw.p;
    if (memcmp(v, "HTTP/", 5) != 0 || v[5] < '0' || v[5] > '9' || v[6] != '.' || v[7] < '0' ||
        v[7] > '9')
        return 0;
    return (v[5] - '0') * 10 + v[7] - '0';
}

static enum http1_event parse_head(struct http1 *p)
{
    p->head = (struct http1_head){0};
    int version = named_version(p);
    if (version != 0 && version != 10 && version != 11)
        return fail(p, 505, "HTTP version not supported");
    llhttp_reset(&p->parser);
    llhttp_errno_t rc = llhttp_execute(&p->parser, p->raw.p, p->raw.n);
    if (rc != HPE_PAUSED)
        return parse_failed(p, rc);
    if (p->parser.http_major != 1 || p->parser.http_minor > 1)
        return fail(p, 400, "not an HTTP/1.1 message");
    if (!characters_ok(p))
        return fail(p, 400, "wrong character in the head");
    p->head.minor = p->parser.http_minor;
    for (size_t i = 0; i < p->headers_n; i++)
        p->headers[i].value = span_trim(p->headers[i].value);
    p->head.headers = (struct http_headers){p->headers, p->headers_n};
    struct framing f = collect_framing(p);
    if (apply_framing(p, &f) == HTTP1_ERROR)
        return HTTP1_ERROR;
    enum http1_event event =
        p->side == HTTP1_REQUESTS ? finish_request(p, &f) : finish_response(p, &f);
    if (event != HTTP1_HEAD)
        return event;
    if (p->head.chunked)
        p->state = IN_CHUNKS;
    else if (p->head.until_close)
        p->state = UNTIL_CLOSE;
    else if (p->head.content_length > 0)
        p->state = IN_SIZED;
    else
        p->state = AT_END;
    p->left = p->state == IN_SIZED ? (uint64_t)p->head.content_length : 0;
    return HTTP1_HEAD;
}

static enum http1_event head_too_large(struct http1 *p)
{
    return p->side == HTTP1_REQUESTS && p->lines == 0 ? fail(p, 414, "request target too long")
                                                      : fail(p, 431, "request head too large");
}

// First byte of a line: HTTP1_MORE when it may stand there.
static enum http1_event check_line_start(struct http1 *p, char c)
{
    if (c == '\r' || http1_is_token_char((unsigned char)c))
        return HTTP1_MORE;
    if (c == '\n')
        return fail(p, 400, "line ends without CR");
    if (p->lines > 0 && (c == ' ' || c == '\t'))
        return fail(p, 400, "folded header line");
    return fail(p, 400, "not an HTTP/1.1 message");
}

// A line has ended: HTTP1_DONE when it is the empty one that ends the head.
static enum http1_event end_line(struct http1 *p)
{
    bool empty = p->line_n == 0;
    p->line_n = 0;
    p->after_cr = false;
    if (!empty) {
        if (++p->lines > p->limits.headers + 1)
            return fail(p, 431, "too many headers");
        return HTTP1_MORE;
    }
    if (p->lines > 0)
        return HTTP1_DONE;
    if (++p->blank_lines > BLANK_LINES_MAX)
        return fail(p, 400, "not an HTTP/1.1 message");
    buf_clear(&p->raw);
    return HTTP1_MORE;
}

// Takes bytes up to the end of the line, or all of them.
static enum http1_event take_line(struct http1 *p)
{
    const char *s = p->in.p;
    // What is beyond the limit is not looked at: the verdict must not depend on how input is cut.
    size_t room = p->limits.head - p->raw.n, n = p->in.n < room ? p->in.n : room;
    if (room == 0)
        return head_too_large(p);
    if (p->after_cr && s[0] != '\n')
        return fail(p, 400, "CR inside a line");
    if (p->line_n == 0 && !p->after_cr) {
        enum http1_event bad = check_line_start(p, s[0]);
        if (bad != HTTP1_MORE)
            return bad;
    }
    const char *lf = memchr(s, '\n', n);
    size_t take = lf ? (size_t)(lf - s) + 1 : n;
    const char *cr = memchr(s, '\r', take);
    if (cr && cr + 1 < s + take && cr[1] != '\n')
        return fail(p, 400, "CR inside a line");
    if (lf && !cr && !p->after_cr)
        return fail(p, 400, "line ends without CR");
    buf_add(&p->raw, s, take);
    p->in.p += take;
    p->in.n -= take;
    p->line_n += cr ? (size_t)(cr - s) : lf ? 0 : take;
    p->after_cr = cr && !lf;
    return lf ? end_line(p) : HTTP1_MORE;
}

static enum http1_event next_in_head(struct http1 *p)
{
    while (p->in.n > 0) {
        enum http1_event event = take_line(p);
        if (event == HTTP1_DONE)
            return parse_head(p);
        if (event != HTTP1_MORE)
            return event;
    }
    return HTTP1_MORE;
}

static enum http1_event take_body(struct http1 *p)
{
    size_t n = p->in.n;
    if (p->state == IN_SIZED) {
        n = n < p->left ? n : (size_t)p->left;
        p->left -= n;
        if (p->left == 0)
            p->state = AT_END;
    }
    p->body = span_of(p->in.p, n);
    p->in.p += n;
    p->in.n -= n;
    return HTTP1_BODY;
}

static enum http1_event next_in_chunks(struct http1 *p)
{
    enum http1_event event = http1_chunks_next(&p->chunks, &p->in, &p->body);
    if (event == HTTP1_ERROR)
        return fail(p, p->chunks.error.status, p->chunks.error.reason);
    if (event == HTTP1_DONE)
        p->state = BETWEEN;
    return event;
}

enum http1_event http1_next(struct http1 *p)
{
    if (p->state == BETWEEN)
        begin_message(p);
    if (p->state == FAILED)
        return HTTP1_ERROR;
    if (p->state == AT_END) {
        p->state = BETWEEN;
        return HTTP1_DONE;
    }
    if (p->in.n == 0)
        return HTTP1_MORE;
    switch (p->state) {
    case IN_HEAD:
        return next_in_head(p);
    case IN_CHUNKS:
        return next_in_chunks(p);
    default: // IN_SIZED, UNTIL_CLOSE
        return take_body(p);
    }
}

enum http1_event http1_eof(struct http1 *p)
{
    if (p->state == FAILED)
        return HTTP1_ERROR;
    if (p->state == UNTIL_CLOSE || p->state == AT_END) {
        p->state = BETWEEN;
        return HTTP1_DONE;
    }
    if (http1_idle(p))
        return HTTP1_MORE;
    return fail(p, 400, "connection closed inside a message");
}
