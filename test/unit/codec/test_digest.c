// SPDX-License-Identifier: Apache-2.0
#include "codec/digest.h"

#include "base/buf.h"
#include "base/mem.h"
#include "codec/base64.h"
#include "lib/test.h"
#include "lib/test_split.h"

static void assert_hex(const uint8_t *got, size_t n, const char *want)
{
    char text[2 * SHA512_LEN + 1] = {0};
    hex_write(text, got, n);
    assert_string_equal(text, want);
}

// FIPS 180-4 examples.
static void test_sha256(void **state)
{
    (void)state;
    uint8_t out[SHA256_LEN];
    sha256(SPAN_NONE, out);
    assert_hex(out, sizeof out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256(SPAN("abc"), out);
    assert_hex(out, sizeof out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256(SPAN("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), out);
    assert_hex(out, sizeof out, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static bool add(void *ctx, struct span piece)
{
    sha256_add(ctx, piece);
    return true;
}

static void test_sha256_in_pieces(void **state)
{
    (void)state;
    char text[300];
    uint8_t whole[SHA256_LEN], pieces[SHA256_LEN];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)i;
    }
    sha256(span_of(text, sizeof text), whole);
    for (int way = 0; way < TEST_SPLITS; way++) {
        struct sha256 h;
        sha256_begin(&h);
        sha256_add(&h, SPAN_NONE);
        assert_true(test_split(span_of(text, sizeof text), way, add, &h));
        sha256_end(&h, pieces);
        assert_memory_equal(pieces, whole, sizeof whole);
    }
}

// RFC 4231 cases 1, 2, 3, 6 and 7.
static void test_hmac(void **state)
{
    (void)state;
    char key20[20], key131[131], data50[50];
    memset(key20, 0x0b, sizeof key20);
    memset(key131, 0xaa, sizeof key131);
    memset(data50, 0xdd, sizeof data50);
    const struct {
        struct span key, data;
        const char *sha256, *sha512;
    } cases[] = {
        {span_of(key20, 20), SPAN("Hi There"),
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
         "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
         "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"},
        {SPAN("Jefe"), SPAN("what do ya want for nothing?"),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
         "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
         "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
        {span_of(key131, 20), span_of(data50, 50),
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
         "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
         "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb"},
        {span_of(key131, 131), SPAN("Test Using Larger Than Block-Size Key - Hash Key First"),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
         "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
         "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"},
        {span_of(key131, 131),
         SPAN(
             "This is a test using a larger than block-size key and a larger than block-size data. "
             "The key needs to be hashed before being used by the HMAC algorithm."),
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
         "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944"
         "b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t out256[SHA256_LEN], out512[SHA512_LEN];
        hmac_sha256(cases[i].key, cases[i].data, out256);
        assert_hex(out256, sizeof out256, cases[i].sha256);
        hmac_sha512(cases[i].key, cases[i].data, out512);
        assert_hex(out512, sizeof out512, cases[i].sha512);
    }
}

static void test_hmac_key_of_one_block(void **state)
{
    (void)state;
    char key[65];
    uint8_t at_block[SHA256_LEN], zero_padded[SHA256_LEN], over[SHA256_LEN], hashed[SHA256_LEN];
    memset(key, 0, sizeof key);
    memset(key, 'k', 63);
    hmac_sha256(span_of(key, 63), SPAN("x"), zero_padded);
    hmac_sha256(span_of(key, 64), SPAN("x"), at_block);
    assert_memory_equal(at_block, zero_padded, sizeof at_block);
    hmac_sha256(span_of(key, 65), SPAN("x"), over);
    sha256(span_of(key, 65), hashed);
    hmac_sha256(span_of((char *)hashed, sizeof hashed), SPAN("x"), at_block);
    assert_memory_equal(over, at_block, sizeof over);
}

// RFC 7914 section 11.
static void test_pbkdf2(void **state)
{
    (void)state;
    uint8_t out[64];
    pbkdf2_sha256(SPAN("passwd"), SPAN("salt"), 1, out, sizeof out);
    assert_hex(out, sizeof out,
               "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
               "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
    pbkdf2_sha256(SPAN("Password"), SPAN("NaCl"), 80000, out, sizeof out);
    assert_hex(out, sizeof out,
               "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
               "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d");
    uint8_t cut[33];
    pbkdf2_sha256(SPAN("Password"), SPAN("NaCl"), 80000, cut, sizeof cut);
    assert_memory_equal(cut, out, sizeof cut);
}

// RFC 1321 appendix A.5.
static void test_md5(void **state)
{
    (void)state;
    uint8_t out[MD5_LEN];
    md5(SPAN_NONE, out);
    assert_hex(out, sizeof out, "d41d8cd98f00b204e9800998ecf8427e");
    md5(SPAN("message digest"), out);
    assert_hex(out, sizeof out, "f96b697d7cb7938d525a2f31aaf161d0");
}

static uint32_t crc_by_bits(struct span in)
{
    uint32_t c = ~0u;
    for (size_t i = 0; i < in.n; i++) {
        c ^= (unsigned char)in.p[i];
        for (int bit = 0; bit < 8; bit++) {
            c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
        }
    }
    return ~c;
}

static bool add_crc(void *ctx, struct span piece)
{
    uint32_t *c = ctx;
    *c = crc32_ieee(*c, piece);
    return true;
}

static void test_crc32(void **state)
{
    (void)state;
    char text[100];
    assert_int_equal(crc32_ieee(0, SPAN("123456789")), 0xcbf43926);
    assert_int_equal(crc32_ieee(0, SPAN_NONE), 0);
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)(i * 37);
        uint32_t want = crc_by_bits(span_of(text, i));
        for (int way = 0; way < TEST_SPLITS; way++) {
            uint32_t c = 0;
            test_split(span_of(text, i), way, add_crc, &c);
            assert_int_equal(c, want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256), cmocka_unit_test(test_sha256_in_pieces),
        cmocka_unit_test(test_hmac),   cmocka_unit_test(test_hmac_key_of_one_block),
        cmocka_unit_test(test_pbkdf2), cmocka_unit_test(test_md5),
        cmocka_unit_test(test_crc32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
