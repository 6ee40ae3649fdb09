// SPDX-License-Identifier: Apache-2.0
#include "codec/cbor.h"

#include "base/mem.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/json_out.h"
#include "codec/json_scan.h"
#include "lib/test.h"
#include "lib/test_files.h"

// The bytes of a hexadecimal text, in memory of their own size.
static struct span unhex(struct span text)
{
    char *p = mem_alloc(text.n / 2);
    assert_int_equal(hex_decode(p, text), text.n / 2);
    return span_of(p, text.n / 2);
}

// Whether `in` is exactly one item.
static bool is_item(struct span in)
{
    struct arena a = {0};
    struct cbor_reader r;
    struct cbor_item it;
    cbor_reader_init(&r, in, &a);
    bool good =
        cbor_read(&r, &it) && cbor_skip(&r, &it) && cbor_read(&r, &it) && it.type == CBOR_END;
    arena_free(&a);
    return good;
}

// The same in an exact copy: no prefix of an item is an item.
static void assert_no_prefix_is_item(struct span in)
{
    for (size_t n = 0; n < in.n; n++) {
        char *copy = mem_alloc(n);
        memcpy(copy, in.p, n);
        assert_false(is_item(span_of(copy, n)));
        mem_free(copy);
    }
}

// How an item is written for comparison: as kinesis_cbor.json does, or as botocore's suite does.
enum form { FORM_KINESIS, FORM_SMITHY };

static void write_item(struct cbor_reader *r, struct json_out *j, enum form form);

static void write_members(struct cbor_reader *r, struct json_out *j, enum form form, bool map,
                          uint64_t left)
{
    if (map) {
        json_out_object(j);
    } else {
        json_out_array(j);
    }
    while (cbor_more(r, &left)) {
        struct cbor_item key;
        if (map) {
            assert_true(cbor_read(r, &key));
            assert_int_equal(key.type, CBOR_TEXT);
            json_out_key(j, key.s);
        }
        write_item(r, j, form);
    }
    json_out_end(j);
}

static void write_kinesis(struct cbor_reader *r, struct json_out *j, const struct cbor_item *it)
{
    struct buf b = {0};
    switch (it->type) {
    case CBOR_UINT:
    case CBOR_NINT:
        json_out_int(j, it->type == CBOR_UINT ? (int64_t)it->u : -1 - (int64_t)it->u);
        break;
    case CBOR_BYTES:
        base64_encode(&b, it->s);
        json_out_object(j);
        json_out_key_str(j, "$bytes_base64", buf_span(&b));
        json_out_end(j);
        break;
    case CBOR_TEXT:
        json_out_str(j, it->s);
        break;
    case CBOR_TAG:
        json_out_object(j);
        json_out_key_int(j, "$tag", (int64_t)it->u);
        json_out_key(j, SPAN("value"));
        write_item(r, j, FORM_KINESIS);
        json_out_end(j);
        break;
    case CBOR_FALSE:
    case CBOR_TRUE:
        json_out_bool(j, it->type == CBOR_TRUE);
        break;
    case CBOR_NULL:
        json_out_null(j);
        break;
    case CBOR_FLOAT:
        json_out_num(j, it->d);
        break;
    default:
        fail_msg("item of type %d", it->type);
    }
    buf_free(&b);
}

static void write_bits(struct json_out *j, double d, bool single)
{
    char text[24];
    uint64_t bits;
    uint32_t narrow;
    float f = (float)d;
    memcpy(&bits, &d, sizeof bits);
    memcpy(&narrow, &f, sizeof narrow);
    struct buf b = {0};
    buf_add_u64(&b, single ? narrow : bits);
    memcpy(text, b.p, b.n);
    json_out_key_raw(j, single ? "float32" : "float64", span_of(text, b.n));
    buf_free(&b);
}

static void write_smithy(struct cbor_reader *r, struct json_out *j, const struct cbor_item *it,
                         uint8_t head)
{
    struct buf b = {0};
    json_out_object(j);
    switch (it->type) {
    case CBOR_UINT:
        buf_add_u64(&b, it->u);
        json_out_key_raw(j, "uint", buf_span(&b));
        break;
    case CBOR_NINT:
        buf_add_char(&b, '-');
        buf_add_u64(&b, it->u + 1);
        json_out_key_raw(j, "negint", buf_span(&b));
        break;
    case CBOR_BYTES:
        json_out_key(j, SPAN("bytestring"));
        json_out_array(j);
        for (size_t i = 0; i < it->s.n; i++) {
            json_out_int(j, (unsigned char)it->s.p[i]);
        }
        json_out_end(j);
        break;
    case CBOR_TEXT:
        json_out_key_str(j, "string", it->s);
        break;
    case CBOR_ARRAY:
    case CBOR_MAP:
        json_out_key(j, it->type == CBOR_MAP ? SPAN("map") : SPAN("list"));
        write_members(r, j, FORM_SMITHY, it->type == CBOR_MAP, it->count);
        break;
    case CBOR_TAG:
        buf_add_u64(&b, it->u);
        json_out_key(j, SPAN("tag"));
        json_out_object(j);
        json_out_key_raw(j, "id", buf_span(&b));
        json_out_key(j, SPAN("value"));
        write_item(r, j, FORM_SMITHY);
        json_out_end(j);
        break;
    case CBOR_FALSE:
    case CBOR_TRUE:
        json_out_key_bool(j, "bool", it->type == CBOR_TRUE);
        break;
    case CBOR_NULL:
        json_out_key_raw(j, "null", SPAN("{}"));
        break;
    case CBOR_FLOAT:
        write_bits(j, it->d, head == 0xfa);
        break;
    default:
        fail_msg("item of type %d", it->type);
    }
    json_out_end(j);
    buf_free(&b);
}

static void write_item(struct cbor_reader *r, struct json_out *j, enum form form)
{
    struct cbor_item it;
    uint8_t head = r->at < r->end ? *r->at : 0;
    if (!cbor_read(r, &it)) {
        fail_msg("%s", r->error);
    }
    if (form == FORM_SMITHY) {
        write_smithy(r, j, &it, head);
    } else if (it.type == CBOR_ARRAY || it.type == CBOR_MAP) {
        write_members(r, j, form, it.type == CBOR_MAP, it.count);
    } else {
        write_kinesis(r, j, &it);
    }
}

static struct buf written(struct span in, enum form form)
{
    struct arena a = {0};
    struct buf b = {0};
    struct json_out j = {.out = &b};
    struct cbor_reader r;
    cbor_reader_init(&r, in, &a);
    write_item(&r, &j, form);
    assert_null(r.error);
    assert_ptr_equal(r.at, r.end);
    arena_free(&a);
    return b;
}

static void test_kinesis(void **state)
{
    (void)state;
    struct buf file = test_read_vectors("cbor/kinesis_cbor.json");
    struct json *all = json_parse(buf_span(&file), NULL);
    assert_non_null(all);
    struct json *cases = json_get(all, "cases"), *negative = json_get(all, "negative");
    assert_int_equal(json_count(cases), 24);
    assert_int_equal(json_count(negative), 14);
    for (struct json *c = json_child(cases); c; c = json_next(c)) {
        struct span in = unhex(json_get_str(c, "cbor_hex", SPAN_NONE));
        struct buf want = {0}, got = written(in, FORM_KINESIS);
        json_write(json_get(c, "decoded"), &want);
        assert_string_equal(buf_cstr(&got), buf_cstr(&want));
        assert_true(is_item(in));
        assert_no_prefix_is_item(in);
        buf_free(&got);
        buf_free(&want);
        mem_free((char *)in.p);
    }
    for (struct json *c = json_child(negative); c; c = json_next(c)) {
        struct span in = unhex(json_get_str(c, "cbor_hex", SPAN_NONE));
        if (is_item(in)) {
            fail_msg("taken: %.*s", SPAN_ARG(json_get_str(c, "name", SPAN_NONE)));
        }
        mem_free((char *)in.p);
    }
    json_free(all);
    buf_free(&file);
}

// JSON text without the white space between tokens; integers of 64 bits stay as they are written.
static struct buf compact(struct span text)
{
    struct arena a = {0};
    struct json_scan s;
    struct buf b = {0};
    bool comma = false;
    enum json_token t;
    json_scan_init(&s, text, &a);
    while ((t = json_scan_next(&s)) > JSON_T_END) {
        bool closing = t == JSON_T_OBJECT_END || t == JSON_T_ARRAY_END;
        if (comma && !closing) {
            buf_add_char(&b, ',');
        }
        if (t == JSON_T_KEY || t == JSON_T_STRING) {
            json_quote(&b, s.text);
        } else {
            buf_add_span(&b, s.text);
        }
        if (t == JSON_T_KEY) {
            buf_add_char(&b, ':');
        }
        comma = t != JSON_T_KEY && t != JSON_T_OBJECT && t != JSON_T_ARRAY;
    }
    assert_int_equal(t, JSON_T_END);
    arena_free(&a);
    return b;
}

// Calls check() with the members "input" (its bytes) and "expect" (raw text) of every case.
static size_t for_each_case(const char *name, void (*check)(struct span in, struct span expect))
{
    struct buf file = test_read_vectors(name);
    struct arena a = {0};
    struct json_scan s;
    size_t n = 0;
    json_scan_init(&s, buf_span(&file), &a);
    assert_int_equal(json_scan_next(&s), JSON_T_ARRAY);
    while (json_scan_next(&s) == JSON_T_OBJECT) {
        struct span in = SPAN_NONE, expect = SPAN_NONE;
        while (json_scan_next(&s) == JSON_T_KEY) {
            struct span key = s.text;
            if (span_is(key, "input")) {
                assert_int_equal(json_scan_next(&s), JSON_T_STRING);
                in = unhex(s.text);
            } else {
                assert_int_equal(json_scan_skip(&s), 0);
                expect = span_is(key, "expect") ? s.text : expect;
            }
        }
        check(in, expect);
        mem_free((char *)in.p);
        n++;
    }
    assert_int_equal(json_scan_next(&s), JSON_T_END);
    arena_free(&a);
    buf_free(&file);
    return n;
}

static void check_success(struct span in, struct span expect)
{
    struct buf got = written(in, FORM_SMITHY), want = compact(expect);
    assert_string_equal(buf_cstr(&got), buf_cstr(&want));
    assert_true(is_item(in));
    assert_no_prefix_is_item(in);
    buf_free(&got);
    buf_free(&want);
}

static void check_error(struct span in, struct span expect)
{
    (void)expect;
    assert_false(is_item(in));
}

static void test_smithy_success(void **state)
{
    (void)state;
    assert_int_equal(for_each_case("cbor/botocore/decode-success-tests.json", check_success), 151);
}

static void test_smithy_error(void **state)
{
    (void)state;
    assert_int_equal(for_each_case("cbor/botocore/decode-error-tests.json", check_error), 56);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinesis),
        cmocka_unit_test(test_smithy_success),
        cmocka_unit_test(test_smithy_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
