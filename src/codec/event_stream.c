// SPDX-License-Identifier: Apache-2.0
#include "codec/event_stream.h"

#include "codec/digest.h"

#define CRC_LEN 4
#define NAME_MAX_LEN 255
#define UUID_WIRE_LEN 16
// Memory kept from one message to the next.
#define KEEP_MAX (64 * 1024)

static uint64_t load_be(const char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        v = v << 8 | (uint8_t)p[i];
    }
    return v;
}

static void store_be(struct buf *out, uint64_t v, size_t n)
{
    char *p = buf_reserve(out, n);
    for (size_t i = 0; i < n; i++) {
        p[i] = (char)(v >> 8 * (n - 1 - i));
    }
    buf_commit(out, n);
}

// Bytes of a value of fixed length; 0 for those without a value, SIZE_MAX for those that bring
// their length along.
static size_t value_length(enum event_header_type type)
{
    static const size_t lengths[] = {[EVENT_TRUE] = 0,         [EVENT_FALSE] = 0,
                                     [EVENT_INT8] = 1,         [EVENT_INT16] = 2,
                                     [EVENT_INT32] = 4,        [EVENT_INT64] = 8,
                                     [EVENT_BYTES] = SIZE_MAX, [EVENT_STRING] = SIZE_MAX,
                                     [EVENT_TIMESTAMP] = 8,    [EVENT_UUID] = UUID_WIRE_LEN};
    return lengths[type];
}

static bool is_number(enum event_header_type type)
{
    return (type >= EVENT_INT8 && type <= EVENT_INT64) || type == EVENT_TIMESTAMP;
}

// Headers ----------------------------------------------------------------------------------------

static bool cut(struct span *in, size_t n, struct span *out)
{
    if (in->n < n) {
        return false;
    }
    *out = span_of(in->p, n);
    in->p += n;
    in->n -= n;
    return true;
}

static const char *read_value(struct span *in, struct event_header *out)
{
    static const char overrun[] = "header value reaches beyond the headers";
    size_t n = value_length(out->type);
    struct span field;
    if (n == SIZE_MAX) {
        if (!cut(in, 2, &field)) {
            return overrun;
        }
        n = (size_t)load_be(field.p, 2);
    }
    if (!cut(in, n, &field)) {
        return overrun;
    }
    if (is_number(out->type)) {
        // Sign-extends: the value's top bit is moved to the top and back.
        unsigned shift = 64 - 8 * (unsigned)n;
        out->number = (int64_t)(load_be(field.p, n) << shift) >> shift;
    } else {
        out->number = out->type == EVENT_TRUE;
        out->bytes = field;
    }
    return NULL;
}

// NULL, or what is wrong.
static const char *read_header(struct span *in, struct event_header *out)
{
    struct span field;
    *out = (struct event_header){0};
    if (!cut(in, 1, &field) || field.p[0] == 0) {
        return "header name is empty";
    }
    if (!cut(in, (uint8_t)field.p[0], &out->name) || !cut(in, 1, &field)) {
        return "header name reaches beyond the headers";
    }
    if ((uint8_t)field.p[0] > EVENT_UUID) {
        return "header has an unknown type";
    }
    out->type = (enum event_header_type)field.p[0];
    return read_value(in, out);
}

bool event_header_next(struct span *headers, struct event_header *out)
{
    return headers->n > 0 && !read_header(headers, out);
}

struct span event_message_text(const struct event_message *m, const char *name)
{
    struct span rest = m->headers;
    struct event_header h;
    while (event_header_next(&rest, &h)) {
        if (h.type == EVENT_STRING && span_is(h.name, name)) {
            return h.bytes;
        }
    }
    return SPAN_NONE;
}

// Decoding ---------------------------------------------------------------------------------------

void event_decoder_init(struct event_decoder *d, size_t message_max)
{
    *d = (struct event_decoder){.limit = message_max ? message_max : EVENT_STREAM_MESSAGE_MAX};
}

void event_decoder_deinit(struct event_decoder *d)
{
    buf_free(&d->message);
}

void event_decoder_feed(struct event_decoder *d, struct span in)
{
    require(d->in.n == 0 || d->error);
    d->in = in;
}

static size_t total_length(const struct event_decoder *d)
{
    return (size_t)load_be(d->message.p, 4);
}

static size_t headers_length(const struct event_decoder *d)
{
    return (size_t)load_be(d->message.p + 4, 4);
}

static bool crc_fits(const struct event_decoder *d, size_t n)
{
    return crc32_ieee(0, span_of(d->message.p, n)) == load_be(d->message.p + n, CRC_LEN);
}

// The lengths are believed only when their own checksum fits.
static const char *check_prelude(const struct event_decoder *d)
{
    if (!crc_fits(d, EVENT_STREAM_PRELUDE - CRC_LEN)) {
        return "prelude checksum does not fit";
    }
    size_t total = total_length(d), headers = headers_length(d);
    if (total < EVENT_STREAM_OVERHEAD) {
        return "message length is below the smallest";
    }
    if (headers > EVENT_STREAM_HEADERS_MAX || headers > total - EVENT_STREAM_OVERHEAD) {
        return "headers are longer than they may be";
    }
    return total > d->limit ? "message is too large" : NULL;
}

static const char *check_message(const struct event_decoder *d)
{
    if (!crc_fits(d, d->message.n - CRC_LEN)) {
        return "message checksum does not fit";
    }
    struct span rest = span_of(d->message.p + EVENT_STREAM_PRELUDE, headers_length(d));
    struct event_header h;
    const char *error = NULL;
    while (!error && rest.n > 0) {
        error = read_header(&rest, &h);
    }
    return error;
}

static bool has_prelude(const struct event_decoder *d)
{
    return d->message.n >= EVENT_STREAM_PRELUDE;
}

static enum event_step fail(struct event_decoder *d, const char *error)
{
    d->error = error;
    d->in = SPAN_NONE;
    return EVENT_STREAM_ERROR;
}

// Moves input to the message until it has `n` bytes; false when the input does not do.
static bool collect(struct event_decoder *d, size_t n)
{
    size_t missing = n - d->message.n;
    struct span piece;
    bool enough = d->in.n >= missing;
    if (cut(&d->in, enough ? missing : d->in.n, &piece)) {
        buf_add_span(&d->message, piece);
    }
    return enough;
}

static void forget_message(struct event_decoder *d)
{
    if (d->message.cap > KEEP_MAX) {
        buf_free(&d->message);
    }
    buf_clear(&d->message);
    d->returned = false;
}

enum event_step event_decoder_next(struct event_decoder *d, struct event_message *out)
{
    if (d->error) {
        return EVENT_STREAM_ERROR;
    }
    if (d->returned) {
        forget_message(d);
    }
    if (!has_prelude(d)) {
        if (!collect(d, EVENT_STREAM_PRELUDE)) {
            return EVENT_STREAM_MORE;
        }
        const char *error = check_prelude(d);
        if (error) {
            return fail(d, error);
        }
    }
    if (!collect(d, total_length(d))) {
        return EVENT_STREAM_MORE;
    }
    const char *error = check_message(d);
    if (error) {
        return fail(d, error);
    }
    size_t headers = headers_length(d);
    out->headers = span_of(d->message.p + EVENT_STREAM_PRELUDE, headers);
    out->payload =
        span_of(out->headers.p + headers, d->message.n - EVENT_STREAM_OVERHEAD - headers);
    d->returned = true;
    return EVENT_STREAM_MESSAGE;
}

const char *event_decoder_error(const struct event_decoder *d)
{
    return d->error;
}

size_t event_decoder_length(const struct event_decoder *d)
{
    return !d->returned && !d->error && has_prelude(d) ? total_length(d) : 0;
}

size_t event_decoder_wants(const struct event_decoder *d)
{
    if (event_decoder_is_idle(d))
        return EVENT_STREAM_PRELUDE;
    return (has_prelude(d) ? total_length(d) : EVENT_STREAM_PRELUDE) - d->message.n;
}

bool event_decoder_is_idle(const struct event_decoder *d)
{
    return d->returned || d->message.n == 0;
}

struct buf event_decoder_take(struct event_decoder *d)
{
    require(d->returned);
    struct buf taken = d->message;
    d->message = (struct buf){0};
    d->returned = false;
    return taken;
}

// Encoding ---------------------------------------------------------------------------------------

struct event_header event_header_string(const char *name, struct span value)
{
    return (struct event_header){.name = span_str(name), .type = EVENT_STRING, .bytes = value};
}

static bool fits(int64_t v, size_t n)
{
    int64_t most = n == 8 ? INT64_MAX : ((int64_t)1 << (8 * n - 1)) - 1;
    return v <= most && v >= -most - 1;
}

static bool is_encodable(const struct event_header *h)
{
    if (h->name.n == 0 || h->name.n > NAME_MAX_LEN || (unsigned)h->type > EVENT_UUID) {
        return false;
    }
    size_t n = value_length(h->type);
    if (n == SIZE_MAX) {
        return h->bytes.n <= UINT16_MAX;
    }
    return is_number(h->type) ? fits(h->number, n) : h->type != EVENT_UUID || h->bytes.n == n;
}

static void write_header(struct buf *out, const struct event_header *h)
{
    size_t n = value_length(h->type);
    store_be(out, h->name.n, 1);
    buf_add_span(out, h->name);
    store_be(out, h->type, 1);
    if (is_number(h->type)) {
        store_be(out, (uint64_t)h->number, n);
        return;
    }
    if (n == SIZE_MAX) {
        store_be(out, h->bytes.n, 2);
    }
    if (n > 0) {
        buf_add_span(out, h->bytes);
    }
}

static size_t wire_length(const struct event_header *h)
{
    size_t n = value_length(h->type);
    return 1 + h->name.n + 1 + (n == SIZE_MAX ? 2 + h->bytes.n : n);
}

int event_message_write(struct buf *out, const struct event_header *headers, size_t n,
                        struct span payload)
{
    size_t headers_n = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_encodable(&headers[i])) {
            return ERR_INVALID;
        }
        headers_n += wire_length(&headers[i]);
        if (headers_n > EVENT_STREAM_HEADERS_MAX) {
            return ERR_LIMIT;
        }
    }
    if (payload.n > EVENT_STREAM_MESSAGE_MAX - EVENT_STREAM_OVERHEAD - headers_n) {
        return ERR_LIMIT;
    }
    size_t total = EVENT_STREAM_OVERHEAD + headers_n + payload.n, start = out->n;
    buf_reserve(out, total);
    store_be(out, total, 4);
    store_be(out, headers_n, 4);
    store_be(out, crc32_ieee(0, span_of(out->p + start, 8)), CRC_LEN);
    for (size_t i = 0; i < n; i++) {
        write_header(out, &headers[i]);
    }
    buf_add_span(out, payload);
    store_be(out, crc32_ieee(0, span_of(out->p + start, total - CRC_LEN)), CRC_LEN);
    return 0;
}
