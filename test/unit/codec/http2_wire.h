// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_HTTP2_WIRE_H
#define PENSTOCK_TEST_HTTP2_WIRE_H

// One end of the HTTP/2 codec and a raw peer: frames collect in `in`, feed() gives them to the
// codec and notes what it says and what happened. One at a time.

#include "codec/http2.h"
#include "http2_peer.h"
#include "lib/test.h"

enum { HEAD_MAX = 1000, HEADERS_MAX = 10, STREAMS = 4, WINDOW = 65535, WIRE_STREAMS = 8 };

// Error codes of RFC 9113 section 7.
enum { PROTOCOL = 1, FLOW = 3, CLOSED = 5, SIZE = 6, COMPRESSION = 9, ANY = -1 };

#define EIGHT SPAN("\0\0\0\0\0\0\0\0")

extern struct http2 *h;
extern struct http2_stream *streams[WIRE_STREAMS]; // as they came, or were requested
extern int n_streams;
extern struct buf in, block;    // of the peer
extern struct buf said, events; // by the codec, in words
extern int64_t now_ms;

int setup_server(void **state); // a server that has been given preface and SETTINGS
int setup_client(void **state);
int teardown(void **state);
int feed(void);
// Without input.
void take(void);
bool says(const char *what);
void assert_says(const char *what);
void assert_events(const char *what);
// The code of the first such frame that was said; 0 without one.
uint32_t code_said(const char *frame);

void add_head(uint32_t id, int flags);
// A whole request on stream 1 with one more field.
void add_field_head(struct span name, struct span value);
void add_number(int type, uint32_t id, uint32_t v);
void add_setting(unsigned id, uint32_t v);

#endif
