// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "fake_kinesis.h"
#include "lib/test.h"
#include "stream/producer.h"
#include "stream/put_queue.h"

struct item {
    struct producer_entry en;
    char key[24], data[40];
    int number; // of its key, from 0
    bool put, done;
    int status;
};

#define MAX_ITEMS 6000

struct fixture {
    struct loop loop;
    struct kinesis kinesis;
    struct producer *producer;
    struct item items[MAX_ITEMS];
    size_t n, n_done;
    char error[600];
    int status; // 1 = none yet
    unsigned n_statuses;
    char text[600];
    bool closing, closed;
    bool close_in_done, close_in_status, put_in_done;
};

static struct fixture f;

static void on_closed(void *ctx)
{
    (void)ctx;
    assert_false(f.closed);
    f.closed = true;
    f.producer = NULL;
}

static void close_now(void)
{
    f.closing = true;
    producer_close(f.producer, on_closed, NULL);
    assert_false(f.closed);
}

static void on_status(void *ctx, int status, const char *text)
{
    (void)ctx;
    f.status = status;
    f.n_statuses++;
    snprintf(f.text, sizeof(f.text), "%s", text);
    if (f.close_in_status) {
        f.close_in_status = false;
        close_now();
    }
}

static struct item *put(const char *key, const char *data);

static void on_done(struct producer_entry *en, int status, const char *error)
{
    struct item *it = container_of(en, struct item, en);
    assert_true(it->put);
    assert_false(it->done);
    assert_false(f.closed);
    it->done = true;
    it->status = status;
    f.n_done++;
    assert_true((status == 0) == (error == NULL));
    snprintf(f.error, sizeof(f.error), "%s", error ? error : "");
    // Its memory is the owner's again.
    memset(en, 0xee, sizeof(*en));
    if (f.close_in_done) {
        f.close_in_done = false;
        close_now();
    }
    if (f.put_in_done) {
        f.put_in_done = false;
        put(it->key, "after");
    }
}

static void init(const struct producer_options *more)
{
    struct producer_options o = more ? *more : (struct producer_options){0};
    memset(&f, 0, sizeof(f));
    f.status = 1;
    fake_loop_init(&f.loop, 3);
    fake_kinesis_init(&f.kinesis, &f.loop, 4);
    o.loop = &f.loop;
    o.kinesis = &f.kinesis;
    o.on_status = on_status;
    assert_int_equal(producer_new(&o, &f.producer), 0);
}

static void deinit(void)
{
    if (!f.closing)
        close_now();
    assert_true(fake_loop_run_until(&f.loop, &f.closed, 100000));
    assert_int_equal(f.n_done, f.n);
    assert_int_equal(f.loop.n, 0);
    fake_kinesis_deinit(&f.kinesis);
    fake_loop_deinit(&f.loop);
}

static struct item *put(const char *key, const char *data)
{
    struct err e = {0};
    assert_true(f.n < MAX_ITEMS);
    struct item *it = &f.items[f.n++];
    snprintf(it->key, sizeof(it->key), "%s", key);
    snprintf(it->data, sizeof(it->data), "%s", data);
    it->en = (struct producer_entry){.done = on_done,
                                     .stream_name = SPAN("tb-x"),
                                     .partition_key = span_str(it->key),
                                     .record = span_str(it->data)};
    it->put = true;
    size_t done = f.n_done;
    assert_int_equal(producer_put(f.producer, &it->en, &e), 0);
    assert_int_equal(f.n_done, done); // never inside
    return it;
}

static void put_many(int n)
{
    char key[24];
    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        put(key, "data");
    }
}

static void run(int64_t ms)
{
    fake_loop_run(&f.loop, ms);
}

static void test_one_turn_goes_out_together(void **state)
{
    (void)state;
    init(NULL);
    put_many(1200);
    assert_int_equal(producer_pending(f.producer), 1200);
    run(1000);
    assert_int_equal(f.n_done, 1200);
    assert_int_equal(producer_pending(f.producer), 0);
    assert_int_equal(f.kinesis.counts[KINESIS_PUT_RECORDS], 3);
    assert_int_equal(f.kinesis.max_put_records, 500);
    struct producer_stats s;
    producer_get_stats(f.producer, &s);
    assert_int_equal(s.records, 1200);
    assert_int_equal(s.bytes, 4800);
    assert_int_equal(s.calls, 3);
    assert_int_equal(s.retries, 0);
    assert_int_equal(f.n_statuses, 0);
    deinit();
}

static void test_calls_in_flight(void **state)
{
    (void)state;
    init(&(struct producer_options){.in_flight = 2});
    put_many(2000);
    run(0);
    assert_int_equal(f.kinesis.n_running, 2);
    run(1000);
    assert_int_equal(f.n_done, 2000);
    deinit();
}

static void test_linger(void **state)
{
    (void)state;
    init(&(struct producer_options){.linger_ms = 50});
    put("a", "1");
    run(30);
    put("b", "2");
    assert_int_equal(f.kinesis.n_calls, 0);
    run(19);
    assert_int_equal(f.kinesis.n_calls, 0);
    run(1);
    assert_int_equal(f.kinesis.n_calls, 1);
    run(100);
    assert_int_equal(f.n_done, 2);
    // A full batch does not wait.
    put_many(500);
    run(0);
    assert_int_equal(f.kinesis.n_calls, 2);
    deinit();
}

static void test_same_key_in_order(void **state)
{
    (void)state;
    char data[24];
    init(NULL);
    for (int i = 0; i < 20; i++) {
        snprintf(data, sizeof(data), "%d", i);
        put("one", data);
    }
    run(2000);
    assert_int_equal(f.n_done, 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(atoi(f.kinesis.puts[i].data), i);
    assert_int_equal(f.kinesis.max_put_records, 1);
    deinit();
}

static void test_failed_records_are_tried_again(void **state)
{
    (void)state;
    init(NULL);
    f.kinesis.put_throttle = 500;
    put_many(400);
    run(60000);
    assert_int_equal(f.n_done, 400);
    assert_int_equal(f.kinesis.n_puts, 400); // each once
    struct producer_stats s;
    producer_get_stats(f.producer, &s);
    assert_true(s.retries > 200 && s.throttles == s.retries);
    assert_true(f.kinesis.counts[KINESIS_PUT_RECORDS] < 60); // those that failed stay together
    assert_int_equal(s.records, 400);
    deinit();
}

static void test_all_throttled_is_told(void **state)
{
    (void)state;
    init(NULL);
    f.kinesis.put_throttle = 1000;
    put_many(10);
    run(5000);
    assert_int_equal(f.status, ERR_THROTTLED);
    assert_non_null(strstr(f.text, "ProvisionedThroughputExceededException"));
    f.kinesis.put_throttle = 0;
    run(40000);
    assert_int_equal(f.n_done, 10);
    assert_int_equal(f.status, 0);
    assert_int_equal(f.n_statuses, 2);
    deinit();
}

static void test_failed_call_is_repeated_whole(void **state)
{
    (void)state;
    init(NULL);
    fake_fail(&f.kinesis, KINESIS_PUT_RECORDS, 2, ERR_UNAVAILABLE, "InternalFailure");
    put_many(50);
    run(5000);
    assert_int_equal(f.n_done, 50);
    assert_int_equal(f.kinesis.n_puts, 50);
    assert_int_equal(f.kinesis.counts[KINESIS_PUT_RECORDS], 3);
    assert_int_equal(f.n_statuses, 0); // that healed by itself
    deinit();
}

static void test_outage_makes_few_calls(void **state)
{
    (void)state;
    init(NULL);
    fake_fail(&f.kinesis, KINESIS_PUT_RECORDS, -1, ERR_CONNECT, NULL);
    put_many(3000);
    run(600000);
    assert_int_equal(f.n_done, 0);
    assert_int_equal(f.status, ERR_CONNECT);
    assert_true(f.kinesis.n_calls < 60);
    fake_fail(&f.kinesis, KINESIS_PUT_RECORDS, 0, 0, NULL);
    run(40000);
    assert_int_equal(f.n_done, 3000);
    assert_int_equal(f.status, 0);
    deinit();
}

static void test_missing_stream_is_waited_for(void **state)
{
    (void)state;
    init(NULL);
    f.kinesis.exists = false;
    put("a", "1");
    run(5000);
    assert_int_equal(f.status, ERR_NOT_FOUND);
    assert_string_equal(f.text,
                        "stream tb-x not found in eu-west-1: create it or correct streamName");
    assert_int_equal(f.n_done, 0);
    f.kinesis.exists = true;
    run(40000);
    assert_int_equal(f.n_done, 1);
    assert_int_equal(f.status, 0);
    deinit();
}

static void test_bad_record_alone_is_refused(void **state)
{
    (void)state;
    init(NULL);
    f.kinesis.poison = "poison";
    put_many(100);
    struct item *bad = put("bad", "poison 1");
    struct item *next = put("bad", "fine");
    struct item *bad2 = put("bad2", "poison 2");
    run(5000);
    assert_int_equal(f.n_done, 103);
    assert_int_equal(bad->status, ERR_INVALID);
    assert_int_equal(bad2->status, ERR_INVALID);
    assert_int_equal(next->status, 0);
    assert_int_equal(f.kinesis.n_puts, 101);
    assert_true(f.kinesis.n_calls < 40);
    struct producer_stats s;
    producer_get_stats(f.producer, &s);
    assert_int_equal(s.refused, 2);
    deinit();
}

static void test_refusal_says_why(void **state)
{
    (void)state;
    init(NULL);
    f.kinesis.poison = "poison";
    put("bad", "poison");
    run(1000);
    assert_int_equal(f.n_done, 1);
    assert_non_null(strstr(f.error, "ValidationException: said the service"));
    deinit();
}

static void test_reply_with_too_few_results(void **state)
{
    (void)state;
    init(NULL);
    f.kinesis.short_results = true;
    put_many(10);
    run(3000);
    assert_int_equal(f.n_done, 0);
    assert_int_equal(f.status, ERR_PROTO);
    f.kinesis.short_results = false;
    run(60000);
    assert_int_equal(f.n_done, 10);
    deinit();
}

static void test_calls_that_do_not_start(void **state)
{
    (void)state;
    init(NULL);
    f.kinesis.refuse_start = 5;
    put_many(10);
    run(60000);
    assert_int_equal(f.n_done, 10);
    deinit();
}

static void test_bytes_of_a_call(void **state)
{
    (void)state;
    enum { SIZE = 3 << 20 };
    init(NULL);
    char *data = mem_zalloc(SIZE);
    for (int i = 0; i < 7; i++) {
        char key[24];
        snprintf(key, sizeof(key), "k%d", i);
        // Nothing has been looked at before the end of the turn.
        put(key, "")->en.record = span_of(data, 0);
    }
    run(1000);
    for (size_t i = 0; i < 7; i++) {
        struct item *it = &f.items[f.n++];
        struct err e = {0};
        snprintf(it->key, sizeof(it->key), "l%zu", i);
        it->put = true;
        it->en = (struct producer_entry){.done = on_done,
                                         .stream_name = SPAN("tb-x"),
                                         .partition_key = span_str(it->key),
                                         .record = span_of(data, SIZE)};
        assert_int_equal(producer_put(f.producer, &it->en, &e), 0);
    }
    run(5000);
    assert_int_equal(f.n_done, 14);
    assert_true(f.kinesis.max_put_bytes <= PUT_MAX_BYTES);
    assert_true(f.kinesis.max_put_bytes > 9u << 20);
    mem_free(data);
    deinit();
}

static void test_refused_at_once(void **state)
{
    (void)state;
    init(NULL);
    struct err e = {0};
    struct producer_entry en = {.done = on_done, .stream_name = SPAN("tb-x")};
    assert_int_equal(producer_put(f.producer, &en, &e), ERR_INVALID);
    assert_int_equal(producer_pending(f.producer), 0);
    run(1000);
    assert_int_equal(f.kinesis.n_calls, 0);
    deinit();
}

static void test_streams_are_independent(void **state)
{
    (void)state;
    init(NULL);
    struct err e = {0};
    put("a", "1");
    struct item *other = &f.items[f.n++];
    other->put = true;
    other->en = (struct producer_entry){.done = on_done,
                                        .stream_name = SPAN("missing"),
                                        .partition_key = SPAN("a"),
                                        .record = SPAN("x")};
    assert_int_equal(producer_put(f.producer, &other->en, &e), 0);
    run(60000);
    assert_true(f.items[0].done);
    assert_false(other->done);
    assert_int_equal(f.status, ERR_NOT_FOUND);
    put("a", "2");
    run(1000);
    assert_true(f.items[2].done);
    assert_int_equal(f.status, ERR_NOT_FOUND); // one still fails
    deinit();
    assert_int_equal(other->status, ERR_CANCELED);
}

static void test_by_arn(void **state)
{
    (void)state;
    init(NULL);
    struct err e = {0};
    struct item *it = &f.items[f.n++];
    it->put = true;
    it->en = (struct producer_entry){.done = on_done,
                                     .stream_arn = span_str(f.kinesis.arn),
                                     .partition_key = SPAN("a"),
                                     .record = SPAN("x")};
    assert_int_equal(producer_put(f.producer, &it->en, &e), 0);
    run(1000);
    assert_int_equal(it->status, 0);
    assert_true(it->done);
    deinit();
}

static void test_put_in_done(void **state)
{
    (void)state;
    init(NULL);
    f.put_in_done = true;
    put("a", "1");
    run(1000);
    assert_int_equal(f.n_done, 2);
    deinit();
}

static void test_close_cancels_what_waits(void **state)
{
    (void)state;
    init(&(struct producer_options){.in_flight = 1});
    for (int i = 0; i < 700; i++) {
        char key[24];
        snprintf(key, sizeof(key), "k%d", i % 650);
        put(key, "data");
    }
    run(0);
    assert_int_equal(f.kinesis.n_running, 1);
    close_now();
    assert_int_equal(f.n_done, 0);
    struct err e = {0};
    struct producer_entry late = f.items[0].en;
    assert_int_equal(producer_put(f.producer, &late, &e), ERR_CANCELED);
    assert_true(fake_loop_run_until(&f.loop, &f.closed, 1000));
    size_t ok = 0;
    for (size_t i = 0; i < f.n; i++) {
        assert_true(f.items[i].done);
        assert_true(f.items[i].status == 0 || f.items[i].status == ERR_CANCELED);
        ok += f.items[i].status == 0;
    }
    assert_int_equal(ok, 500); // the call in flight
    deinit();
}

static void test_close_at_any_moment(void **state)
{
    (void)state;
    for (int64_t at = 0; at < 300; at++) {
        init(&(struct producer_options){.linger_ms = at % 3 ? 5 : 0});
        f.kinesis.put_throttle = 300;
        f.kinesis.cut = 200;
        f.kinesis.poison = at % 2 ? "p" : NULL;
        put_many(30);
        put("k1", "p");
        put("k2", "p");
        put("k1", "q");
        run(at);
        deinit();
    }
}

static void test_close_before_anything(void **state)
{
    (void)state;
    init(NULL);
    deinit();
    init(NULL);
    put("a", "1");
    deinit();
    assert_int_equal(f.items[0].status, ERR_CANCELED);
    assert_int_equal(f.kinesis.n_calls, 0);
}

static void test_close_in_callbacks(void **state)
{
    (void)state;
    init(NULL);
    put_many(20);
    f.close_in_done = true;
    run(1000);
    assert_true(f.closed);
    assert_int_equal(f.n_done, 20);
    deinit();
    init(NULL);
    f.kinesis.exists = false;
    f.close_in_status = true;
    put_many(20);
    run(1000);
    assert_true(f.closed);
    deinit();
    init(NULL);
    f.kinesis.refuse_start = 100;
    f.close_in_status = true;
    put_many(20);
    run(10000);
    assert_true(f.closed);
    deinit();
    init(NULL);
    f.kinesis.poison = "p";
    f.close_in_done = true;
    put("a", "p");
    put("a", "q");
    run(1000);
    assert_true(f.closed);
    deinit();
}

// Everything at random: each record is on the stream at least once or refused, in the order of its
// key; without lost replies exactly once.
static void run_random(uint64_t seed)
{
    uint64_t random = seed;
    int numbers[40] = {0};
    bool lost_replies = test_random_below(&random, 2) == 0;
    init(&(struct producer_options){.in_flight = 1 + (unsigned)test_random_below(&random, 6),
                                    .linger_ms = (int64_t)test_random_below(&random, 20)});
    f.loop.shuffle = true;
    f.kinesis.random_state = seed;
    f.kinesis.put_throttle = (int)test_random_below(&random, 400);
    f.kinesis.fail = (int)test_random_below(&random, 100);
    f.kinesis.throttle = (int)test_random_below(&random, 100);
    f.kinesis.cut = lost_replies ? 100 : 0;
    f.kinesis.poison = "poison";
    for (int round = 0; round < 40; round++) {
        for (uint64_t n = test_random_below(&random, 100); n > 0; n--) {
            char key[24], data[40];
            uint64_t k = test_random_below(&random, 40);
            bool bad = test_random_below(&random, 200) == 0;
            snprintf(key, sizeof(key), "key-%d", (int)k);
            snprintf(data, sizeof(data), "%s%d", bad ? "poison" : "", numbers[k]);
            put(key, data)->number = numbers[k]++;
        }
        run((int64_t)test_random_below(&random, 200));
    }
    run(3600000);
    assert_int_equal(f.n_done, f.n);
    for (size_t i = 0; i < f.n; i++) {
        struct item *it = &f.items[i];
        assert_int_equal(it->status,
                         span_has_prefix(span_str(it->data), SPAN("poison")) ? ERR_INVALID : 0);
    }
    int next[40] = {0};
    size_t repeats = 0;
    for (size_t i = 0; i < f.kinesis.n_puts; i++) {
        int k = atoi(f.kinesis.puts[i].key + 4), got = atoi(f.kinesis.puts[i].data);
        if (got == next[k] - 1) {
            repeats++;
            continue;
        }
        assert_true(got >= next[k]);
        for (; next[k] < got; next[k]++) {
            // What is left out was refused.
            bool refused = false;
            for (size_t j = 0; j < f.n && !refused; j++)
                refused = f.items[j].number == next[k] && atoi(f.items[j].key + 4) == k &&
                          f.items[j].status == ERR_INVALID;
            assert_true(refused);
        }
        next[k]++;
    }
    assert_true(lost_replies || repeats == 0);
    deinit();
}

static void test_random_failures(void **state)
{
    (void)state;
    const char *one = getenv("PENSTOCK_SEED");
    for (uint64_t seed = one ? strtoull(one, NULL, 10) : 1; seed <= 100 || one; seed++) {
        fprintf(stderr, "\rseed %llu ", (unsigned long long)seed);
        run_random(seed);
        if (one)
            break;
    }
    fprintf(stderr, "\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_turn_goes_out_together),
        cmocka_unit_test(test_calls_in_flight),
        cmocka_unit_test(test_linger),
        cmocka_unit_test(test_same_key_in_order),
        cmocka_unit_test(test_failed_records_are_tried_again),
        cmocka_unit_test(test_all_throttled_is_told),
        cmocka_unit_test(test_failed_call_is_repeated_whole),
        cmocka_unit_test(test_outage_makes_few_calls),
        cmocka_unit_test(test_missing_stream_is_waited_for),
        cmocka_unit_test(test_bad_record_alone_is_refused),
        cmocka_unit_test(test_refusal_says_why),
        cmocka_unit_test(test_reply_with_too_few_results),
        cmocka_unit_test(test_calls_that_do_not_start),
        cmocka_unit_test(test_bytes_of_a_call),
        cmocka_unit_test(test_refused_at_once),
        cmocka_unit_test(test_streams_are_independent),
        cmocka_unit_test(test_by_arn),
        cmocka_unit_test(test_put_in_done),
        cmocka_unit_test(test_close_cancels_what_waits),
        cmocka_unit_test(test_close_at_any_moment),
        cmocka_unit_test(test_close_before_anything),
        cmocka_unit_test(test_close_in_callbacks),
        cmocka_unit_test(test_random_failures),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
