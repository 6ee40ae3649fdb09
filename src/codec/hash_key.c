// SPDX-License-Identifier: Apache-2.0
#include "codec/hash_key.h"

#include "codec/digest.h"

// Base 2^32, most significant first: the width at which 64-bit arithmetic holds every product.
#define LIMBS 4

static void to_limbs(struct hash_key h, uint32_t limb[LIMBS])
{
    limb[0] = (uint32_t)(h.hi >> 32);
    limb[1] = (uint32_t)h.hi;
    limb[2] = (uint32_t)(h.lo >> 32);
    limb[3] = (uint32_t)h.lo;
}

static struct hash_key from_limbs(const uint32_t limb[LIMBS])
{
    return (struct hash_key){(uint64_t)limb[0] << 32 | limb[1], (uint64_t)limb[2] << 32 | limb[3]};
}

// limb = limb * m + add; returns what did not fit.
static uint32_t mul_add(uint32_t limb[LIMBS], uint32_t m, uint32_t add)
{
    uint64_t carry = add;
    for (int i = LIMBS - 1; i >= 0; i--) {
        carry += (uint64_t)limb[i] * m;
        limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return (uint32_t)carry;
}

// limb = (rest * 2^128 + limb) / d; returns the remainder.
static uint32_t div_small(uint32_t limb[LIMBS], uint32_t d, uint32_t rest)
{
    uint64_t r = rest;
    for (int i = 0; i < LIMBS; i++) {
        r = r << 32 | limb[i];
        limb[i] = (uint32_t)(r / d);
        r %= d;
    }
    return (uint32_t)r;
}

int hash_key_cmp(struct hash_key a, struct hash_key b)
{
    if (a.hi != b.hi)
        return a.hi < b.hi ? -1 : 1;
    return a.lo == b.lo ? 0 : a.lo < b.lo ? -1 : 1;
}

struct hash_key hash_key_next(struct hash_key h)
{
    h.lo++;
    h.hi += h.lo == 0;
    return h;
}

struct hash_key hash_key_prev(struct hash_key h)
{
    h.hi -= h.lo == 0;
    h.lo--;
    return h;
}

struct hash_key hash_key_of(struct span partition_key)
{
    uint8_t digest[MD5_LEN];
    md5(partition_key, digest);
    struct hash_key h = {0, 0};
    for (int i = 0; i < 8; i++) {
        h.hi = h.hi << 8 | digest[i];
        h.lo = h.lo << 8 | digest[8 + i];
    }
    return h;
}

bool hash_key_parse(struct span s, struct hash_key *out)
{
    if (s.n == 0 || s.n > HASH_KEY_TEXT_MAX - 1 || (s.n > 1 && s.p[0] == '0'))
        return false;
    uint32_t limb[LIMBS] = {0};
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (mul_add(limb, 10, (uint32_t)(s.p[i] - '0')) != 0)
            return false;
    }
    *out = from_limbs(limb);
    return true;
}

size_t hash_key_format(struct hash_key h, char out[HASH_KEY_TEXT_MAX])
{
    uint32_t limb[LIMBS];
    to_limbs(h, limb);
    char digits[HASH_KEY_TEXT_MAX];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + div_small(limb, 10, 0));
    } while (limb[0] | limb[1] | limb[2] | limb[3]);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    out[n] = 0;
    return n;
}

struct hash_key hash_key_part(uint32_t i, uint32_t n)
{
    if (i == 0 || n <= 1)
        return (struct hash_key){0, 0};
    // 2^128 does not fit: its leading 1 goes in as the first remainder.
    uint32_t limb[LIMBS] = {0};
    div_small(limb, n, 1);
    mul_add(limb, i, 0);
    return from_limbs(limb);
}
