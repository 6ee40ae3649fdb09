// SPDX-License-Identifier: Apache-2.0

// Pieces of an event stream: however it is cut, the same messages come out, and each can be written
// and read again. The first byte seeds the cuts; with its top bit set the rest is a message's
// payload and headers, which must come back as they were.

#include "codec/event_stream.h"

#include "codec/digest.h"

#define HEADERS_MOST 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    size_t n;
    uint32_t sum;
    bool failed, idle;
};

static void check_message(const struct event_message *m, struct outcome *o)
{
    static struct event_header headers[HEADERS_MOST];
    struct span rest = m->headers;
    struct buf again = {0};
    size_t n = 0;
    while (n < HEADERS_MOST && event_header_next(&rest, &headers[n])) {
        n++;
    }
    require(rest.n == 0 || n == HEADERS_MOST);
    o->n++;
    o->sum = crc32_ieee(crc32_ieee(o->sum, m->headers), m->payload);
    if (rest.n == 0) {
        struct event_decoder d;
        struct event_message back;
        require(event_message_write(&again, headers, n, m->payload) == 0);
        event_decoder_init(&d, 0);
        event_decoder_feed(&d, buf_span(&again));
        require(event_decoder_next(&d, &back) == EVENT_STREAM_MESSAGE);
        require(span_eq(back.headers, m->headers) && span_eq(back.payload, m->payload));
        event_decoder_deinit(&d);
    }
    buf_free(&again);
}

static struct outcome decode(struct span in, uint32_t cuts)
{
    struct outcome o = {0};
    struct event_decoder d;
    struct event_message m;
    enum event_step step = EVENT_STREAM_MORE;
    event_decoder_init(&d, 0);
    while (in.n > 0 && step != EVENT_STREAM_ERROR) {
        size_t n = cuts ? 1 + cuts % 97 : in.n;
        cuts = cuts * 1664525 + (cuts ? 1013904223 : 0);
        n = n < in.n ? n : in.n;
        event_decoder_feed(&d, span_of(in.p, n));
        in = span_of(in.p + n, in.n - n);
        while ((step = event_decoder_next(&d, &m)) == EVENT_STREAM_MESSAGE) {
            check_message(&m, &o);
        }
    }
    o.failed = step == EVENT_STREAM_ERROR;
    o.idle = event_decoder_is_idle(&d);
    require(o.failed == (event_decoder_error(&d) != NULL));
    event_decoder_deinit(&d);
    return o;
}

// A fuzzer does not find two checksums: headers from the input in a message that fits.
static void decode_headers(struct span headers)
{
    struct buf wire = {0};
    unsigned char prelude[8] = {0};
    size_t total = headers.n + EVENT_STREAM_OVERHEAD;
    for (unsigned i = 0; i < 4; i++) {
        prelude[i] = (unsigned char)(total >> (24 - 8 * i));
        prelude[4 + i] = (unsigned char)(headers.n >> (24 - 8 * i));
    }
    buf_add(&wire, prelude, sizeof prelude);
    for (int i = 0; i < 2; i++) {
        uint32_t crc = crc32_ieee(0, buf_span(&wire));
        for (int shift = 24; shift >= 0; shift -= 8) {
            buf_add_char(&wire, (char)(crc >> shift));
        }
        if (i == 0) {
            buf_add_span(&wire, headers);
        }
    }
    struct outcome o = decode(buf_span(&wire), 0);
    require(o.failed || o.n == 1);
    buf_free(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct span in = span_of((const char *)data + 1, size - 1);
    if (data[0] >= 128) {
        decode_headers(in);
        return 0;
    }
    struct outcome whole = decode(in, 0), cut = decode(in, 1 + data[0]);
    require(whole.n == cut.n && whole.sum == cut.sum && whole.failed == cut.failed);
    require(whole.failed || whole.idle == cut.idle);
    return 0;
}
