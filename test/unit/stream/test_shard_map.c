// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "lib/test.h"
#include "lib/test_clock.h"
#include "stream/shard_map.h"

// Shards are written as words: "a", "b<a" is a child of a, "c<a+b" a merge; '!' at the end =
// closed.
struct fixture {
    struct shard_map m;
    struct arena ids;
    struct arena scratch;
};

static void init(struct fixture *f, enum kinesis_iterator start)
{
    *f = (struct fixture){0};
    shard_map_init(&f->m, start, 777, &f->ids);
}

static void deinit(struct fixture *f)
{
    shard_map_free(&f->m);
    arena_free(&f->ids);
    arena_free(&f->scratch);
}

static struct kinesis_shard parse_shard(struct span word)
{
    struct kinesis_shard s = {0};
    if (word.p[word.n - 1] == '!') {
        s.ending_sequence_number = SPAN("99");
        word.n--;
    }
    s.shard_id = span_cut(&word, '<');
    if (word.n > 0)
        s.parent_id = span_cut(&word, '+');
    s.adjacent_parent_id = word;
    return s;
}

static size_t parse(const char *text, struct kinesis_shard out[32])
{
    struct span rest = span_str(text);
    size_t n = 0;
    while (rest.p) {
        struct span word = span_cut(&rest, ' ');
        if (word.n > 0)
            out[n++] = parse_shard(word);
    }
    return n;
}

static void list(struct fixture *f, const char *text)
{
    struct kinesis_shard shards[32];
    size_t n = parse(text, shards);
    assert_int_equal(shard_map_merge_listing(&f->m, shards, n), 0);
}

static void save(struct fixture *f, const char *id, const char *sequence, bool end)
{
    assert_int_equal(shard_map_add_checkpoint(&f->m, span_str(id), span_str(sequence), 0, end), 0);
}

// What is ready, as "a:T b:5" - T trim horizon, L latest, @ms a time, digits a sequence.
static const char *ready(struct fixture *f)
{
    static char out[400];
    struct list nodes, *it;
    size_t at = 0;
    out[0] = '\0';
    list_init(&nodes);
    shard_map_take_ready(&f->m, &nodes);
    while ((it = list_pop(&nodes))) {
        struct shard_node *node = container_of(it, struct shard_node, link);
        assert_int_equal(node->phase, SHARD_PHASE_STARTED);
        char where[64];
        switch (node->start.type) {
        case KINESIS_TRIM_HORIZON:
            snprintf(where, sizeof(where), "T");
            break;
        case KINESIS_LATEST:
            snprintf(where, sizeof(where), "L");
            break;
        case KINESIS_AT_TIMESTAMP:
            snprintf(where, sizeof(where), "@%lld", (long long)node->start.timestamp_ms);
            break;
        default:
            snprintf(where, sizeof(where), "%.*s", SPAN_ARG(node->start.sequence));
        }
        at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%.*s:%s", at ? " " : "",
                               SPAN_ARG(node->id), where);
    }
    return out;
}

static void end(struct fixture *f, const char *id)
{
    struct shard_node *node = shard_map_find(&f->m, span_str(id));
    assert_non_null(node);
    assert_int_equal(node->phase, SHARD_PHASE_STARTED);
    shard_map_end(&f->m, node);
}

static bool children(struct fixture *f, const char *parent, const char *text, const char *parents)
{
    struct kinesis_shard shards[32];
    size_t n = parse(text, shards), n_parents = 0;
    bool want = false;
    struct span *p = arena_array(&f->scratch, struct span, 4);
    struct span rest = span_str(parents);
    while (rest.p)
        p[n_parents++] = span_cut(&rest, '+');
    for (size_t i = 0; i < n; i++) {
        shards[i].parents = p;
        shards[i].n_parents = n_parents;
    }
    struct shard_node *node = shard_map_find(&f->m, span_str(parent));
    assert_int_equal(shard_map_add_children(&f->m, node, shards, n, &want), 0);
    return want;
}

static enum shard_phase phase(struct fixture *f, const char *id)
{
    struct shard_node *node = shard_map_find(&f->m, span_str(id));
    assert_non_null(node);
    return node->phase;
}

static void test_nothing_before_the_listing(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_LATEST);
    save(&f, "a", "5", false);
    assert_string_equal(ready(&f), "");
    list(&f, "a");
    assert_string_equal(ready(&f), "a:5");
    assert_string_equal(ready(&f), "");
    deinit(&f);
}

static void test_first_start_latest(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_LATEST);
    list(&f, "a! b<a! c<b d<b! e<d f<d");
    assert_string_equal(ready(&f), "c:L e:L f:L");
    assert_int_equal(phase(&f, "a"), SHARD_PHASE_ENDED);
    assert_int_equal(phase(&f, "d"), SHARD_PHASE_ENDED);
    deinit(&f);
}

static void test_first_start_trim_horizon(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_TRIM_HORIZON);
    list(&f, "c<a b<a a! x");
    assert_string_equal(ready(&f), "a:T x:T");
    assert_string_equal(ready(&f), "");
    end(&f, "a");
    assert_string_equal(ready(&f), "c:T b:T");
    deinit(&f);
}

static void test_first_start_at_timestamp(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_AT_TIMESTAMP);
    list(&f, "a! b<a");
    assert_string_equal(ready(&f), "a:@777");
    end(&f, "a");
    // The parent may have closed before that time: its child's older records are not wanted.
    assert_string_equal(ready(&f), "b:@777");
    list(&f, "a! b<a! c<b");
    end(&f, "b");
    assert_string_equal(ready(&f), "c:T");
    deinit(&f);
}

static void test_children_of_a_reply(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_LATEST);
    list(&f, "a");
    assert_string_equal(ready(&f), "a:L");
    assert_false(children(&f, "a", "b c", "a"));
    assert_string_equal(ready(&f), "");
    end(&f, "a");
    assert_string_equal(ready(&f), "b:T c:T");
    // The listing that comes later tells the same.
    list(&f, "a! b<a c<a");
    assert_string_equal(ready(&f), "");
    assert_int_equal(f.m.n, 3);
    deinit(&f);
}

static void test_merge_needs_both_parents(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_LATEST);
    list(&f, "a b");
    assert_string_equal(ready(&f), "a:L b:L");
    assert_false(children(&f, "b", "c", "a+b"));
    end(&f, "b");
    assert_string_equal(ready(&f), "");
    assert_false(children(&f, "a", "c", "a+b"));
    end(&f, "a");
    assert_string_equal(ready(&f), "c:T");
    deinit(&f);
}

static void test_child_with_unknown_parent_waits_for_a_listing(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_LATEST);
    list(&f, "a");
    assert_string_equal(ready(&f), "a:L");
    assert_true(children(&f, "a", "c", "a+z"));
    end(&f, "a");
    assert_string_equal(ready(&f), "");
    list(&f, "a! z c<a+z");
    assert_string_equal(ready(&f), "z:T");
    end(&f, "z");
    assert_string_equal(ready(&f), "c:T");
    deinit(&f);
}

static void test_child_whose_other_parent_has_expired(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_LATEST);
    list(&f, "a");
    assert_string_equal(ready(&f), "a:L");
    assert_true(children(&f, "a", "c", "a+z"));
    list(&f, "a! c<a+z");
    assert_string_equal(ready(&f), "");
    end(&f, "a");
    assert_string_equal(ready(&f), "c:T");
    deinit(&f);
}

static void test_checkpoints(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_LATEST);
    save(&f, "a", "12", true);
    save(&f, "b", "34", false);
    save(&f, "t", "@1234", false);
    list(&f, "a! b<a c<a t");
    // c was made while nobody was reading; its parent was read to the end.
    assert_string_equal(ready(&f), "b:34 t:@1234 c:T");
    deinit(&f);
}

static void test_split_while_away(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_LATEST);
    save(&f, "a", "12", false);
    list(&f, "a! b<a! c<b d<b");
    assert_string_equal(ready(&f), "a:12");
    end(&f, "a");
    // b is closed and the start is LATEST, but it has never been read.
    assert_string_equal(ready(&f), "b:T");
    end(&f, "b");
    assert_string_equal(ready(&f), "c:T d:T");
    deinit(&f);
}

static void test_passed_shards_stay_passed(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_TRIM_HORIZON);
    save(&f, "c", "12", false);
    list(&f, "a! b<a! c<b d<b");
    assert_string_equal(ready(&f), "c:12 d:T");
    deinit(&f);
    init(&f, KINESIS_LATEST);
    save(&f, "c", "12", false);
    list(&f, "a! b<a! c<b d<b e!");
    // d was there at the first start, which was at LATEST.
    assert_string_equal(ready(&f), "c:12 d:L");
    deinit(&f);
}

static void test_new_shard_without_parents_comes_late(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_LATEST);
    list(&f, "a");
    assert_string_equal(ready(&f), "a:L");
    list(&f, "a n m<gone");
    assert_string_equal(ready(&f), "n:T m:T");
    deinit(&f);
}

static void test_all_checkpoints_expired(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_LATEST);
    save(&f, "a", "12", true);
    list(&f, "x<w y<w! z<y");
    // Nobody has read for longer than the stream keeps records.
    assert_string_equal(ready(&f), "x:T y:T");
    end(&f, "y");
    assert_string_equal(ready(&f), "z:T");
    deinit(&f);
}

static void test_some_checkpoints_expired(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_LATEST);
    save(&f, "a", "12", true);
    save(&f, "o", "34", false);
    list(&f, "o c<b m<b+b2 d<c");
    // What led from a to c and m has expired while nobody was reading; o has lived on.
    assert_string_equal(ready(&f), "o:34 c:T m:T");
    end(&f, "c");
    assert_string_equal(ready(&f), "d:T");
    deinit(&f);
    // At the first start it is not known that anyone has read before.
    init(&f, KINESIS_LATEST);
    list(&f, "o c<b m<b+b2");
    assert_string_equal(ready(&f), "o:L c:L m:L");
    deinit(&f);
}

static void test_unfinished_checkpoint_that_is_not_listed(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_LATEST);
    save(&f, "a", "12", false);
    list(&f, "b<a");
    // The service is asked; when it does not know a, its owner ends it.
    assert_string_equal(ready(&f), "a:12");
    assert_false(shard_map_is_listed(&f.m, shard_map_find(&f.m, SPAN("a"))));
    end(&f, "a");
    assert_string_equal(ready(&f), "b:T");
    deinit(&f);
}

static void test_empty_checkpoint_counts_as_none(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_LATEST);
    save(&f, "a", "", false);
    save(&f, "old", "", false);
    list(&f, "a b<old");
    assert_string_equal(ready(&f), "a:L b:L");
    deinit(&f);
}

static void test_shard_that_names_itself(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_TRIM_HORIZON);
    list(&f, "a<a b<a+a");
    assert_string_equal(ready(&f), "a:T");
    children(&f, "a", "a", "a");
    end(&f, "a");
    assert_string_equal(ready(&f), "b:T");
    deinit(&f);
}

static void test_prune(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_TRIM_HORIZON);
    save(&f, "old", "1", true);
    list(&f, "a! b! c<a+b");
    assert_string_equal(ready(&f), "a:T b:T");
    end(&f, "a");
    list(&f, "b! c<a+b");
    shard_map_prune(&f.m);
    assert_null(shard_map_find(&f.m, SPAN("old")));
    // c still waits, and its start depends on a.
    assert_non_null(shard_map_find(&f.m, SPAN("a")));
    end(&f, "b");
    assert_string_equal(ready(&f), "c:T");
    shard_map_find(&f.m, SPAN("a"))->in_use = true;
    shard_map_prune(&f.m);
    assert_non_null(shard_map_find(&f.m, SPAN("a")));
    shard_map_find(&f.m, SPAN("a"))->in_use = false;
    shard_map_prune(&f.m);
    assert_null(shard_map_find(&f.m, SPAN("a")));
    assert_non_null(shard_map_find(&f.m, SPAN("b"))); // listed
    list(&f, "c<a+b");
    shard_map_prune(&f.m);
    assert_int_equal(f.m.n, 1);
    end(&f, "c");
    list(&f, "d<c");
    assert_string_equal(ready(&f), "d:T");
    deinit(&f);
}

static size_t make_many(struct kinesis_shard *out, size_t n, char (*names)[16])
{
    for (size_t i = 0; i < n; i++) {
        snprintf(names[i], 16, "s%u", (unsigned)i);
        out[i] = (struct kinesis_shard){.shard_id = span_str(names[i])};
    }
    return n;
}

// A listing from before it was made does not have it; the next one brings no other.
static void test_child_that_ended_before_any_listing_had_it(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_TRIM_HORIZON);
    list(&f, "a");
    assert_string_equal(ready(&f), "a:T");
    children(&f, "a", "b", "a");
    end(&f, "a");
    assert_string_equal(ready(&f), "b:T");
    end(&f, "b");
    list(&f, "a");
    shard_map_prune(&f.m);
    list(&f, "a! b<a!");
    assert_string_equal(ready(&f), "");
    list(&f, "c");
    shard_map_prune(&f.m);
    assert_int_equal(f.m.n, 1);
    assert_string_equal(ready(&f), "c:T");
    // One that no listing will ever have does not stay.
    children(&f, "c", "d", "c");
    end(&f, "c");
    assert_string_equal(ready(&f), "d:T");
    end(&f, "d");
    list(&f, "e");
    list(&f, "e");
    shard_map_prune(&f.m);
    assert_int_equal(f.m.n, 1);
    deinit(&f);
}

static void test_limits(void **state)
{
    (void)state;
    static struct kinesis_shard shards[SHARD_MAP_MAX_SHARDS + 1];
    static char names[SHARD_MAP_MAX_SHARDS + 1][16];
    struct fixture f;
    bool want;
    init(&f, KINESIS_LATEST);
    make_many(shards, SHARD_MAP_MAX_SHARDS + 1, names);
    save(&f, "saved", "1", false);
    assert_int_equal(shard_map_merge_listing(&f.m, shards, SHARD_MAP_MAX_SHARDS + 1), ERR_LIMIT);
    assert_int_equal(f.m.n, 1);
    assert_int_equal(shard_map_merge_listing(&f.m, shards, SHARD_MAP_MAX_SHARDS), 0);
    struct shard_node *any = shard_map_find(&f.m, SPAN("s0"));
    assert_int_equal(shard_map_add_children(&f.m, any, &shards[SHARD_MAP_MAX_SHARDS], 1, &want),
                     ERR_LIMIT);
    assert_int_equal(shard_map_add_children(&f.m, any, &shards[5], 1, &want), 0);
    deinit(&f);
}

static void test_names(void **state)
{
    (void)state;
    char name[SHARD_MAP_MAX_ID + 1];
    struct fixture f;
    memset(name, 'x', sizeof(name));
    init(&f, KINESIS_LATEST);
    struct kinesis_shard s = {.shard_id = span_of(name, SHARD_MAP_MAX_ID + 1)};
    assert_int_equal(shard_map_merge_listing(&f.m, &s, 1), ERR_PROTO);
    s.shard_id = SPAN_NONE;
    assert_int_equal(shard_map_merge_listing(&f.m, &s, 1), ERR_PROTO);
    assert_int_equal(shard_map_add_checkpoint(&f.m, SPAN_NONE, SPAN("1"), 0, false), ERR_INVALID);
    save(&f, "a", "1", false);
    assert_int_equal(shard_map_add_checkpoint(&f.m, SPAN("a"), SPAN("2"), 0, false), ERR_INVALID);
    s.shard_id = span_of(name, SHARD_MAP_MAX_ID);
    assert_int_equal(shard_map_merge_listing(&f.m, &s, 1), 0);
    deinit(&f);
}

// A long line of shards, listed from the last to the first.
static void test_long_line(void **state)
{
    (void)state;
    enum { N = 2000 };
    static struct kinesis_shard shards[N];
    static char names[N][16];
    struct fixture f;
    make_many(shards, N, names);
    for (size_t i = 0; i + 1 < N; i++) {
        shards[i].parent_id = shards[i + 1].shard_id;
        if (i > 0)
            shards[i].ending_sequence_number = SPAN("9");
    }
    shards[N - 1].ending_sequence_number = SPAN("9");
    init(&f, KINESIS_LATEST);
    assert_int_equal(shard_map_merge_listing(&f.m, shards, N), 0);
    assert_string_equal(ready(&f), "s0:L");
    deinit(&f);
    init(&f, KINESIS_TRIM_HORIZON);
    save(&f, "s0", "5", false);
    assert_int_equal(shard_map_merge_listing(&f.m, shards, N), 0);
    assert_string_equal(ready(&f), "s0:5");
    deinit(&f);
}

// Shards that name each other wait for ever, and disturb nobody.
static void test_ring(void **state)
{
    (void)state;
    struct fixture f;
    init(&f, KINESIS_TRIM_HORIZON);
    list(&f, "a<b b<a x<a y");
    assert_string_equal(ready(&f), "y:T");
    deinit(&f);
    init(&f, KINESIS_TRIM_HORIZON);
    save(&f, "x", "1", false);
    list(&f, "a<b b<a x<a");
    assert_string_equal(ready(&f), "x:1");
    deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_before_the_listing),
        cmocka_unit_test(test_first_start_latest),
        cmocka_unit_test(test_first_start_trim_horizon),
        cmocka_unit_test(test_first_start_at_timestamp),
        cmocka_unit_test(test_children_of_a_reply),
        cmocka_unit_test(test_merge_needs_both_parents),
        cmocka_unit_test(test_child_with_unknown_parent_waits_for_a_listing),
        cmocka_unit_test(test_child_whose_other_parent_has_expired),
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_split_while_away),
        cmocka_unit_test(test_passed_shards_stay_passed),
        cmocka_unit_test(test_new_shard_without_parents_comes_late),
        cmocka_unit_test(test_all_checkpoints_expired),
        cmocka_unit_test(test_some_checkpoints_expired),
        cmocka_unit_test(test_unfinished_checkpoint_that_is_not_listed),
        cmocka_unit_test(test_empty_checkpoint_counts_as_none),
        cmocka_unit_test(test_shard_that_names_itself),
        cmocka_unit_test(test_prune),
        cmocka_unit_test(test_child_that_ended_before_any_listing_had_it),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
