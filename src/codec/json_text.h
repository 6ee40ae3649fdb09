// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_JSON_TEXT_H
#define PENSTOCK_CODEC_JSON_TEXT_H

// Inside codec/ only: how far a JSON string's bytes can be taken as they are, for reader and
// writer.

#include <stdint.h>
#include <string.h>

#define JSON_WORD_ONES 0x0101010101010101u
#define JSON_WORD_TOPS 0x8080808080808080u

// Marks (top bit) the bytes that are '"', '\\', below 0x20 or above 0x7f. Above the lowest marked
// byte there may be false marks, never below it.
static inline uint64_t json_special_mark(uint64_t w)
{
    uint64_t quote = w ^ (JSON_WORD_ONES * '"'), slash = w ^ (JSON_WORD_ONES * '\\');
    return (w | (w - JSON_WORD_ONES * 0x20) | (quote - JSON_WORD_ONES) | (slash - JSON_WORD_ONES)) &
           JSON_WORD_TOPS;
}

static inline uint64_t json_load_word(const unsigned char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    return w;
}

// First byte in [p, end) that is '"', '\\', a control character or not ASCII; else `end`.
static inline const unsigned char *json_plain_end(const unsigned char *p, const unsigned char *end)
{
    while (end - p >= 32) {
        uint64_t a = json_special_mark(json_load_word(p));
        uint64_t b = json_special_mark(json_load_word(p + 8));
        uint64_t c = json_special_mark(json_load_word(p + 16));
        uint64_t d = json_special_mark(json_load_word(p + 24));
        if (a | b | c | d) {
            break;
        }
        p += 32;
    }
    for (; end - p >= 8; p += 8) {
        uint64_t mark = json_special_mark(json_load_word(p));
        if (mark) {
            return p + (__builtin_ctzll(mark) >> 3);
        }
    }
    while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\') {
        p++;
    }
    return p;
}

// Length of the sequence of a character outside ASCII at `p` (RFC 3629), or 0 when it is not valid.
static inline size_t json_utf8_len(const unsigned char *p, const unsigned char *end)
{
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    unsigned char low = 0x80, high = 0xbf;
    if (p[0] < 0xc2 || p[0] > 0xf4 || (size_t)(end - p) < n) {
        return 0;
    }
    // Second bytes that would make an overlong form, a surrogate, or a code above U+10FFFF.
    if (p[0] == 0xe0) {
        low = 0xa0;
    } else if (p[0] == 0xed) {
        high = 0x9f;
    } else if (p[0] == 0xf0) {
        low = 0x90;
    } else if (p[0] == 0xf4) {
        high = 0x8f;
    }
    if (p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < n; i++) {
        if (p[i] < 0x80 || p[i] > 0xbf) {
            return 0;
        }
    }
    return n;
}

#endif
