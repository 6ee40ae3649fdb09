// SPDX-License-Identifier: Apache-2.0
// Part of duk_ext.c: reads and writes dates in Duktape's place.

#include "convert/js_date.h"

// Pushes the time value, NaN for what is no date. True: it has been read.
static int duk_x_parse_date(duk_hthread *thr, const char *text)
{
    struct js_date d;
    duk_double_t parts[DUK_DATE_IDX_NUM_PARTS] = {0};
    struct span in = span_str(text);
    DUK_X_CHARGE(thr->heap, in.n * 8);
    if (!js_date_parse(in, &d)) {
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

// ECMA-262 21.4.4.41; the texts for a locale are those of en-US.
static int duk_x_add_date(char *out, size_t size, const duk_int_t *p, unsigned int flags)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    long year = p[DUK_DATE_IDX_YEAR];
    int month = (int)p[DUK_DATE_IDX_MONTH], day = (int)p[DUK_DATE_IDX_DAY];
    const char *weekday = days[p[DUK_DATE_IDX_WEEKDAY] % 7], *name = months[(month - 1) % 12];
    const char *sign = year < 0 ? "-" : "";
    if (flags & DUK_DATE_FLAG_TOSTRING_LOCALE)
        return snprintf(out, size, "%d/%d/%ld", month, day, year);
    year = labs(year);
    if (flags & DUK_DATE_FLAG_LOCALTIME)
        return snprintf(out, size, "%s %s %02d %s%04ld", weekday, name, day, sign, year);
    return snprintf(out, size, "%s, %02d %s %s%04ld", weekday, day, name, sign, year);
}

static int duk_x_add_time(char *out, size_t size, const duk_int_t *p, duk_int_t offset,
                          unsigned int flags)
{
    int hour = (int)p[DUK_DATE_IDX_HOUR], minute = (int)p[DUK_DATE_IDX_MINUTE];
    int second = (int)p[DUK_DATE_IDX_SECOND], zone = (int)(labs((long)offset) / 60);
    if (flags & DUK_DATE_FLAG_TOSTRING_LOCALE)
        return snprintf(out, size, "%d:%02d:%02d %s", (hour + 11) % 12 + 1, minute, second,
                        hour < 12 ? "AM" : "PM");
    int n = snprintf(out, size, "%02d:%02d:%02d GMT", hour, minute, second);
    if (!(flags & DUK_DATE_FLAG_LOCALTIME))
        return n;
    return n + snprintf(out + n, size - (size_t)n, "%c%02d%02d%s", offset < 0 ? '-' : '+',
                        zone / 60, zone % 60, zone ? "" : " (Coordinated Universal Time)");
}

// Pushes the text. False: it is toISOString's, which Duktape writes itself.
static int duk_x_format_date(duk_hthread *thr, const duk_int_t *parts, duk_int_t offset,
                             unsigned int flags)
{
    char text[128];
    int n = 0;
    if (flags & DUK_DATE_FLAG_SEP_T)
        return 0;
    if (flags & DUK_DATE_FLAG_TOSTRING_DATE)
        n = duk_x_add_date(text, sizeof(text), parts, flags);
    if (n > 0 && (flags & DUK_DATE_FLAG_TOSTRING_TIME))
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%s",
                      flags & DUK_DATE_FLAG_TOSTRING_LOCALE ? ", " : " ");
    if (flags & DUK_DATE_FLAG_TOSTRING_TIME)
        (void)duk_x_add_time(text + n, sizeof(text) - (size_t)n, parts, offset, flags);
    duk_push_string(thr, text);
    return 1;
}
