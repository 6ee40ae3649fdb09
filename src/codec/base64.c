// SPDX-License-Identifier: Apache-2.0
#include "codec/base64.h"

#include "base/text.h"

#include <pthread.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#define BAD 0x80000000u

// at[k][c]: the six bits of character c where the k-th of four stands in 24 bits, or BAD.
struct table {
    uint32_t at[4][256];
};

static struct table standard_table, url_table;
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void make_table(struct table *t, const char *alphabet)
{
    for (int k = 0; k < 4; k++) {
        for (int c = 0; c < 256; c++) {
            t->at[k][c] = BAD;
        }
        for (uint32_t v = 0; v < 64; v++) {
            t->at[k][(unsigned char)alphabet[v]] = v << (18 - 6 * k);
        }
    }
}

static void make_tables(void)
{
    make_table(&standard_table, standard);
    make_table(&url_table, url_safe);
}

static void encode(struct buf *out, struct span in, const char *alphabet, bool pad)
{
    const unsigned char *p = (const unsigned char *)in.p;
    char *start = buf_reserve(out, in.n / 3 * 4 + 4), *q = start;
    size_t n = in.n;
    for (; n >= 3; n -= 3, p += 3, q += 4) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        q[0] = alphabet[v >> 18];
        q[1] = alphabet[v >> 12 & 63];
        q[2] = alphabet[v >> 6 & 63];
        q[3] = alphabet[v & 63];
    }
    if (n > 0) {
        uint32_t v = (uint32_t)p[0] << 16 | (n == 2 ? (uint32_t)p[1] << 8 : 0);
        *q++ = alphabet[v >> 18];
        *q++ = alphabet[v >> 12 & 63];
        if (n == 2) {
            *q++ = alphabet[v >> 6 & 63];
        } else if (pad) {
            *q++ = '=';
        }
        if (pad) {
            *q++ = '=';
        }
    }
    buf_commit(out, (size_t)(q - start));
}

static uint32_t quad(const struct table *t, const unsigned char *p)
{
    return t->at[0][p[0]] | t->at[1][p[1]] | t->at[2][p[2]] | t->at[3][p[3]];
}

static void put3(unsigned char *q, uint32_t v)
{
    q[0] = (unsigned char)(v >> 16);
    q[1] = (unsigned char)(v >> 8);
    q[2] = (unsigned char)v;
}

// Text without padding: any number of characters but 1 modulo 4.
static ptrdiff_t decode(char *out, struct span in, const struct table *t)
{
    const unsigned char *p = (const unsigned char *)in.p;
    unsigned char *q = (unsigned char *)out;
    size_t n = in.n;
    // Eight are read before six are written, so that decoding in place is safe.
    for (; n >= 8; n -= 8, p += 8, q += 6) {
        uint32_t a = quad(t, p), b = quad(t, p + 4);
        if ((a | b) & BAD) {
            return -1;
        }
        put3(q, a);
        put3(q + 3, b);
    }
    if (n >= 4) {
        uint32_t a = quad(t, p);
        if (a & BAD) {
            return -1;
        }
        put3(q, a);
        n -= 4, p += 4, q += 3;
    }
    if (n == 0) {
        return (char *)q - out;
    }
    if (n == 1) {
        return -1;
    }
    uint32_t v = t->at[0][p[0]] | t->at[1][p[1]] | (n == 3 ? t->at[2][p[2]] : 0);
    uint32_t stray = n == 3 ? 0xff : 0xffff;
    if ((v & BAD) || (v & stray)) {
        return -1;
    }
    *q++ = (unsigned char)(v >> 16);
    if (n == 3) {
        *q++ = (unsigned char)(v >> 8);
    }
    return (char *)q - out;
}

void base64_encode(struct buf *out, struct span in)
{
    encode(out, in, standard, true);
}

void base64url_encode(struct buf *out, struct span in)
{
    encode(out, in, url_safe, false);
}

ptrdiff_t base64_decode(char *out, struct span in)
{
    pthread_once(&tables_once, make_tables);
    if (in.n % 4 != 0) {
        return -1;
    }
    for (int i = 0; i < 2 && in.n > 0 && in.p[in.n - 1] == '='; i++) {
        in.n--;
    }
    return decode(out, in, &standard_table);
}

ptrdiff_t base64url_decode(char *out, struct span in)
{
    pthread_once(&tables_once, make_tables);
    return decode(out, in, &url_table);
}

void hex_write(char *out, const void *in, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = in;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
}

void hex_encode(struct buf *out, struct span in)
{
    hex_write(buf_reserve(out, in.n * 2), in.p, in.n);
    buf_commit(out, in.n * 2);
}

ptrdiff_t hex_decode(char *out, struct span in)
{
    if (in.n % 2 != 0) {
        return -1;
    }
    for (size_t i = 0; i < in.n; i += 2) {
        int hi = text_hex_value(in.p[i]), lo = text_hex_value(in.p[i + 1]);
        if (hi < 0 || lo < 0) {
            return -1;
        }
        out[i / 2] = (char)(hi << 4 | lo);
    }
    return (ptrdiff_t)(in.n / 2);
}
