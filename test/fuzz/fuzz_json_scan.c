// SPDX-License-Identifier: Apache-2.0

// The scanner against itself: reading, skipping and taking raw text agree on what is JSON, and what
// is read can be written and read again.

#include "base/err.h"
#include "codec/json_out.h"
#include "codec/json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_skipped(struct span text)
{
    struct json_scan s;
    json_scan_init(&s, text, NULL);
    return json_scan_skip(&s) == 0 && json_scan_next(&s) == JSON_T_END;
}

static bool is_taken_raw(struct span text)
{
    struct json_scan s;
    struct span raw;
    json_scan_init(&s, text, NULL);
    enum json_token t = json_scan_next(&s);
    if (t != JSON_T_ARRAY && t != JSON_T_OBJECT) {
        return t != JSON_T_ERROR && json_scan_next(&s) == JSON_T_END;
    }
    return json_scan_raw(&s, &raw) == 0 && json_scan_next(&s) == JSON_T_END;
}

static bool read_through(struct span text)
{
    struct arena a = {0};
    struct json_scan s;
    enum json_token t;
    json_scan_init(&s, text, &a);
    while ((t = json_scan_next(&s)) > JSON_T_END) {
        require(s.depth <= JSON_SCAN_DEPTH);
        if (t == JSON_T_STRING || t == JSON_T_KEY) {
            require(span_is_utf8(s.text));
            struct buf b = {0};
            json_quote(&b, s.text);
            struct json_scan again;
            json_scan_init(&again, buf_span(&b), &a);
            struct span was = s.text;
            require(json_scan_next(&again) == JSON_T_STRING && span_eq(again.text, was));
            buf_free(&b);
        }
    }
    struct err e = {0};
    require(t == JSON_T_END || json_scan_error(&s, &e) == ERR_INVALID);
    arena_free(&a);
    return t == JSON_T_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of((const char *)data, size);
    bool good = read_through(text);
    require(is_skipped(text) == good);
    require(is_taken_raw(text) == good);
    return 0;
}
