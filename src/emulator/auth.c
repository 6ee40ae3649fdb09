// SPDX-License-Identifier: Apache-2.0
#include "emulator/auth.h"

#include <ctype.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/text.h"
#include "codec/base64.h"
#include "codec/digest.h"
#include "codec/url.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define AUTHORITY ":authority"
#define ISO_LEN 16 // 20260131T235959Z
#define PARTS_MAX 64

// The Authorization header, taken apart.
struct parts {
    struct span credential, headers, signature;
    struct span id, date, region, service, term; // of the credential
};

static bool is_collapsible(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Trimmed, inner runs of white space collapsed to one blank.
static void add_header_value(struct buf *out, struct span v)
{
    bool gap = false;
    v = span_trim(v);
    for (size_t i = 0; i < v.n; i++) {
        if (is_collapsible(v.p[i])) {
            gap = true;
            continue;
        }
        if (gap)
            buf_add_char(out, ' ');
        gap = false;
        buf_add_char(out, v.p[i]);
    }
}

static void add_headers(const struct emu_signed *r, struct span names, struct buf *out)
{
    struct span rest = names;
    while (rest.p) {
        struct span name = span_cut(&rest, ';');
        bool first = true;
        buf_add_span(out, name);
        buf_add_char(out, ':');
        // Some clients sign HTTP/2's own name for it, which arrives as the host.
        if (span_is(name, AUTHORITY))
            name = SPAN("host");
        for (size_t i = 0; i < r->headers.n; i++) {
            if (!span_ieq(r->headers.h[i].name, name))
                continue;
            if (!first)
                buf_add_char(out, ',');
            first = false;
            add_header_value(out, r->headers.h[i].value);
        }
        buf_add_char(out, '\n');
    }
}

// Resolves "." and ".." segments and doubled slashes, then encodes what is there once more.
static void add_path(struct span path, struct buf *out)
{
    struct span kept[PARTS_MAX], rest = path;
    size_t n = 0;
    bool slash = path.n == 0 || path.p[path.n - 1] == '/';
    while (rest.p) {
        struct span s = span_cut(&rest, '/');
        bool last = !rest.p;
        if (s.n == 0)
            continue;
        bool up = span_is(s, ".."), here = span_is(s, ".");
        if (last && (up || here))
            slash = true;
        if (up)
            n -= n > 0;
        else if (!here && n < PARTS_MAX)
            kept[n++] = s;
    }
    for (size_t i = 0; i < n; i++) {
        buf_add_char(out, '/');
        url_encode(out, kept[i], false);
    }
    if (n == 0 || slash)
        buf_add_char(out, '/');
}

// Decoded and encoded again, so that any spelling gives the one canonical form.
static struct span recoded(struct span s, struct arena *arena)
{
    char *p = arena_alloc(arena, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool escape = s.p[i] == '%' && s.n - i > 2 && text_hex_value(s.p[i + 1]) >= 0 &&
                      text_hex_value(s.p[i + 2]) >= 0;
        p[n++] =
            escape ? (char)(text_hex_value(s.p[i + 1]) << 4 | text_hex_value(s.p[i + 2])) : s.p[i];
        i += escape ? 2 : 0;
    }
    struct buf b = {0};
    url_encode(&b, span_of(p, n), false);
    struct span out = arena_span(arena, buf_span(&b));
    buf_free(&b);
    return out;
}

static int by_name_and_value(const void *a, const void *b)
{
    const struct http_header *x = a, *y = b;
    int c = span_cmp(x->name, y->name);
    return c ? c : span_cmp(x->value, y->value);
}

static void add_query(struct span query, struct arena *arena, struct buf *out)
{
    struct http_header all[PARTS_MAX];
    size_t n = 0;
    struct span rest = query;
    while (rest.p && n < PARTS_MAX) {
        struct span value = span_cut(&rest, '&'), name;
        if (value.n == 0)
            continue;
        name = span_cut(&value, '=');
        all[n++] = (struct http_header){recoded(name, arena), recoded(value, arena)};
    }
    qsort(all, n, sizeof *all, by_name_and_value);
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_char(out, '&');
        buf_add_span(out, all[i].name);
        buf_add_char(out, '=');
        buf_add_span(out, all[i].value);
    }
}

static void add_hash(struct span s, struct buf *out)
{
    uint8_t digest[SHA256_LEN];
    sha256(s, digest);
    hex_encode(out, span_of((const char *)digest, sizeof digest));
}

void emu_auth_canonical(const struct emu_signed *r, struct span signed_headers, struct arena *arena,
                        struct buf *out)
{
    buf_add_span(out, r->method);
    buf_add_char(out, '\n');
    add_path(r->path, out);
    buf_add_char(out, '\n');
    add_query(r->query, arena, out);
    buf_add_char(out, '\n');
    add_headers(r, signed_headers, out);
    buf_add_char(out, '\n');
    buf_add_span(out, signed_headers);
    buf_add_char(out, '\n');
    add_hash(r->body, out);
}

static bool incomplete(struct emu_error *e, struct arena *arena, struct span authorization,
                       const struct parts *p, bool dated)
{
    const char *no = "Authorization header requires '%s' parameter. ";
    struct buf b = {0};
    if (!p->credential.n)
        buf_printf(&b, no, "Credential");
    if (!p->signature.n)
        buf_printf(&b, no, "Signature");
    if (!p->headers.n)
        buf_printf(&b, no, "SignedHeaders");
    if (!dated)
        buf_add_str(&b, "Authorization header requires existence of either a 'X-Amz-Date' or a "
                        "'Date' header. ");
    bool ok = b.n == 0;
    if (!ok)
        emu_fail(e, arena, "IncompleteSignatureException", "%.*sAuthorization=%.*s",
                 SPAN_ARG(buf_span(&b)), SPAN_ARG(authorization));
    buf_free(&b);
    return ok;
}

static void take_apart(struct span authorization, struct parts *p)
{
    struct span rest = authorization;
    span_cut(&rest, ' ');
    while (rest.p) {
        struct span value = span_trim(span_cut(&rest, ',')), name = span_cut(&value, '=');
        if (span_is(name, "Credential"))
            p->credential = value;
        else if (span_is(name, "SignedHeaders"))
            p->headers = value;
        else if (span_is(name, "Signature"))
            p->signature = value;
    }
}

static bool credential_apart(struct parts *p, struct arena *arena, struct emu_error *e)
{
    struct span rest = p->credential;
    p->id = span_cut(&rest, '/');
    p->date = span_cut(&rest, '/');
    p->region = span_cut(&rest, '/');
    p->service = span_cut(&rest, '/');
    p->term = rest;
    return (rest.n && span_find(rest, '/') == rest.n) ||
           emu_fail(e, arena, "IncompleteSignatureException",
                    "Credential must have exactly 5 slash-delimited elements, e.g. "
                    "keyid/date/region/service/term, got '%.*s'",
                    SPAN_ARG(p->credential));
}

static bool parse_time(struct span s, int64_t *ms)
{
    struct tm tm = {0};
    char text[64];
    if (s.n >= sizeof text)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    const char *end = s.n == ISO_LEN ? strptime(text, "%Y%m%dT%H%M%SZ", &tm)
                                     : strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    *ms = (int64_t)timegm(&tm) * 1000;
    return end && !*end;
}

static void format_time(int64_t ms, char out[ISO_LEN + 1])
{
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, ISO_LEN + 1, "%Y%m%dT%H%M%SZ", &tm);
}

static bool in_time(int64_t signed_ms, int64_t wall_ms, struct arena *arena, struct emu_error *e)
{
    bool old = signed_ms < wall_ms - EMU_SKEW_MS;
    if (!old && signed_ms <= wall_ms + EMU_SKEW_MS)
        return true;
    char then[ISO_LEN + 1], now[ISO_LEN + 1], edge[ISO_LEN + 1];
    format_time(signed_ms, then);
    format_time(wall_ms, now);
    format_time(old ? wall_ms - EMU_SKEW_MS : wall_ms + EMU_SKEW_MS, edge);
    if (old)
        return emu_fail(e, arena, "InvalidSignatureException",
                        "Signature expired: %s is now earlier than %s (%s - 5 min.)", then, edge,
                        now);
    return emu_fail(e, arena, "InvalidSignatureException",
                    "Signature not yet current: %s is still later than %s (%s + 5 min.)", then,
                    edge, now);
}

static bool lists(struct span names, const char *name)
{
    while (names.p)
        if (span_is(span_cut(&names, ';'), name))
            return true;
    return false;
}

static bool covers(const struct emu_signed *r, struct span names, struct arena *arena,
                   struct emu_error *e)
{
    static const char *const must[] = {"host", "x-amz-date", "x-amz-target"};
    for (size_t i = 0; i < sizeof must / sizeof *must; i++) {
        bool sent = i == 0 || http_header_get(r->headers, must[i]).p;
        if (sent && !lists(names, must[i]) && !(i == 0 && lists(names, AUTHORITY)))
            return emu_fail(e, arena, "InvalidSignatureException",
                            "'%s' must be a 'SignedHeader' in the AWS Authorization.", must[i]);
    }
    return true;
}

static bool known_client(const struct emu_auth *a, const struct emu_signed *r,
                         const struct parts *p, struct arena *arena, struct emu_error *e)
{
    struct span token = http_header_get(r->headers, "x-amz-security-token");
    bool token_fits = token.p ? a->token.p && span_eq_secret(token, a->token) : !a->token.p;
    if (a->ended.n && span_eq_secret(p->id, a->ended))
        return emu_fail(e, arena, "ExpiredTokenException",
                        "The security token included in the request is expired");
    return (span_eq_secret(p->id, a->id) && token_fits) ||
           emu_fail(e, arena, "UnrecognizedClientException",
                    "The security token included in the request is invalid.");
}

static bool in_scope(const struct emu_auth *a, const struct parts *p, const char iso[ISO_LEN + 1],
                     struct arena *arena, struct emu_error *e)
{
    const char *code = "InvalidSignatureException";
    if (!span_eq(p->date, span_of(iso, 8)))
        return emu_fail(e, arena, code,
                        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
                        "date from HTTP: '%.*s' != '%.8s', from '%s'.",
                        SPAN_ARG(p->date), iso, iso);
    if (!span_eq(p->region, a->region))
        return emu_fail(e, arena, code,
                        "Credential should be scoped to a valid region, not '%.*s'.",
                        SPAN_ARG(p->region));
    if (!span_eq(p->service, a->service))
        return emu_fail(e, arena, code, "Credential should be scoped to correct service: '%.*s'.",
                        SPAN_ARG(a->service));
    return span_is(p->term, "aws4_request") ||
           emu_fail(e, arena, code,
                    "Credential should be scoped with a valid terminator: 'aws4_request', not "
                    "'%.*s'.",
                    SPAN_ARG(p->term));
}

static struct span bytes(const uint8_t *p, size_t n)
{
    return span_of((const char *)p, n);
}

// The day's key: a chain of HMACs over date, region, service and the terminator.
static void signing_key(struct emu_auth *a, struct span date)
{
    if (a->has_key && span_eq(date, span_of(a->key_date, sizeof a->key_date)))
        return;
    struct buf secret = {0};
    buf_add_str(&secret, "AWS4");
    buf_add_span(&secret, a->secret);
    uint8_t step[SHA256_LEN];
    hmac_sha256(buf_span(&secret), date, step);
    hmac_sha256(bytes(step, sizeof step), a->region, a->key);
    hmac_sha256(bytes(a->key, sizeof a->key), a->service, step);
    hmac_sha256(bytes(step, sizeof step), SPAN("aws4_request"), a->key);
    memcpy(a->key_date, date.p, sizeof a->key_date);
    a->has_key = true;
    mem_wipe(step, sizeof step);
    mem_wipe(secret.p, secret.n);
    buf_free(&secret);
}

static bool signature_fits(struct emu_auth *a, const struct emu_signed *r, const struct parts *p,
                           const char iso[ISO_LEN + 1], struct arena *arena)
{
    struct buf canonical = {0}, text = {0};
    emu_auth_canonical(r, p->headers, arena, &canonical);
    buf_printf(&text, ALGORITHM "\n%s\n%.*s/%.*s/%.*s/%.*s\n", iso, SPAN_ARG(p->date),
               SPAN_ARG(p->region), SPAN_ARG(p->service), SPAN_ARG(p->term));
    add_hash(buf_span(&canonical), &text);
    uint8_t mac[SHA256_LEN];
    char wanted[2 * SHA256_LEN];
    signing_key(a, p->date);
    hmac_sha256(bytes(a->key, sizeof a->key), buf_span(&text), mac);
    hex_write(wanted, mac, sizeof mac);
    buf_free(&canonical);
    buf_free(&text);
    return span_eq_secret(span_of(wanted, sizeof wanted), p->signature);
}

bool emu_auth_check(struct emu_auth *a, const struct emu_signed *r, int64_t wall_ms,
                    struct arena *arena, struct emu_error *e)
{
    struct span authorization = http_header_get(r->headers, "authorization");
    struct span date = http_header_get(r->headers, "x-amz-date");
    struct parts p = {0};
    int64_t signed_ms;
    char iso[ISO_LEN + 1];
    if (!authorization.p)
        return emu_fail(e, arena, "MissingAuthenticationTokenException",
                        "Missing Authentication Token");
    if (!date.p)
        date = http_header_get(r->headers, "date");
    take_apart(authorization, &p);
    if (!incomplete(e, arena, authorization, &p, date.p != NULL) || !credential_apart(&p, arena, e))
        return false;
    if (!span_has_prefix(authorization, SPAN(ALGORITHM " ")))
        return emu_fail(e, arena, "IncompleteSignatureException",
                        "Unsupported AWS 'algorithm', use '" ALGORITHM "'.");
    if (!parse_time(date, &signed_ms))
        return emu_fail(e, arena, "IncompleteSignatureException",
                        "Date must be in ISO-8601 'basic format'. Got '%.*s'.", SPAN_ARG(date));
    format_time(signed_ms, iso);
    return covers(r, p.headers, arena, e) && known_client(a, r, &p, arena, e) &&
           in_scope(a, &p, iso, arena, e) && in_time(signed_ms, wall_ms, arena, e) &&
           (signature_fits(a, r, &p, iso, arena) ||
            emu_fail(e, arena, "InvalidSignatureException",
                     "The request signature we calculated does not match the signature you "
                     "provided. Check your AWS Secret Access Key and signing method. Consult the "
                     "service documentation for details."));
}
