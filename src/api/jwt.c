// SPDX-License-Identifier: Apache-2.0
#include "api/jwt.h"

#include "base/mem.h"
#include "codec/base64.h"
#include "codec/digest.h"
#include "codec/json_out.h"
#include "codec/json_scan.h"

// {"alg":"HS512"} is all the header says.
#define HEADER SPAN("eyJhbGciOiJIUzUxMiJ9")
#define SIGNATURE_TEXT_LEN 86 // of 64 bytes in unpadded base64

struct parts {
    struct span header, claims, signature;
    struct span signed_part; // header and claims with the dot between
};

static bool split(struct span token, struct parts *p)
{
    struct span rest = token;
    if (token.n > JWT_MAX)
        return false;
    p->header = span_cut(&rest, '.');
    if (!rest.p)
        return false;
    p->claims = span_cut(&rest, '.');
    if (!rest.p || span_find(rest, '.') < rest.n)
        return false;
    p->signature = rest;
    p->signed_part = span_of(token.p, (size_t)(rest.p - 1 - token.p));
    return true;
}

static void write_claims(const struct jwt_claims *c, struct buf *out)
{
    struct json_out j = {.out = out};
    bool refresh = span_is(c->scope, JWT_SCOPE_REFRESH);
    json_out_object(&j);
    json_out_key_str(&j, "sub", c->sub);
    json_out_key(&j, SPAN("userId"));
    json_out_uuid(&j, c->user_id);
    json_out_key(&j, SPAN("scopes"));
    json_out_array(&j);
    json_out_str(&j, c->scope);
    json_out_end(&j);
    json_out_key(&j, SPAN("sessionId"));
    json_out_uuid(&j, c->session_id);
    json_out_key_int(&j, "exp", c->exp_s);
    json_out_key_str(&j, "iss", SPAN(JWT_ISSUER));
    json_out_key_int(&j, "iat", c->iat_s);
    json_out_key_bool(&j, "isPublic", false);
    if (!refresh) {
        json_out_key_bool(&j, "enabled", true);
        json_out_key(&j, SPAN("tenantId"));
        json_out_uuid(&j, c->tenant_id);
        json_out_key(&j, SPAN("customerId"));
        json_out_uuid(&j, uuid_null);
    }
    json_out_end(&j);
}

void jwt_write(const struct jwt_claims *c, const uint8_t key[JWT_KEY_LEN], struct buf *out)
{
    struct buf claims = {0};
    uint8_t mac[SHA512_LEN];
    size_t start = out->n;
    write_claims(c, &claims);
    buf_add_span(out, HEADER);
    buf_add_char(out, '.');
    base64url_encode(out, buf_span(&claims));
    hmac_sha512(span_of((const char *)key, JWT_KEY_LEN), span_of(out->p + start, out->n - start),
                mac);
    buf_add_char(out, '.');
    base64url_encode(out, span_of((const char *)mac, sizeof mac));
    buf_free(&claims);
}

static bool decode_part(struct span part, struct arena *a, struct span *out)
{
    char *p = arena_alloc(a, BASE64_DECODED_MAX(part.n));
    ptrdiff_t n = base64url_decode(p, part);
    if (n < 0)
        return false;
    *out = span_of(p, (size_t)n);
    return true;
}

// Our own header is known by its text; another HS512 header ("typ" first, say) is read.
static bool header_is_hs512(struct span part, struct arena *a)
{
    struct span text;
    struct json_scan s;
    bool hs512 = false;
    if (span_eq(part, HEADER))
        return true;
    if (!decode_part(part, a, &text))
        return false;
    json_scan_init(&s, text, a);
    if (json_scan_next(&s) != JSON_T_OBJECT)
        return false;
    for (enum json_token t; (t = json_scan_next(&s)) != JSON_T_OBJECT_END;) {
        if (t != JSON_T_KEY)
            return false;
        struct span key = s.text;
        t = json_scan_next(&s);
        if (t != JSON_T_STRING || span_is(key, "crit"))
            return false;
        if (span_is(key, "alg"))
            hs512 = span_is(s.text, "HS512");
    }
    return hs512 && json_scan_next(&s) == JSON_T_END;
}

enum claim { SUB = 1, USER = 2, SCOPE = 4, SESSION = 8, EXP = 16, IAT = 32, ISS = 64, ALL = 127 };

// The first of an array of strings; the scanner stands behind the array after.
static bool read_scopes(struct json_scan *s, struct span *out)
{
    enum json_token t = json_scan_next(s);
    if (t != JSON_T_STRING)
        return false;
    *out = s->text;
    while ((t = json_scan_next(s)) == JSON_T_STRING)
        ;
    return t == JSON_T_ARRAY_END;
}

// Returns the claim that was read, 0 for one that we do not use, -1 for a wrong one.
static int read_claim(struct json_scan *s, struct span key, struct jwt_claims *c)
{
    enum json_token t = json_scan_next(s);
    struct span raw;
    if (t == JSON_T_STRING) {
        if (span_is(key, "sub")) {
            c->sub = s->text;
            return SUB;
        }
        if (span_is(key, "userId"))
            return uuid_parse(s->text, &c->user_id) ? USER : -1;
        if (span_is(key, "sessionId"))
            return uuid_parse(s->text, &c->session_id) ? SESSION : -1;
        if (span_is(key, "iss"))
            return span_is(s->text, JWT_ISSUER) ? ISS : -1;
    }
    if (t == JSON_T_NUMBER && span_is(key, "exp"))
        return span_to_i64(s->text, &c->exp_s) ? EXP : -1;
    if (t == JSON_T_NUMBER && span_is(key, "iat"))
        return span_to_i64(s->text, &c->iat_s) ? IAT : -1;
    if (t == JSON_T_ARRAY && span_is(key, "scopes"))
        return read_scopes(s, &c->scope) ? SCOPE : -1;
    if (t == JSON_T_OBJECT || t == JSON_T_ARRAY)
        return json_scan_raw(s, &raw) < 0 ? -1 : 0;
    return t == JSON_T_ERROR ? -1 : 0;
}

int jwt_read(struct span token, struct arena *a, struct jwt_claims *out)
{
    struct parts p;
    struct span text;
    struct json_scan s;
    int seen = 0;
    *out = (struct jwt_claims){0};
    if (!split(token, &p) || p.signature.n != SIGNATURE_TEXT_LEN)
        return ERR_INVALID;
    if (!header_is_hs512(p.header, a) || !decode_part(p.claims, a, &text))
        return ERR_INVALID;
    json_scan_init(&s, text, a);
    if (json_scan_next(&s) != JSON_T_OBJECT)
        return ERR_INVALID;
    for (enum json_token t; (t = json_scan_next(&s)) != JSON_T_OBJECT_END;) {
        int claim = t == JSON_T_KEY ? read_claim(&s, s.text, out) : -1;
        if (claim < 0)
            return ERR_INVALID;
        seen |= claim;
    }
    return seen == ALL && json_scan_next(&s) == JSON_T_END ? 0 : ERR_INVALID;
}

bool jwt_signed_by(struct span token, const uint8_t key[JWT_KEY_LEN])
{
    struct parts p;
    uint8_t want[SHA512_LEN];
    char got[BASE64_DECODED_MAX(SIGNATURE_TEXT_LEN)];
    if (!split(token, &p) || p.signature.n != SIGNATURE_TEXT_LEN)
        return false;
    if (base64url_decode(got, p.signature) != SHA512_LEN)
        return false;
    hmac_sha512(span_of((const char *)key, JWT_KEY_LEN), p.signed_part, want);
    bool same = span_eq_secret(span_of(got, SHA512_LEN), span_of((const char *)want, SHA512_LEN));
    mem_wipe(want, sizeof want);
    return same;
}
