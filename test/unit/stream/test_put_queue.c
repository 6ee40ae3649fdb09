// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "lib/test.h"
#include "stream/put_queue.h"

#define N 1200

struct fixture {
    struct put_queue q;
    struct producer_entry entries[N];
    char keys[N][16];
};

static struct fixture f;
static char large[PUT_MAX_BYTES + 1];

static void init(void)
{
    memset(&f, 0, sizeof(f));
    put_queue_init(&f.q, &(struct put_queue_options){0}, 0);
    for (int i = 0; i < N; i++) {
        snprintf(f.keys[i], sizeof(f.keys[i]), "k%d", i);
        f.entries[i].stream_name = SPAN("s");
        f.entries[i].partition_key = span_str(f.keys[i]);
        f.entries[i].record = SPAN("data");
    }
}

static void add(int i)
{
    put_queue_add(&f.q, &f.entries[i], 1000);
}

static int index_of(struct list *it)
{
    return (int)(container_of(it, struct producer_entry, link) - f.entries);
}

static void delay(struct producer_entry *en, int64_t due_ms)
{
    struct list parcel;
    list_init(&parcel);
    list_push(&parcel, &en->link);
    put_queue_delay(&f.q, &parcel, due_ms);
}

// Takes a batch and lists its entries, "3 4 5"; the batch is left in *b.
static const char *take(struct put_batch *b)
{
    static char out[200];
    struct put_batch got;
    size_t at = 0;
    out[0] = '\0';
    list_init(&b->entries);
    b->n = 0;
    if (!put_queue_take(&f.q, &got, 1000))
        return "none";
    *b = got;
    list_init(&b->entries);
    list_move_all(&b->entries, &got.entries);
    size_t n = 0;
    list_for(it, &b->entries)
    {
        n++;
        if (at < sizeof(out) - 8)
            at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%d", at ? " " : "", index_of(it));
    }
    assert_int_equal(n, b->n);
    return out;
}

static struct producer_entry *pop(struct put_batch *b)
{
    struct producer_entry *en = container_of(list_pop(&b->entries), struct producer_entry, link);
    b->n--;
    return en;
}

static void finish_all(struct put_batch *b)
{
    while (b->n > 0)
        put_queue_finish(&f.q, pop(b), 1000);
}

static void finish_rest(void)
{
    struct put_batch b;
    while (f.q.n > 0) {
        put_queue_wake(&f.q, INT64_MAX);
        take(&b);
        finish_all(&b);
    }
    put_queue_deinit(&f.q);
}

static void test_one_of_a_key_at_a_time(void **state)
{
    (void)state;
    struct put_batch b;
    init();
    f.entries[2].partition_key = f.entries[0].partition_key;
    f.entries[4].partition_key = f.entries[0].partition_key;
    for (int i = 0; i < 5; i++)
        add(i);
    assert_string_equal(take(&b), "0 1 3");
    struct put_batch none;
    assert_string_equal(take(&none), "none");
    put_queue_finish(&f.q, pop(&b), 1000);
    struct put_batch second;
    assert_string_equal(take(&second), "2");
    finish_all(&b);
    assert_string_equal(take(&none), "none");
    finish_all(&second);
    assert_string_equal(take(&b), "4");
    finish_all(&b);
    assert_int_equal(f.q.n, 0);
    assert_int_equal(f.q.keys.n, 0);
    finish_rest();
}

static void test_key_is_held_while_its_record_is_tried_again(void **state)
{
    (void)state;
    struct put_batch b;
    init();
    f.entries[1].partition_key = f.entries[0].partition_key;
    add(0);
    add(1);
    add(2);
    assert_string_equal(take(&b), "0 2");
    struct producer_entry *en = pop(&b);
    en->attempts = 1;
    delay(en, 5000);
    finish_all(&b);
    assert_int_equal(put_queue_sendable(&f.q, 1000), INT64_MAX);
    assert_int_equal(put_queue_due(&f.q), 5000);
    put_queue_wake(&f.q, 4999);
    assert_int_equal(put_queue_sendable(&f.q, 1000), INT64_MAX);
    put_queue_wake(&f.q, 5000);
    assert_int_equal(put_queue_due(&f.q), INT64_MAX);
    assert_string_equal(take(&b), "0");
    finish_all(&b);
    assert_string_equal(take(&b), "1");
    finish_all(&b);
    finish_rest();
}

static void test_records_a_call(void **state)
{
    (void)state;
    struct put_batch b;
    init();
    for (int i = 0; i < PUT_MAX_RECORDS; i++) {
        assert_false(put_queue_has_full(&f.q));
        add(i);
    }
    assert_true(put_queue_has_full(&f.q));
    add(PUT_MAX_RECORDS);
    take(&b);
    assert_int_equal(b.n, PUT_MAX_RECORDS);
    struct put_batch rest;
    assert_string_equal(take(&rest), "500");
    finish_all(&b);
    finish_all(&rest);
    finish_rest();
}

static void test_bytes_a_call(void **state)
{
    (void)state;
    struct put_batch b;
    init();
    // Two that fill a call to the byte, and one byte more.
    f.entries[0].record = span_of(large, PUT_MAX_BYTES / 2 - 2);
    f.entries[1].record = span_of(large, PUT_MAX_BYTES / 2 - 2);
    add(0);
    assert_false(put_queue_has_full(&f.q));
    add(1);
    assert_true(put_queue_has_full(&f.q));
    assert_string_equal(take(&b), "0 1");
    assert_int_equal(b.bytes, PUT_MAX_BYTES);
    finish_all(&b);
    f.entries[1].record.n++;
    add(0);
    add(1);
    add(2);
    assert_string_equal(take(&b), "0");
    finish_all(&b);
    assert_string_equal(take(&b), "1 2");
    finish_all(&b);
    // One that fills it alone.
    f.entries[3].record = span_of(large, PUT_MAX_BYTES - 2);
    add(3);
    add(4);
    assert_string_equal(take(&b), "3");
    finish_all(&b);
    finish_rest();
}

static void test_return_goes_to_the_front(void **state)
{
    (void)state;
    struct put_batch b;
    init();
    add(0);
    add(1);
    assert_string_equal(take(&b), "0 1");
    add(2);
    put_queue_return(&f.q, &b, 1000);
    assert_string_equal(take(&b), "0 1 2");
    put_queue_return(&f.q, &b, 1000);
    assert_int_equal(f.q.n_ready, 3);
    assert_int_equal(f.q.ready_bytes, 18);
    finish_rest();
}

static void test_split_until_one_is_left(void **state)
{
    (void)state;
    struct put_batch b;
    init();
    for (int i = 0; i < 5; i++)
        add(i);
    assert_string_equal(take(&b), "0 1 2 3 4");
    add(5);
    put_queue_split(&f.q, &b);
    assert_true(put_queue_has_full(&f.q));
    assert_string_equal(take(&b), "0 1");
    assert_true(b.apart);
    struct put_batch right;
    assert_string_equal(take(&right), "2 3 4");
    // A part that could not be sent stays a part.
    put_queue_return(&f.q, &right, 1000);
    assert_string_equal(take(&right), "2 3 4");
    put_queue_split(&f.q, &right);
    finish_all(&b);
    assert_string_equal(take(&b), "2");
    assert_string_equal(take(&right), "3 4");
    put_queue_split(&f.q, &right);
    finish_all(&b);
    assert_string_equal(take(&b), "3");
    finish_all(&b);
    assert_string_equal(take(&b), "4");
    finish_all(&b);
    assert_string_equal(take(&b), "5");
    assert_false(b.apart);
    finish_all(&b);
    finish_rest();
}

static void test_delays_stay_in_order(void **state)
{
    (void)state;
    struct put_batch b;
    init();
    for (int i = 0; i < 4; i++)
        add(i);
    assert_string_equal(take(&b), "0 1 2 3");
    static const int64_t due[] = {3000, 2000, 9000, 1000};
    for (unsigned i = 0; i < 4; i++) {
        struct producer_entry *en = pop(&b);
        en->attempts = i < 2 ? 1 : 100 + i;
        delay(en, due[i]);
    }
    assert_int_equal(put_queue_due(&f.q), 3000);
    put_queue_wake(&f.q, 8999);
    assert_string_equal(take(&b), "0 1");
    finish_all(&b);
    put_queue_wake(&f.q, 9000);
    assert_string_equal(take(&b), "2 3");
    finish_all(&b);
    finish_rest();
}

static void test_drain(void **state)
{
    (void)state;
    struct put_batch b, delayed;
    init();
    f.entries[9].partition_key = f.entries[0].partition_key;
    for (int i = 0; i < 10; i++)
        add(i);
    assert_string_equal(take(&b), "0 1 2 3 4 5 6 7 8"); // 9 waits behind 0
    put_queue_split(&f.q, &b);
    assert_string_equal(take(&b), "0 1 2 3"); // stay in flight
    assert_string_equal(take(&delayed), "4 5 6 7 8");
    delay(pop(&delayed), 99999);
    delay(pop(&delayed), 99999);
    put_queue_split(&f.q, &delayed);
    add(10);
    unsigned seen = 0;
    for (struct producer_entry *en; (en = put_queue_drain(&f.q));)
        seen |= 1u << (en - f.entries);
    assert_int_equal(seen, 0x5f0); // 4 to 8 and 10
    assert_int_equal(f.q.n, 5);
    finish_all(&b);
    assert_ptr_equal(put_queue_drain(&f.q), &f.entries[9]);
    assert_null(put_queue_drain(&f.q));
    put_queue_deinit(&f.q);
}

static void refused(struct producer_entry *en, const char *why)
{
    struct err e = {0};
    assert_int_equal(put_check(en, &e), ERR_INVALID);
    if (!strstr(e.msg, why))
        fail_msg("\"%s\" does not say \"%s\"", e.msg, why);
}

static void accepted(struct producer_entry *en)
{
    struct err e = {0};
    assert_int_equal(put_check(en, &e), 0);
}

static void test_check_keys(void **state)
{
    (void)state;
    char key[4 * 257];
    struct producer_entry en = {
        .stream_name = SPAN("s"), .partition_key = SPAN("k"), .record = SPAN("")};
    accepted(&en);
    en.partition_key = SPAN_NONE;
    refused(&en, "empty");
    memset(key, 'k', sizeof(key));
    en.partition_key = span_of(key, 256);
    accepted(&en);
    en.partition_key = span_of(key, 257);
    refused(&en, "256");
    for (int i = 0; i < 257; i++)
        memcpy(key + 4 * i, "\xf0\x9f\x98\x80", 4); // one character of four bytes
    en.partition_key = span_of(key, 4 * 256);
    accepted(&en);
    en.partition_key = span_of(key, 4 * 257);
    refused(&en, "256");
    en.partition_key = SPAN("\xff");
    refused(&en, "UTF-8");
}

static void test_check_hash_keys(void **state)
{
    (void)state;
    struct producer_entry en = {
        .stream_name = SPAN("s"), .partition_key = SPAN("k"), .record = SPAN("")};
    static const char *const good[] = {"0", "1", "99", "340282366920938463463374607431768211455"};
    static const char *const bad[] = {"00",
                                      "01",
                                      "-1",
                                      "1a",
                                      " 1",
                                      "340282366920938463463374607431768211456",
                                      "3402823669209384634633746074317682114550"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        en.explicit_hash_key = span_str(good[i]);
        accepted(&en);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        en.explicit_hash_key = span_str(bad[i]);
        refused(&en, "hash key");
    }
}

static void test_check_size_and_stream(void **state)
{
    (void)state;
    char name[PUT_MAX_STREAM_ARN + 1];
    struct producer_entry en = {.stream_name = SPAN("s"),
                                .partition_key = SPAN("key"),
                                .record = span_of(large, PUT_MAX_BYTES - 3)};
    accepted(&en);
    en.record.n++;
    refused(&en, "10485760");
    en.record = SPAN_NONE;
    accepted(&en);
    memset(name, 'n', sizeof(name));
    en.stream_name = span_of(name, PUT_MAX_STREAM_NAME);
    accepted(&en);
    en.stream_name.n++;
    refused(&en, "stream name");
    en.stream_name = SPAN("a b");
    refused(&en, "stream name");
    en.stream_name = SPAN_NONE;
    refused(&en, "stream name");
    en.stream_arn = span_of(name, PUT_MAX_STREAM_ARN);
    accepted(&en);
    en.stream_arn.n++;
    refused(&en, "ARN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_of_a_key_at_a_time),
        cmocka_unit_test(test_key_is_held_while_its_record_is_tried_again),
        cmocka_unit_test(test_records_a_call),
        cmocka_unit_test(test_bytes_a_call),
        cmocka_unit_test(test_return_goes_to_the_front),
        cmocka_unit_test(test_split_until_one_is_left),
        cmocka_unit_test(test_delays_stay_in_order),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_check_keys),
        cmocka_unit_test(test_check_hash_keys),
        cmocka_unit_test(test_check_size_and_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
