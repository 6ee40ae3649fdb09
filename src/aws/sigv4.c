// SPDX-License-Identifier: Apache-2.0
#include "aws/sigv4.h"

#include <time.h>

#include "aws/sigv4_canonical.h"
#include "base/mem.h"
#include "codec/base64.h"
#include "codec/url.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"
#define NAME_MAX_LEN 64
#define TIME_MAX_MS INT64_C(253402300799999) // end of the year 9999
#define DATE_LEN 8

static struct span hex_span(const uint8_t *p, size_t n, struct arena *a)
{
    char *out = arena_alloc(a, 2 * n);
    hex_write(out, p, n);
    return span_of(out, 2 * n);
}

static struct span sha256_hex(struct span s, struct arena *a)
{
    uint8_t digest[SHA256_LEN];
    sha256(s, digest);
    return hex_span(digest, sizeof digest, a);
}

static struct span format_date(int64_t time_ms, struct arena *a)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm t;
    require(gmtime_r(&seconds, &t) != NULL);
    return arena_printf(a, "%04d%02d%02dT%02d%02d%02dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                        t.tm_hour, t.tm_min, t.tm_sec);
}

void sigv4_derive(struct span secret, struct span date, struct span region, struct span service,
                  uint8_t chain[4][SHA256_LEN])
{
    const struct span links[4] = {date, region, service, SPAN(TERMINATOR)};
    struct buf first = {0};
    buf_add_str(&first, "AWS4");
    buf_add_span(&first, secret);
    struct span key = buf_span(&first);
    for (int i = 0; i < 4; i++) {
        hmac_sha256(key, links[i], chain[i]);
        key = span_of((const char *)chain[i], SHA256_LEN);
    }
    mem_wipe(first.p, first.n);
    buf_free(&first);
}

// Derives anew only when the day, region, service or secret is another.
static void key_update(struct sigv4_key *key, struct span scope, const struct sigv4_request *r,
                       struct span secret)
{
    uint8_t digest[SHA256_LEN], chain[4][SHA256_LEN];
    sha256(secret, digest);
    bool same_secret = span_eq_secret(span_of((const char *)digest, sizeof digest),
                                      span_of((const char *)key->secret_digest, sizeof digest));
    if (same_secret && span_is(scope, key->scope)) {
        return;
    }
    sigv4_derive(secret, span_of(scope.p, DATE_LEN), r->region, r->service, chain);
    memcpy(key->key, chain[3], sizeof key->key);
    memcpy(key->secret_digest, digest, sizeof digest);
    memcpy(key->scope, scope.p, scope.n);
    key->scope[scope.n] = '\0';
    mem_wipe(chain, sizeof chain);
}

static int check_request(const struct sigv4_request *r)
{
    bool bad_name = r->region.n > NAME_MAX_LEN || r->service.n > NAME_MAX_LEN;
    return bad_name || r->time_ms < 0 || r->time_ms > TIME_MAX_MS ? ERR_INVALID : 0;
}

static struct span format_scope(const struct sigv4_request *r, struct span amz_date,
                                struct arena *a)
{
    return arena_printf(a, "%.*s/%.*s/%.*s/" TERMINATOR, DATE_LEN, amz_date.p, SPAN_ARG(r->region),
                        SPAN_ARG(r->service));
}

static struct span canonical_request(const struct sigv4_request *r, struct span query,
                                     const struct sigv4_headers *h, struct span body_sha256,
                                     struct arena *a)
{
    struct buf b = {0};
    size_t room = 512 + 3 * (r->path.n + query.n);
    for (size_t i = 0; i < h->n; i++) {
        room += 2 * h->h[i].name.n + h->h[i].value.n + 3;
    }
    // At once: growing would leave copies of a session token behind.
    buf_reserve(&b, room);
    buf_add_span(&b, r->method);
    buf_add_char(&b, '\n');
    sigv4_put_path(&b, r);
    buf_add_char(&b, '\n');
    sigv4_put_query(&b, query, a);
    buf_add_char(&b, '\n');
    for (size_t i = 0; i < h->n; i++) {
        buf_add_span(&b, h->h[i].name);
        buf_add_char(&b, ':');
        buf_add_span(&b, h->h[i].value);
        buf_add_char(&b, '\n');
    }
    buf_add_char(&b, '\n');
    buf_add_span(&b, sigv4_signed_names(h, a));
    buf_add_char(&b, '\n');
    buf_add_span(&b, body_sha256);
    struct span out = arena_span(a, buf_span(&b));
    buf_free_wiped(&b);
    return out;
}

// Fills the result from out->canonical_request on.
static void sign_canonical(const struct sigv4_request *r, const struct sigv4_credentials *c,
                           struct span scope, struct sigv4_key *key, struct arena *a,
                           struct sigv4_result *out)
{
    struct span digest = sha256_hex(out->canonical_request, a);
    uint8_t mac[SHA256_LEN];
    out->string_to_sign = arena_printf(a, ALGORITHM "\n%.*s\n%.*s\n%.*s", SPAN_ARG(out->amz_date),
                                       SPAN_ARG(scope), SPAN_ARG(digest));
    key_update(key, scope, r, c->secret_access_key);
    hmac_sha256(span_of((const char *)key->key, sizeof key->key), out->string_to_sign, mac);
    out->signature = hex_span(mac, sizeof mac, a);
}

int sigv4_sign(const struct sigv4_request *r, const struct sigv4_credentials *c,
               struct sigv4_key *key, struct arena *a, struct sigv4_result *out)
{
    *out = (struct sigv4_result){0};
    if (check_request(r) < 0) {
        return ERR_INVALID;
    }
    out->amz_date = format_date(r->time_ms, a);
    out->body_sha256 = sha256_hex(r->body, a);
    struct span scope = format_scope(r, out->amz_date, a);

    struct http_header extra[3];
    size_t n = 0;
    extra[n++] = (struct http_header){SPAN("x-amz-date"), out->amz_date};
    if (c->session_token.n) {
        extra[n++] = (struct http_header){SPAN("x-amz-security-token"), c->session_token};
    }
    if (r->sign_body_header) {
        extra[n++] = (struct http_header){SPAN("x-amz-content-sha256"), out->body_sha256};
    }
    struct sigv4_headers headers;
    sigv4_headers_collect(&headers, r->headers, extra, n, a);

    out->canonical_request = canonical_request(r, r->query, &headers, out->body_sha256, a);
    sign_canonical(r, c, scope, key, a, out);
    struct span names = sigv4_signed_names(&headers, a);
    out->authorization = arena_printf(
        a, ALGORITHM " Credential=%.*s/%.*s, SignedHeaders=%.*s, Signature=%.*s",
        SPAN_ARG(c->access_key_id), SPAN_ARG(scope), SPAN_ARG(names), SPAN_ARG(out->signature));
    return 0;
}

static void put_presign_query(struct buf *q, const struct sigv4_request *r,
                              const struct sigv4_credentials *c, struct span scope,
                              struct span amz_date, struct span names, int64_t expires_s)
{
    buf_add_span(q, r->query);
    buf_add_str(q, r->query.n ? "&X-Amz-Algorithm=" : "X-Amz-Algorithm=");
    buf_add_str(q, ALGORITHM "&X-Amz-Credential=");
    url_encode(q, c->access_key_id, false);
    buf_add_str(q, "%2F");
    url_encode(q, scope, false);
    buf_add_str(q, "&X-Amz-Date=");
    buf_add_span(q, amz_date);
    buf_add_str(q, "&X-Amz-SignedHeaders=");
    url_encode(q, names, false);
    buf_add_str(q, "&X-Amz-Expires=");
    buf_add_i64(q, expires_s);
    if (c->session_token.n) {
        buf_add_str(q, "&X-Amz-Security-Token=");
        url_encode(q, c->session_token, false);
    }
}

int sigv4_presign(const struct sigv4_request *r, const struct sigv4_credentials *c,
                  struct sigv4_key *key, int64_t expires_s, struct arena *a,
                  struct sigv4_result *out, struct span *query)
{
    *out = (struct sigv4_result){0};
    *query = SPAN_NONE;
    if (check_request(r) < 0) {
        return ERR_INVALID;
    }
    out->amz_date = format_date(r->time_ms, a);
    out->body_sha256 = sha256_hex(r->body, a);
    struct span scope = format_scope(r, out->amz_date, a);
    struct sigv4_headers headers;
    sigv4_headers_collect(&headers, r->headers, NULL, 0, a);
    struct span names = sigv4_signed_names(&headers, a);

    struct buf q = {0};
    put_presign_query(&q, r, c, scope, out->amz_date, names, expires_s);
    out->canonical_request = canonical_request(r, buf_span(&q), &headers, out->body_sha256, a);
    sign_canonical(r, c, scope, key, a, out);
    buf_add_str(&q, "&X-Amz-Signature=");
    buf_add_span(&q, out->signature);
    *query = arena_span(a, buf_span(&q));
    buf_free(&q);
    return 0;
}
