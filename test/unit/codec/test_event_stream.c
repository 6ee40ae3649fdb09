// SPDX-License-Identifier: Apache-2.0
#include "codec/event_stream.h"

#include <dirent.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/mem.h"
#include "codec/base64.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "codec/json_out.h"
#include "lib/test.h"
#include "lib/test_files.h"
#include "lib/test_split.h"

static struct json *read_json(const char *name)
{
    struct buf text = test_read_vectors(name);
    struct err e = {0};
    struct json *j = json_parse(buf_span(&text), &e);
    if (!j) {
        fail_msg("%s: %s", name, e.msg);
    }
    buf_free(&text);
    return j;
}

static struct buf unhex(const struct json *j, const char *key)
{
    struct span hex = json_get_str(j, key, SPAN_NONE);
    struct buf b = {0};
    buf_commit(&b, (size_t)hex_decode(buf_reserve(&b, hex.n / 2 + 1), hex));
    assert_int_equal(b.n, hex.n / 2);
    return b;
}

// What came out of a decoder: each message written as positive.json's "expected" shows it.
struct seen {
    struct event_decoder d;
    struct buf text; // JSON, one line a message
    struct buf wire; // the messages, written again
    size_t n;
    bool failed;
};

static void show_header(struct json_out *j, const struct event_header *h)
{
    struct buf hex = {0};
    json_out_object(j);
    json_out_key_str(j, "name", h->name);
    json_out_key_int(j, "type", h->type);
    json_out_key(j, SPAN("value"));
    if (h->type == EVENT_TRUE || h->type == EVENT_FALSE) {
        json_out_bool(j, h->number);
    } else if (h->type == EVENT_STRING) {
        json_out_str(j, h->bytes);
    } else if (h->type == EVENT_BYTES || h->type == EVENT_UUID) {
        hex_encode(&hex, h->bytes);
        json_out_str(j, buf_span(&hex));
    } else {
        json_out_int(j, h->number);
    }
    json_out_end(j);
    buf_free(&hex);
}

static void rewrite(struct buf *out, const struct event_message *m)
{
    struct event_header headers[64];
    struct span rest = m->headers;
    size_t n = 0;
    while (event_header_next(&rest, &headers[n])) {
        n++;
        assert_true(n < 64);
    }
    assert_int_equal(rest.n, 0);
    assert_int_equal(event_message_write(out, headers, n, m->payload), 0);
}

static void show(struct seen *s, const struct event_message *m)
{
    struct json_out j = {.out = &s->text};
    struct event_header h;
    struct buf hex = {0};
    struct span rest = m->headers;
    json_out_object(&j);
    json_out_key(&j, SPAN("headers"));
    json_out_array(&j);
    while (event_header_next(&rest, &h)) {
        show_header(&j, &h);
    }
    json_out_end(&j);
    hex_encode(&hex, m->payload);
    json_out_key_str(&j, "payload_hex", buf_span(&hex));
    json_out_end(&j);
    buf_free(&hex);
    s->n++;
}

static bool feed(void *ctx, struct span piece)
{
    struct seen *s = ctx;
    struct event_message m;
    enum event_step step;
    event_decoder_feed(&s->d, piece);
    while ((step = event_decoder_next(&s->d, &m)) == EVENT_STREAM_MESSAGE) {
        show(s, &m);
        rewrite(&s->wire, &m);
    }
    s->failed = step == EVENT_STREAM_ERROR;
    return !s->failed;
}

static void seen_free(struct seen *s)
{
    event_decoder_deinit(&s->d);
    buf_free(&s->text);
    buf_free(&s->wire);
}

// "expected" of positive.json in the form of show().
static void expected_text(const struct json *expected, struct buf *out)
{
    struct json *copy = json_new_object();
    struct json *headers = json_new_array();
    for (struct json *h = json_child(json_get(expected, "headers")); h; h = json_next(h)) {
        struct json *one = json_copy(h);
        json_remove(one, "type_name");
        json_add(headers, one);
    }
    json_set(copy, "headers", headers);
    json_set_str(copy, "payload_hex", json_get_str(expected, "payload_hex", SPAN_NONE));
    json_write(copy, out);
    json_free(copy);
}

static void test_positive(void **state)
{
    (void)state;
    struct json *j = read_json("eventstream/positive.json");
    size_t n = 0;
    for (struct json *c = json_child(json_get(j, "cases")); c; c = json_next(c), n++) {
        struct buf wire = unhex(c, "hex"), want = {0};
        expected_text(json_get(c, "expected"), &want);
        for (int way = 0; way < TEST_SPLITS; way++) {
            struct seen s = {0};
            event_decoder_init(&s.d, 0);
            assert_true(test_split(buf_span(&wire), way, feed, &s));
            assert_int_equal(s.n, 1);
            assert_true(event_decoder_is_idle(&s.d));
            assert_span_equal(buf_span(&s.text), buf_span(&want));
            assert_span_equal(buf_span(&s.wire), buf_span(&wire));
            seen_free(&s);
        }
        buf_free(&want);
        buf_free(&wire);
    }
    assert_int_equal(n, 20);
    json_free(j);
}

static const char *const kinds[][2] = {
    {"prelude_crc", "prelude checksum does not fit"},
    {"message_crc", "message checksum does not fit"},
    {"headers_length", "headers are longer than they may be"},
    {"total_length", "message length is below the smallest"},
    {"message_too_large", "message is too large"},
    {"header_type", "header has an unknown type"},
    {"header_name_length", "header name is empty"},
    {"header_overrun", "header value reaches beyond the headers"},
};

static const char *error_of_kind(struct span kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (span_is(kind, kinds[i][0])) {
            return kinds[i][1];
        }
    }
    return NULL;
}

static void check_negative(const struct json *c, struct span wire, int way)
{
    struct seen s = {0};
    struct span kind = json_get_str(c, "expected_error", SPAN_NONE);
    event_decoder_init(&s.d, 0);
    test_split(wire, way, feed, &s);
    if (span_is(kind, "incomplete")) {
        assert_false(s.failed);
        assert_int_equal(s.n, 0);
        assert_false(event_decoder_is_idle(&s.d));
    } else if (span_is(kind, "duplicate_header")) {
        // The upstream implementations disagree. Here the first one counts.
        assert_false(s.failed);
        assert_int_equal(s.n, 1);
    } else {
        assert_true(s.failed);
        assert_int_equal(s.n, 0);
        const char *want = error_of_kind(kind), *got = event_decoder_error(&s.d);
        bool crc_too = !json_get_bool(c, "message_crc_ok", true);
        if (!want || (strcmp(got, want) != 0 &&
                      !(crc_too && strcmp(got, error_of_kind(SPAN("message_crc"))) == 0))) {
            fail_msg("%.*s: %s", SPAN_ARG(json_get_str(c, "name", SPAN_NONE)), got);
        }
        // The error is sticky.
        struct event_message m;
        event_decoder_feed(&s.d, SPAN("more"));
        assert_int_equal(event_decoder_next(&s.d, &m), EVENT_STREAM_ERROR);
        assert_int_equal(event_decoder_length(&s.d), 0);
    }
    seen_free(&s);
}

static void test_negative(void **state)
{
    (void)state;
    struct json *j = read_json("eventstream/negative.json");
    size_t n = 0;
    for (struct json *c = json_child(json_get(j, "cases")); c; c = json_next(c), n++) {
        struct buf wire = unhex(c, "hex");
        for (int way = 0; way < TEST_SPLITS; way++) {
            check_negative(c, buf_span(&wire), way);
        }
        buf_free(&wire);
    }
    assert_int_equal(n, 31);
    json_free(j);
}

static void test_raw(void **state)
{
    (void)state;
    char folder[TEST_PATH_MAX], path[2 * TEST_PATH_MAX];
    if (!test_vectors_path("eventstream/raw", folder)) {
        skip();
    }
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    size_t n = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        const char *valid = strstr(entry->d_name, "_valid_");
        if (!strstr(entry->d_name, ".bin")) {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        struct buf wire = test_read_file(path);
        for (int way = 0; way < TEST_SPLITS; way++) {
            struct seen s = {0};
            event_decoder_init(&s.d, 0);
            test_split(buf_span(&wire), way, feed, &s);
            assert_int_equal(s.failed, !valid);
            assert_int_equal(s.n, valid ? 1 : 0);
            seen_free(&s);
        }
        buf_free(&wire);
        n++;
    }
    closedir(dir);
    assert_int_equal(n, 11);
}

// Frames of SubscribeToShard: kinds and names, then all of them one after the other.

static const char *kind_of(const struct event_message *m)
{
    struct span type = event_message_text(m, ":message-type");
    struct span event = event_message_text(m, ":event-type");
    if (span_is(type, "exception") || span_is(type, "error")) {
        return "exception";
    }
    assert_span_is(type, "event");
    if (span_is(event, "initial-response")) {
        return "initial-response";
    }
    return span_is(event, "SubscribeToShardEvent") ? "SubscribeToShardEvent" : "other";
}

static void test_subscribe_to_shard(void **state)
{
    (void)state;
    struct json *j = read_json("eventstream/kinesis_subscribe_to_shard.json");
    size_t n = 0;
    for (struct json *c = json_child(json_get(j, "cases")); c; c = json_next(c), n++) {
        struct buf wire = unhex(c, "hex");
        struct event_decoder d;
        struct event_message m;
        event_decoder_init(&d, 0);
        event_decoder_feed(&d, buf_span(&wire));
        assert_int_equal(event_decoder_next(&d, &m), EVENT_STREAM_MESSAGE);
        struct span code = json_get_str(c, "code", SPAN_NONE);
        if (code.n > 0) {
            struct span got = event_message_text(&m, ":exception-type");
            assert_span_equal(got.n ? got : event_message_text(&m, ":error-code"), code);
        } else if (!span_is(json_get_str(c, "name", SPAN_NONE), "unknown_event_type")) {
            assert_span_equal(span_str(kind_of(&m)), json_get_str(c, "kind", SPAN_NONE));
        }
        assert_int_equal(event_decoder_next(&d, &m), EVENT_STREAM_MORE);
        event_decoder_deinit(&d);
        buf_free(&wire);
    }
    assert_int_equal(n, 16);
    json_free(j);
}

static void test_stream_at_each_size(void **state)
{
    (void)state;
    struct json *j = read_json("eventstream/kinesis_subscribe_to_shard.json");
    struct buf wire = unhex(j, "concatenated_stream_hex");
    for (size_t size = 1; size <= 64; size++) {
        struct event_decoder d;
        struct event_message m;
        struct json *kind = json_child(json_get(j, "concatenated_stream_kinds"));
        event_decoder_init(&d, 0);
        for (size_t at = 0; at < wire.n; at += size) {
            size_t n = wire.n - at < size ? wire.n - at : size;
            event_decoder_feed(&d, span_of(wire.p + at, n));
            while (event_decoder_next(&d, &m) == EVENT_STREAM_MESSAGE) {
                assert_span_equal(span_str(kind_of(&m)), json_str(kind, SPAN_NONE));
                kind = json_next(kind);
            }
            assert_null(event_decoder_error(&d));
        }
        assert_null(kind);
        assert_true(event_decoder_is_idle(&d));
        event_decoder_deinit(&d);
    }
    buf_free(&wire);
    json_free(j);
}

static void test_take(void **state)
{
    (void)state;
    struct event_header h = event_header_string(":event-type", SPAN("x"));
    struct buf wire = {0};
    struct event_decoder d;
    struct event_message m;
    assert_int_equal(event_message_write(&wire, &h, 1, SPAN("first")), 0);
    size_t first = wire.n;
    assert_int_equal(event_message_write(&wire, &h, 1, SPAN("second")), 0);
    event_decoder_init(&d, 0);
    event_decoder_feed(&d, span_of(wire.p, EVENT_STREAM_PRELUDE - 1));
    assert_int_equal(event_decoder_next(&d, &m), EVENT_STREAM_MORE);
    assert_int_equal(event_decoder_length(&d), 0);
    event_decoder_feed(&d, span_of(wire.p + EVENT_STREAM_PRELUDE - 1, 1));
    assert_int_equal(event_decoder_next(&d, &m), EVENT_STREAM_MORE);
    assert_int_equal(event_decoder_length(&d), first);
    event_decoder_feed(&d, span_of(wire.p + EVENT_STREAM_PRELUDE, wire.n - EVENT_STREAM_PRELUDE));
    assert_int_equal(event_decoder_next(&d, &m), EVENT_STREAM_MESSAGE);
    assert_int_equal(event_decoder_length(&d), 0);
    struct buf taken = event_decoder_take(&d);
    struct span payload = m.payload;
    assert_int_equal(event_decoder_next(&d, &m), EVENT_STREAM_MESSAGE);
    assert_span_is(m.payload, "second");
    assert_span_is(payload, "first");
    assert_true(payload.p >= taken.p && payload.p + payload.n <= taken.p + taken.n);
    buf_free(&taken);
    event_decoder_deinit(&d);
    buf_free(&wire);
}

// A prelude as a peer writes it who knows the checksum.
static enum event_step try_prelude(uint32_t total, uint32_t headers, size_t limit)
{
    unsigned char p[EVENT_STREAM_PRELUDE];
    struct event_decoder d;
    struct event_message m;
    for (unsigned i = 0; i < 4; i++) {
        p[i] = (unsigned char)(total >> (24 - 8 * i));
        p[4 + i] = (unsigned char)(headers >> (24 - 8 * i));
    }
    uint32_t crc = crc32_ieee(0, span_of((char *)p, 8));
    for (unsigned i = 0; i < 4; i++) {
        p[8 + i] = (unsigned char)(crc >> (24 - 8 * i));
    }
    event_decoder_init(&d, limit);
    event_decoder_feed(&d, span_of((char *)p, sizeof p));
    enum event_step step = event_decoder_next(&d, &m);
    // Lengths alone must not make it spend memory.
    assert_true(d.message.cap < 1024);
    event_decoder_deinit(&d);
    return step;
}

static void test_limits(void **state)
{
    (void)state;
    uint32_t max = EVENT_STREAM_MESSAGE_MAX, headers = EVENT_STREAM_HEADERS_MAX;
    assert_int_equal(try_prelude(max, 0, 0), EVENT_STREAM_MORE);
    assert_int_equal(try_prelude(max + 1, 0, 0), EVENT_STREAM_ERROR);
    assert_int_equal(try_prelude(100, 0, 100), EVENT_STREAM_MORE);
    assert_int_equal(try_prelude(101, 0, 100), EVENT_STREAM_ERROR);
    assert_int_equal(try_prelude(max, headers, 0), EVENT_STREAM_MORE);
    assert_int_equal(try_prelude(max, headers + 1, 0), EVENT_STREAM_ERROR);
    assert_int_equal(try_prelude(16, 0, 0), EVENT_STREAM_MORE);
    assert_int_equal(try_prelude(15, 0, 0), EVENT_STREAM_ERROR);
    assert_int_equal(try_prelude(0, 0, 0), EVENT_STREAM_ERROR);
    assert_int_equal(try_prelude(16, 1, 0), EVENT_STREAM_ERROR);
}

static int write_one(struct event_header h)
{
    struct buf out = {0};
    int rc = event_message_write(&out, &h, 1, SPAN_NONE);
    assert_true(rc == 0 || out.n == 0);
    buf_free(&out);
    return rc;
}

static void test_write_refuses(void **state)
{
    (void)state;
    struct span long_text = {mem_zalloc(UINT16_MAX + 1), UINT16_MAX + 1};
    struct event_header h = event_header_string("n", span_of(long_text.p, UINT16_MAX));
    assert_int_equal(write_one(h), 0);
    h.bytes.n++;
    assert_int_equal(write_one(h), ERR_INVALID);
    h = event_header_string("", SPAN("x"));
    assert_int_equal(write_one(h), ERR_INVALID);
    h.name = span_of(long_text.p, 255);
    assert_int_equal(write_one(h), 0);
    h.name.n++;
    assert_int_equal(write_one(h), ERR_INVALID);
    h = (struct event_header){.name = SPAN("n"), .type = EVENT_INT8, .number = -128};
    assert_int_equal(write_one(h), 0);
    h.number = -129;
    assert_int_equal(write_one(h), ERR_INVALID);
    h.number = 128;
    assert_int_equal(write_one(h), ERR_INVALID);
    h = (struct event_header){.name = SPAN("n"), .type = EVENT_INT64, .number = INT64_MIN};
    assert_int_equal(write_one(h), 0);
    h = (struct event_header){.name = SPAN("n"), .type = EVENT_UUID, .bytes = SPAN("short")};
    assert_int_equal(write_one(h), ERR_INVALID);

    struct event_header three[3];
    for (size_t i = 0; i < 3; i++) {
        three[i] = event_header_string("n", span_of(long_text.p, UINT16_MAX));
    }
    struct buf out = {0};
    assert_int_equal(event_message_write(&out, three, 2, SPAN_NONE), ERR_LIMIT);
    three[1].bytes.n = EVENT_STREAM_HEADERS_MAX - UINT16_MAX - 10;
    assert_int_equal(event_message_write(&out, three, 2, SPAN_NONE), 0);
    assert_int_equal(out.n, EVENT_STREAM_HEADERS_MAX + 16);
    buf_free(&out);
    mem_free((void *)long_text.p);
}

static void test_write_largest(void **state)
{
    (void)state;
    size_t most = EVENT_STREAM_MESSAGE_MAX - EVENT_STREAM_OVERHEAD;
    char *payload = mem_zalloc(most + 1);
    struct buf out = {0};
    struct event_decoder d;
    struct event_message m;
    assert_int_equal(event_message_write(&out, NULL, 0, span_of(payload, most + 1)), ERR_LIMIT);
    assert_int_equal(event_message_write(&out, NULL, 0, span_of(payload, most)), 0);
    event_decoder_init(&d, 0);
    event_decoder_feed(&d, buf_span(&out));
    assert_int_equal(event_decoder_next(&d, &m), EVENT_STREAM_MESSAGE);
    assert_int_equal(m.payload.n, most);
    // What a large message took is not kept for the small ones after it.
    assert_int_equal(event_decoder_next(&d, &m), EVENT_STREAM_MORE);
    assert_true(d.message.cap <= 64 * 1024);
    event_decoder_deinit(&d);
    buf_free(&out);
    mem_free(payload);
}

static void test_text(void **state)
{
    (void)state;
    struct event_header h[] = {
        {.name = SPAN("a"), .type = EVENT_INT8, .number = 1},
        event_header_string("a", SPAN("one")),
        event_header_string("a", SPAN("two")),
    };
    struct buf out = {0};
    struct event_decoder d;
    struct event_message m;
    assert_int_equal(event_message_write(&out, h, 3, SPAN_NONE), 0);
    event_decoder_init(&d, 0);
    event_decoder_feed(&d, buf_span(&out));
    assert_int_equal(event_decoder_next(&d, &m), EVENT_STREAM_MESSAGE);
    assert_span_is(event_message_text(&m, "a"), "one");
    assert_int_equal(event_message_text(&m, "b").n, 0);
    event_decoder_deinit(&d);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_positive),
        cmocka_unit_test(test_negative),
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_subscribe_to_shard),
        cmocka_unit_test(test_stream_at_each_size),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_write_refuses),
        cmocka_unit_test(test_write_largest),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
