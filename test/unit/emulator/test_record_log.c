// SPDX-License-Identifier: Apache-2.0
#include "codec/cbor.h"
#include "emulator/record_log.h"
#include "lib/test.h"
#include "lib/test_clock.h"

struct fixture {
    struct emu_store store;
    struct emu_log a, b;
};

static int set_up(void **state)
{
    static struct fixture f;
    emu_store_init(&f.store, 64 << 20);
    emu_log_init(&f.a, &f.store);
    emu_log_init(&f.b, &f.store);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    emu_log_free(&f->a);
    emu_log_free(&f->b);
    assert_int_equal(f->store.bytes, 0);
    return 0;
}

static void add(struct emu_log *l, int64_t ms, const char *key, size_t n)
{
    static char data[3 << 20];
    char sequence[EMU_SEQUENCE_LEN];
    assert_true(n <= sizeof data);
    memset(sequence, '0', sizeof sequence);
    for (uint64_t v = l->next, i = sizeof sequence - 1; v; v /= 10)
        sequence[i--] = (char)('0' + v % 10);
    memset(data, (int)('a' + l->next % 26), n);
    emu_log_append(l, sequence, ms, span_str(key), span_of(data, n));
}

static struct span text_member(struct cbor_reader *r, const char *key)
{
    struct cbor_item it;
    assert_true(cbor_read(r, &it) && it.type == CBOR_TEXT);
    assert_span_equal(it.s, span_str(key));
    assert_true(cbor_read(r, &it));
    assert_true(it.type == CBOR_TEXT || it.type == CBOR_BYTES);
    return it.s;
}

// What a page copies out is what a foreign CBOR reader and the cursor both make of it.
static void test_forms_agree(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = {0, 1, 23, 24, 255, 256, 65535, 65536, 70000, 1 << 20, 3};
    size_t n = sizeof sizes / sizeof *sizes;
    for (size_t i = 0; i < n; i++)
        add(&f->a, 1000 + (int64_t)i, i % 2 ? "k" : "a key of more than twenty-four bytes",
            sizes[i]);
    struct emu_page page = emu_log_page(&f->a, 1, 100, SIZE_MAX);
    assert_int_equal(page.end - page.first, n);
    struct buf out = {0};
    emu_log_copy(&f->a, &page, &out);
    assert_int_equal(out.n, page.cbor_bytes);

    struct arena arena = {0};
    struct cbor_reader r;
    struct emu_cursor cursor = {0};
    struct emu_record record;
    size_t payload = 0;
    cbor_reader_init(&r, buf_span(&out), &arena);
    for (size_t i = 0; i < n; i++) {
        struct cbor_item it;
        int64_t ms;
        assert_true(emu_log_next(&f->a, &page, &cursor, &record));
        assert_true(cbor_read(&r, &it) && it.type == CBOR_MAP);
        assert_int_equal(it.count, 4);
        assert_span_equal(text_member(&r, "SequenceNumber"), record.sequence);
        assert_true(cbor_read(&r, &it) && it.type == CBOR_TEXT);
        assert_span_is(it.s, "ApproximateArrivalTimestamp");
        assert_true(cbor_read(&r, &it) && it.type == CBOR_TAG && it.u == 1);
        assert_true(cbor_read_int(&r, &ms));
        assert_int_equal(ms, 1000 + i);
        assert_int_equal(record.arrival_ms, ms);
        assert_span_equal(text_member(&r, "Data"), record.data);
        assert_int_equal(record.data.n, sizes[i]);
        assert_span_equal(text_member(&r, "PartitionKey"), record.key);
        payload += record.data.n + record.key.n;
    }
    assert_false(emu_log_next(&f->a, &page, &cursor, &record));
    assert_int_equal(page.payload, payload);
    assert_true(r.at == r.end);
    arena_free(&arena);
    buf_free(&out);
}

static void test_page_limits(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(emu_log_page(&f->a, 1, 10, 1000).end, 1);
    for (int i = 0; i < 5000; i++)
        add(&f->a, i, "k", 99); // 100 bytes with the key
    struct emu_page p = emu_log_page(&f->a, 1, 10000, SIZE_MAX);
    assert_int_equal(p.end - p.first, 5000);
    p = emu_log_page(&f->a, 7, 4000, SIZE_MAX);
    assert_int_equal(p.first, 7);
    assert_int_equal(p.end, 4007);
    // Bytes: exactly 1,234 records fit, one byte less holds one record less.
    p = emu_log_page(&f->a, 1, 10000, 123400);
    assert_int_equal(p.end - p.first, 1234);
    assert_int_equal(p.payload, 123400);
    p = emu_log_page(&f->a, 1, 10000, 123399);
    assert_int_equal(p.end - p.first, 1233);
    // One record goes out however large.
    p = emu_log_page(&f->a, 100, 10000, 5);
    assert_int_equal(p.end - p.first, 1);
    p = emu_log_page(&f->a, 100, 0, 5);
    assert_int_equal(p.end - p.first, 0);
    p = emu_log_page(&f->a, 5001, 10, 1000);
    assert_int_equal(p.end - p.first, 0);
    assert_int_equal(p.end, 5001);
}

static void test_pages_join(void **state)
{
    struct fixture *f = *state;
    uint64_t seed = 5, at = 1;
    for (int i = 0; i < 3000; i++)
        add(&f->a, i, "key", (size_t)test_random_below(&seed, 900));
    while (at < f->a.next) {
        struct emu_page p = emu_log_page(&f->a, at, 1 + test_random_below(&seed, 300),
                                         1 + test_random_below(&seed, 60000));
        struct emu_cursor c = {0};
        struct emu_record r;
        assert_true(p.first == at && p.end > at);
        size_t bytes = 0;
        while (emu_log_next(&f->a, &p, &c, &r)) {
            assert_int_equal(r.arrival_ms, (int64_t)at - 1);
            if (r.data.n)
                assert_int_equal(r.data.p[0], (int)('a' + at % 26));
            bytes += r.data.n + r.key.n;
            at++;
        }
        assert_int_equal(bytes, p.payload);
        assert_int_equal(at, p.end);
    }
}

static void test_find_by_time(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(emu_log_at(&f->a, 0), 1);
    for (int i = 0; i < 2000; i++)
        add(&f->a, 10 * (i / 2), "k", 100); // pairs of the same time
    assert_int_equal(emu_log_at(&f->a, -5), 1);
    assert_int_equal(emu_log_at(&f->a, 0), 1);
    assert_int_equal(emu_log_at(&f->a, 1), 3);
    assert_int_equal(emu_log_at(&f->a, 5000), 1001);
    assert_int_equal(emu_log_at(&f->a, 9990), 1999);
    assert_int_equal(emu_log_at(&f->a, 9991), 2001);
    assert_int_equal(emu_log_arrival(&f->a, 1001), 5000);
}

static void test_trim(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2000; i++)
        add(&f->a, i, "k", 100);
    size_t bytes = f->store.bytes;
    emu_log_trim(&f->a, 0);
    assert_int_equal(f->a.first, 1);
    emu_log_trim(&f->a, 1500);
    assert_int_equal(f->a.first, 1501);
    assert_true(f->store.bytes < bytes);
    emu_log_trim(&f->a, 100);
    assert_int_equal(f->a.first, 1501);
    assert_int_equal(emu_log_at(&f->a, 0), 1501);
    assert_int_equal(emu_log_page(&f->a, 3, 1, 1000).first, 1501);
    emu_log_trim(&f->a, 5000);
    assert_int_equal(f->a.first, 2001);
    assert_int_equal(f->store.bytes, 0);
    add(&f->a, 6000, "k", 1);
    assert_int_equal(emu_log_page(&f->a, 1, 10, 1000).end, 2002);
    assert_int_equal(f->store.evicted, 0);
}

// The cap drops the oldest records of any log, and no more than it must.
static void test_byte_cap(void **state)
{
    struct fixture *f = *state;
    f->store.cap = 4 << 20;
    for (int i = 0; i < 100; i++)
        add(&f->b, i, "old", 1000);
    for (int i = 0; i < 20; i++) {
        add(&f->a, i, "k", 400000);
        assert_true(f->store.bytes <= f->store.cap);
    }
    assert_int_equal(f->b.first, 101);
    assert_true(f->a.first > 1 && f->a.next - f->a.first >= 5);
    assert_int_equal(f->store.evicted, 100 + f->a.first - 1);
    // A record above the cap is still taken: the newest one is never dropped.
    f->store.cap = 1000;
    add(&f->a, 99, "k", 2 << 20);
    assert_int_equal(f->a.next - f->a.first, 1);
    assert_int_equal(emu_log_page(&f->a, 0, 5, 5).end, f->a.next);
}

static void append_back_in_time(void *log)
{
    add(log, 5, "k", 1);
    add(log, 4, "k", 1);
}

static void test_order_is_required(void **state)
{
    struct fixture *f = *state;
    assert_true(test_aborts(append_back_in_time, &f->a));
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_forms_agree),       CASE(test_page_limits), CASE(test_pages_join),
        CASE(test_find_by_time),      CASE(test_trim),        CASE(test_byte_cap),
        CASE(test_order_is_required),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
