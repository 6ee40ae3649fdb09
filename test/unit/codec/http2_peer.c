// SPDX-License-Identifier: Apache-2.0
#include "http2_peer.h"

void peer_number(struct buf *out, uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_add_char(out, (char)(v >> shift & 0xff));
}

void peer_frame(struct buf *out, int type, int flags, uint32_t id, struct span payload)
{
    buf_add_char(out, (char)(payload.n >> 16));
    buf_add_char(out, (char)(payload.n >> 8 & 0xff));
    buf_add_char(out, (char)(payload.n & 0xff));
    buf_add_char(out, (char)type);
    buf_add_char(out, (char)flags);
    peer_number(out, id);
    buf_add_span(out, payload);
}

static void add_string(struct buf *out, struct span s)
{
    // An integer with a prefix of seven bits (RFC 7541 section 5.1).
    size_t n = s.n;
    if (n < 127) {
        buf_add_char(out, (char)n);
    } else {
        buf_add_char(out, 127);
        for (n -= 127; n >= 128; n >>= 7)
            buf_add_char(out, (char)(128 | (n & 127)));
        buf_add_char(out, (char)n);
    }
    buf_add_span(out, s);
}

void peer_field(struct buf *out, struct span name, struct span value)
{
    buf_add_char(out, 0);
    add_string(out, name);
    add_string(out, value);
}

void peer_get(struct buf *block)
{
    peer_field(block, SPAN(":method"), SPAN("GET"));
    peer_field(block, SPAN(":scheme"), SPAN("http"));
    peer_field(block, SPAN(":path"), SPAN("/"));
    peer_field(block, SPAN(":authority"), SPAN("h"));
}

void peer_begin(struct buf *out)
{
    buf_add_str(out, HTTP2_PREFACE);
    peer_frame(out, F_SETTINGS, 0, 0, SPAN_NONE);
}

static uint32_t number_at(struct span in, size_t at)
{
    uint32_t v = 0;
    for (size_t i = at; i < at + 4 && i < in.n; i++)
        v = v << 8 | (unsigned char)in.p[i];
    return v;
}

void peer_describe(struct span in, struct buf *out)
{
    static const char *const names[] = {"DATA", "HEADERS", "PRIORITY", "RST_STREAM",   "SETTINGS",
                                        "PUSH", "PING",    "GOAWAY",   "WINDOW_UPDATE"};
    while (in.n >= 9) {
        size_t n = number_at(in, 0) >> 8;
        unsigned type = (unsigned char)in.p[3], flags = (unsigned char)in.p[4];
        uint32_t id = number_at(in, 5);
        buf_printf(out, "%s%s", out->n ? " " : "", type < 9 ? names[type] : "?");
        if (type == F_SETTINGS || type == F_PING)
            buf_add_str(out, flags & ACK ? "(ack)" : "");
        else if (type == F_DATA)
            buf_printf(out, "(%u,%zu%s)", id, n, flags & END_STREAM ? ",end" : "");
        else if (type == F_HEADERS)
            buf_printf(out, "(%u%s)", id, flags & END_STREAM ? ",end" : "");
        else if (type == F_RST_STREAM || type == F_WINDOW_UPDATE)
            buf_printf(out, "(%u,%u)", id, number_at(in, 9));
        else if (type == F_GOAWAY)
            buf_printf(out, "(%u,%u)", number_at(in, 9), number_at(in, 13));
        size_t all = 9 + n < in.n ? 9 + n : in.n;
        in = span_of(in.p + all, in.n - all);
    }
}
