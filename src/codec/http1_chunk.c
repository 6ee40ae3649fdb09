// SPDX-License-Identifier: Apache-2.0
#include "codec/http1_chunk.h"

static enum http1_event fail(struct http1_chunks *c, int status, const char *reason)
{
    c->error = (struct http1_error){status, reason};
    return HTTP1_ERROR;
}

bool http1_is_token_char(unsigned char c)
{
    static const uint32_t bits[8] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};
    return bits[c >> 5] >> (c & 31) & 1;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// chunk-size [ chunk-ext ] CRLF
static enum http1_event take_size_byte(struct http1_chunks *c, char ch)
{
    int digit = hex_value(ch);
    if (c->state == CHUNK_SIZE && digit >= 0) {
        if (c->left >> 58)
            return fail(c, 400, "chunk too large");
        c->left = c->left << 4 | (uint64_t)digit;
    } else if (c->line_n == 0) {
        return fail(c, 400, "wrong chunk size");
    } else if (ch == '\r') {
        c->state = CHUNK_SIZE_LF;
    } else if (c->state == CHUNK_SIZE && ch == ';') {
        c->state = CHUNK_EXT;
    } else if (c->state == CHUNK_SIZE || (ch < ' ' && ch >= 0 && ch != '\t') || ch == 0x7f) {
        return fail(c, 400, "wrong chunk size");
    }
    if (++c->line_n > HTTP1_CHUNK_LINE_MAX)
        return fail(c, 400, "chunk extension too long");
    return HTTP1_MORE;
}

static enum http1_event take_trailer_byte(struct http1_chunks *c, char ch)
{
    if (++c->trailer_n > HTTP1_TRAILER_MAX)
        return fail(c, 431, "trailer too large");
    if (c->state == CHUNK_TRAILER_LF) {
        if (ch != '\n')
            return fail(c, 400, "CR inside a line");
        if (c->line_n == 0)
            return HTTP1_DONE;
        c->state = CHUNK_TRAILER;
        c->line_n = 0;
    } else if (ch == '\r') {
        c->state = CHUNK_TRAILER_LF;
    } else if (c->line_n++ == 0 ? !http1_is_token_char((unsigned char)ch)
                                : ch == '\n' || ch == '\0') {
        return fail(c, 400, "wrong trailer");
    }
    return HTTP1_MORE;
}

static enum http1_event take_byte(struct http1_chunks *c, char ch)
{
    switch (c->state) {
    case CHUNK_SIZE:
    case CHUNK_EXT:
        return take_size_byte(c, ch);
    case CHUNK_SIZE_LF:
        c->line_n = 0;
        c->state = c->left ? CHUNK_DATA : CHUNK_TRAILER;
        return ch == '\n' ? HTTP1_MORE : fail(c, 400, "wrong chunk size");
    case CHUNK_DATA_CR:
        c->state = CHUNK_DATA_LF;
        return ch == '\r' ? HTTP1_MORE : fail(c, 400, "chunk longer than its size");
    case CHUNK_DATA_LF:
        c->state = CHUNK_SIZE;
        return ch == '\n' ? HTTP1_MORE : fail(c, 400, "chunk longer than its size");
    default:
        return take_trailer_byte(c, ch);
    }
}

enum http1_event http1_chunks_next(struct http1_chunks *c, struct span *in, struct span *piece)
{
    while (in->n > 0) {
        if (c->state == CHUNK_DATA) {
            size_t n = in->n < c->left ? in->n : (size_t)c->left;
            *piece = span_of(in->p, n);
            in->p += n;
            in->n -= n;
            c->left -= n;
            if (c->left == 0)
                c->state = CHUNK_DATA_CR;
            return HTTP1_BODY;
        }
        char ch = in->p[0];
        in->p++;
        in->n--;
        enum http1_event event = take_byte(c, ch);
        if (event != HTTP1_MORE)
            return event;
    }
    return HTTP1_MORE;
}
