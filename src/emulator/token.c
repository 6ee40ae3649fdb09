// SPDX-License-Identifier: Apache-2.0
#include "emulator/token.h"

#include <time.h>

#include "base/err.h"
#include "codec/base64.h"
#include "codec/digest.h"

enum {
    AT_KIND = 8,
    AT_CREATED = AT_KIND + 1,
    AT_FIELDS = AT_CREATED + 8,
    AT_TEXT = AT_FIELDS + 8 * EMU_TOKEN_FIELDS,
    SEALED_MAX = AT_TEXT + EMU_TOKEN_TEXT_MAX + SHA256_LEN,
};

static void put_u64(char *p, uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        p[i] = (char)v;
}

static uint64_t get_u64(const char *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | (uint8_t)p[i];
    return v;
}

struct span emu_token_seal(const uint8_t key[EMU_TOKEN_KEY_LEN], const struct emu_token *t,
                           struct arena *arena)
{
    require(t->text.n <= EMU_TOKEN_TEXT_MAX);
    char raw[SEALED_MAX];
    put_u64(raw, 1);
    raw[AT_KIND] = (char)t->kind;
    put_u64(raw + AT_CREATED, (uint64_t)t->created_ms);
    for (size_t i = 0; i < EMU_TOKEN_FIELDS; i++)
        put_u64(raw + AT_FIELDS + 8 * i, t->field[i]);
    if (t->text.n)
        memcpy(raw + AT_TEXT, t->text.p, t->text.n);
    size_t n = AT_TEXT + t->text.n;
    hmac_sha256(span_of((const char *)key, EMU_TOKEN_KEY_LEN), span_of(raw, n), (uint8_t *)raw + n);
    struct buf b = {0};
    base64_encode(&b, span_of(raw, n + SHA256_LEN));
    struct span sealed = arena_span(arena, buf_span(&b));
    buf_free(&b);
    return sealed;
}

bool emu_token_open(const uint8_t key[EMU_TOKEN_KEY_LEN], enum emu_token_kind kind,
                    struct span sealed, struct arena *arena, struct emu_token *out)
{
    if (sealed.n > (SEALED_MAX + 2) / 3 * 4)
        return false;
    char *raw = arena_alloc(arena, BASE64_DECODED_MAX(sealed.n));
    ptrdiff_t got = base64_decode(raw, sealed);
    if (got < AT_TEXT + SHA256_LEN)
        return false;
    size_t n = (size_t)got - SHA256_LEN;
    uint8_t mac[SHA256_LEN];
    hmac_sha256(span_of((const char *)key, EMU_TOKEN_KEY_LEN), span_of(raw, n), mac);
    if (!span_eq_secret(span_of((char *)mac, SHA256_LEN), span_of(raw + n, SHA256_LEN)) ||
        raw[AT_KIND] != (char)kind)
        return false;
    out->kind = kind;
    out->created_ms = (int64_t)get_u64(raw + AT_CREATED);
    for (size_t i = 0; i < EMU_TOKEN_FIELDS; i++)
        out->field[i] = get_u64(raw + AT_FIELDS + 8 * i);
    out->text = span_of(raw + AT_TEXT, n - AT_TEXT);
    return true;
}

struct span emu_time_text(int64_t wall_ms, struct arena *arena)
{
    time_t t = (time_t)(wall_ms / 1000);
    struct tm tm;
    char text[64];
    gmtime_r(&t, &tm);
    size_t n = strftime(text, sizeof text, "%a %b %d %H:%M:%S UTC %Y", &tm);
    return span_of(arena_dup(arena, text, n), n);
}
