// SPDX-License-Identifier: Apache-2.0

// Base64, hexadecimal, URLs, percent-coding, numbers and their types: what decodes encodes back,
// and spans stay inside their input.

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/uuid.h"
#include "base/value.h"
#include "codec/base64.h"
#include "codec/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_base64(struct span in)
{
    struct buf b = {0};
    char *out = mem_alloc(BASE64_DECODED_MAX(in.n));
    ptrdiff_t n = base64_decode(out, in);
    if (n >= 0) {
        base64_encode(&b, span_of(out, (size_t)n));
        require(span_eq(buf_span(&b), in));
    }
    n = base64url_decode(out, in);
    if (n >= 0) {
        buf_clear(&b);
        base64url_encode(&b, span_of(out, (size_t)n));
        require(span_eq(buf_span(&b), in));
    }
    n = hex_decode(out, in);
    if (n >= 0) {
        buf_clear(&b);
        hex_encode(&b, span_of(out, (size_t)n));
        require(span_ieq(buf_span(&b), in));
    }
    buf_clear(&b);
    base64_encode(&b, in);
    require(base64_decode(b.p, buf_span(&b)) == (ptrdiff_t)in.n);
    require(in.n == 0 || memcmp(b.p, in.p, in.n) == 0);
    buf_free(&b);
    mem_free(out);
}

static bool is_inside(struct span part, struct span whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void check_url(struct span in)
{
    struct arena a = {0};
    struct buf b = {0};
    struct err e = {0};
    struct url u;
    struct span out, host;
    uint16_t port;
    if (url_parse(in, &u, &e) == 0) {
        require(is_inside(u.host, in) && is_inside(u.path, in) && is_inside(u.query, in));
        require(u.host.n > 0 && u.port > 0 && (u.path.n == 0 || u.path.p[0] == '/'));
        url_query_get(u.query, "a", &a, &out);
    } else {
        require(e.msg[0]);
    }
    if (url_parse_hostport(in, &host, &port, &e) == 0) {
        require(is_inside(host, in) && host.n > 0);
    }
    url_query_get(in, "a", &a, &out);
    url_decode(in, true, &a, &out);
    if (span_find(in, '\0') == in.n) {
        url_encode(&b, in, false);
        require(url_decode(buf_span(&b), true, &a, &out) == 0 && span_eq(out, in));
    }
    buf_free(&b);
    arena_free(&a);
}

static void check_number(struct span in)
{
    char text[NUM_TEXT_MAX];
    double v, back;
    struct uuid id;
    if (num_parse_double(in, &v)) {
        value_number_text(in);
        if (isfinite(v)) {
            size_t n = num_format_double(v, text);
            require(num_parse_double(span_of(text, n), &back) && back == v);
        }
    }
    struct value cast = value_cast_string(in);
    require(cast.type != VALUE_DOUBLE || isfinite(cast.d));
    uuid_parse(in, &id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = span_of((const char *)data, size);
    check_base64(in);
    check_url(in);
    check_number(in);
    return 0;
}
