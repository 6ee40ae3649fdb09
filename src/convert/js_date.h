// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CONVERT_JS_DATE_H
#define PENSTOCK_CONVERT_JS_DATE_H

// Texts of dates as V8 reads them, so that converters get Node's times: ISO 8601
// (ECMA-262 21.4.1.32), else the forms people and programs write ("Fri, 17 May 2024 10:20:30 GMT",
// "5/17/2024 3:04 PM", "Nov 10 2024", "2024-05-17 10:20:30 +0200"). Pure.

#include "base/span.h"

struct js_date {
    int year, month, day; // month and day from 1
    int hour, minute, second, ms;
    bool has_zone;      // false: local time
    int offset_minutes; // east of UTC
};

bool js_date_parse(struct span s, struct js_date *out);

#endif
