// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "aws/aws_error.h"
#include "aws/aws_request.h"
#include "aws/clock_skew.h"
#include "aws/xml_text.h"
#include "aws_vectors.h"
#include "base/iso_time.h"
#include "codec/cbor.h"
#include "codec/json_out.h"
#include "codec/url.h"

// The protocol suites as tables: what our codecs write and read, driven by the suites' own shapes.
// Operations of services are written by hand in src/aws/; here a shape walks in their place, so
// that every value form of the protocols goes through the writers, readers and the error parser.

struct suite {
    const struct json *shapes;
    const struct json *metadata;
};

static const struct json *shape_of(const struct suite *s, const struct json *ref)
{
    const struct json *shape = NULL;
    struct span name = vectors_str(ref, "shape");
    for (struct json *it = json_child(s->shapes); it && !shape; it = json_next(it)) {
        if (span_eq(json_key(it), name))
            shape = it;
    }
    return shape;
}

static bool is_type(const struct json *shape, const char *type)
{
    return span_is(vectors_str(shape, "type"), type);
}

static bool is_number_type(const struct json *shape)
{
    return is_type(shape, "float") || is_type(shape, "double");
}

static struct span wire_name(const struct json *member)
{
    return json_get_str(member, "locationName", json_key(member));
}

static struct json *get(const struct json *j, struct span key)
{
    for (struct json *it = json_child(j); it; it = json_next(it)) {
        if (span_eq(json_key(it), key))
            return it;
    }
    return NULL;
}

static void set(struct json *obj, struct span key, struct json *v)
{
    char name[200];
    assert_true(key.n < sizeof name);
    memcpy(name, key.p, key.n);
    name[key.n] = '\0';
    json_set(obj, name, v);
}

// "NaN", "Infinity", "-Infinity" stand for what JSON has no number for.
static double number_of(const struct json *v)
{
    struct span s = json_str(v, SPAN_NONE);
    return span_is(s, "NaN")         ? NAN
           : span_is(s, "Infinity")  ? INFINITY
           : span_is(s, "-Infinity") ? -INFINITY
                                     : json_num(v, 0);
}

static struct json *new_number(double d)
{
    if (isnan(d))
        return json_new_str(SPAN("NaN"));
    if (isinf(d))
        return json_new_str(d > 0 ? SPAN("Infinity") : SPAN("-Infinity"));
    return json_new_num(d);
}

static bool same(const struct json *a, const struct json *b)
{
    if (!a || !b || json_kind(a) != json_kind(b) || json_count(a) != json_count(b))
        return false;
    const struct json *x = json_child(a), *y = json_child(b);
    switch (json_kind(a)) {
    case JSON_NUMBER:
        return fabs(json_num(a, 0) - json_num(b, 0)) < 1e-4;
    case JSON_STRING:
        return span_eq(json_str(a, SPAN_NONE), json_str(b, SPAN_NONE));
    case JSON_BOOL:
        return json_bool(a, false) == json_bool(b, false);
    case JSON_ARRAY:
        for (; x; x = json_next(x), y = json_next(y)) {
            if (!same(x, y))
                return false;
        }
        return true;
    case JSON_OBJECT:
        for (; x; x = json_next(x)) {
            if (!same(x, get(b, json_key(x))))
                return false;
        }
        return true;
    default:
        return true;
    }
}

static void check_same(struct span id, const struct json *got, const struct json *want)
{
    if (same(got, want))
        return;
    struct buf a = {0}, b = {0};
    json_write(got, &a);
    json_write(want, &b);
    fail_msg("%.*s: got %.*s want %.*s", SPAN_ARG(id), SPAN_ARG(buf_span(&a)),
             SPAN_ARG(buf_span(&b)));
}

// Reading -----------------------------------------------------------------------------------------

static struct json *cbor_tree(struct cbor_reader *r, const struct cbor_item *item);

static struct json *next_tree(struct cbor_reader *r)
{
    struct cbor_item item;
    if (!cbor_read(r, &item))
        fail_msg("CBOR: %s", r->error ? r->error : "ends early");
    return cbor_tree(r, &item);
}

static struct json *cbor_list(struct cbor_reader *r, uint64_t left)
{
    struct json *list = json_new_array();
    while (cbor_more(r, &left))
        json_add(list, next_tree(r));
    return list;
}

static struct json *cbor_object(struct cbor_reader *r, uint64_t left)
{
    struct json *obj = json_new_object();
    while (cbor_more(r, &left)) {
        struct cbor_item key;
        assert_true(cbor_read(r, &key));
        assert_int_equal(key.type, CBOR_TEXT);
        set(obj, key.s, next_tree(r));
    }
    return obj;
}

static struct json *cbor_tree(struct cbor_reader *r, const struct cbor_item *item)
{
    switch (item->type) {
    case CBOR_UINT:
        return json_new_num((double)item->u);
    case CBOR_NINT:
        return json_new_num(-1 - (double)item->u);
    case CBOR_BYTES:
    case CBOR_TEXT:
        return json_new_str(item->s);
    case CBOR_ARRAY:
        return cbor_list(r, item->count);
    case CBOR_MAP:
        return cbor_object(r, item->count);
    case CBOR_TAG:
        return next_tree(r);
    case CBOR_TRUE:
    case CBOR_FALSE:
        return json_new_bool(item->type == CBOR_TRUE);
    case CBOR_NULL:
        return json_new_null();
    case CBOR_FLOAT:
        return new_number(item->d);
    default:
        fail_msg("unexpected CBOR item %d", item->type);
        return NULL;
    }
}

static struct json *read_timestamp(const struct json *v)
{
    struct span text = json_str(v, SPAN_NONE);
    int64_t ms;
    if (json_is(v, JSON_NUMBER))
        return json_copy(v);
    if (!iso_time_parse(text, &ms) && !aws_http_date_parse(text, &ms))
        fail_msg("not a time: %.*s", SPAN_ARG(text));
    return json_new_num((double)ms / 1000);
}

static struct json *read_blob(const struct json *v)
{
    struct buf bytes = {0};
    struct span text = json_str(v, SPAN_NONE);
    ptrdiff_t n = base64_decode(buf_reserve(&bytes, text.n + 4), text);
    assert_true(n >= 0);
    struct json *out = json_new_str(span_of(bytes.p, (size_t)n));
    buf_free(&bytes);
    return out;
}

// What the wire says, as the suite writes results. `base64`: blobs are texts (JSON).
static struct json *result_of(const struct suite *s, const struct json *shape,
                              const struct json *wire, bool base64)
{
    struct json *out;
    if (json_is(wire, JSON_NULL) || !shape || json_get_bool(shape, "document", false))
        return json_copy(wire);
    if (is_type(shape, "structure")) {
        out = json_new_object();
        for (struct json *m = json_child(json_get(shape, "members")); m; m = json_next(m)) {
            struct json *v = get(wire, wire_name(m));
            if (v && !json_is(v, JSON_NULL))
                set(out, json_key(m), result_of(s, shape_of(s, m), v, base64));
        }
        return out;
    }
    if (is_type(shape, "list")) {
        out = json_new_array();
        for (struct json *v = json_child(wire); v; v = json_next(v))
            json_add(out, result_of(s, shape_of(s, json_get(shape, "member")), v, base64));
        return out;
    }
    if (is_type(shape, "map")) {
        out = json_new_object();
        for (struct json *v = json_child(wire); v; v = json_next(v)) {
            if (!json_is(v, JSON_NULL))
                set(out, json_key(v),
                    result_of(s, shape_of(s, json_get(shape, "value")), v, base64));
        }
        return out;
    }
    if (is_type(shape, "timestamp"))
        return read_timestamp(wire);
    return is_type(shape, "blob") && base64 ? read_blob(wire) : json_copy(wire);
}

static struct json *wire_tree(struct span body, bool cbor, struct arena *a)
{
    if (!cbor) {
        struct json *j = json_parse(body.n ? body : SPAN("{}"), NULL);
        return j ? j : json_new_object();
    }
    struct buf bytes = {0};
    ptrdiff_t n = base64_decode(buf_reserve(&bytes, body.n + 4), body);
    assert_true(n >= 0);
    struct cbor_reader r;
    cbor_reader_init(&r, arena_span(a, span_of(bytes.p, (size_t)n)), a);
    buf_free(&bytes);
    return n ? next_tree(&r) : json_new_object();
}

// Errors ------------------------------------------------------------------------------------------

static void check_error(const struct json *c, bool cbor)
{
    const struct json *response = json_get(c, "response");
    struct arena a = {0};
    struct http_header h[20];
    size_t n = 0;
    struct span body = vectors_str(response, "body");
    for (struct json *it = json_child(json_get(response, "headers")); it; it = json_next(it)) {
        assert_true(n < 20);
        h[n++] = (struct http_header){json_key(it), json_str(it, SPAN_NONE)};
    }
    if (cbor) {
        char *bytes = arena_alloc(&a, body.n + 4);
        body = span_of(bytes, (size_t)base64_decode(bytes, body));
    }
    struct aws_error e;
    aws_error_parse((int)json_get_int(response, "status_code", 0), (struct http_headers){h, n},
                    body, &a, &e);
    if (!span_eq(e.code, vectors_str(c, "errorCode")))
        fail_msg("%.*s: code %.*s", SPAN_ARG(vectors_str(c, "id")), SPAN_ARG(e.code));
    if (json_get(c, "errorMessage"))
        assert_span_equal(e.message, vectors_str(c, "errorMessage"));
    arena_free(&a);
}

// XML: the values of a result's own members, found by name.
static void check_xml(const struct suite *s, const struct json *shape, const struct json *c)
{
    struct span body = vectors_str(json_get(c, "response"), "body");
    for (struct json *m = json_child(json_get(shape, "members")); m; m = json_next(m)) {
        struct json *want = get(json_get(c, "result"), json_key(m));
        const struct json *type = shape_of(s, m);
        if (!want || !(is_type(type, "string") || is_type(type, "integer")))
            continue;
        struct arena a = {0};
        struct span found = SPAN_NONE;
        char name[200];
        snprintf(name, sizeof name, "%.*s", SPAN_ARG(wire_name(m)));
        // An empty element counts as absent.
        xml_text_find(body, name, &a, &found);
        struct span digits = json_is(want, JSON_NUMBER)
                                 ? arena_printf(&a, "%lld", (long long)json_int(want, 0))
                                 : json_str(want, SPAN_NONE);
        assert_span_equal(found, digits);
        arena_free(&a);
    }
}

enum form { FORM_JSON, FORM_CBOR, FORM_QUERY };

static void check_output(const struct suite *s, const struct json *c, enum form form)
{
    const struct json *shape = shape_of(s, json_get(json_get(c, "given"), "output"));
    struct arena a = {0};
    if (json_get(c, "errorCode")) {
        check_error(c, form == FORM_CBOR);
    } else if (form == FORM_QUERY) {
        check_xml(s, shape, c);
    } else if (shape) {
        struct span body = vectors_str(json_get(c, "response"), "body");
        struct json *wire = wire_tree(body, form == FORM_CBOR, &a);
        struct json *got = result_of(s, shape, wire, form == FORM_JSON);
        check_same(vectors_str(c, "id"), got, json_get(c, "result"));
        json_free(got);
        json_free(wire);
    }
    arena_free(&a);
}

// Writing -----------------------------------------------------------------------------------------

#define ISO_MAX 40

static struct span time_text(int64_t seconds, const char *format, char out[ISO_MAX])
{
    time_t t = (time_t)seconds;
    struct tm tm;
    gmtime_r(&t, &tm);
    return span_of(out, strftime(out, ISO_MAX, format, &tm));
}

static void write_json(const struct suite *s, const struct json *shape, const struct json *v,
                       struct json_out *j)
{
    struct buf text = {0};
    if (json_get_bool(shape, "document", false)) {
        json_write(v, &text);
        json_out_raw(j, buf_span(&text));
    } else if (is_type(shape, "structure") || is_type(shape, "map")) {
        bool map = is_type(shape, "map");
        json_out_object(j);
        for (struct json *it = json_child(v); it; it = json_next(it)) {
            const struct json *m =
                map ? json_get(shape, "value") : get(json_get(shape, "members"), json_key(it));
            if (!m || (!map && json_is(it, JSON_NULL)))
                continue;
            json_out_key(j, map ? json_key(it) : wire_name(m));
            write_json(s, shape_of(s, m), it, j);
        }
        json_out_end(j);
    } else if (is_type(shape, "list")) {
        json_out_array(j);
        for (struct json *it = json_child(v); it; it = json_next(it))
            write_json(s, shape_of(s, json_get(shape, "member")), it, j);
        json_out_end(j);
    } else if (is_type(shape, "blob")) {
        base64_encode(&text, json_str(v, SPAN_NONE));
        json_out_str(j, buf_span(&text));
    } else if (span_is(vectors_str(shape, "timestampFormat"), "iso8601")) {
        char iso[ISO_MAX];
        json_out_str(j, time_text(json_int(v, 0), "%Y-%m-%dT%H:%M:%SZ", iso));
    } else if (span_is(vectors_str(shape, "timestampFormat"), "rfc822")) {
        char date[ISO_MAX];
        json_out_str(j, time_text(json_int(v, 0), "%a, %d %b %Y %H:%M:%S GMT", date));
    } else if (json_is(v, JSON_NULL)) {
        json_out_null(j);
    } else if (json_is(v, JSON_STRING)) {
        json_out_str(j, json_str(v, SPAN_NONE));
    } else if (json_is(v, JSON_BOOL)) {
        json_out_bool(j, json_bool(v, false));
    } else if (is_number_type(shape)) {
        json_out_num(j, json_num(v, 0));
    } else {
        json_out_int(j, json_int(v, 0));
    }
    buf_free(&text);
}

static void write_cbor(const struct suite *s, const struct json *shape, const struct json *v,
                       struct buf *b)
{
    if (is_type(shape, "structure") || is_type(shape, "map")) {
        bool map = is_type(shape, "map");
        struct buf members = {0};
        uint64_t n = 0;
        for (struct json *it = json_child(v); it; it = json_next(it)) {
            const struct json *m =
                map ? json_get(shape, "value") : get(json_get(shape, "members"), json_key(it));
            if (!m || (!map && json_is(it, JSON_NULL)))
                continue;
            cbor_put_text(&members, map ? json_key(it) : wire_name(m));
            write_cbor(s, shape_of(s, m), it, &members);
            n++;
        }
        cbor_put_map(b, n);
        buf_add_span(b, buf_span(&members));
        buf_free(&members);
    } else if (is_type(shape, "list")) {
        cbor_put_array(b, json_count(v));
        for (struct json *it = json_child(v); it; it = json_next(it))
            write_cbor(s, shape_of(s, json_get(shape, "member")), it, b);
    } else if (json_is(v, JSON_NULL)) {
        cbor_put_null(b);
    } else if (is_type(shape, "blob")) {
        cbor_put_bytes(b, json_str(v, SPAN_NONE));
    } else if (is_type(shape, "timestamp")) {
        cbor_put_tag(b, 1);
        cbor_put_double(b, json_num(v, 0));
    } else if (is_number_type(shape)) {
        cbor_put_double(b, number_of(v));
    } else if (json_is(v, JSON_STRING)) {
        cbor_put_text(b, json_str(v, SPAN_NONE));
    } else if (json_is(v, JSON_BOOL)) {
        cbor_put_bool(b, json_bool(v, false));
    } else {
        cbor_put_int(b, json_int(v, 0));
    }
}

static void put_pair(struct buf *b, struct span name, struct span value)
{
    buf_add_char(b, '&');
    url_encode(b, name, false);
    buf_add_char(b, '=');
    url_encode(b, value, false);
}

static struct span query_text(const struct json *shape, const struct json *v, struct arena *a)
{
    struct buf b = {0};
    struct span out;
    if (is_type(shape, "timestamp")) {
        bool unix_time = span_is(vectors_str(shape, "timestampFormat"), "unixTimestamp");
        int64_t at = json_int(v, 0);
        char iso[ISO_MAX];
        return unix_time ? arena_printf(a, "%lld", (long long)at)
                         : arena_span(a, time_text(at, "%Y-%m-%dT%H:%M:%SZ", iso));
    }
    if (is_type(shape, "blob"))
        base64_encode(&b, json_str(v, SPAN_NONE));
    else if (json_is(v, JSON_STRING))
        buf_add_span(&b, json_str(v, SPAN_NONE));
    else
        json_write(v, &b);
    out = arena_span(a, buf_span(&b));
    buf_free(&b);
    return out;
}

static void write_query(const struct suite *s, const struct json *shape, const struct json *member,
                        const struct json *v, struct span name, struct arena *a, struct buf *b)
{
    bool flat =
        json_get_bool(member, "flattened", false) || json_get_bool(shape, "flattened", false);
    int i = 0;
    if (is_type(shape, "structure")) {
        for (struct json *m = json_child(json_get(shape, "members")); m; m = json_next(m)) {
            const struct json *type = shape_of(s, m), *value = get(v, json_key(m));
            struct json *token = NULL;
            if (!value && json_get_bool(m, "idempotencyToken", false))
                value = token = json_new_str(SPAN("00000000-0000-4000-8000-000000000000"));
            if (value && !json_is(value, JSON_NULL)) {
                struct span own = wire_name(m);
                write_query(
                    s, type, m, value,
                    arena_printf(a, "%.*s%s%.*s", SPAN_ARG(name), name.n ? "." : "", SPAN_ARG(own)),
                    a, b);
            }
            json_free(token);
        }
    } else if (is_type(shape, "list")) {
        const struct json *m = json_get(shape, "member");
        struct span element = json_get_str(m, "locationName", SPAN("member"));
        if (!json_child(v))
            put_pair(b, name, SPAN(""));
        for (struct json *it = json_child(v); it; it = json_next(it)) {
            struct span own =
                flat ? arena_printf(a, "%.*s.%d", SPAN_ARG(name), ++i)
                     : arena_printf(a, "%.*s.%.*s.%d", SPAN_ARG(name), SPAN_ARG(element), ++i);
            write_query(s, shape_of(s, m), m, it, own, a, b);
        }
    } else if (is_type(shape, "map")) {
        const struct json *key = json_get(shape, "key"), *value = json_get(shape, "value");
        for (struct json *it = json_child(v); it; it = json_next(it)) {
            struct span own =
                arena_printf(a, "%.*s%s.%d", SPAN_ARG(name), flat ? "" : ".entry", ++i);
            struct span key_name = json_get_str(key, "locationName", SPAN("key"));
            struct span value_name = json_get_str(value, "locationName", SPAN("value"));
            put_pair(b, arena_printf(a, "%.*s.%.*s", SPAN_ARG(own), SPAN_ARG(key_name)),
                     json_key(it));
            write_query(s, shape_of(s, value), value, it,
                        arena_printf(a, "%.*s.%.*s", SPAN_ARG(own), SPAN_ARG(value_name)), a, b);
        }
    } else {
        put_pair(b, name, query_text(shape, v, a));
    }
}

static void check_query(const struct suite *s, const struct json *shape, const struct json *c)
{
    struct arena a = {0};
    struct buf b = {0};
    struct span want = vectors_str(json_get(c, "serialized"), "body");
    buf_printf(&b, "Action=%.*s&Version=%.*s", SPAN_ARG(vectors_str(json_get(c, "given"), "name")),
               SPAN_ARG(vectors_str(s->metadata, "apiVersion")));
    if (shape)
        write_query(s, shape, NULL, json_get(c, "params"), SPAN_NONE, &a, &b);
    if (!span_eq(buf_span(&b), want))
        fail_msg("%.*s: %.*s", SPAN_ARG(vectors_str(c, "id")), SPAN_ARG(buf_span(&b)));
    buf_free(&b);
    arena_free(&a);
}

static struct span find_header(struct http_headers h, struct span name)
{
    for (size_t i = 0; i < h.n; i++) {
        if (span_ieq(h.h[i].name, name))
            return h.h[i].value;
    }
    return SPAN_NONE;
}

// Content type and target of a JSON call, as the client sends them.
static void check_headers(const struct suite *s, const struct json *c)
{
    const struct json *want = json_get(json_get(c, "serialized"), "headers");
    struct arena a = {0};
    struct sigv4_key key = {0};
    struct sigv4_credentials keys = {SPAN("id"), SPAN("secret"), SPAN_NONE};
    struct http_headers got;
    struct span version = vectors_str(s->metadata, "jsonVersion");
    struct aws_request r = {
        .method = SPAN("POST"),
        .path = SPAN("/"),
        .host = SPAN("h"),
        .content_type = arena_printf(&a, "application/x-amz-json-%.*s", SPAN_ARG(version)),
        .target = arena_printf(&a, "%.*s.%.*s", SPAN_ARG(vectors_str(s->metadata, "targetPrefix")),
                               SPAN_ARG(vectors_str(json_get(c, "given"), "name"))),
        .region = SPAN("r"),
        .service = SPAN("s"),
        .invocation_id = SPAN("i"),
        .attempt = 1,
        .max_attempts = 1};
    assert_int_equal(aws_request_sign(&r, &keys, &key, &a, &got), 0);
    static const char *const names[] = {"Content-Type", "X-Amz-Target"};
    for (size_t i = 0; i < 2; i++) {
        if (json_get(want, names[i]))
            assert_span_equal(find_header(got, span_str(names[i])), vectors_str(want, names[i]));
    }
    arena_free(&a);
}

static void check_input(const struct suite *s, const struct json *c, enum form form)
{
    const struct json *shape = shape_of(s, json_get(json_get(c, "given"), "input"));
    const struct json *serialized = json_get(c, "serialized"), *params = json_get(c, "params");
    // Without a body the case is about compression, which none of our calls uses.
    if (!json_get(serialized, "body"))
        return;
    if (form == FORM_QUERY) {
        check_query(s, shape, c);
        return;
    }
    struct arena a = {0};
    struct buf body = {0}, text = {0};
    if (form == FORM_JSON) {
        struct json_out j = {.out = &body};
        if (shape)
            write_json(s, shape, params, &j);
        else
            buf_add_str(&body, "{}");
        check_headers(s, c);
    } else {
        if (shape)
            write_cbor(s, shape, params, &text);
        else
            cbor_put_map(&text, 0);
        base64_encode(&body, buf_span(&text));
    }
    struct json *got = wire_tree(buf_span(&body), form == FORM_CBOR, &a);
    struct json *want = wire_tree(vectors_str(serialized, "body"), form == FORM_CBOR, &a);
    check_same(vectors_str(c, "id"), got, want);
    json_free(got);
    json_free(want);
    buf_free(&body);
    buf_free(&text);
    arena_free(&a);
}

static void check_file(const char *name, enum form form, int count)
{
    struct json *j = vectors_json(name);
    bool input = strstr(name, "/input") != NULL;
    int n = 0;
    for (struct json *it = json_child(j); it; it = json_next(it)) {
        struct suite s = {json_get(it, "shapes"), json_get(it, "metadata")};
        for (struct json *c = json_child(json_get(it, "cases")); c; c = json_next(c), n++) {
            if (input)
                check_input(&s, c, form);
            else
                check_output(&s, c, form);
        }
    }
    assert_int_equal(n, count);
    json_free(j);
}

static void test_json(void **state)
{
    (void)state;
    check_file("protocol/botocore/input-json.json", FORM_JSON, 54);
    check_file("protocol/botocore/input-json_1_0.json", FORM_JSON, 21);
    check_file("protocol/botocore/input-json_1_0-query-compatible.json", FORM_JSON, 1);
    check_file("protocol/botocore/output-json.json", FORM_JSON, 58);
    check_file("protocol/botocore/output-json_1_0.json", FORM_JSON, 32);
    check_file("protocol/botocore/output-json_1_0-query-compatible.json", FORM_JSON, 2);
}

static void test_cbor(void **state)
{
    (void)state;
    check_file("protocol/botocore/input-smithy-rpc-v2-cbor.json", FORM_CBOR, 15);
    check_file("protocol/botocore/input-smithy-rpc-v2-cbor-query-compatible.json", FORM_CBOR, 1);
    check_file("protocol/botocore/output-smithy-rpc-v2-cbor.json", FORM_CBOR, 35);
    check_file("protocol/botocore/output-smithy-rpc-v2-cbor-query-compatible.json", FORM_CBOR, 2);
}

static void test_query(void **state)
{
    (void)state;
    check_file("protocol/botocore/input-query.json", FORM_QUERY, 38);
    check_file("protocol/botocore/output-query.json", FORM_QUERY, 38);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_cbor),
        cmocka_unit_test(test_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
