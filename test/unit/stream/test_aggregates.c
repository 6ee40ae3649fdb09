// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"
#include "consumer_owner.h"
#include "lib/test.h"

#define SHARD "shardId-000000000000"
#define USERS 200000
#define PIECE 1000

static struct owner owner;

static struct owner *begin(int max_records)
{
    struct owner *o = &owner;
    owner_init(o, 3, KINESIS_TRIM_HORIZON);
    o->options.max_records = max_records;
    o->lossless = true;
    fake_add_shard(&o->kinesis, -1, -1);
    return o;
}

// One record of the stream makes as many batches as its user records need, no more of them at a
// time than the owner takes, and they share the reply's memory.
static void test_large_aggregate_comes_in_pieces(void **state)
{
    (void)state;
    struct owner *o = begin(PIECE);
    o->ack_ms = 1;
    fake_put_aggregate(&o->kinesis, 0, USERS);
    fake_put(&o->kinesis, 0, 100);
    size_t size = o->kinesis.shards[0]->records[0].size;
    owner_start(o);
    fake_loop_run(&o->loop, 10000);
    assert_int_equal(o->n_applied, USERS + 1);
    assert_int_equal(o->n_batches, USERS / PIECE + 1);
    assert_int_equal(o->most_out, 2);
    assert_int_equal(o->kinesis.counts[KINESIS_GET_RECORDS] > 1, true);
    // The reply, and two pieces of a few times 64 bytes a record.
    assert_true(o->budget.peak < 2 * size + 2 * PIECE * 256);
    assert_int_equal(o->budget.used, 0);
    owner_deinit(o);
}

static void test_goes_on_inside_an_aggregate(void **state)
{
    (void)state;
    struct owner *o = begin(PIECE);
    fake_put_aggregate(&o->kinesis, 0, 10 * PIECE);
    fake_put_aggregate(&o->kinesis, 0, 3);
    o->hold = true;
    owner_start(o);
    // A piece at a time takes effect, then the process dies: the next begins with the next record.
    for (uint64_t done = 1; done <= 10; done++) {
        while (o->n_out == 0)
            fake_loop_run(&o->loop, 10);
        owner_ack(o, true);
        assert_int_equal(o->n_applied, done * PIECE);
        assert_int_equal(owner_shard(o, SHARD)->sub_sequence, done * PIECE - 1);
        owner_crash(o);
        owner_start(o);
    }
    o->hold = false;
    fake_loop_run(&o->loop, 5000);
    owner_ack_all(o);
    assert_int_equal(o->n_applied, 10 * PIECE + 3);
    owner_deinit(o);
}

static void test_aggregate_at_the_end_of_a_shard(void **state)
{
    (void)state;
    struct owner *o = begin(10);
    o->check_parents = true;
    fake_put_aggregate(&o->kinesis, 0, 35);
    fake_split(&o->kinesis, 0);
    fake_put_aggregate(&o->kinesis, 1, 5);
    owner_start(o);
    fake_loop_run(&o->loop, 5000);
    assert_int_equal(o->n_applied, 40);
    assert_true(owner_shard(o, SHARD)->end);
    owner_deinit(o);
}

static void test_aggregate_of_another_shard(void **state)
{
    (void)state;
    struct owner *o = begin(10);
    struct fake_shard *s = o->kinesis.shards[0];
    s->first_key = s->last_key = "0"; // the digest of no key that is used here
    fake_put_aggregate(&o->kinesis, 0, 7);
    fake_put(&o->kinesis, 0, 100);
    o->lossless = false;
    owner_start(o);
    fake_loop_run(&o->loop, 5000);
    // A plain record is taken wherever it lies.
    assert_int_equal(o->n_applied, 1);
    assert_int_equal(owner_status(o, SHARD).foreign, 1);
    assert_int_equal(owner_status(o, SHARD).broken, 0);
    owner_deinit(o);

    o = begin(10);
    s = o->kinesis.shards[0];
    s->first_key = "0";
    s->last_key = "340282366920938463463374607431768211455";
    fake_put_aggregate(&o->kinesis, 0, 7);
    owner_start(o);
    fake_loop_run(&o->loop, 5000);
    assert_int_equal(o->n_applied, 7);
    assert_int_equal(owner_status(o, SHARD).foreign, 0);
    owner_deinit(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_aggregate_comes_in_pieces),
        cmocka_unit_test(test_goes_on_inside_an_aggregate),
        cmocka_unit_test(test_aggregate_at_the_end_of_a_shard),
        cmocka_unit_test(test_aggregate_of_another_shard),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
