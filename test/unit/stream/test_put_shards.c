// SPDX-License-Identifier: Apache-2.0
#include "stream/put_shards.h"

#include "lib/test.h"

#define MAX "340282366920938463463374607431768211455"
#define HALF "170141183460469231731687303715884105728"
#define BELOW_HALF "170141183460469231731687303715884105727"

static struct kinesis_shard shard(const char *id, const char *start, const char *end)
{
    return (struct kinesis_shard){.shard_id = span_str(id),
                                  .starting_hash_key = span_str(start),
                                  .ending_hash_key = span_str(end)};
}

static struct hash_key hash(const char *text)
{
    struct hash_key h;
    assert_true(hash_key_parse(span_str(text), &h));
    return h;
}

static void test_find(void **state)
{
    (void)state;
    struct put_shards s;
    struct list ready;
    list_init(&ready);
    put_shards_init(&s, 1000, 0, 0);
    assert_false(put_shards_known(&s));
    struct put_shard *all = put_shards_find(&s, hash(HALF));
    assert_int_equal(all->id.n, 0);
    assert_true(all->rate.limit == 0); // of all shards there is none
    const struct kinesis_shard listed[] = {
        shard("b", HALF, MAX),
        {.shard_id = SPAN("closed"),
         .starting_hash_key = SPAN("0"),
         .ending_hash_key = SPAN(MAX),
         .ending_sequence_number = SPAN("5")},
        shard("a", "0", BELOW_HALF),
    };
    assert_int_equal(put_shards_set(&s, listed, 3, 0, &ready), 0);
    assert_true(put_shards_known(&s));
    assert_span_is(put_shards_find(&s, hash("0"))->id, "a");
    assert_span_is(put_shards_find(&s, hash(BELOW_HALF))->id, "a");
    assert_span_is(put_shards_find(&s, hash(HALF))->id, "b");
    assert_span_is(put_shards_find(&s, hash(MAX))->id, "b");
    assert_null(put_shards_find_id(&s, SPAN("closed")));
    assert_true(put_shards_find_id(&s, SPAN("b"))->rate.limit == 1000);
    // A rate that was learnt stays with its shard.
    put_shards_find_id(&s, SPAN("b"))->rate.rate = 7;
    assert_int_equal(put_shards_set(&s, listed, 3, 0, &ready), 0);
    assert_true(put_shards_find_id(&s, SPAN("b"))->rate.rate == 7);
    assert_true(put_shards_find_id(&s, SPAN("a"))->rate.rate == 1000);
    put_shards_deinit(&s);
}

static void test_listings_that_do_not_fit(void **state)
{
    (void)state;
    struct put_shards s;
    struct list ready;
    list_init(&ready);
    put_shards_init(&s, 0, 0, 0);
    const struct kinesis_shard bad[][2] = {
        {shard("a", "0", BELOW_HALF), shard("b", BELOW_HALF, MAX)}, // overlap
        {shard("a", "0", "7"), shard("b", HALF, MAX)},              // gap
        {shard("a", "1", BELOW_HALF), shard("b", HALF, MAX)},       // no beginning
        {shard("a", "0", BELOW_HALF), shard("b", HALF, HALF)},      // no end
        {shard("a", "0", MAX), shard("b", "0", MAX)},               // twice
        {shard("a", "0", BELOW_HALF), shard("b", "x", MAX)},
        {shard("a", "0", BELOW_HALF), shard("", HALF, MAX)},
        {shard("a", "0", "5"), shard("b", MAX, "6")},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(put_shards_set(&s, bad[i], 2, 0, &ready), ERR_PROTO);
    assert_int_equal(put_shards_set(&s, NULL, 0, 0, &ready), ERR_PROTO);
    assert_false(put_shards_known(&s));
    put_shards_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_listings_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
