// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"

#include "base/iso_time.h"

static const struct {
    const char *text;
    int64_t ms;
} good[] = {
    {"1970-01-01", 0},
    {"1970-01-01T00:00:00.001Z", 1},
    {"2024-11-18T15:00:00Z", 1731942000000},
    {"2024-11-18T15:00:00.250Z", 1731942000250},
    {"2024-11-18T15:00:00.2509999Z", 1731942000250},
    {"2024-11-18T15:00:00,5", 1731942000500},
    {"2024-11-18 15:00:00", 1731942000000},
    {"2024-11-18t15:00z", 1731942000000},
    {"2024-11-18T17:00:00+02:00", 1731942000000},
    {"2024-11-18T17:00:00+0200", 1731942000000},
    {"2024-11-18T10:00:00-05", 1731942000000},
    {"2024-11-18T20:30:00+05:30", 1731942000000},
    {"2000-02-29", 951782400000},
    {"2024-02-29T12:00Z", 1709208000000},
    {"2100-03-01", 4107542400000},
    {"9999-12-31T23:59:59.999Z", 253402300799999},
};

static const char *const bad[] = {
    "",
    "x",
    "2024",
    "2024-11",
    "2024-13-01",
    "2024-00-01",
    "2024-01-32",
    "2023-02-29",
    "2100-02-29",
    "1969-12-31",
    "2024-1-1",
    "2024-01-01T",
    "2024-01-01T24:00Z",
    "2024-01-01T10:60Z",
    "2024-01-01T10:00:60Z",
    "2024-01-01T10:00:00.Z",
    "2024-01-01T10:00:00Zx",
    "2024-01-01T10:00:00+2",
    "2024-01-01T10:00:00+24:00",
    "2024-01-01T10:00:00+02:0",
    "2024-01-01T10:00:00+02:60",
    "1970-01-01T00:00:00+01:00",
    "20240101",
    "2024-01-01T10",
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t ms = -1;
        if (!iso_time_parse(span_str(good[i].text), &ms) || ms != good[i].ms)
            fail_msg("%s gives %lld", good[i].text, (long long)ms);
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms;
        if (iso_time_parse(span_str(bad[i]), &ms))
            fail_msg("%s was taken", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
