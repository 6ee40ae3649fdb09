// SPDX-License-Identifier: Apache-2.0
// Part of duk_ext.c: reads dates in Duktape's place.

#include "convert/js_date.h"

// Pushes the time value, NaN for what is no date. True: it has been read.
static int duk_x_parse_date(duk_hthread *thr, const char *text)
{
    struct js_date d;
    duk_double_t parts[DUK_DATE_IDX_NUM_PARTS] = {0};
    if (!js_date_parse(span_str(text), &d)) {
        duk_push_nan(thr);
        return 1;
    }
    parts[DUK_DATE_IDX_YEAR] = d.year;
    parts[DUK_DATE_IDX_MONTH] = d.month - 1;
    parts[DUK_DATE_IDX_DAY] = d.day - 1;
    parts[DUK_DATE_IDX_HOUR] = d.hour;
    parts[DUK_DATE_IDX_MINUTE] = d.minute - d.offset_minutes;
    parts[DUK_DATE_IDX_SECOND] = d.second;
    parts[DUK_DATE_IDX_MILLISECOND] = d.ms;
    duk_push_number(
        thr, duk_bi_date_get_timeval_from_dparts(parts, d.has_zone ? 0 : DUK_DATE_FLAG_LOCALTIME));
    return 1;
}
