// SPDX-License-Identifier: Apache-2.0
#include "api/jwt.h"

#include <stdio.h>

#include "codec/base64.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "lib/test.h"

static const uint8_t key[JWT_KEY_LEN] = "the first key";
static const uint8_t other_key[JWT_KEY_LEN] = "the other key";

static struct jwt_claims sample(struct span scope)
{
    struct jwt_claims c = {.sub = SPAN("tenant@thingsboard.org"),
                           .scope = scope,
                           .iat_s = 1754611200,
                           .exp_s = 1754620200};
    assert_true(uuid_parse(SPAN("11111111-2222-3333-4444-555555555555"), &c.user_id));
    assert_true(uuid_parse(SPAN("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"), &c.session_id));
    c.tenant_id = c.user_id;
    return c;
}

// A token of any header and claims, signed with `key`.
static void forge(const char *header, const char *claims, struct buf *out)
{
    uint8_t mac[SHA512_LEN];
    buf_clear(out);
    base64url_encode(out, span_str(header));
    buf_add_char(out, '.');
    base64url_encode(out, span_str(claims));
    hmac_sha512(span_of((const char *)key, sizeof key), buf_span(out), mac);
    buf_add_char(out, '.');
    base64url_encode(out, span_of((const char *)mac, sizeof mac));
}

static void test_round_trip(void **state)
{
    (void)state;
    struct buf token = {0};
    struct arena a = {0};
    struct jwt_claims in = sample(SPAN("TENANT_ADMIN")), out;
    jwt_write(&in, key, &token);
    assert_int_equal(jwt_read(buf_span(&token), &a, &out), 0);
    assert_true(jwt_signed_by(buf_span(&token), key));
    assert_false(jwt_signed_by(buf_span(&token), other_key));
    assert_span_equal(out.sub, in.sub);
    assert_span_equal(out.scope, in.scope);
    assert_true(uuid_eq(out.user_id, in.user_id));
    assert_true(uuid_eq(out.session_id, in.session_id));
    assert_int_equal(out.iat_s, in.iat_s);
    assert_int_equal(out.exp_s, in.exp_s);
    arena_free(&a);
    buf_free(&token);
}

static struct json *claims_of(struct span token)
{
    struct span rest = token;
    span_cut(&rest, '.');
    struct span part = span_cut(&rest, '.');
    char text[2048];
    assert_true(part.n < sizeof text);
    ptrdiff_t n = base64url_decode(text, part);
    assert_true(n > 0);
    struct json *doc = json_parse(span_of(text, (size_t)n), NULL);
    assert_non_null(doc);
    return doc;
}

// What the hub's clients read from the token by themselves (facts/hub.md section 3.2).
static void test_claims_of_clients(void **state)
{
    (void)state;
    struct buf token = {0};
    struct jwt_claims in = sample(SPAN("TENANT_ADMIN"));
    jwt_write(&in, key, &token);
    struct json *doc = claims_of(buf_span(&token));
    assert_span_is(json_get_str(doc, "iss", SPAN_NONE), "thingsboard.io");
    assert_span_is(json_get_str(doc, "sub", SPAN_NONE), "tenant@thingsboard.org");
    assert_span_is(json_get_str(doc, "userId", SPAN_NONE), "11111111-2222-3333-4444-555555555555");
    assert_span_is(json_get_str(doc, "tenantId", SPAN_NONE),
                   "11111111-2222-3333-4444-555555555555");
    assert_span_is(json_get_str(doc, "customerId", SPAN_NONE),
                   "13814000-1dd2-11b2-8080-808080808080");
    assert_span_is(json_str(json_child(json_get(doc, "scopes")), SPAN_NONE), "TENANT_ADMIN");
    assert_true(json_get_bool(doc, "enabled", false));
    assert_false(json_get_bool(doc, "isPublic", true));
    assert_int_equal(json_get_int(doc, "exp", 0) - json_get_int(doc, "iat", 0), 9000);
    json_free(doc);
    buf_clear(&token);
    in.scope = SPAN(JWT_SCOPE_REFRESH);
    jwt_write(&in, key, &token);
    doc = claims_of(buf_span(&token));
    assert_null(json_get(doc, "tenantId"));
    assert_null(json_get(doc, "enabled"));
    json_free(doc);
    buf_free(&token);
}

// One changed character anywhere makes the token unreadable or its signature wrong.
static void test_tampered(void **state)
{
    (void)state;
    struct buf token = {0};
    struct jwt_claims in = sample(SPAN("TENANT_ADMIN")), out;
    jwt_write(&in, key, &token);
    for (size_t i = 0; i < token.n; i++) {
        struct arena a = {0};
        char was = token.p[i];
        token.p[i] = was == 'A' ? 'B' : 'A';
        if (jwt_read(buf_span(&token), &a, &out) == 0)
            assert_false(jwt_signed_by(buf_span(&token), key));
        token.p[i] = was;
        arena_free(&a);
    }
    for (size_t n = 0; n < token.n; n++) {
        struct arena a = {0};
        assert_int_equal(jwt_read(span_of(token.p, n), &a, &out), ERR_INVALID);
        assert_false(jwt_signed_by(span_of(token.p, n), key));
        arena_free(&a);
    }
    buf_free(&token);
}

#define GOOD                                                                                       \
    "\"sub\":\"a\",\"userId\":\"11111111-2222-3333-4444-555555555555\",\"scopes\":[\"X\"],"        \
    "\"sessionId\":\"11111111-2222-3333-4444-555555555555\",\"exp\":2,\"iat\":1"
#define ISS "\"iss\":\"thingsboard.io\""

struct forged {
    const char *header, *claims;
    int status;
};

static const struct forged forgeries[] = {
    {"{\"alg\":\"HS512\"}", "{" GOOD "," ISS "}", 0},
    {"{\"typ\":\"JWT\",\"alg\":\"HS512\"}", "{" ISS ",\"x\":{\"y\":[1,null]}," GOOD "}", 0},
    {"{\"alg\":\"HS512\"}", "{\"scopes\":[\"X\",\"Y\"]," GOOD "," ISS "}", 0},
    {"{\"alg\":\"none\"}", "{" GOOD "," ISS "}", ERR_INVALID},
    {"{\"alg\":\"HS256\"}", "{" GOOD "," ISS "}", ERR_INVALID},
    {"{\"alg\":\"hs512\"}", "{" GOOD "," ISS "}", ERR_INVALID},
    {"{}", "{" GOOD "," ISS "}", ERR_INVALID},
    {"[\"alg\",\"HS512\"]", "{" GOOD "," ISS "}", ERR_INVALID},
    {"{\"alg\":\"HS512\",\"crit\":\"exp\"}", "{" GOOD "," ISS "}", ERR_INVALID},
    {"{\"alg\":\"HS512\"} ", "{" GOOD "," ISS "} x", ERR_INVALID},
    {"{\"alg\":\"HS512\"}", "{" GOOD "}", ERR_INVALID},
    {"{\"alg\":\"HS512\"}", "{" GOOD ",\"iss\":\"other\"}", ERR_INVALID},
    {"{\"alg\":\"HS512\"}", "{" GOOD "," ISS ",\"userId\":\"x\"}", ERR_INVALID},
    {"{\"alg\":\"HS512\"}", "{" GOOD "," ISS ",\"exp\":1.5}", ERR_INVALID},
    {"{\"alg\":\"HS512\"}", "{" GOOD "," ISS ",\"scopes\":[]}", ERR_INVALID},
    {"{\"alg\":\"HS512\"}", "{" GOOD "," ISS ",\"scopes\":[1]}", ERR_INVALID},
    {"{\"alg\":\"HS512\"}", "[]", ERR_INVALID},
    {"{\"alg\":\"HS512\"}", "", ERR_INVALID},
};

static void test_forged(void **state)
{
    (void)state;
    struct buf token = {0};
    for (size_t i = 0; i < sizeof forgeries / sizeof *forgeries; i++) {
        struct arena a = {0};
        struct jwt_claims out;
        forge(forgeries[i].header, forgeries[i].claims, &token);
        int status = jwt_read(buf_span(&token), &a, &out);
        if (status != forgeries[i].status)
            fail_msg("%s %s: %d", forgeries[i].header, forgeries[i].claims, status);
        arena_free(&a);
    }
    buf_free(&token);
}

static void test_shapes(void **state)
{
    (void)state;
    struct arena a = {0};
    struct jwt_claims out;
    struct buf b = {0};
    // The unsigned form of RFC 7519 section 6.
    base64url_encode(&b, SPAN("{\"alg\":\"none\"}"));
    buf_add_char(&b, '.');
    base64url_encode(&b, SPAN("{" GOOD "," ISS "}"));
    buf_add_char(&b, '.');
    assert_int_equal(jwt_read(buf_span(&b), &a, &out), ERR_INVALID);
    assert_false(jwt_signed_by(buf_span(&b), key));
    forge("{\"alg\":\"HS512\"}", "{" GOOD "," ISS "}", &b);
    buf_add_str(&b, ".x");
    assert_int_equal(jwt_read(buf_span(&b), &a, &out), ERR_INVALID);
    assert_int_equal(jwt_read(SPAN(""), &a, &out), ERR_INVALID);
    assert_int_equal(jwt_read(SPAN(".."), &a, &out), ERR_INVALID);
    arena_free(&a);
    buf_free(&b);
}

// A token of exactly `n` bytes: a claim of its own fills it up. Base64 skips some lengths.
static bool token_of_size(size_t n, struct buf *out)
{
    static char claims[2 * JWT_MAX];
    for (size_t pad = n / 2; pad < n; pad++) {
        snprintf(claims, sizeof claims, "{" GOOD "," ISS ",\"pad\":\"%0*d\"}", (int)pad, 0);
        forge("{\"alg\":\"HS512\"}", claims, out);
        if (out->n >= n)
            return out->n == n;
    }
    return false;
}

static void test_limit(void **state)
{
    (void)state;
    struct buf token = {0};
    struct arena a = {0};
    struct jwt_claims out;
    size_t fit = JWT_MAX;
    while (!token_of_size(fit, &token))
        fit--;
    assert_true(fit > JWT_MAX - 3);
    assert_int_equal(jwt_read(buf_span(&token), &a, &out), 0);
    assert_true(jwt_signed_by(buf_span(&token), key));
    size_t over = JWT_MAX + 1;
    while (!token_of_size(over, &token))
        over++;
    assert_true(over < JWT_MAX + 4);
    assert_int_equal(jwt_read(buf_span(&token), &a, &out), ERR_INVALID);
    assert_false(jwt_signed_by(buf_span(&token), key));
    arena_free(&a);
    buf_free(&token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_claims_of_clients),
        cmocka_unit_test(test_tampered),   cmocka_unit_test(test_forged),
        cmocka_unit_test(test_shapes),     cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
