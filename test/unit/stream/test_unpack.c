// SPDX-License-Identifier: Apache-2.0
#include "stream/unpack.h"

#include "codec/digest.h"
#include "lib/test.h"

#define MAX 1000

struct fixture {
    struct arena arena;
    struct kinesis_record in[8];
    struct unpacker u;
    struct kinesis_record *out;
    size_t n;
};

// An aggregate of user records with data "0", "1", ... under the keys given in turn.
static struct span aggregate(struct arena *a, unsigned n, const char *keys, int bad_at)
{
    struct buf b = {0}, m = {0};
    uint8_t digest[MD5_LEN];
    size_t n_keys = strlen(keys);
    for (size_t i = 0; i < n_keys; i++) {
        buf_add(&m, "\x0a\x01", 2);
        buf_add_char(&m, keys[i]);
    }
    for (unsigned i = 0; i < n; i++) {
        buf_add(&m, "\x1a\x05\x08", 3);
        buf_add_char(&m, (char)((int)i == bad_at ? 100 : i % n_keys));
        buf_add(&m, "\x1a\x01", 2);
        buf_add_char(&m, (char)('0' + i));
    }
    md5(buf_span(&m), digest);
    buf_add(&b, "\xf3\x89\x9a\xc2", 4);
    buf_add_span(&b, buf_span(&m));
    buf_add(&b, digest, sizeof digest);
    struct span s = arena_span(a, buf_span(&b));
    buf_free(&b);
    buf_free(&m);
    return s;
}

static void put(struct fixture *f, const char *sequence, struct span data)
{
    f->in[f->u.n] = (struct kinesis_record){.sequence_number = span_str(sequence),
                                            .partition_key = SPAN("outer"),
                                            .data = data,
                                            .arrival_ms = 5};
    f->u.records = f->in;
    f->u.n++;
}

static void init(struct fixture *f)
{
    *f = (struct fixture){.u.piece_max = MAX};
}

static void deinit(struct fixture *f)
{
    unpack_deinit(&f->u);
    arena_free(&f->arena);
}

static void next(struct fixture *f)
{
    f->out = unpack_next(&f->u, &f->arena, &f->n);
}

static void assert_record(const struct kinesis_record *r, const char *sequence, uint32_t sub,
                          const char *key, const char *data)
{
    assert_span_equal(r->sequence_number, span_str(sequence));
    assert_int_equal(r->sub_sequence, sub);
    assert_span_equal(r->partition_key, span_str(key));
    assert_span_equal(r->data, span_str(data));
    assert_int_equal(r->arrival_ms, 5);
}

static void test_mixed(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    put(&f, "1", SPAN("plain"));
    assert_false(unpack_is_needed(f.in, f.u.n));
    put(&f, "2", aggregate(&f.arena, 3, "ab", -1));
    assert_true(unpack_is_needed(f.in, f.u.n));
    put(&f, "3", SPAN("\xf3\x89\x9a\xc2 is not always an aggregate"));
    next(&f);
    assert_int_equal(f.n, 5);
    assert_record(&f.out[0], "1", 0, "outer", "plain");
    assert_record(&f.out[1], "2", 0, "a", "0");
    assert_record(&f.out[2], "2", 1, "b", "1");
    assert_record(&f.out[3], "2", 2, "a", "2");
    assert_int_equal(f.out[4].data.n, 31);
    assert_true(!f.out[0].aggregated && f.out[1].aggregated && !f.out[4].aggregated);
    assert_span_is(f.u.sequence, "3");
    assert_int_equal(f.u.sub_sequence, 0);
    assert_true(unpack_is_done(&f.u));
    next(&f);
    assert_int_equal(f.n, 0);
    deinit(&f);
}

static void test_pieces(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= 9; piece++) {
        struct fixture f;
        init(&f);
        f.u.piece_max = piece;
        put(&f, "1", aggregate(&f.arena, 4, "a", -1));
        put(&f, "2", SPAN("plain"));
        put(&f, "3", aggregate(&f.arena, 3, "a", -1));
        size_t total = 0;
        while (!unpack_is_done(&f.u)) {
            next(&f);
            assert_true(f.n > 0 && f.n <= piece);
            // The position names the last record of the piece.
            assert_span_equal(f.u.sequence, f.out[f.n - 1].sequence_number);
            assert_int_equal(f.u.sub_sequence, f.out[f.n - 1].sub_sequence);
            total += f.n;
        }
        assert_int_equal(total, 8);
        deinit(&f);
    }
}

static void test_known(void **state)
{
    (void)state;
    for (uint64_t known = 0; known < 5; known++) {
        struct fixture f;
        init(&f);
        f.u.has_known = true;
        f.u.known = SPAN("007");
        f.u.known_sub = known;
        put(&f, "7", aggregate(&f.arena, 4, "a", -1));
        put(&f, "8", aggregate(&f.arena, 2, "a", -1));
        next(&f);
        size_t left = known < 4 ? 3 - known : 0;
        assert_int_equal(f.n, left + 2);
        if (left > 0)
            assert_int_equal(f.out[0].sub_sequence, known + 1);
        deinit(&f);
    }
    struct fixture f;
    init(&f);
    f.u.has_known = true;
    f.u.known = SPAN("7");
    put(&f, "7", SPAN("plain"));
    put(&f, "8", SPAN("plain"));
    next(&f);
    assert_int_equal(f.n, 1);
    assert_record(&f.out[0], "8", 0, "outer", "plain");
    deinit(&f);
}

static void test_other_shard(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    struct hash_key a = hash_key_of(SPAN("a")), b = hash_key_of(SPAN("b"));
    bool a_first = hash_key_cmp(a, b) < 0;
    f.u.has_keys = true;
    f.u.first_key = f.u.last_key = a_first ? a : b;
    const char *ours = a_first ? "a" : "b";
    put(&f, "1", aggregate(&f.arena, 2, ours, -1));
    put(&f, "2", aggregate(&f.arena, 2, "ab", -1));
    // A plain record is ours whatever its key says: the service has put it there.
    put(&f, "3", SPAN("plain"));
    next(&f);
    assert_int_equal(f.n, 3);
    assert_record(&f.out[0], "1", 0, ours, "0");
    assert_record(&f.out[2], "3", 0, "outer", "plain");
    assert_int_equal(f.u.foreign, 1);
    assert_int_equal(f.u.broken, 0);
    deinit(&f);
}

static void test_broken(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    put(&f, "1", aggregate(&f.arena, 4, "a", 2));
    put(&f, "2", SPAN("plain"));
    next(&f);
    assert_int_equal(f.n, 3);
    assert_record(&f.out[1], "1", 1, "a", "1");
    assert_record(&f.out[2], "2", 0, "outer", "plain");
    assert_int_equal(f.u.broken, 1);
    deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mixed),  cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_known),  cmocka_unit_test(test_other_shard),
        cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
