// SPDX-License-Identifier: Apache-2.0
#include "codec/aead.h"

#include "codec/base64.h"
#include "lib/test.h"

static struct span bytes(const void *p, size_t n)
{
    return span_of(p, n);
}

static void unhex(void *out, const char *text)
{
    assert_true(hex_decode(out, span_str(text)) >= 0);
}

// Test case 16 of "The Galois/Counter Mode of Operation (GCM)" (McGrew, Viega).
static void test_known_answer(void **state)
{
    (void)state;
    uint8_t key[AEAD_KEY_LEN], nonce[AEAD_NONCE_LEN], bound[20], clear[60], want[76], out[76];
    unhex(key, "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    unhex(nonce, "cafebabefacedbaddecaf888");
    unhex(bound, "feedfacedeadbeeffeedfacedeadbeefabaddad2");
    unhex(clear, "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                 "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
    unhex(want, "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                "76fc6ece0f4e1768cddf8853bb2d551b");
    aead_seal(key, nonce, bytes(bound, sizeof bound), bytes(clear, sizeof clear), out);
    assert_memory_equal(out, want, sizeof want);
    memset(clear, 0, sizeof clear);
    uint8_t back[60];
    assert_true(aead_open(key, nonce, bytes(bound, sizeof bound), bytes(out, sizeof out), back));
    aead_seal(key, nonce, bytes(bound, sizeof bound), bytes(back, sizeof back), out);
    assert_memory_equal(out, want, sizeof want);
}

static void test_any_change_is_seen(void **state)
{
    (void)state;
    uint8_t key[AEAD_KEY_LEN] = {1}, nonce[AEAD_NONCE_LEN] = {2}, out[5 + AEAD_TAG_LEN], back[5];
    aead_seal(key, nonce, SPAN("id"), SPAN("hello"), out);
    assert_true(aead_open(key, nonce, SPAN("id"), bytes(out, sizeof out), back));
    assert_memory_equal(back, "hello", 5);
    for (size_t i = 0; i < sizeof out; i++) {
        out[i] ^= 1;
        memset(back, 'x', sizeof back);
        assert_false(aead_open(key, nonce, SPAN("id"), bytes(out, sizeof out), back));
        assert_memory_equal(back, "\0\0\0\0\0", 5);
        out[i] ^= 1;
    }
    assert_false(aead_open(key, nonce, SPAN("ie"), bytes(out, sizeof out), back));
    assert_false(aead_open(key, nonce, SPAN_NONE, bytes(out, sizeof out), back));
    assert_false(aead_open(key, nonce, SPAN("id"), bytes(out, sizeof out - 1), back));
    assert_false(aead_open(key, nonce, SPAN("id"), bytes(out, AEAD_TAG_LEN - 1), back));
    key[31] ^= 1;
    assert_false(aead_open(key, nonce, SPAN("id"), bytes(out, sizeof out), back));
}

static void test_empty(void **state)
{
    (void)state;
    uint8_t key[AEAD_KEY_LEN] = {0}, nonce[AEAD_NONCE_LEN] = {0}, out[AEAD_TAG_LEN], back[1];
    aead_seal(key, nonce, SPAN_NONE, SPAN_NONE, out);
    assert_true(aead_open(key, nonce, SPAN_NONE, bytes(out, sizeof out), back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answer),
        cmocka_unit_test(test_any_change_is_seen),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
