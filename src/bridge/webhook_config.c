// SPDX-License-Identifier: Apache-2.0
#include "bridge/webhook_config.h"

#include "codec/base64.h"
#include "codec/digest.h"

#define FILTERS_MAX 32
#define HEADER_PREFIX "Header:"

// Templates differ in where they put the keys.
static const struct json *find(const struct json *doc, const char *key)
{
    const struct json *configuration = json_get(doc, "configuration");
    const struct json *v = json_get(configuration, key);
    if (!v)
        v = json_get(json_get(configuration, "clientConfiguration"), key);
    return v && json_is(v, JSON_NULL) ? NULL : v;
}

static int get_bool(const struct json *doc, const char *key, bool *out, struct err *e)
{
    const struct json *v = find(doc, key);
    *out = json_bool(v, false);
    if (v && !json_is(v, JSON_BOOL))
        return err_set(e, ERR_INVALID, "configuration.%s: must be true or false", key);
    return 0;
}

static int get_text(const struct json *doc, const char *key, struct arena *a, struct span *out,
                    struct err *e)
{
    const struct json *v = find(doc, key);
    *out = arena_span(a, json_str(v, SPAN_NONE));
    if (v && !json_is(v, JSON_STRING))
        return err_set(e, ERR_INVALID, "configuration.%s: must be a string", key);
    return 0;
}

static int read_filters(const struct json *doc, struct arena *a, struct webhook_config *c,
                        struct err *e)
{
    const struct json *map = find(doc, "headersFilter");
    size_t n = json_count(map);
    if (!map)
        return err_set(e, ERR_INVALID,
                       "configuration.headersFilter: missing, enableSecurity needs it");
    if (!json_is(map, JSON_OBJECT))
        return err_set(e, ERR_INVALID, "configuration.headersFilter: must be an object of strings");
    if (n == 0 || n > FILTERS_MAX)
        return err_set(e, ERR_INVALID, "configuration.headersFilter: needs 1 to %d headers",
                       FILTERS_MAX);
    struct convert_pair *p = arena_array(a, struct convert_pair, n);
    c->filters = (struct convert_pairs){p, n};
    for (const struct json *m = json_child(map); m; m = json_next(m), p++) {
        p->key = arena_span(a, json_key(m));
        p->value = arena_span(a, json_str(m, SPAN_NONE));
        if (!p->key.n || !p->value.n)
            return err_set(e, ERR_INVALID,
                           "configuration.headersFilter.%.*s: must be a string that is not empty",
                           SPAN_ARG(p->key));
    }
    return 0;
}

int webhook_config_read(const struct json *doc, struct arena *a, struct webhook_config *c,
                        struct err *e)
{
    bool secured;
    *c = (struct webhook_config){.routing_key =
                                     arena_span(a, json_get_str(doc, "routingKey", SPAN_NONE))};
    if (get_bool(doc, "enableSecurity", &secured, e) < 0 ||
        get_bool(doc, "replaceNoContentToOk", &c->ok_status, e) < 0 ||
        get_text(doc, "signatureSecret", a, &c->signature_secret, e) < 0 ||
        get_text(doc, "signatureHeader", a, &c->signature_header, e) < 0)
        return e->code;
    if (!c->signature_header.n)
        c->signature_header = SPAN(WEBHOOK_SIGNATURE_HEADER);
    return secured ? read_filters(doc, a, c, e) : 0;
}

// Who calls ---------------------------------------------------------------------------------------

static struct span header_of(struct http_headers headers, struct span name)
{
    for (size_t i = 0; i < headers.n; i++) {
        if (span_ieq(headers.h[i].name, name))
            return headers.h[i].value;
    }
    return SPAN_NONE;
}

static bool is_signed(struct span secret, struct span signature, struct span body)
{
    char given[SHA256_LEN];
    uint8_t wanted[SHA256_LEN];
    if (span_has_prefix(signature, SPAN("sha256=")))
        signature = span_of(signature.p + 7, signature.n - 7);
    if (signature.n != 2 * SHA256_LEN || hex_decode(given, signature) < 0)
        return false;
    hmac_sha256(secret, body, wanted);
    return span_eq_secret(span_of(given, sizeof given),
                          span_of((const char *)wanted, sizeof wanted));
}

static int check_filters(const struct webhook_config *c, const struct secrets *s, struct uuid id,
                         struct http_headers headers, struct arena *a, struct err *e)
{
    bool good = true;
    for (size_t i = 0; i < c->filters.n; i++) {
        const struct convert_pair *f = &c->filters.p[i];
        struct span wanted;
        if (secrets_open(s, id, f->key, f->value, a, &wanted, e) < 0)
            return e->code;
        good &= span_eq_secret(header_of(headers, f->key), wanted);
    }
    return good ? 0 : err_set(e, ERR_AUTH, "a header that the integration asks for is not right");
}

static int check_signature(const struct webhook_config *c, const struct secrets *s, struct uuid id,
                           struct http_headers headers, struct span body, struct arena *a,
                           struct err *e)
{
    struct span secret, signature = header_of(headers, c->signature_header);
    if (!c->signature_secret.n)
        return 0;
    if (secrets_open(s, id, SPAN("signatureSecret"), c->signature_secret, a, &secret, e) < 0)
        return e->code;
    if (is_signed(secret, signature, body))
        return 0;
    return err_set(e, ERR_AUTH, "the signature in header %.*s is %s", SPAN_ARG(c->signature_header),
                   signature.n ? "not right" : "missing");
}

int webhook_authorize(const struct webhook_config *c, const struct secrets *s, struct uuid id,
                      struct http_headers headers, struct span body, struct err *e)
{
    struct arena a = {0};
    int status = check_filters(c, s, id, headers, &a, e);
    if (status == 0)
        status = check_signature(c, s, id, headers, body, &a, e);
    arena_free_wiped(&a);
    return status;
}

static bool is_proof(const struct webhook_config *c, struct span name)
{
    static const char *const proofs[] = {"Authorization", "Proxy-Authorization", "Cookie",
                                         "X-Authorization"};
    for (size_t i = 0; i < sizeof proofs / sizeof *proofs; i++) {
        if (span_ieq(name, span_str(proofs[i])))
            return true;
    }
    for (size_t i = 0; i < c->filters.n; i++) {
        if (span_ieq(name, c->filters.p[i].key))
            return true;
    }
    return span_ieq(name, c->signature_header) || secrets_is_key(SPAN_NONE, name);
}

struct convert_pairs webhook_header_pairs(const struct webhook_config *c,
                                          struct http_headers headers, struct arena *a)
{
    struct convert_pair *p = arena_array(a, struct convert_pair, headers.n);
    size_t n = 0;
    for (size_t i = 0; i < headers.n; i++) {
        if (is_proof(c, headers.h[i].name))
            continue;
        p[n].key = arena_printf(a, HEADER_PREFIX "%.*s", SPAN_ARG(headers.h[i].name));
        // HTTP/2 has lower-case names only, and a script asks for one: the hub's are lower-case.
        char *name = (char *)p[n].key.p + sizeof HEADER_PREFIX - 1;
        for (size_t k = 0; k < headers.h[i].name.n; k++) {
            if (name[k] >= 'A' && name[k] <= 'Z')
                name[k] = (char)(name[k] + 'a' - 'A');
        }
        p[n++].value = arena_span(a, headers.h[i].value);
    }
    return (struct convert_pairs){p, n};
}
