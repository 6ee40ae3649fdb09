// SPDX-License-Identifier: Apache-2.0
#include "codec/base64.h"

#include "base/mem.h"
#include "lib/test.h"
#include "lib/test_clock.h"

// RFC 4648 section 10.
static const struct {
    const char *plain, *text;
} rfc_cases[] = {{"", ""},
                 {"f", "Zg=="},
                 {"fo", "Zm8="},
                 {"foo", "Zm9v"},
                 {"foob", "Zm9vYg=="},
                 {"fooba", "Zm9vYmE="},
                 {"foobar", "Zm9vYmFy"}};

static ptrdiff_t decode_exact(struct span text, ptrdiff_t (*decode)(char *, struct span),
                              char **out)
{
    char *in = mem_alloc(text.n);
    *out = mem_alloc(BASE64_DECODED_MAX(text.n));
    if (text.n) {
        memcpy(in, text.p, text.n);
    }
    ptrdiff_t n = decode(*out, span_of(in, text.n));
    mem_free(in);
    return n;
}

static void test_rfc_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rfc_cases / sizeof *rfc_cases; i++) {
        struct buf b = {0};
        char *out;
        base64_encode(&b, span_str(rfc_cases[i].plain));
        assert_span_equal(buf_span(&b), span_str(rfc_cases[i].text));
        ptrdiff_t n = decode_exact(buf_span(&b), base64_decode, &out);
        assert_int_equal(n, strlen(rfc_cases[i].plain));
        assert_memory_equal(out, rfc_cases[i].plain, n);
        mem_free(out);
        buf_free(&b);
    }
}

static void test_url_form(void **state)
{
    (void)state;
    struct buf b = {0};
    char *out;
    base64url_encode(&b, SPAN("\xfb\xff\xfe\xff"));
    assert_span_is(buf_span(&b), "-__-_w");
    assert_int_equal(decode_exact(buf_span(&b), base64url_decode, &out), 4);
    assert_memory_equal(out, "\xfb\xff\xfe\xff", 4);
    mem_free(out);
    static const char *const bad[] = {"-__-_w==", "+//+/w", "A",   "AAAAA",
                                      "AB",       "AAB",    "A\n", "AA=A"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (decode_exact(span_str(bad[i]), base64url_decode, &out) != -1) {
            fail_msg("taken: %s", bad[i]);
        }
        mem_free(out);
    }
    buf_free(&b);
}

static void test_random_round_trip(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (size_t n = 0; n < 200; n++) {
        char *in = mem_alloc(n), *out;
        struct buf b = {0}, u = {0};
        for (size_t i = 0; i < n; i++) {
            in[i] = (char)test_random(&random);
        }
        base64_encode(&b, span_of(in, n));
        base64url_encode(&u, span_of(in, n));
        assert_int_equal(b.n, (n + 2) / 3 * 4);
        assert_int_equal(u.n, (n * 4 + 2) / 3);
        assert_int_equal(decode_exact(buf_span(&u), base64url_decode, &out), n);
        assert_memory_equal(out, in, n);
        mem_free(out);
        // In place.
        assert_int_equal(base64_decode(b.p, buf_span(&b)), n);
        if (n > 0) {
            assert_memory_equal(b.p, in, n);
        }
        buf_free(&b);
        buf_free(&u);
        mem_free(in);
    }
}

static void test_strictness(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "A",       "AA",     "AAA",  "AAAAA",    "AA=",         "A===",
        "====",    "=AAA",   "AA=A", "AA==AAAA", "AAA=AAAA",    "AAAA====",
        "AAAA=",   "AAAA==", "AB==", "AAB=",     "AAA AAAA",    "AAA\n",
        "AAAA\n",  " AAAA",  "AA-_", "AAAAAA*A", "AAAAAAA\x80", "\xff\xff\xff\xff",
        "AAA,AAAA"};
    char *out;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (decode_exact(span_str(bad[i]), base64_decode, &out) != -1) {
            fail_msg("taken: %s", bad[i]);
        }
        mem_free(out);
    }
    assert_int_equal(decode_exact(SPAN("AA\0="), base64_decode, &out), -1);
    mem_free(out);
}

// Each byte value at each place of the eight that are decoded in one step.
static void test_every_wrong_character(void **state)
{
    (void)state;
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int c = 0; c < 256; c++) {
        bool good = c != 0 && strchr(alphabet, c) != NULL;
        for (size_t place = 0; place < 12; place++) {
            char text[] = "AAAAAAAAAAAA", out[16];
            text[place] = (char)c;
            bool padded = c == '=' && place == 11;
            assert_int_equal(base64_decode(out, span_of(text, 12)) == -1, !good && !padded);
        }
    }
}

static void test_hex(void **state)
{
    (void)state;
    struct buf b = {0};
    char out[8];
    hex_encode(&b, SPAN("\x00\x1f\xab\xff"));
    assert_span_is(buf_span(&b), "001fabff");
    assert_int_equal(hex_decode(out, buf_span(&b)), 4);
    assert_memory_equal(out, "\x00\x1f\xab\xff", 4);
    assert_int_equal(hex_decode(out, SPAN("AFaf09")), 3);
    assert_memory_equal(out, "\xaf\xaf\x09", 3);
    static const char outside[] = "/:@G`g";
    for (size_t i = 0; outside[i]; i++) {
        assert_int_equal(hex_decode(out, span_of((char[]){'0', outside[i]}, 2)), -1);
    }
    assert_int_equal(hex_decode(out, SPAN("")), 0);
    assert_int_equal(hex_decode(out, SPAN("abc")), -1);
    assert_int_equal(hex_decode(out, SPAN("0g")), -1);
    assert_int_equal(hex_decode(out, SPAN("g0")), -1);
    assert_int_equal(hex_decode(out, SPAN("0:")), -1);
    assert_int_equal(hex_decode(out, SPAN("0\0")), -1);
    hex_encode(&b, SPAN_NONE);
    assert_int_equal(b.n, 8);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_cases),
        cmocka_unit_test(test_url_form),
        cmocka_unit_test(test_random_round_trip),
        cmocka_unit_test(test_strictness),
        cmocka_unit_test(test_every_wrong_character),
        cmocka_unit_test(test_hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
