// SPDX-License-Identifier: Apache-2.0
#include "aws/clock_skew.h"

#include <time.h>

static bool digits(struct span s, size_t at, size_t n, int *out)
{
    uint64_t v;
    if (!span_to_u64(span_of(s.p + at, n), &v)) {
        return false;
    }
    *out = (int)v;
    return true;
}

bool aws_http_date_parse(struct span s, int64_t *out_ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm t = {0};
    if (s.n != 29 || s.p[3] != ',' || memcmp(s.p + 25, " GMT", 4) != 0) {
        return false;
    }
    while (t.tm_mon < 12 && memcmp(s.p + 8, months + 3 * t.tm_mon, 3) != 0) {
        t.tm_mon++;
    }
    bool ok = t.tm_mon < 12 && digits(s, 5, 2, &t.tm_mday) && digits(s, 12, 4, &t.tm_year) &&
              digits(s, 17, 2, &t.tm_hour) && digits(s, 20, 2, &t.tm_min) &&
              digits(s, 23, 2, &t.tm_sec);
    if (!ok || t.tm_mday < 1 || t.tm_mday > 31 || t.tm_hour > 23 || t.tm_min > 59 ||
        t.tm_sec > 60) {
        return false;
    }
    t.tm_year -= 1900;
    *out_ms = (int64_t)timegm(&t) * 1000;
    return true;
}

bool aws_clock_skew(struct span date, int64_t signed_ms, int64_t local_ms, int64_t *skew_ms)
{
    int64_t server_ms;
    if (!aws_http_date_parse(date, &server_ms)) {
        return false;
    }
    int64_t gap = server_ms - signed_ms;
    if (gap < AWS_CLOCK_SKEW_MIN_MS && gap > -AWS_CLOCK_SKEW_MIN_MS) {
        return false;
    }
    *skew_ms = server_ms - local_ms;
    return true;
}
