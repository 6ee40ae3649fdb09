// SPDX-License-Identifier: Apache-2.0
// A part of a shard: where it ends, and what a consumer of such parts reads.

#include "stream/shard_range.h"

#include "base/log.h"
#include "consumer_owner.h"
#include "lib/test.h"

#define S0 "shardId-000000000000"
#define S1 "shardId-000000000001"

// Records "10" to "14", each a second after the one before it.
static bool cut(const struct shard_range *r, int64_t behind, size_t *n)
{
    static const char *const names[] = {"10", "11", "12", "13", "14"};
    struct kinesis_record k[5];
    for (int i = 0; i < 5; i++)
        k[i] = (struct kinesis_record){.sequence_number = span_str(names[i]),
                                       .arrival_ms = 1000 * (10 + i)};
    struct kinesis_output out = {.records = k, .n_records = 5, .millis_behind = behind};
    bool done = shard_range_cut(r, &out);
    *n = out.n_records;
    return done;
}

static void test_cut_by_sequence(void **state)
{
    (void)state;
    size_t n;
    assert_false(cut(&(struct shard_range){.until_sequence = SPAN("15")}, 1, &n));
    assert_int_equal(n, 5);
    assert_true(cut(&(struct shard_range){.until_sequence = SPAN("14")}, 1, &n));
    assert_int_equal(n, 5);
    assert_true(cut(&(struct shard_range){.until_sequence = SPAN("12")}, 1, &n));
    assert_int_equal(n, 3);
    assert_true(cut(&(struct shard_range){.until_sequence = SPAN("9")}, 1, &n));
    assert_int_equal(n, 0);
}

static void test_cut_by_time(void **state)
{
    (void)state;
    size_t n;
    assert_false(cut(&(struct shard_range){.until_ms = 14001}, 1, &n));
    assert_int_equal(n, 5);
    assert_true(cut(&(struct shard_range){.until_ms = 14000}, 1, &n));
    assert_int_equal(n, 4);
    assert_true(cut(&(struct shard_range){.until_ms = 14000, .until_sequence = SPAN("11")}, 1, &n));
    assert_int_equal(n, 2);
}

static void test_ends_where_the_shard_is_caught_up(void **state)
{
    (void)state;
    size_t n;
    assert_true(cut(&(struct shard_range){0}, 0, &n));
    assert_int_equal(n, 5);
    assert_false(cut(&(struct shard_range){0}, 1, &n));
}

static struct owner owner; // large

static struct owner *start(int n_shards)
{
    struct owner *o = &owner;
    owner_init(o, 11, KINESIS_TRIM_HORIZON);
    o->options.background = true;
    o->options.ahead = 1;
    o->options.max_records = 3;
    o->answer_late = true;
    for (int i = 0; i < n_shards; i++)
        fake_add_shard(&o->kinesis, -1, -1);
    for (int i = 0; i < n_shards; i++)
        for (int k = 0; k < 10; k++)
            fake_put(&o->kinesis, i, 100);
    owner_start(o);
    fake_loop_run(&o->loop, 1000);
    assert_int_equal(o->n_streams, 1);
    return o;
}

static void sequence(struct owner *o, int shard, size_t at, char out[32])
{
    fake_seq_text(o->kinesis.shards[shard]->records[at].seq, out);
}

static void read_ranges(struct owner *o, const struct consumer_range *r, size_t n)
{
    consumer_start_ranges(o->consumer, r, n);
    fake_loop_run(&o->loop, 20000);
}

static void test_reads_from_record_to_record(void **state)
{
    (void)state;
    struct owner *o = start(2);
    char from[32], until[32];
    sequence(o, 0, 2, from);
    sequence(o, 0, 6, until);
    struct consumer_range r = {.shard_id = SPAN(S0),
                               .start = KINESIS_AT_SEQUENCE_NUMBER,
                               .from_sequence = span_str(from),
                               .until_sequence = span_str(until)};
    read_ranges(o, &r, 1);
    assert_int_equal(o->n_applied, 5);
    assert_true(o->kinesis.shards[0]->records[2].taken);
    assert_true(o->kinesis.shards[0]->records[6].taken);
    assert_true(owner_shard(o, S0)->end);
    assert_int_equal(owner_status(o, S0).state, SHARD_ENDED);
    assert_null(owner_shard(o, S1));
    // It is not read on.
    size_t calls = o->kinesis.counts[KINESIS_GET_RECORDS];
    fake_loop_run(&o->loop, 20000);
    assert_int_equal(o->kinesis.counts[KINESIS_GET_RECORDS], calls);
    owner_deinit(o);
}

static void test_whole_aggregates_are_read(void **state)
{
    (void)state;
    struct owner *o = start(1);
    char from[32];
    fake_put_aggregate(&o->kinesis, 0, 7);
    sequence(o, 0, 10, from);
    struct consumer_range r = {
        .shard_id = SPAN(S0), .start = KINESIS_AT_SEQUENCE_NUMBER, .from_sequence = span_str(from)};
    read_ranges(o, &r, 1);
    assert_int_equal(o->n_applied, 7);
    assert_true(owner_shard(o, S0)->end);
    owner_deinit(o);
}

static void test_reads_all_that_is_there_and_ends(void **state)
{
    (void)state;
    struct owner *o = start(2);
    struct consumer_range r[] = {{.shard_id = SPAN(S0), .start = KINESIS_TRIM_HORIZON},
                                 {.shard_id = SPAN(S1), .start = KINESIS_TRIM_HORIZON}};
    o->lossless = true;
    read_ranges(o, r, 2);
    assert_int_equal(o->n_applied, 20);
    assert_true(owner_shard(o, S0)->end && owner_shard(o, S1)->end);
    owner_deinit(o);
}

// A shard that was split is read to its end, then those of its children that are wanted.
static void test_parents_first_and_only_the_wanted(void **state)
{
    (void)state;
    struct owner *o = start(1);
    fake_split(&o->kinesis, 0);
    for (int k = 0; k < 5; k++) {
        fake_put(&o->kinesis, 1, 100);
        fake_put(&o->kinesis, 2, 100);
    }
    struct consumer_range r[] = {{.shard_id = SPAN(S1), .start = KINESIS_TRIM_HORIZON},
                                 {.shard_id = SPAN(S0), .start = KINESIS_TRIM_HORIZON}};
    o->check_parents = true;
    read_ranges(o, r, 2);
    assert_int_equal(o->n_applied, 15);
    assert_true(owner_shard(o, S0)->end && owner_shard(o, S1)->end);
    assert_false(o->kinesis.shards[2]->records[0].taken);
    owner_deinit(o);
}

static void test_a_child_without_its_parent(void **state)
{
    (void)state;
    struct owner *o = start(1);
    fake_split(&o->kinesis, 0);
    fake_put(&o->kinesis, 1, 100);
    struct consumer_range r = {.shard_id = SPAN(S1), .start = KINESIS_TRIM_HORIZON};
    read_ranges(o, &r, 1);
    assert_int_equal(o->n_applied, 1);
    assert_true(owner_shard(o, S1)->end);
    owner_deinit(o);
}

static void test_an_expired_shard_ends_too(void **state)
{
    (void)state;
    struct owner *o = start(2);
    o->kinesis.shards[0]->open = false;
    o->kinesis.shards[0]->gone = true;
    struct consumer_range r = {.shard_id = SPAN(S0), .start = KINESIS_TRIM_HORIZON};
    consumer_start_ranges(o->consumer, &r, 1);
    fake_loop_run(&o->loop, 120000);
    assert_int_equal(o->n_applied, 0);
    assert_true(owner_shard(o, S0)->end);
    owner_deinit(o);
}

static void test_never_takes_the_reserve(void **state)
{
    (void)state;
    struct owner *o = start(1);
    struct consumer_range r = {.shard_id = SPAN(S0), .start = KINESIS_TRIM_HORIZON};
    budget_force(&o->budget, 20 << 20); // of 32, 16 are kept
    read_ranges(o, &r, 1);
    assert_int_equal(o->n_applied, 0);
    budget_give(&o->budget, 20 << 20);
    fake_loop_run(&o->loop, 20000);
    assert_int_equal(o->n_applied, 10);
    owner_deinit(o);
}

int main(void)
{
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_by_sequence),
        cmocka_unit_test(test_cut_by_time),
        cmocka_unit_test(test_ends_where_the_shard_is_caught_up),
        cmocka_unit_test(test_reads_from_record_to_record),
        cmocka_unit_test(test_whole_aggregates_are_read),
        cmocka_unit_test(test_reads_all_that_is_there_and_ends),
        cmocka_unit_test(test_parents_first_and_only_the_wanted),
        cmocka_unit_test(test_a_child_without_its_parent),
        cmocka_unit_test(test_an_expired_shard_ends_too),
        cmocka_unit_test(test_never_takes_the_reserve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
