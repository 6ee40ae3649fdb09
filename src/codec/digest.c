// SPDX-License-Identifier: Apache-2.0
#include "codec/digest.h"

#include <pthread.h>
#include <string.h>

#include <mbedtls/md.h>
#include <mbedtls/md5.h>
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>

#include "base/err.h"
#include "base/mem.h"

// 2.28 keeps the names without _ret for older functions that return nothing.
#if MBEDTLS_VERSION_MAJOR < 3
#define sha256_lib_starts mbedtls_sha256_starts_ret
#define sha256_lib_update mbedtls_sha256_update_ret
#define sha256_lib_finish mbedtls_sha256_finish_ret
#define md5_lib mbedtls_md5_ret
#else
#define sha256_lib_starts mbedtls_sha256_starts
#define sha256_lib_update mbedtls_sha256_update
#define sha256_lib_finish mbedtls_sha256_finish
#define md5_lib mbedtls_md5
#endif

#define SHA256_BLOCK 64

_Static_assert(sizeof(mbedtls_sha256_context) <= sizeof(struct sha256),
               "struct sha256 is too small");
_Static_assert(_Alignof(mbedtls_sha256_context) <= _Alignof(struct sha256),
               "struct sha256 alignment");

static mbedtls_sha256_context *context(struct sha256 *h)
{
    return (mbedtls_sha256_context *)(void *)h->state;
}

static const unsigned char *bytes(struct span s)
{
    return (const unsigned char *)(s.p ? s.p : "");
}

void sha256_begin(struct sha256 *h)
{
    mbedtls_sha256_init(context(h));
    require(sha256_lib_starts(context(h), 0) == 0);
}

void sha256_add(struct sha256 *h, struct span in)
{
    require(sha256_lib_update(context(h), bytes(in), in.n) == 0);
}

void sha256_end(struct sha256 *h, uint8_t out[SHA256_LEN])
{
    require(sha256_lib_finish(context(h), out) == 0);
    mbedtls_sha256_free(context(h));
}

void sha256(struct span in, uint8_t out[SHA256_LEN])
{
    struct sha256 h;
    sha256_begin(&h);
    sha256_add(&h, in);
    sha256_end(&h, out);
}

// HMAC (RFC 2104) with the key's two blocks hashed once, so that a repeated use costs two blocks.
struct keyed {
    struct sha256 inner, outer;
};

static void keyed_begin(struct keyed *k, struct span key)
{
    uint8_t block[SHA256_BLOCK] = {0}, pad[SHA256_BLOCK];
    if (key.n > sizeof block) {
        sha256(key, block);
    } else {
        memcpy(block, bytes(key), key.n);
    }
    for (size_t i = 0; i < sizeof block; i++) {
        pad[i] = block[i] ^ 0x36;
    }
    sha256_begin(&k->inner);
    sha256_add(&k->inner, span_of((const char *)pad, sizeof pad));
    for (size_t i = 0; i < sizeof block; i++) {
        pad[i] = block[i] ^ 0x5c;
    }
    sha256_begin(&k->outer);
    sha256_add(&k->outer, span_of((const char *)pad, sizeof pad));
    mem_wipe(block, sizeof block);
    mem_wipe(pad, sizeof pad);
}

static void keyed_end(struct keyed *k)
{
    mbedtls_sha256_free(context(&k->inner));
    mbedtls_sha256_free(context(&k->outer));
}

static void keyed_run(struct keyed *k, struct span a, struct span b, uint8_t out[SHA256_LEN])
{
    struct sha256 h;
    mbedtls_sha256_init(context(&h));
    mbedtls_sha256_clone(context(&h), context(&k->inner));
    sha256_add(&h, a);
    sha256_add(&h, b);
    sha256_end(&h, out);
    mbedtls_sha256_init(context(&h));
    mbedtls_sha256_clone(context(&h), context(&k->outer));
    sha256_add(&h, span_of((const char *)out, SHA256_LEN));
    sha256_end(&h, out);
}

void hmac_sha256(struct span key, struct span in, uint8_t out[SHA256_LEN])
{
    struct keyed k;
    keyed_begin(&k, key);
    keyed_run(&k, in, SPAN_NONE, out);
    keyed_end(&k);
}

void hmac_sha512(struct span key, struct span in, uint8_t out[SHA512_LEN])
{
    const mbedtls_md_info_t *md = mbedtls_md_info_from_type(MBEDTLS_MD_SHA512);
    require(md && mbedtls_md_hmac(md, bytes(key), key.n, bytes(in), in.n, out) == 0);
}

void pbkdf2_sha256(struct span password, struct span salt, uint32_t rounds, uint8_t *out, size_t n)
{
    struct keyed k;
    uint8_t u[SHA256_LEN], t[SHA256_LEN];
    require(rounds > 0);
    keyed_begin(&k, password);
    for (uint32_t block = 1; n > 0; block++) {
        char index[4] = {(char)(block >> 24), (char)(block >> 16), (char)(block >> 8), (char)block};
        keyed_run(&k, salt, span_of(index, sizeof index), u);
        memcpy(t, u, sizeof t);
        for (uint32_t i = 1; i < rounds; i++) {
            keyed_run(&k, span_of((const char *)u, sizeof u), SPAN_NONE, u);
            for (size_t j = 0; j < sizeof t; j++) {
                t[j] ^= u[j];
            }
        }
        size_t part = n < sizeof t ? n : sizeof t;
        memcpy(out, t, part);
        out += part;
        n -= part;
    }
    keyed_end(&k);
    mem_wipe(u, sizeof u);
    mem_wipe(t, sizeof t);
}

void md5(struct span in, uint8_t out[MD5_LEN])
{
    require(md5_lib(bytes(in), in.n, out) == 0);
}

// crc_table[k][b]: the CRC of byte b followed by k zero bytes, for eight bytes a step.
static uint32_t crc_table[8][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void make_crc_table(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t c = b;
        for (int bit = 0; bit < 8; bit++) {
            c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
        }
        crc_table[0][b] = c;
    }
    for (int k = 1; k < 8; k++) {
        for (int b = 0; b < 256; b++) {
            uint32_t c = crc_table[k - 1][b];
            crc_table[k][b] = crc_table[0][c & 0xff] ^ (c >> 8);
        }
    }
}

static uint32_t load_le32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t crc32_ieee(uint32_t seed, struct span in)
{
    pthread_once(&crc_once, make_crc_table);
    const unsigned char *p = bytes(in);
    size_t n = in.n;
    uint32_t c = ~seed;
    for (; n >= 8; n -= 8, p += 8) {
        uint32_t lo = load_le32(p) ^ c, hi = load_le32(p + 4);
        c = crc_table[7][lo & 0xff] ^ crc_table[6][lo >> 8 & 0xff] ^ crc_table[5][lo >> 16 & 0xff] ^
            crc_table[4][lo >> 24] ^ crc_table[3][hi & 0xff] ^ crc_table[2][hi >> 8 & 0xff] ^
            crc_table[1][hi >> 16 & 0xff] ^ crc_table[0][hi >> 24];
    }
    for (; n > 0; n--, p++) {
        c = crc_table[0][(c ^ *p) & 0xff] ^ (c >> 8);
    }
    return ~c;
}
