// SPDX-License-Identifier: Apache-2.0
#include "codec/cbor.h"

#include <math.h>
#include <string.h>

// Initial byte (RFC 8949 section 3): major type above, additional information in the low five bits.
#define MAJOR(byte) ((byte) >> 5)
#define INFO(byte) ((byte) & 31u)
#define INFO_INDEFINITE 31u
#define BREAK 0xff

#define TAG_EPOCH 1 // RFC 8949 section 3.4.2; Kinesis puts milliseconds behind it
#define LONG_LIMIT 9223372036854775808.0 // 2^63

enum { MAJOR_UINT, MAJOR_NINT, MAJOR_BYTES, MAJOR_TEXT, MAJOR_ARRAY, MAJOR_MAP, MAJOR_TAG };

static bool fail(struct cbor_reader *r, struct cbor_item *out, const char *error)
{
    if (!r->error) {
        r->error = error;
    }
    r->at = r->end;
    if (out) {
        out->type = CBOR_ERROR;
    }
    return false;
}

static size_t left(const struct cbor_reader *r)
{
    return (size_t)(r->end - r->at);
}

static inline uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

// The argument of an initial byte; false when it is reserved, indefinite or cut short.
static inline bool read_argument(struct cbor_reader *r, unsigned info, uint64_t *out)
{
    if (info < 24) {
        *out = info;
        return true;
    }
    size_t n = (size_t)1 << (info & 3);
    if (info > 27 || left(r) < n) {
        return false;
    }
    const uint8_t *p = r->at;
    r->at += n;
    switch (info) {
    case 24:
        *out = p[0];
        return true;
    case 25:
        *out = (uint64_t)p[0] << 8 | p[1];
        return true;
    case 26:
        *out = load_be32(p);
        return true;
    default:
        *out = (uint64_t)load_be32(p) << 32 | load_be32(p + 4);
        return true;
    }
}

// IEEE 754 half precision (RFC 8949 appendix D).
static double half_to_double(unsigned h)
{
    int exponent = (int)(h >> 10 & 31);
    double fraction = h & 0x3ff, v;
    if (exponent == 0) {
        v = ldexp(fraction, -24);
    } else if (exponent == 31) {
        v = fraction == 0 ? INFINITY : NAN;
    } else {
        v = ldexp(fraction + 1024, exponent - 25);
    }
    return h & 0x8000 ? -v : v;
}

static double bits_to_double(unsigned info, uint64_t bits)
{
    double d;
    float f;
    uint32_t single = (uint32_t)bits;
    if (info == 25) {
        return half_to_double((unsigned)bits);
    }
    if (info == 26) {
        memcpy(&f, &single, sizeof f);
        return f;
    }
    memcpy(&d, &bits, sizeof d);
    return d;
}

static bool read_simple(struct cbor_reader *r, unsigned info, struct cbor_item *out)
{
    if (info == INFO_INDEFINITE) {
        out->type = CBOR_BREAK;
        return true;
    }
    if (!read_argument(r, info, &out->u)) {
        return fail(r, out, "value cut short or reserved");
    }
    switch (info) {
    case 20:
        out->type = CBOR_FALSE;
        return true;
    case 21:
        out->type = CBOR_TRUE;
        return true;
    case 22:
    case 23:
        out->type = CBOR_NULL;
        return true;
    case 24:
        out->type = CBOR_SIMPLE;
        return out->u >= 32 ? true : fail(r, out, "simple value in the wrong form");
    case 25:
    case 26:
    case 27:
        out->type = CBOR_FLOAT;
        out->d = bits_to_double(info, out->u);
        return true;
    default:
        out->type = CBOR_SIMPLE;
        return true;
    }
}

// One chunk of a string of indefinite length. False at the break, and on error with r->error set.
static bool read_chunk(struct cbor_reader *r, unsigned major, struct span *out)
{
    uint64_t n;
    if (r->at == r->end) {
        return fail(r, NULL, "string cut short");
    }
    unsigned byte = *r->at++;
    if (byte == BREAK) {
        return false;
    }
    if (MAJOR(byte) != major || !read_argument(r, INFO(byte), &n) || n > left(r)) {
        return fail(r, NULL, "wrong chunk in a string");
    }
    *out = span_of((const char *)r->at, (size_t)n);
    r->at += n;
    return true;
}

// Counts first, so that a string in one chunk needs no copy and a hostile one no second allocation.
static bool read_chunked(struct cbor_reader *r, unsigned major, struct cbor_item *out)
{
    struct cbor_reader first = *r;
    struct span chunk, only = SPAN_NONE;
    size_t total = 0, filled = 0;
    while (read_chunk(r, major, &chunk)) {
        if (chunk.n > 0) {
            only = chunk;
            total += chunk.n;
            filled++;
        }
    }
    if (r->error) {
        out->type = CBOR_ERROR;
        return false;
    }
    out->s = only;
    if (filled < 2) {
        return true;
    }
    if (!r->arena) {
        return fail(r, out, "a string in chunks is not accepted here");
    }
    char *p = arena_alloc(r->arena, total);
    out->s = span_of(p, total);
    while (read_chunk(&first, major, &chunk)) {
        if (chunk.n > 0) {
            memcpy(p, chunk.p, chunk.n);
            p += chunk.n;
        }
    }
    return true;
}

static inline bool read_string(struct cbor_reader *r, unsigned major, unsigned info,
                               struct cbor_item *out)
{
    uint64_t n;
    out->type = major == MAJOR_BYTES ? CBOR_BYTES : CBOR_TEXT;
    if (info == INFO_INDEFINITE) {
        return read_chunked(r, major, out);
    }
    if (!read_argument(r, info, &n) || n > left(r)) {
        return fail(r, out, "string cut short");
    }
    out->s = span_of((const char *)r->at, (size_t)n);
    r->at += n;
    return true;
}

static inline bool read_container(struct cbor_reader *r, unsigned major, unsigned info,
                                  struct cbor_item *out)
{
    size_t smallest = major == MAJOR_MAP ? 2 : 1; // bytes a member takes at least
    out->type = major == MAJOR_MAP ? CBOR_MAP : CBOR_ARRAY;
    if (info == INFO_INDEFINITE) {
        out->count = CBOR_INDEFINITE;
        return true;
    }
    if (!read_argument(r, info, &out->count) || out->count > left(r) / smallest) {
        return fail(r, out, "array or map cut short");
    }
    return true;
}

void cbor_reader_init(struct cbor_reader *r, struct span in, struct arena *arena)
{
    const uint8_t *p = (const uint8_t *)(in.p ? in.p : "");
    *r = (struct cbor_reader){.at = p, .end = p + in.n, .arena = arena};
}

bool cbor_read(struct cbor_reader *r, struct cbor_item *out)
{
    if (r->at == r->end) {
        out->type = r->error ? CBOR_ERROR : CBOR_END;
        return !r->error;
    }
    unsigned byte = *r->at++, info = INFO(byte);
    switch (MAJOR(byte)) {
    case MAJOR_UINT:
        out->type = CBOR_UINT;
        return read_argument(r, info, &out->u) ? true : fail(r, out, "integer cut short");
    case MAJOR_NINT:
        out->type = CBOR_NINT;
        return read_argument(r, info, &out->u) ? true : fail(r, out, "integer cut short");
    case MAJOR_BYTES:
    case MAJOR_TEXT:
        return read_string(r, MAJOR(byte), info, out);
    case MAJOR_ARRAY:
    case MAJOR_MAP:
        return read_container(r, MAJOR(byte), info, out);
    case MAJOR_TAG:
        out->type = CBOR_TAG;
        if (!read_argument(r, info, &out->u) || r->at == r->end) {
            return fail(r, out, "tag cut short");
        }
        return true;
    default:
        return read_simple(r, info, out);
    }
}

bool cbor_more(struct cbor_reader *r, uint64_t *left_over)
{
    if (r->error || *left_over == 0) {
        return false;
    }
    if (r->at == r->end) {
        return fail(r, NULL, "array or map cut short");
    }
    if (*left_over != CBOR_INDEFINITE) {
        --*left_over;
        return true;
    }
    if (*r->at != BREAK) {
        return true;
    }
    r->at++;
    *left_over = 0;
    return false;
}

// What is still open while skipping: how many items, or those up to a break.
struct open {
    uint64_t items;
    bool map;      // of indefinite length: a break may come only between pairs
    bool in_value; // of such a map
};

// Enters an array or map. False on error.
static bool skip_enter(struct cbor_reader *r, struct open *stack, int *depth,
                       const struct cbor_item *item)
{
    if (*depth == CBOR_DEPTH) {
        return fail(r, NULL, "nested too deeply");
    }
    bool indefinite = item->count == CBOR_INDEFINITE;
    uint64_t each = item->type == CBOR_MAP && !indefinite ? 2 : 1;
    stack[(*depth)++] = (struct open){.items = indefinite ? CBOR_INDEFINITE : item->count * each,
                                      .map = item->type == CBOR_MAP && indefinite};
    return true;
}

// Whether the innermost open array or map has another item; consumes its break. Errors are sticky.
static bool skip_more(struct cbor_reader *r, struct open *o)
{
    if (o->in_value && r->at < r->end && *r->at == BREAK) {
        return fail(r, NULL, "key without a value");
    }
    o->in_value = o->map && !o->in_value;
    return cbor_more(r, &o->items);
}

bool cbor_skip(struct cbor_reader *r, const struct cbor_item *item)
{
    struct open stack[CBOR_DEPTH];
    struct cbor_item it = *item;
    int depth = 0;
    for (;;) {
        if (it.type == CBOR_TAG) {
            if (!cbor_read(r, &it)) {
                return false;
            }
            continue;
        }
        if (it.type == CBOR_BREAK || it.type <= CBOR_END) {
            return fail(r, NULL, "an item expected");
        }
        if ((it.type == CBOR_ARRAY || it.type == CBOR_MAP) && !skip_enter(r, stack, &depth, &it)) {
            return false;
        }
        while (depth > 0 && !skip_more(r, &stack[depth - 1])) {
            depth--;
        }
        if (r->error) {
            return false;
        }
        if (depth == 0) {
            return true;
        }
        if (!cbor_read(r, &it)) {
            return false;
        }
    }
}

bool cbor_read_int(struct cbor_reader *r, int64_t *out)
{
    struct cbor_item it;
    if (!cbor_read(r, &it)) {
        return false;
    }
    if (it.type == CBOR_TAG && it.u == TAG_EPOCH && !cbor_read(r, &it)) {
        return false;
    }
    if (it.type == CBOR_UINT && it.u <= INT64_MAX) {
        *out = (int64_t)it.u;
        return true;
    }
    if (it.type == CBOR_NINT && it.u <= INT64_MAX) {
        *out = -1 - (int64_t)it.u;
        return true;
    }
    if (it.type == CBOR_FLOAT && it.d >= -LONG_LIMIT && it.d < LONG_LIMIT) {
        *out = (int64_t)round(it.d);
        return true;
    }
    return fail(r, NULL, "an integer within 64 bits expected");
}
