// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"

#include "convert/js_normal.h"

#define ROOM 4096

enum form { NFC, NFD, NFKC, NFKD };

static size_t normalize(const char *text, enum form form, int32_t *units)
{
    static int32_t room[ROOM];
    size_t n = js_normal_decompose(span_str(text), form >= NFKC, units);
    assert_true(n <= ROOM);
    assert_int_equal(js_normal_decompose(span_str(text), form >= NFKC, NULL), n);
    js_normal_order(units, n, room);
    return form % 2 == 0 ? js_normal_compose(units, n) : n;
}

#define CHECK(text, form, ...)                                                                     \
    do {                                                                                           \
        static const int32_t want_[] = {__VA_ARGS__};                                              \
        int32_t units_[ROOM];                                                                      \
        assert_int_equal(normalize(text, form, units_), sizeof want_ / sizeof want_[0]);           \
        assert_memory_equal(units_, want_, sizeof want_);                                          \
    } while (0)

static void test_latin(void **state)
{
    (void)state;
    CHECK("a\xc3\xa9", NFC, 'a', 0xe9);
    CHECK("a\xc3\xa9", NFD, 'a', 'e', 0x301);
    CHECK("e\xcc\x81", NFC, 0xe9);
    CHECK("\xe1\xba\xa5", NFD, 'a', 0x302, 0x301); // two steps
    CHECK("a\xcc\x82\xcc\x81", NFC, 0x1ea5);
    CHECK("\xe2\x84\xab", NFC, 0xc5);         // the sign of Angstrom is the letter
    CHECK("\xe0\xa5\x98", NFC, 0x915, 0x93c); // never composed
    CHECK("\xcc\x81", NFC, 0x301);
    CHECK("\xed\xa0\xbd\xed\xb8\x80", NFKD, 0x1f600);
    CHECK("\xed\xa0\xb4\xed\xb5\x9e", NFC, 0x1d157, 0x1d165); // never composed
    CHECK("\xed\xa0\xbd"
          "e\xcc\x81\xed\xb8\x80",
          NFC, 0xd83d, 0xe9, 0xde00);
}

static void test_order(void **state)
{
    (void)state;
    CHECK("q\xcc\x87\xcc\xa3", NFD, 'q', 0x323, 0x307);
    CHECK("q\xcc\x87\xcc\xa3", NFC, 'q', 0x323, 0x307);
    CHECK("s\xcc\x87\xcc\xa3", NFC, 0x1e69);
    // A mark of the same class stands between.
    CHECK("a\xcc\x8a\xcc\x80\xcc\xa3", NFC, 0x1ea1, 0x30a, 0x300);
    CHECK("a\xcc\x80"
          "b\xcc\xa3",
          NFC, 0xe0, 0x1e05);
}

// So many marks that they are counted first; the order of equals stays.
static void test_long_run(void **state)
{
    (void)state;
    char text[1 + 4 * 500 + 1] = "a";
    for (int i = 0; i < 500; i++)
        memcpy(text + 1 + 4 * i, i % 2 ? "\xcc\x81\xcc\xa3" : "\xcc\x80\xcc\xa4", 5);
    int32_t units[ROOM];
    assert_int_equal(normalize(text, NFD, units), 1001);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(units[1 + i], i % 2 ? 0x323 : 0x324);
        assert_int_equal(units[501 + i], i % 2 ? 0x301 : 0x300);
    }
}

static void test_hangul(void **state)
{
    (void)state;
    CHECK("\xea\xb0\x81", NFD, 0x1100, 0x1161, 0x11a8);
    CHECK("\xea\xb0\x80", NFD, 0x1100, 0x1161);
    CHECK("\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", NFC, 0xac01);
    CHECK("\xed\x9e\xa3", NFC, 0xd7a3);
    CHECK("\xed\x9e\xa3", NFD, 0x1112, 0x1175, 0x11c2);
    CHECK("\xea\xb0\x80\xe1\x86\xa7", NFC, 0xac00, 0x11a7); // not a final
}

static void test_compatible(void **state)
{
    (void)state;
    CHECK("\xef\xac\x81\xc2\xb2", NFKC, 'f', 'i', '2');
    CHECK("\xef\xac\x81\xc2\xb2", NFC, 0xfb01, 0xb2);
    CHECK("\xef\xbc\xa1\xc2\xbd", NFKD, 'A', '1', 0x2044, '2');
    CHECK("\xe1\xba\x9b", NFKC, 0x1e61);
    CHECK("\xe1\xba\x9b", NFKD, 's', 0x307);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_latin),      cmocka_unit_test(test_order),
        cmocka_unit_test(test_long_run),   cmocka_unit_test(test_hangul),
        cmocka_unit_test(test_compatible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
