// SPDX-License-Identifier: Apache-2.0
#include "emulator/sequence.h"

#include "base/err.h"

#define BITS 6 // 32-bit limbs, least significant first: 192 bits
#define DECIMAL 7
#define BILLION 1000000000u
#define VERSION 2u

// Bit positions of the fields.
enum { AT_SHARD = 4, AT_TIME = 36, AT_INDEX = 80, AT_NIBBLE = 144, AT_CREATED = 148, AT_TOP = 184 };

// 2^80 in base 10^9: one more in the index field.
static const uint32_t one_index[DECIMAL] = {174706176u, 819614629u, 1208925u};

static void put_bits(uint32_t limb[BITS], unsigned at, uint64_t v)
{
    unsigned i = at / 32, shift = at % 32;
    limb[i] |= (uint32_t)(v << shift);
    if (i + 1 < BITS)
        limb[i + 1] |= (uint32_t)(v >> (32 - shift));
    if (shift && i + 2 < BITS)
        limb[i + 2] |= (uint32_t)(v >> (64 - shift));
}

static uint64_t get_bits(const uint32_t limb[BITS], unsigned at, unsigned width)
{
    uint64_t v = 0;
    for (unsigned k = 0; k < width; k++) {
        unsigned bit = at + k;
        v |= (uint64_t)(limb[bit / 32] >> (bit % 32) & 1u) << k;
    }
    return v;
}

static void to_decimal(const struct emu_sequence *q, uint32_t out[DECIMAL])
{
    uint32_t limb[BITS] = {0};
    put_bits(limb, 0, VERSION);
    put_bits(limb, AT_SHARD, q->shard);
    put_bits(limb, AT_TIME, (uint64_t)q->time_s);
    put_bits(limb, AT_INDEX, q->index);
    put_bits(limb, AT_NIBBLE, q->shard & 15u);
    put_bits(limb, AT_CREATED, (uint64_t)q->created_s);
    put_bits(limb, AT_TOP, VERSION);
    for (int d = 0; d < DECIMAL; d++) {
        uint64_t r = 0;
        for (int i = BITS - 1; i >= 0; i--) {
            r = r << 32 | limb[i];
            limb[i] = (uint32_t)(r / BILLION);
            r %= BILLION;
        }
        out[d] = (uint32_t)r;
    }
}

// The top limb holds 2 digits, the six below it 9 each: 56.
static void write_decimal(const uint32_t limb[DECIMAL], char out[EMU_SEQUENCE_LEN])
{
    char *end = out + EMU_SEQUENCE_LEN;
    for (int d = 0; d < DECIMAL; d++) {
        uint32_t v = limb[d];
        for (int k = d < DECIMAL - 1 ? 9 : 2; k > 0; k--) {
            *--end = (char)('0' + v % 10);
            v /= 10;
        }
    }
}

static void check(const struct emu_sequence *q)
{
    require(q->created_s >= 0 && q->created_s <= EMU_SEQUENCE_TIME_MAX_S);
    require(q->time_s >= 0 && q->time_s <= EMU_SEQUENCE_TIME_MAX_S);
}

void emu_sequence_format(const struct emu_sequence *q, char out[EMU_SEQUENCE_LEN])
{
    check(q);
    uint32_t limb[DECIMAL];
    to_decimal(q, limb);
    write_decimal(limb, out);
}

bool emu_sequence_parse(struct span s, struct emu_sequence *out)
{
    if (s.n != EMU_SEQUENCE_LEN)
        return false;
    uint32_t limb[BITS] = {0};
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        uint64_t carry = (uint64_t)(s.p[i] - '0');
        for (int k = 0; k < BITS; k++) {
            carry += (uint64_t)limb[k] * 10;
            limb[k] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    struct emu_sequence q = {
        .created_s = (int64_t)get_bits(limb, AT_CREATED, 36),
        .shard = (uint32_t)get_bits(limb, AT_SHARD, 32),
        .index = get_bits(limb, AT_INDEX, 64),
        .time_s = (int64_t)get_bits(limb, AT_TIME, 36),
    };
    bool ours = get_bits(limb, 0, 4) == VERSION && get_bits(limb, AT_TOP, 8) == VERSION &&
                get_bits(limb, AT_NIBBLE, 4) == (q.shard & 15u) && get_bits(limb, 72, 8) == 0 &&
                q.index <= EMU_SEQUENCE_END_INDEX;
    if (ours)
        *out = q;
    return ours;
}

void emu_sequence_gen_init(struct emu_sequence_gen *g, int64_t created_s, uint32_t shard)
{
    *g = (struct emu_sequence_gen){.last = {.created_s = created_s, .shard = shard}};
}

void emu_sequence_gen_make(struct emu_sequence_gen *g, uint64_t index, int64_t time_s,
                           char out[EMU_SEQUENCE_LEN])
{
    bool follows = g->started && index == g->last.index + 1 && time_s == g->last.time_s;
    g->last.index = index;
    g->last.time_s = time_s;
    g->started = true;
    if (!follows) {
        check(&g->last);
        to_decimal(&g->last, g->limb);
    } else {
        uint32_t carry = 0;
        for (int d = 0; d < DECIMAL; d++) {
            uint32_t v = g->limb[d] + one_index[d] + carry;
            carry = v >= BILLION;
            g->limb[d] = carry ? v - BILLION : v;
        }
    }
    write_decimal(g->limb, out);
}
