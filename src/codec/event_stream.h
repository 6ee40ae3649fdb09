// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_EVENT_STREAM_H
#define PENSTOCK_CODEC_EVENT_STREAM_H

// Messages of the AWS event stream (application/vnd.amazon.eventstream), both ways, without I/O:
// lengths and headers are checked, both checksums compared before anything is believed
// (facts/wire.md section 8). One thread at a time.
//
//   event_decoder_feed(d, bytes);
//   while ((step = event_decoder_next(d, &m)) == EVENT_STREAM_MESSAGE) ...
//
// A decoder owns the bytes of the message it has returned until the next call, or until
// event_decoder_take(). It never holds more than one message, and of that no more than has come.

#include "base/buf.h"
#include "base/err.h"

#define EVENT_STREAM_PRELUDE 12
#define EVENT_STREAM_OVERHEAD 16 // prelude and the checksum at the end: the smallest message
// One event of Kinesis holds up to 10 MiB of records in base64, with their keys.
#define EVENT_STREAM_MESSAGE_MAX (24u * 1024 * 1024)
#define EVENT_STREAM_HEADERS_MAX (128u * 1024)

enum event_header_type {
    EVENT_TRUE,
    EVENT_FALSE,
    EVENT_INT8,
    EVENT_INT16,
    EVENT_INT32,
    EVENT_INT64,
    EVENT_BYTES,
    EVENT_STRING,
    EVENT_TIMESTAMP, // milliseconds since the Unix epoch
    EVENT_UUID
};

struct event_header {
    struct span name; // 1..255 bytes
    enum event_header_type type;
    int64_t number;    // integers, timestamps; 1 and 0 for EVENT_TRUE and EVENT_FALSE
    struct span bytes; // EVENT_BYTES, EVENT_STRING, EVENT_UUID
};

struct event_message {
    struct span headers; // as on the wire; event_header_next()
    struct span payload;
};

enum event_step {
    EVENT_STREAM_MORE, // all input is used up
    EVENT_STREAM_MESSAGE,
    EVENT_STREAM_ERROR // event_decoder_error() tells; the same again from now on
};

struct event_decoder {
    struct buf message; // the one under way, or the one returned
    struct span in;
    size_t limit;
    bool returned; // `message` is used up
    const char *error;
};

// `message_max` 0 = EVENT_STREAM_MESSAGE_MAX.
void event_decoder_init(struct event_decoder *d, size_t message_max);
void event_decoder_deinit(struct event_decoder *d);
// `in` is borrowed until it is used up: all before must have been.
void event_decoder_feed(struct event_decoder *d, struct span in);
enum event_step event_decoder_next(struct event_decoder *d, struct event_message *out);
// Static text for a person.
const char *event_decoder_error(const struct event_decoder *d);
// Length of the message under way once its prelude is there, else 0: what holding it will take.
size_t event_decoder_length(const struct event_decoder *d);
// How many bytes complete the prelude, or the message whose prelude is there: fed no more than
// these at a time, the decoder stops at each.
size_t event_decoder_wants(const struct event_decoder *d);
// No byte of a message has come since the last one: input may end here.
bool event_decoder_is_idle(const struct event_decoder *d);
// Moves the memory of the message just returned to the caller; its spans stay good in it.
struct buf event_decoder_take(struct event_decoder *d);

// Iterates over the headers of a message that was returned: cuts the first off. False at the end.
bool event_header_next(struct span *headers, struct event_header *out);
// The first string header of that name; empty when there is none.
struct span event_message_text(const struct event_message *m, const char *name);

struct event_header event_header_string(const char *name, struct span value);
// Appends one message. ERR_INVALID for a header that has no form on the wire, ERR_LIMIT when the
// message would be too large; then nothing is appended.
int event_message_write(struct buf *out, const struct event_header *headers, size_t n,
                        struct span payload) MUST_CHECK;

#endif
