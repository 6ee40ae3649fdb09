// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "emulator/account.h"
#include "lib/test.h"
#include "lib/test_clock.h"

#define T0 INT64_C(1754611200125)
#define HOUR (3600 * 1000)

struct fixture {
    struct emu_store store;
    struct emu_stream *s;
    struct emu_now now;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.now = {T0, 1000}};
    emu_store_init(&f.store, 64 << 20);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    emu_stream_free(f->s);
    f->s = NULL;
    assert_int_equal(f->store.bytes, 0);
    return 0;
}

static void make(struct fixture *f, uint32_t shards)
{
    f->s = emu_stream_new(&f->store, SPAN("s"), 1, shards, f->now.wall_ms);
}

static void advance(struct fixture *f, int64_t ms)
{
    f->now.wall_ms += ms;
    f->now.mono_ms += ms;
}

// Every hash key belongs to exactly one open shard, and each closed shard to its children.
static void check_cover(const struct emu_stream *s)
{
    struct hash_key next = {0, 0};
    for (uint32_t i = 0; i < s->n_open; i++) {
        const struct emu_shard *sh = s->shards[s->open[i]];
        assert_int_equal(sh->closed_ms, 0);
        assert_int_equal(hash_key_cmp(sh->start, next), 0);
        assert_true(hash_key_cmp(sh->start, sh->end) <= 0);
        next = hash_key_next(sh->end);
    }
    assert_int_equal(hash_key_cmp(next, (struct hash_key){0, 0}), 0);
    for (uint32_t i = 0; i < s->n_shards; i++) {
        const struct emu_shard *sh = s->shards[i];
        assert_int_equal(sh->index, i);
        for (int k = 0; k < 2 && sh->closed_ms; k++) {
            const struct emu_shard *child;
            if (sh->child[k] == EMU_NO_SHARD) {
                assert_int_equal(k, 1);
                continue;
            }
            child = s->shards[sh->child[k]];
            assert_true(child->parent == i || child->adjacent == i);
            assert_true(child->created_s > sh->created_s);
            assert_true(child->created_ms >= sh->closed_ms - 1);
        }
    }
}

static void test_even_parts(void **state)
{
    struct fixture *f = *state;
    make(f, 7);
    assert_int_equal(f->s->n_open, 7);
    check_cover(f->s);
    assert_int_equal(emu_stream_route(f->s, (struct hash_key){0, 0})->index, 0);
    assert_int_equal(emu_stream_route(f->s, HASH_KEY_MAX)->index, 6);
    struct hash_key bound = hash_key_part(3, 7);
    assert_int_equal(emu_stream_route(f->s, bound)->index, 3);
    assert_int_equal(emu_stream_route(f->s, hash_key_prev(bound))->index, 2);
}

static void test_split(void **state)
{
    struct fixture *f = *state;
    char sequence[EMU_SEQUENCE_LEN], last[EMU_SEQUENCE_LEN], child[EMU_SEQUENCE_LEN];
    make(f, 1);
    struct hash_key key = {1u << 31, 12345};
    struct emu_change c = {.kind = EMU_CHANGE_SPLIT, .shard = 0, .key = key};
    emu_stream_begin(f->s, c, f->now, 50);
    assert_int_equal(f->s->status, EMU_UPDATING);
    // Until it takes effect, the parent takes records.
    advance(f, 49);
    emu_stream_settle(f->s, f->now);
    assert_int_equal(f->s->n_open, 1);
    emu_shard_put(emu_stream_route(f->s, key), SPAN("k"), SPAN("d"), f->now.wall_ms, sequence);
    advance(f, 1);
    emu_stream_settle(f->s, f->now);
    assert_int_equal(f->s->status, EMU_ACTIVE);
    assert_int_equal(f->s->n_open, 2);
    check_cover(f->s);
    assert_int_equal(emu_stream_route(f->s, key)->index, 2);
    assert_int_equal(emu_stream_route(f->s, hash_key_prev(key))->index, 1);
    const struct emu_shard *parent = f->s->shards[0];
    assert_int_equal(parent->closed_ms, f->now.wall_ms);
    emu_shard_last_sequence(parent, last);
    emu_shard_first_sequence(f->s->shards[1], child);
    assert_true(memcmp(sequence, last, sizeof last) < 0);
    assert_true(memcmp(last, child, sizeof last) < 0);
}

static void test_merge(void **state)
{
    struct fixture *f = *state;
    make(f, 3);
    // Named the wrong way round, as callers may.
    struct emu_change c = {.kind = EMU_CHANGE_MERGE, .shard = 2, .adjacent = 1};
    emu_stream_begin(f->s, c, f->now, 0);
    assert_int_equal(f->s->status, EMU_ACTIVE);
    assert_int_equal(f->s->n_open, 2);
    check_cover(f->s);
    const struct emu_shard *child = f->s->shards[3];
    assert_int_equal(child->parent, 2);
    assert_int_equal(child->adjacent, 1);
    assert_int_equal(emu_stream_route(f->s, HASH_KEY_MAX)->index, 3);
}

static void test_resize(void **state)
{
    struct fixture *f = *state;
    static const uint32_t targets[] = {2, 3, 3, 6, 5, 8, 16, 11, 6, 3, 2, 1, 2};
    make(f, 1);
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct emu_change c = {.kind = EMU_CHANGE_RESIZE, .target = targets[i]};
        advance(f, 10);
        emu_stream_begin(f->s, c, f->now, 0);
        assert_int_equal(f->s->n_open, targets[i]);
        check_cover(f->s);
        for (uint32_t k = 0; k < targets[i]; k++)
            assert_int_equal(
                hash_key_cmp(f->s->shards[f->s->open[k]]->start, hash_key_part(k, targets[i])), 0);
    }
}

static void test_random_resharding(void **state)
{
    struct fixture *f = *state;
    uint64_t seed = 99;
    make(f, 4);
    for (int i = 0; i < 300; i++) {
        advance(f, (int64_t)test_random_below(&seed, 700));
        uint32_t at = (uint32_t)test_random_below(&seed, f->s->n_open);
        struct emu_shard *sh = f->s->shards[f->s->open[at]];
        struct emu_change c = {.kind = EMU_CHANGE_SPLIT, .shard = sh->index, .key = sh->start};
        c.key.lo += 2 + test_random_below(&seed, 1u << 30);
        if (hash_key_cmp(c.key, sh->start) <= 0 || hash_key_cmp(c.key, sh->end) >= 0)
            continue;
        if (f->s->n_open > 3 && test_random_below(&seed, 2) && at + 1 < f->s->n_open)
            c = (struct emu_change){EMU_CHANGE_MERGE, 0, sh->index, f->s->open[at + 1], {0, 0}, 0};
        emu_stream_begin(f->s, c, f->now, 0);
        check_cover(f->s);
    }
}

static void test_delete(void **state)
{
    struct fixture *f = *state;
    make(f, 1);
    emu_stream_begin(f->s, (struct emu_change){.kind = EMU_CHANGE_DELETE}, f->now, 50);
    assert_int_equal(f->s->status, EMU_DELETING);
    advance(f, 50);
    emu_stream_settle(f->s, f->now);
    assert_int_equal(f->s->status, EMU_DELETED);
}

// A wall clock set back leaves arrival times and sequence numbers in order.
static void test_clock_set_back(void **state)
{
    struct fixture *f = *state;
    char one[EMU_SEQUENCE_LEN], two[EMU_SEQUENCE_LEN];
    make(f, 1);
    struct emu_shard *sh = f->s->shards[0];
    emu_shard_put(sh, SPAN("k"), SPAN("1"), T0 + 5000, one);
    emu_shard_put(sh, SPAN("k"), SPAN("2"), T0 - HOUR, two);
    assert_true(memcmp(one, two, sizeof one) < 0);
    assert_int_equal(emu_log_arrival(&sh->log, 2), T0 + 5000);
}

static void test_retention(void **state)
{
    struct fixture *f = *state;
    char sequence[EMU_SEQUENCE_LEN];
    make(f, 1);
    struct emu_shard *sh = f->s->shards[0];
    emu_shard_put(sh, SPAN("k"), SPAN("1"), T0, sequence);
    emu_shard_put(sh, SPAN("k"), SPAN("2"), T0 + HOUR, sequence);
    emu_stream_trim(f->s, T0 + 24 * HOUR);
    assert_int_equal(sh->log.first, 1);
    emu_stream_trim(f->s, T0 + 24 * HOUR + 1);
    assert_int_equal(sh->log.first, 2);
    assert_int_equal(emu_stream_horizon(f->s, T0 + 24 * HOUR), T0);
    assert_int_equal(emu_stream_horizon(f->s, T0 + 25 * HOUR), T0 + HOUR);

    // A closed shard is listed until its last record could have expired.
    f->now.wall_ms = T0 + 2 * HOUR;
    struct emu_change c = {.kind = EMU_CHANGE_SPLIT, .shard = 0, .key = {1, 0}};
    emu_stream_begin(f->s, c, f->now, 0);
    emu_stream_trim(f->s, T0 + 26 * HOUR);
    assert_ptr_equal(emu_stream_shard(f->s, 0), sh);
    emu_stream_trim(f->s, T0 + 26 * HOUR + 1);
    assert_null(emu_stream_shard(f->s, 0));
    assert_non_null(emu_stream_shard(f->s, 1));
    assert_null(emu_stream_shard(f->s, 3));
}

static void test_behind(void **state)
{
    struct fixture *f = *state;
    char sequence[EMU_SEQUENCE_LEN];
    make(f, 1);
    struct emu_shard *sh = f->s->shards[0];
    assert_int_equal(emu_shard_behind(sh, 1, T0), 0);
    emu_shard_put(sh, SPAN("k"), SPAN("1"), T0, sequence);
    emu_shard_put(sh, SPAN("k"), SPAN("2"), T0 + 500, sequence);
    assert_int_equal(emu_shard_behind(sh, 1, T0 + 700), 700);
    assert_int_equal(emu_shard_behind(sh, 2, T0 + 700), 200);
    assert_int_equal(emu_shard_behind(sh, 2, T0 + 500), 1);
    assert_int_equal(emu_shard_behind(sh, 3, T0 + 700), 0);
}

static void test_shard_ids(void **state)
{
    (void)state;
    char id[EMU_SHARD_ID_LEN + 1];
    uint32_t index;
    emu_shard_id(1234, id);
    assert_string_equal(id, "shardId-000000001234");
    assert_true(emu_shard_id_parse(span_str(id), &index) && index == 1234);
    assert_true(emu_shard_id_parse(SPAN("7"), &index) && index == 7);
    assert_true(emu_shard_id_parse(SPAN("shardId-002147483647"), &index));
    assert_false(emu_shard_id_parse(SPAN("shardId-002147483648"), &index));
    assert_false(emu_shard_id_parse(SPAN("shardId-"), &index));
    assert_false(emu_shard_id_parse(SPAN("shardid-1"), &index));
    assert_false(emu_shard_id_parse(SPAN("shardId--1"), &index));
}

static void test_tags(void **state)
{
    struct fixture *f = *state;
    char key[16];
    make(f, 1);
    for (int i = EMU_TAGS_MAX - 1; i >= 0; i--) {
        snprintf(key, sizeof key, "k%02d", i);
        assert_true(emu_stream_tag(f->s, span_str(key), SPAN("v")));
    }
    assert_false(emu_stream_tag(f->s, SPAN("one more"), SPAN("v")));
    assert_true(emu_stream_tag(f->s, SPAN("k07"), SPAN("")));
    assert_span_is(f->s->tags[7].key, "k07");
    assert_int_equal(f->s->tags[7].value.n, 0);
    emu_stream_untag(f->s, SPAN("k07"));
    emu_stream_untag(f->s, SPAN("unknown"));
    assert_int_equal(f->s->n_tags, EMU_TAGS_MAX - 1);
    assert_span_is(f->s->tags[7].key, "k08");
}

static void test_account(void **state)
{
    (void)state;
    struct emu_account a = {.transition_ms = 50};
    struct emu_now now = {T0, 0};
    struct arena arena = {0};
    size_t n;
    emu_account_init(&a, 1 << 20);
    for (const char *name = "dbca"; *name; name++)
        emu_account_create(&a, span_of(name, 1), 2, T0);
    assert_int_equal(emu_account_open_shards(&a), 8);
    struct emu_stream **all = emu_account_sorted(&a, &arena, &n);
    assert_int_equal(n, 4);
    assert_span_is(all[0]->name, "a");
    assert_span_is(all[3]->name, "d");
    struct emu_stream *b = emu_account_stream(&a, SPAN("b")),
                      *c = emu_account_stream(&a, SPAN("c"));
    uint64_t uid = b->uid;
    assert_ptr_equal(emu_account_stream_by_uid(&a, uid), b);
    emu_account_begin(&a, b, (struct emu_change){.kind = EMU_CHANGE_DELETE}, now);
    emu_account_begin(&a, c, (struct emu_change){.kind = EMU_CHANGE_DELETE}, now);
    assert_ptr_equal(emu_account_stream(&a, SPAN("b")), b);
    now.mono_ms = emu_account_due_ms(&a) - 1;
    emu_account_settle(&a, now);
    assert_ptr_equal(emu_account_stream(&a, SPAN("b")), b);
    now.mono_ms++;
    emu_account_settle(&a, now);
    assert_true(emu_account_due_ms(&a) == INT64_MAX);
    assert_null(emu_account_stream(&a, SPAN("b")));
    assert_null(emu_account_stream(&a, SPAN("c")));
    assert_null(emu_account_stream_by_uid(&a, uid));
    assert_false(a.changing);
    assert_true(emu_account_create(&a, SPAN("b"), 1, T0)->uid != uid);
    arena_free(&arena);
    emu_account_free(&a);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_even_parts),
        CASE(test_split),
        CASE(test_merge),
        CASE(test_resize),
        CASE(test_random_resharding),
        CASE(test_delete),
        CASE(test_clock_set_back),
        CASE(test_retention),
        CASE(test_behind),
        CASE(test_tags),
        cmocka_unit_test(test_shard_ids),
        cmocka_unit_test(test_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
