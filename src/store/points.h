// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STORE_POINTS_H
#define PENSTOCK_STORE_POINTS_H

// The compressed form of points: of one series (head and chunks) and of a mixed batch (log).
//
// A series stream is a run of points, each
//   time   zigzag(ts - previous ts - previous step); its low 6 bits share a byte with a flag that
//          the tag changes (bit 0) and the continuation bit (bit 7); the rest follows as a varint.
//          The first point's time is absolute (previous ts and step are 0); a step that does not
//          fit 32 bits counts as 0.
//   [tag]  one byte, when the flag is set
//   value  by tag, relative to the previous value of the same tag (0 after a change):
//          FALSE, TRUE     nothing
//          LONG            zigzag varint of the difference (wrapping)
//          DECIMAL + k     the double m / 10^k, k in 1..6, where that is exact: as LONG, of m
//          DOUBLE          IEEE bits xor the previous ones: a byte (leading zero bytes << 4 | bytes
//                          kept), then those bytes, most significant first
//          STRING, JSON    varint length, bytes
//
// A log piece is a run of points, each: zigzag varint of the difference of series ids, zigzag
// varint of the difference of times (both 0 at first), tag byte, value as above with previous 0.
//
// Pure; the decoders take foreign bytes and never read past them.

#include "base/value.h"
#include "store/pack.h"

enum points_tag {
    POINTS_NONE, // before the first point
    POINTS_FALSE,
    POINTS_TRUE,
    POINTS_LONG,
    POINTS_DOUBLE,
    POINTS_STRING,
    POINTS_JSON,
    POINTS_DECIMAL // + digits after the point, 1..POINTS_DIGITS_MAX
};
#define POINTS_DIGITS_MAX 6

// Bytes that encoding one point may take, without the text of a string.
#define POINTS_FIXED_MAX 48

// State of an encoder or decoder of a series stream; zero at the start.
struct points_state {
    int64_t ts;
    uint64_t bits;
    int32_t step;
    uint8_t tag;
};

// Writes the point to `out` (POINTS_FIXED_MAX bytes) and returns its end; the text of a string or
// JSON value (v->s) is to follow it.
uint8_t *points_encode(struct points_state *st, int64_t ts, const struct value *v, uint8_t *out);
// 1 and a point, whose text lies in the input; 0 at the end; ERR_INVALID.
int points_decode(struct points_state *st, struct unpack *u, int64_t *ts, struct value *v);

struct points_log_state {
    uint32_t series;
    int64_t ts;
};
void points_log_encode(struct points_log_state *st, uint32_t series, int64_t ts,
                       const struct value *v, struct buf *out);
int points_log_decode(struct points_log_state *st, struct unpack *u, uint32_t *series, int64_t *ts,
                      struct value *v);

#endif
