// SPDX-License-Identifier: Apache-2.0
#include "store/points.h"

#include "base/err.h"

static const double powers[POINTS_DIGITS_MAX + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};

#define MANTISSA_LIMIT 9007199254740992.0 // 2^53: every integer below is a double

static uint64_t double_bits(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

static double bits_double(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

// Whether d is exactly m / 10^digits: a correctly rounded division gives the same double back on
// decoding. Comparing bits keeps -0.0 and NaN out.
static bool is_decimal(double d, unsigned digits, int64_t *m)
{
    double scaled = d * powers[digits];
    if (!(scaled < MANTISSA_LIMIT && scaled > -MANTISSA_LIMIT))
        return false;
    *m = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    return double_bits((double)*m / powers[digits]) == double_bits(d);
}

// What a value is written as: a tag, and the number that the tag's form writes.
static uint8_t classify(const struct value *v, uint8_t previous, uint64_t *number)
{
    int64_t m;
    switch (v->type) {
    case VALUE_BOOL:
        return v->b ? POINTS_TRUE : POINTS_FALSE;
    case VALUE_LONG:
        *number = (uint64_t)v->i;
        return POINTS_LONG;
    case VALUE_STRING:
        return POINTS_STRING;
    case VALUE_JSON:
        return POINTS_JSON;
    case VALUE_DOUBLE:
        break;
    }
    // The digits of the value before fit most often, and keep the tag.
    if (previous > POINTS_DECIMAL && is_decimal(v->d, previous - POINTS_DECIMAL, &m)) {
        *number = (uint64_t)m;
        return previous;
    }
    for (unsigned digits = 1; digits <= POINTS_DIGITS_MAX; digits++) {
        if (is_decimal(v->d, digits, &m)) {
            *number = (uint64_t)m;
            return (uint8_t)(POINTS_DECIMAL + digits);
        }
    }
    *number = double_bits(v->d);
    return POINTS_DOUBLE;
}

static uint8_t *put_double(uint8_t *p, uint64_t x)
{
    if (x == 0) {
        *p++ = 0x80;
        return p;
    }
    unsigned lead = (unsigned)__builtin_clzll(x) / 8, trail = (unsigned)__builtin_ctzll(x) / 8;
    unsigned keep = 8 - lead - trail;
    *p++ = (uint8_t)(lead << 4 | keep);
    x >>= trail * 8;
    for (unsigned i = keep; i-- > 0;)
        *p++ = (uint8_t)(x >> (i * 8));
    return p;
}

static uint64_t get_double(struct unpack *u)
{
    uint8_t head = unpack_byte(u);
    unsigned lead = head >> 4, keep = head & 15;
    if (lead + keep > 8) {
        unpack_fail(u);
        return 0;
    }
    uint64_t x = 0;
    for (unsigned i = 0; i < keep; i++)
        x = x << 8 | unpack_byte(u);
    return keep ? x << ((8 - lead - keep) * 8) : 0;
}

// `previous` is the last number written with this tag.
static uint8_t *put_value(uint8_t *p, uint8_t tag, uint64_t number, uint64_t previous, size_t text)
{
    switch (tag) {
    case POINTS_FALSE:
    case POINTS_TRUE:
        return p;
    case POINTS_DOUBLE:
        return put_double(p, number ^ previous);
    case POINTS_STRING:
    case POINTS_JSON:
        return pack_varint(p, text);
    default:
        return pack_varint(p, pack_zigzag((int64_t)(number - previous)));
    }
}

static int get_value(struct unpack *u, uint8_t tag, uint64_t *number, struct value *v)
{
    switch (tag) {
    case POINTS_FALSE:
    case POINTS_TRUE:
        *v = value_bool(tag == POINTS_TRUE);
        break;
    case POINTS_LONG:
        *number += (uint64_t)unpack_i64(u);
        *v = value_long((int64_t)*number);
        break;
    case POINTS_DOUBLE:
        *number ^= get_double(u);
        *v = value_double(bits_double(*number));
        break;
    case POINTS_STRING:
        *v = value_string(unpack_span(u));
        break;
    case POINTS_JSON:
        *v = value_json(unpack_span(u));
        break;
    default:
        if (tag <= POINTS_DECIMAL || tag > POINTS_DECIMAL + POINTS_DIGITS_MAX)
            return ERR_INVALID;
        *number += (uint64_t)unpack_i64(u);
        *v = value_double((double)(int64_t)*number / powers[tag - POINTS_DECIMAL]);
    }
    return u->bad ? ERR_INVALID : 1;
}

static int32_t short_step(uint64_t step)
{
    return (int64_t)step == (int32_t)step ? (int32_t)step : 0;
}

uint8_t *points_encode(struct points_state *st, int64_t ts, const struct value *v, uint8_t *out)
{
    uint64_t number = 0;
    uint8_t tag = classify(v, st->tag, &number);
    uint64_t step = st->tag ? (uint64_t)ts - (uint64_t)st->ts : 0;
    uint64_t time = st->tag ? step - (uint64_t)(int64_t)st->step : (uint64_t)ts;
    time = pack_zigzag((int64_t)time);
    uint8_t first = (uint8_t)((time & 0x3f) << 1 | (tag != st->tag));
    time >>= 6;
    *out++ = time ? first | 0x80 : first;
    if (time)
        out = pack_varint(out, time);
    if (tag != st->tag) {
        *out++ = tag;
        st->bits = 0;
    }
    out = put_value(out, tag, number, st->bits, v->s.n);
    *st = (struct points_state){ts, number, short_step(step), tag};
    return out;
}

int points_decode(struct points_state *st, struct unpack *u, int64_t *ts, struct value *v)
{
    if (u->p == u->end)
        return u->bad ? ERR_INVALID : 0;
    uint8_t first = *u->p++;
    uint64_t time = (first >> 1) & 0x3f;
    if (first & 0x80)
        time |= unpack_u64(u) << 6;
    uint64_t diff = (uint64_t)pack_unzigzag(time);
    if (st->tag) {
        uint64_t step = (uint64_t)(int64_t)st->step + diff;
        st->ts = (int64_t)((uint64_t)st->ts + step);
        st->step = short_step(step);
    } else {
        st->ts = (int64_t)diff;
    }
    if (first & 1) {
        st->tag = unpack_byte(u);
        st->bits = 0;
    }
    *ts = st->ts;
    return get_value(u, st->tag, &st->bits, v);
}

void points_log_encode(struct points_log_state *st, uint32_t series, int64_t ts,
                       const struct value *v, struct buf *out)
{
    uint64_t number = 0;
    uint8_t tag = classify(v, POINTS_NONE, &number);
    uint8_t *start = (uint8_t *)buf_reserve(out, POINTS_FIXED_MAX), *p = start;
    p = pack_varint(p, pack_zigzag((int64_t)series - (int64_t)st->series));
    p = pack_varint(p, pack_zigzag((int64_t)((uint64_t)ts - (uint64_t)st->ts)));
    *p++ = tag;
    p = put_value(p, tag, number, 0, v->s.n);
    buf_commit(out, (size_t)(p - start));
    if (tag == POINTS_STRING || tag == POINTS_JSON)
        buf_add_span(out, v->s);
    *st = (struct points_log_state){series, ts};
}

int points_log_decode(struct points_log_state *st, struct unpack *u, uint32_t *series, int64_t *ts,
                      struct value *v)
{
    if (u->p == u->end)
        return u->bad ? ERR_INVALID : 0;
    uint64_t id = (uint64_t)st->series + (uint64_t)unpack_i64(u);
    if (id > UINT32_MAX)
        return ERR_INVALID;
    *series = st->series = (uint32_t)id;
    *ts = st->ts = (int64_t)((uint64_t)st->ts + (uint64_t)unpack_i64(u));
    uint8_t tag = unpack_byte(u);
    uint64_t number = 0;
    return get_value(u, tag, &number, v);
}
