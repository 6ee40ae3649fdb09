// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fake_kinesis.h"
#include "lib/test.h"
#include "lib/test_clock.h"
#include "stream/producer.h"

// The producer with a stream whose shards it knows: their limits, their throttling, aggregates, and
// shards that change meanwhile.

#define MAX_ITEMS 20000
#define KEYS 60

struct item {
    struct producer_entry en;
    char key[24], data[48];
    bool done, seen;
    int status;
};

static struct {
    struct loop loop;
    struct kinesis kinesis;
    struct producer *producer;
    struct item items[MAX_ITEMS];
    size_t n, n_done;
    bool closed;
} f;

static void on_closed(void *ctx)
{
    (void)ctx;
    f.closed = true;
}

static void on_done(struct producer_entry *en, int status, const char *error)
{
    struct item *it = container_of(en, struct item, en);
    (void)error;
    assert_false(it->done);
    it->done = true;
    it->status = status;
    f.n_done++;
}

static void init(uint32_t shards, struct producer_options o)
{
    memset(&f, 0, sizeof f);
    fake_loop_init(&f.loop, 3);
    fake_kinesis_init(&f.kinesis, &f.loop, 4);
    f.kinesis.put_shards = shards;
    f.kinesis.throttled_shard = -1;
    o.loop = &f.loop;
    o.kinesis = &f.kinesis;
    o.predict = true;
    assert_int_equal(producer_new(&o, &f.producer), 0);
}

static void deinit(void)
{
    producer_close(f.producer, on_closed, NULL);
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
    snprintf(it->key, sizeof it->key, "%s", key);
    snprintf(it->data, sizeof it->data, "%s", data);
    it->en = (struct producer_entry){.done = on_done,
                                     .stream_name = SPAN("tb-x"),
                                     .partition_key = span_str(it->key),
                                     .record = span_str(it->data)};
    assert_int_equal(producer_put(f.producer, &it->en, &e), 0);
    return it;
}

static void put_spread(int n)
{
    char key[24];
    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof key, "k%zu", f.n);
        put(key, "data");
    }
}

static struct producer_stats stats(void)
{
    struct producer_stats s;
    producer_get_stats(f.producer, &s);
    return s;
}

static size_t count(int shard, int64_t from_ms, int64_t to_ms)
{
    size_t n = 0;
    for (size_t i = 0; i < f.kinesis.n_puts; i++) {
        const struct fake_put *p = &f.kinesis.puts[i];
        n += (shard < 0 || p->shard == shard) && p->at_ms >= from_ms && p->at_ms < to_ms;
    }
    return n;
}

static void test_lists_once(void **state)
{
    (void)state;
    init(4, (struct producer_options){0});
    put_spread(100);
    fake_loop_run(&f.loop, 1000);
    assert_int_equal(f.n_done, 100);
    put_spread(100);
    fake_loop_run(&f.loop, 1000);
    assert_int_equal(f.kinesis.counts[KINESIS_LIST_SHARDS], 1);
    // A stream that rests is forgotten, and asked for again.
    fake_loop_run(&f.loop, 120000);
    put_spread(1);
    fake_loop_run(&f.loop, 1000);
    assert_int_equal(f.kinesis.counts[KINESIS_LIST_SHARDS], 2);
    deinit();
}

static void test_limit_of_a_shard(void **state)
{
    (void)state;
    init(4, (struct producer_options){.shard_records = 100, .shard_bytes = 1e9});
    put_spread(1);
    fake_loop_run(&f.loop, 100); // the shards are known
    int64_t from = loop_now_ms(&f.loop);
    put_spread(2400);
    fake_loop_run(&f.loop, 60000);
    assert_int_equal(f.n_done, 2401);
    for (int s = 0; s < 4; s++) {
        for (int64_t t = from; t < from + 4000; t += 1000) {
            size_t n = count(s, t, t + 1000);
            assert_true(n <= 130);
            assert_true(t > from + 3000 || n >= 90);
        }
    }
    assert_int_equal(stats().throttles, 0);
    deinit();
}

static void test_bytes_of_a_shard(void **state)
{
    (void)state;
    init(1, (struct producer_options){.shard_bytes = 1000});
    put("k", "x");
    fake_loop_run(&f.loop, 100);
    int64_t from = loop_now_ms(&f.loop);
    put_spread(500);
    fake_loop_run(&f.loop, 60000);
    assert_int_equal(f.n_done, 501);
    assert_true(count(-1, from, from + 1000) * 6 <= 1300); // a key and "data"
    deinit();
}

// Time until all records that go to other shards than the throttled one are on the stream.
static int64_t time_of_the_others(int throttled)
{
    init(8, (struct producer_options){.shard_records = 1000});
    f.kinesis.throttled_shard = throttled;
    f.kinesis.throttled_rate = 20;
    put_spread(1);
    fake_loop_run(&f.loop, 100);
    int64_t from = loop_now_ms(&f.loop), last = 0;
    for (int i = 0; i < 60; i++) {
        put_spread(300); // 6,000 a second, of which the throttled shard takes 20
        fake_loop_run(&f.loop, 50);
    }
    fake_loop_run(&f.loop, 30000);
    for (size_t i = 0; i < f.kinesis.n_puts; i++) {
        if (f.kinesis.puts[i].shard != 3 && f.kinesis.puts[i].at_ms > last)
            last = f.kinesis.puts[i].at_ms;
    }
    size_t waiting = f.n - f.n_done;
    if (throttled < 0) {
        assert_int_equal(waiting, 0);
    } else {
        size_t got = count(3, from, from + 33000);
        assert_true(waiting > 100 && got > 33 * 20 / 2); // it gets most of what it takes
        f.kinesis.throttled_shard = -1;
        fake_loop_run(&f.loop, 120000);
        assert_int_equal(f.n_done, f.n);
        assert_int_equal(f.kinesis.n_puts, f.n); // each once
    }
    deinit();
    return last - from;
}

static void test_throttled_shard_slows_no_other(void **state)
{
    (void)state;
    int64_t without = time_of_the_others(-1), with = time_of_the_others(3);
    assert_true(with <= without + without / 20);
}

static void test_goes_on_without_a_listing(void **state)
{
    (void)state;
    init(4, (struct producer_options){.shard_records = 10, .aggregate = true});
    fake_fail(&f.kinesis, KINESIS_LIST_SHARDS, 3, ERR_AUTH, "AccessDeniedException");
    put_spread(400);
    fake_loop_run(&f.loop, 1000);
    assert_int_equal(f.n_done, 400); // no limit, no aggregate
    assert_int_equal(f.kinesis.n_aggregates, 0);
    fake_loop_run(&f.loop, 20000);
    assert_int_equal(f.kinesis.counts[KINESIS_LIST_SHARDS], 4);
    put_spread(400);
    fake_loop_run(&f.loop, 20);
    assert_true(f.n_done < 800 || f.kinesis.n_aggregates > 0);
    fake_loop_run(&f.loop, 60000);
    assert_true(f.kinesis.n_aggregates > 0);
    deinit();
}

// The shards change, and may not be listed any more: what is known of them is of no use.
static void test_goes_on_when_listings_end(void **state)
{
    (void)state;
    init(2, (struct producer_options){.aggregate = true, .in_flight = 2});
    put_spread(100);
    fake_loop_run(&f.loop, 1000);
    put_spread(400);
    fake_loop_run(&f.loop, 1000);
    assert_int_equal(f.n_done, 500);
    assert_true(f.kinesis.n_aggregates > 0);
    f.kinesis.put_shards = 7;
    fake_fail(&f.kinesis, KINESIS_LIST_SHARDS, -1, ERR_AUTH, "AccessDeniedException");
    size_t before = f.kinesis.n_puts;
    for (int i = 0; i < 10; i++) {
        put_spread(100);
        fake_loop_run(&f.loop, 2000);
    }
    fake_loop_run(&f.loop, 10000);
    assert_int_equal(f.n_done, 1500);
    for (size_t i = before; i < f.kinesis.n_puts; i++)
        f.items[atoi(f.kinesis.puts[i].key + 1)].seen = true;
    for (size_t i = 500; i < 1500; i++)
        assert_true(f.items[i].seen);
    // Listed again, they go together again.
    fake_fail(&f.kinesis, KINESIS_LIST_SHARDS, 0, 0, NULL);
    fake_loop_run(&f.loop, 40000);
    size_t aggregates = f.kinesis.n_aggregates, dropped = f.kinesis.n_dropped;
    put_spread(400);
    fake_loop_run(&f.loop, 5000);
    assert_int_equal(f.n_done, 1900);
    assert_true(f.kinesis.n_aggregates > aggregates);
    assert_int_equal(f.kinesis.n_dropped, dropped);
    deinit();
}

static void test_streams_do_not_pile_up(void **state)
{
    (void)state;
    struct err e = {0};
    init(1, (struct producer_options){0});
    for (int i = 0; i < 200; i++) {
        struct item *it = &f.items[f.n++];
        snprintf(it->key, sizeof it->key, "stream-%d", i);
        it->en = (struct producer_entry){.done = on_done,
                                         .stream_name = span_str(it->key),
                                         .partition_key = SPAN("k"),
                                         .record = SPAN("x"),
                                         .expires_ms = loop_now_ms(&f.loop) + 1};
        assert_int_equal(producer_put(f.producer, &it->en, &e), 0);
        fake_loop_run(&f.loop, 100);
    }
    fake_loop_run(&f.loop, 60000); // these streams do not exist: the records expire
    assert_int_equal(f.n_done, 200);
    assert_int_equal(f.items[0].status, ERR_TIMEOUT);
    assert_int_equal(stats().expired, 200);
    size_t listed = f.kinesis.counts[KINESIS_LIST_SHARDS];
    fake_loop_run(&f.loop, 300000);
    assert_true(f.kinesis.counts[KINESIS_LIST_SHARDS] - listed < 20); // nobody asks any more
    deinit();
}

static void test_aggregates(void **state)
{
    (void)state;
    char data[24];
    init(4, (struct producer_options){.aggregate = true});
    put("k", "first");
    fake_loop_run(&f.loop, 100);
    // Of one key many go in one call, in order.
    for (int i = 0; i < 1000; i++) {
        snprintf(data, sizeof data, "%d", i);
        put("one", data);
    }
    put_spread(3000);
    size_t calls = f.kinesis.counts[KINESIS_PUT_RECORDS];
    fake_loop_run(&f.loop, 2000);
    assert_int_equal(f.n_done, 4001);
    assert_true(f.kinesis.counts[KINESIS_PUT_RECORDS] - calls <= 8);
    assert_int_equal(f.kinesis.n_dropped, 0);
    int next = 0;
    for (size_t i = 0; i < f.kinesis.n_puts; i++) {
        if (strcmp(f.kinesis.puts[i].key, "one") == 0)
            assert_int_equal(atoi(f.kinesis.puts[i].data), next++);
    }
    assert_int_equal(next, 1000);
    assert_int_equal(stats().records, 4001);
    deinit();
}

// Records in key order, each there (a consumer passes over what comes twice), with failures of all
// kinds, while the shards split and merge.
static void run_random(uint64_t seed, bool aggregate)
{
    uint64_t random = seed;
    int numbers[KEYS] = {0};
    init(1 + (uint32_t)test_random_below(&random, 8),
         (struct producer_options){.aggregate = aggregate,
                                   .shard_records = test_random_below(&random, 2) ? 0 : 200,
                                   .in_flight = 1 + (unsigned)test_random_below(&random, 5)});
    f.loop.shuffle = true;
    f.kinesis.random_state = seed;
    f.kinesis.put_throttle = (int)test_random_below(&random, 300);
    f.kinesis.fail = (int)test_random_below(&random, 50);
    f.kinesis.throttle = (int)test_random_below(&random, 50);
    f.kinesis.cut = (int)test_random_below(&random, 50);
    f.kinesis.throttled_shard = (int)test_random_below(&random, 4);
    f.kinesis.throttled_rate = 50;
    for (int round = 0; round < 60; round++) {
        for (uint64_t n = test_random_below(&random, 200); n > 0; n--) {
            char key[24], data[40];
            uint64_t k = test_random_below(&random, KEYS);
            snprintf(key, sizeof key, "key-%d", (int)k);
            snprintf(data, sizeof data, "%d", numbers[k]++);
            put(key, data);
        }
        fake_loop_run(&f.loop, (int64_t)test_random_below(&random, 200));
        if (test_random_below(&random, 10) == 0)
            f.kinesis.put_shards = 1 + (uint32_t)test_random_below(&random, 8);
        if (test_random_below(&random, 20) == 0)
            fake_fail(&f.kinesis, KINESIS_LIST_SHARDS, (int)test_random_below(&random, 4), ERR_AUTH,
                      "AccessDeniedException");
    }
    f.kinesis.throttled_shard = -1;
    fake_loop_run(&f.loop, 3600000);
    assert_int_equal(f.n_done, f.n);
    int next[KEYS] = {0};
    for (size_t i = 0; i < f.kinesis.n_puts; i++) {
        int k = atoi(f.kinesis.puts[i].key + 4), got = atoi(f.kinesis.puts[i].data);
        if (got > next[k]) // the first of each number in order
            fail_msg("seed %d%s: key %d: %d before %d", (int)seed, aggregate ? " aggregate" : "", k,
                     got, next[k]);
        next[k] += got == next[k];
    }
    for (int k = 0; k < KEYS; k++)
        assert_int_equal(next[k], numbers[k]);
    deinit();
}

static void test_random_courses(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        run_random(seed, false);
        run_random(seed, true);
    }
}

static void test_close_at_any_moment(void **state)
{
    (void)state;
    for (int64_t ms = 0; ms < 120; ms += 3) {
        init(4, (struct producer_options){.aggregate = true});
        f.kinesis.put_throttle = 200;
        put_spread(300);
        fake_loop_run(&f.loop, ms / 2);
        f.kinesis.put_shards = 5;
        put_spread(300);
        fake_loop_run(&f.loop, ms / 2);
        deinit();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_once),
        cmocka_unit_test(test_limit_of_a_shard),
        cmocka_unit_test(test_bytes_of_a_shard),
        cmocka_unit_test(test_throttled_shard_slows_no_other),
        cmocka_unit_test(test_goes_on_without_a_listing),
        cmocka_unit_test(test_goes_on_when_listings_end),
        cmocka_unit_test(test_streams_do_not_pile_up),
        cmocka_unit_test(test_aggregates),
        cmocka_unit_test(test_random_courses),
        cmocka_unit_test(test_close_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
