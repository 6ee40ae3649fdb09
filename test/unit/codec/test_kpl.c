// SPDX-License-Identifier: Apache-2.0
#include "codec/kpl.h"

#include "base/buf.h"
#include "base/mem.h"
#include "codec/base64.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "lib/test.h"
#include "lib/test_files.h"

#define NONE SPAN_NONE

// Memory of its own size, so that a sanitizer sees a read beyond it.
static struct span exact(struct span s)
{
    char *p = mem_alloc(s.n);
    if (s.n > 0) {
        memcpy(p, s.p, s.n);
    }
    return span_of(p, s.n);
}

static struct span base64(const struct json *c, const char *key)
{
    struct span text = json_get_str(c, key, NONE);
    char *p = mem_alloc(BASE64_DECODED_MAX(text.n));
    ptrdiff_t n = base64_decode(p, text);
    assert_true(n >= 0);
    struct span s = exact(span_of(p, (size_t)n));
    mem_free(p);
    return s;
}

static bool read_range(const struct json *c, struct hash_key *start, struct hash_key *end)
{
    struct span s = json_get_str(c, "shard_starting_hash_key", NONE);
    struct span e = json_get_str(c, "shard_ending_hash_key", NONE);
    if (s.n == 0) {
        return false;
    }
    assert_true(hash_key_parse(s, start) && hash_key_parse(e, end));
    return true;
}

static void check_record(const struct json *c, const struct json *want,
                         const struct kpl_record *got)
{
    struct span key = json_get_str(want, "partitionKey", NONE);
    struct span data = base64(want, "data_base64");
    // The KCL replaces what is not UTF-8; here the bytes go on as they are.
    if (span_is_utf8(got->partition_key)) {
        assert_span_equal(got->partition_key, key);
    } else {
        assert_true(json_get_bool(c, "policy", false));
    }
    assert_span_equal(got->explicit_hash_key, json_get_str(want, "explicitHashKey", NONE));
    assert_span_equal(got->data, data);
    mem_free((char *)data.p);
}

static void check_case(const struct json *c, struct span data, struct span outcome)
{
    struct arena a = {0};
    struct kpl_reader r;
    struct kpl_record record;
    struct hash_key start, end;
    enum kpl_step step = KPL_END;
    const struct json *want = json_child(json_get(c, "expected"));
    if (span_is(outcome, "passthrough")) {
        assert_false(kpl_open(&r, data, &a));
        arena_free(&a);
        return;
    }
    assert_true(kpl_open(&r, data, &a));
    if (read_range(c, &start, &end) && !kpl_is_within(&r, start, end)) {
        assert_null(want);
        arena_free(&a);
        return;
    }
    while ((step = kpl_next(&r, &record)) == KPL_RECORD) {
        assert_non_null(want);
        check_record(c, want, &record);
        want = json_next(want);
    }
    assert_null(want);
    assert_int_equal(step, span_is(outcome, "index_error") ? KPL_BAD_INDEX : KPL_END);
    assert_int_equal(kpl_next(&r, &record), KPL_END);
    if (step == KPL_END) {
        assert_int_equal(r.n_records, json_count(json_get(c, "expected")));
    }
    arena_free(&a);
}

static void test_vectors(void **state)
{
    (void)state;
    struct buf text = test_read_vectors("kpl/aggregated_records.json");
    struct err e = {0};
    struct json *j = json_parse(buf_span(&text), &e);
    assert_non_null(j);
    size_t n = 0, outside = 0;
    for (struct json *c = json_child(json_get(j, "cases")); c; c = json_next(c), n++) {
        struct span data = base64(c, "aggregated_base64");
        check_case(c, data, json_get_str(c, "outcome", NONE));
        outside += json_get(c, "shard_starting_hash_key") && !json_child(json_get(c, "expected"));
        mem_free((char *)data.p);
    }
    assert_int_equal(n, 54);
    assert_int_equal(outside, 3);
    json_free(j);
    buf_free(&text);
}

// A message with magic and digest round it.
static struct span wrap(struct span message)
{
    uint8_t digest[MD5_LEN];
    struct buf b = {0};
    md5(message, digest);
    buf_add(&b, "\xf3\x89\x9a\xc2", 4);
    buf_add_span(&b, message);
    buf_add(&b, digest, MD5_LEN);
    struct span s = exact(buf_span(&b));
    buf_free(&b);
    return s;
}

static bool opens(struct span message)
{
    struct arena a = {0};
    struct kpl_reader r;
    struct span data = wrap(message);
    bool good = kpl_open(&r, data, &a);
    arena_free(&a);
    mem_free((char *)data.p);
    return good;
}

#define ONE "\x0a\x01k\x1a\x05\x08\x00\x1a\x01x"

static void test_every_prefix_parses_or_not(void **state)
{
    (void)state;
    struct span message = SPAN(ONE "\x12\x01"
                                   "7"
                                   "\x1a\x0c\x08\x00\x10\x00\x1a\x01y\x22\x03\x0a\x01t");
    assert_true(opens(message));
    // Whole fields: after the first key, record, hash key and second record.
    for (size_t n = 0; n < message.n; n++) {
        bool whole = n == 3 || n == 10 || n == 13;
        assert_int_equal(opens(span_of(message.p, n)), whole);
    }
}

static void test_groups(void **state)
{
    (void)state;
    assert_true(opens(SPAN(ONE "\x7b\x7c")));                            // 15: group, its end
    assert_true(opens(SPAN(ONE "\x7b\x08\x01\x73\x74\x7c")));            // a group in it
    assert_false(opens(SPAN(ONE "\x7b\x74")));                           // another one's end
    assert_false(opens(SPAN(ONE "\x7b\x08\x01")));                       // no end
    assert_false(opens(SPAN("\x0a\x01k\x1a\x06\x08\x00\x1a\x01x\x7c"))); // inside a record
    struct buf b = {0};
    for (int depth = 100; depth <= 101; depth++) {
        buf_clear(&b);
        buf_add_span(&b, SPAN(ONE));
        for (int i = 0; i < depth; i++) {
            buf_add_char(&b, 0x7b);
        }
        for (int i = 0; i < depth; i++) {
            buf_add_char(&b, 0x7c);
        }
        assert_int_equal(opens(buf_span(&b)), depth == 100);
    }
    buf_free(&b);
}

static void test_tag_needs_key(void **state)
{
    (void)state;
    assert_true(opens(SPAN("\x0a\x01k\x1a\x0a\x08\x00\x1a\x01x\x22\x03\x0a\x01t")));
    assert_false(opens(SPAN("\x0a\x01k\x1a\x0a\x08\x00\x1a\x01x\x22\x03\x12\x01t")));
}

static void test_known_number_other_wire_type(void **state)
{
    (void)state;
    // Field 1 as a number and field 3 as 32 bits are unknown fields.
    assert_true(opens(SPAN("\x08\x05\x1d\x01\x02\x03\x04" ONE)));
    // A record whose data is a number has no data.
    assert_false(opens(SPAN("\x0a\x01k\x1a\x04\x08\x00\x18\x01")));
}

static void test_range_edges(void **state)
{
    (void)state;
    struct arena a = {0};
    struct kpl_reader r;
    // Explicit hash keys 5 and "x": the latter is no number.
    struct span data = wrap(SPAN("\x0a\x01k\x12\x01"
                                 "5"
                                 "\x12\x01x"
                                 "\x1a\x07\x08\x00\x10\x00\x1a\x01"
                                 "a"
                                 "\x1a\x07\x08\x00\x10\x01\x1a\x01"
                                 "b"));
    assert_true(kpl_open(&r, data, &a));
    assert_true(kpl_is_within(&r, (struct hash_key){0, 5}, (struct hash_key){0, 5}));
    assert_false(kpl_is_within(&r, (struct hash_key){0, 6}, HASH_KEY_MAX));
    assert_false(kpl_is_within(&r, (struct hash_key){0, 0}, (struct hash_key){0, 4}));
    struct kpl_record record;
    assert_int_equal(kpl_next(&r, &record), KPL_RECORD);
    assert_span_is(record.data, "a");
    mem_free((char *)data.p);

    // By the digest of the key, asked for twice.
    struct hash_key h = hash_key_of(SPAN("k"));
    data = wrap(SPAN(ONE "\x1a\x05\x08\x00\x1a\x01y"));
    assert_true(kpl_open(&r, data, &a));
    assert_true(kpl_is_within(&r, h, h));
    assert_false(kpl_is_within(&r, hash_key_next(h), HASH_KEY_MAX));
    mem_free((char *)data.p);
    arena_free(&a);
}

// What a peer may make of ten MiB: many keys take four bytes each, not more.
static void test_memory_is_bounded(void **state)
{
    (void)state;
    struct buf b = {0};
    struct arena a = {0};
    struct kpl_reader r;
    for (int i = 0; i < 1000000; i++) {
        buf_add(&b, "\x0a\x00", 2);
    }
    struct span data = wrap(buf_span(&b));
    assert_true(kpl_open(&r, data, &a));
    assert_int_equal(r.keys.n, 1000000);
    assert_true(a.bytes < 2 * data.n + 65536);
    arena_free(&a);
    mem_free((char *)data.p);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_every_prefix_parses_or_not),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_tag_needs_key),
        cmocka_unit_test(test_known_number_other_wire_type),
        cmocka_unit_test(test_range_edges),
        cmocka_unit_test(test_memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
