// SPDX-License-Identifier: Apache-2.0
#include "base/uuid.h"
#include "base/text.h"

// 100 ns ticks between 1582-10-15 and 1970-01-01 (RFC 9562 section 5.1).
#define GREGORIAN_TICKS 0x01b21dd213814000u
#define TICKS_PER_MS 10000u

const struct uuid uuid_null = {{0x13, 0x81, 0x40, 0x00, 0x1d, 0xd2, 0x11, 0xb2, 0x80, 0x80, 0x80,
                                0x80, 0x80, 0x80, 0x80, 0x80}};

struct uuid uuid_new_v1(const struct clock *c)
{
    static uint64_t last_ticks;
    static uint8_t node[8];
    if (!last_ticks) {
        c->random(c->ctx, node, sizeof node);
        node[0] = (uint8_t)((node[0] & 0x3f) | 0x80); // variant
        node[2] |= 1;                                 // multicast bit: not a hardware address
    }
    uint64_t ticks = (uint64_t)c->wall_ms(c->ctx) * TICKS_PER_MS + GREGORIAN_TICKS;
    if (ticks <= last_ticks)
        ticks = last_ticks + 1;
    last_ticks = ticks;
    struct uuid u;
    for (int i = 0; i < 4; i++)
        u.b[i] = (uint8_t)(ticks >> (24 - 8 * i));
    u.b[4] = (uint8_t)(ticks >> 40);
    u.b[5] = (uint8_t)(ticks >> 32);
    u.b[6] = (uint8_t)(0x10 | ((ticks >> 56) & 0x0f));
    u.b[7] = (uint8_t)(ticks >> 48);
    memcpy(u.b + 8, node, sizeof node);
    return u;
}

struct uuid uuid_new_v4(const struct clock *c)
{
    struct uuid u;
    c->random(c->ctx, u.b, sizeof u.b);
    u.b[6] = (uint8_t)((u.b[6] & 0x0f) | 0x40);
    u.b[8] = (uint8_t)((u.b[8] & 0x3f) | 0x80);
    return u;
}

static bool dash_at(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

void uuid_format(struct uuid u, char out[UUID_TEXT_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        if (dash_at(at))
            out[at++] = '-';
        out[at++] = hex[u.b[i] >> 4];
        out[at++] = hex[u.b[i] & 15];
    }
    out[at] = '\0';
}

bool uuid_parse(struct span s, struct uuid *out)
{
    if (s.n != UUID_TEXT_LEN)
        return false;
    size_t at = 0;
    for (size_t i = 0; i < UUID_TEXT_LEN;) {
        if (dash_at(i)) {
            if (s.p[i++] != '-')
                return false;
            continue;
        }
        int hi = text_hex_value(s.p[i]), lo = text_hex_value(s.p[i + 1]);
        if (hi < 0 || lo < 0)
            return false;
        out->b[at++] = (uint8_t)(hi << 4 | lo);
        i += 2;
    }
    return true;
}
