// SPDX-License-Identifier: Apache-2.0
#include "convert/js_date.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/test.h"

// V8's readings.
static const struct {
    const char *text, *want; // "" = no date; without a zone at the end: local time
} cases[] = {
    {"2024", "2024-1-1 0:0:0.0 +0"},
    {"2024-05", "2024-5-1 0:0:0.0 +0"},
    {"2024-05-17", "2024-5-17 0:0:0.0 +0"},
    {"-000001-01-01", "-1-1-1 0:0:0.0 +0"},
    {"+002024-05-17", "2024-5-17 0:0:0.0 +0"},
    {"2024-05-17T10:20", "2024-5-17 10:20:0.0"},
    {"2024-05-17t10:20:30.5z", "2024-5-17 10:20:30.500 +0"},
    {"2024-05-17T10:20:30.123456+02:00", "2024-5-17 10:20:30.123 +120"},
    {"2024-05-17T10:20:30-0330", "2024-5-17 10:20:30.0 -210"},
    {"2024-05-17T24:00:00Z", "2024-5-17 24:0:0.0 +0"},
    {"2024-05-17T24:00:01Z", ""},
    {"2024-05-17T10", ""},
    {"2024-05-17T10:60", ""},
    {"2024-05-17T10:20:30+02", ""},
    {"2024-05-17T10:20:30Z ", ""},
    {"2024-13-01", ""},
    {"2024-05-17 10:20:30", "2024-5-17 10:20:30.0"},
    {"2024-05-17 10:20:30 +0200", "2024-5-17 10:20:30.0 +120"},
    {"Fri, 17 May 2024 10:20:30 GMT", "2024-5-17 10:20:30.0 +0"},
    {"Tue May 07 2024 10:20:30 GMT+0200 (CEST)", "2024-5-7 10:20:30.0 +120"},
    {"Nov 10 2024", "2024-11-10 0:0:0.0"},
    {"10 november 2024 10:00", "2024-11-10 10:0:0.0"},
    {"Nov 10", "2001-11-10 0:0:0.0"},
    {"5/7/2024 1:02:03", "2024-5-7 1:2:3.0"},
    {"2024/5/7", "2024-5-7 0:0:0.0"},
    {"5/7/49", "2049-5-7 0:0:0.0"},
    {"5/7/50", "1950-5-7 0:0:0.0"},
    {"May 17, 2024 3:04 PM", "2024-5-17 15:4:0.0"},
    {"May 17, 2024 12:00 am", "2024-5-17 0:0:0.0"},
    {"May 17, 2024 13:00 PM", ""},
    {"17 May 2024 10:20 EST", "2024-5-17 10:20:0.0 -300"},
    {"17 May 2024 10:20:30.75 UTC+1:30", "2024-5-17 10:20:30.750 +90"},
    {"17 May 2024 10:20 +596523:14", "2024-5-17 10:20:0.0 +35791394"},
    {"17 May 2024 10:20 +596523:15", ""},
    {"17 May 2024 10:20 -999999999:00", ""},
    {"17 May 2024 1:2:3:4", "2024-5-17 1:2:3.4"},
    {"17 May 2024 1:2:3:4.500", "2024-5-17 1:2:3.4"},
    {"17 May 2024 1:2:3:4.2 AM", "2024-5-17 1:2:3.4"},
    {"17 May 2024 nonsense", ""},
    {"nonsense 17 May 2024", "2024-5-17 0:0:0.0"},
    {"1 2 3 4", ""},
    {"32 May", "2032-5-1 0:0:0.0"},
    {"13/1/2024", ""},
    {"", ""},
    {"x", ""},
    {")1 May 2024", "2024-5-1 0:0:0.0"},
    {"1 May 2024)", ""},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct js_date d;
        char got[80] = "", zone[20] = "";
        if (js_date_parse(span_str(cases[i].text), &d)) {
            if (d.has_zone)
                snprintf(zone, sizeof zone, " %+d", d.offset_minutes);
            snprintf(got, sizeof got, "%d-%d-%d %d:%d:%d.%d%s", d.year, d.month, d.day, d.hour,
                     d.minute, d.second, d.ms, zone);
        }
        if (strcmp(got, cases[i].want) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", cases[i].text, got, cases[i].want);
    }
}

// Nothing is read beyond the end, whatever the text.
static void test_every_beginning(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct js_date got;
        size_t n = strlen(cases[i].text);
        for (size_t k = 0; k <= n; k++) {
            char *copy = malloc(k + 1);
            memcpy(copy, cases[i].text, k);
            (void)js_date_parse(span_of(copy, k), &got);
            free(copy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_every_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
