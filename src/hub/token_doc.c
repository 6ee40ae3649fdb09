// SPDX-License-Identifier: Apache-2.0
#include "hub/token_doc.h"

#include "base/mem.h"
#include "codec/base64.h"
#include "codec/json_out.h"
#include "codec/json_scan.h"

#define TEXT_MEMBER "credentialsId"

void token_digest(const struct secrets *s, struct span token, char out[TOKEN_DIGEST_LEN])
{
    uint8_t whole[SHA256_LEN];
    struct buf text = {0};
    secrets_digest(s, token, whole);
    base64_encode(&text, span_of((const char *)whole, TOKEN_DIGEST_LEN / 4 * 3));
    memcpy(out, text.p, TOKEN_DIGEST_LEN);
    buf_free(&text);
}

void token_doc_seal(struct secrets *s, struct uuid device, struct span token, struct token_doc *d,
                    struct buf *sealed)
{
    secrets_seal_text(s, device, SPAN(TEXT_MEMBER), token, sealed);
    d->sealed = buf_span(sealed);
    token_digest(s, token, d->digest);
    d->has_digest = true;
}

int token_doc_open(const struct secrets *s, struct uuid device, struct span sealed, struct arena *a,
                   struct span *out, struct err *e)
{
    return secrets_open(s, device, SPAN(TEXT_MEMBER), sealed, a, out, e);
}

void token_doc_write(const struct token_doc *d, struct buf *out)
{
    struct json_out j = {.out = out};
    json_out_object(&j);
    json_out_key_str(&j, "id", d->id);
    json_out_key_int(&j, "createdTime", d->created_ms);
    json_out_key_int(&j, "version", d->version);
    json_out_key_str(&j, TEXT_MEMBER, d->sealed);
    json_out_key_str(&j, "digest", span_of(d->digest, TOKEN_DIGEST_LEN));
    json_out_end(&j);
}

static void read_member(struct span key, enum json_token t, struct span text, struct token_doc *d)
{
    if (t == JSON_T_NUMBER && span_is(key, "createdTime")) {
        span_to_i64(text, &d->created_ms);
    } else if (t == JSON_T_NUMBER && span_is(key, "version")) {
        span_to_i64(text, &d->version);
    } else if (t == JSON_T_STRING && span_is(key, "id")) {
        d->id = text;
    } else if (t == JSON_T_STRING && span_is(key, TEXT_MEMBER)) {
        d->sealed = text;
    } else if (t == JSON_T_STRING && span_is(key, "digest") && text.n == TOKEN_DIGEST_LEN) {
        memcpy(d->digest, text.p, TOKEN_DIGEST_LEN);
        d->has_digest = true;
    }
}

bool token_doc_read(struct span json, struct arena *a, struct token_doc *out)
{
    struct json_scan scan;
    struct span key = SPAN_NONE;
    enum json_token t;
    *out = (struct token_doc){.version = 1};
    json_scan_init(&scan, json, a);
    while ((t = json_scan_next(&scan)) > JSON_T_END) {
        if (t == JSON_T_KEY) {
            key = scan.text;
        } else if (scan.depth == 1) {
            read_member(key, t, scan.text, out);
        }
    }
    return t == JSON_T_END && out->sealed.n > 0;
}

static int renew(struct secrets *s, struct uuid device, struct token_doc *d, struct arena *a,
                 struct buf *out, struct err *e)
{
    struct span token;
    struct buf sealed = {0};
    if (token_doc_open(s, device, d->sealed, a, &token, NULL) < 0) {
        return secrets_check_lost(s, e);
    }
    if (secrets_ensure_key(s, e) < 0) {
        return e->code;
    }
    token_doc_seal(s, device, token, d, &sealed);
    token_doc_write(d, out);
    buf_free(&sealed);
    return 1;
}

int token_doc_filter(struct secrets *s, struct uuid device, struct span json, struct buf *out,
                     struct err *e)
{
    struct arena a = {0};
    struct token_doc d;
    int status = 0;
    if (token_doc_read(json, &a, &d) && !(d.has_digest && secrets_is_current(s, d.sealed))) {
        status = renew(s, device, &d, &a, out, e);
    }
    arena_free_wiped(&a);
    return status;
}
