// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "emulator/faults.h"
#include "lib/test.h"

static struct emu_faults f;

static int add(const char *json, struct err *e)
{
    struct buf b = {0};
    buf_add_str(&b, json);
    for (size_t i = 0; i < b.n; i++)
        if (b.p[i] == '\'')
            b.p[i] = '"';
    int rc = emu_faults_add(&f, buf_span(&b), e);
    buf_free(&b);
    return rc;
}

static int set_up(void **state)
{
    (void)state;
    emu_faults_clear(&f);
    return 0;
}

static enum emu_fault pick(int op)
{
    struct emu_rule *r = emu_faults_pick(&f, op);
    return r ? r->fault : EMU_FAULT_NONE;
}

static void test_count_and_after(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(add("[{'op':'GetRecords','fault':'throttle','count':2,'after':1}]", &e), 0);
    assert_int_equal(pick(EMU_OP_PutRecords), EMU_FAULT_NONE);
    assert_int_equal(pick(EMU_OP_GetRecords), EMU_FAULT_NONE);
    assert_int_equal(pick(EMU_OP_GetRecords), EMU_FAULT_THROTTLE);
    assert_int_equal(pick(EMU_OP_GetRecords), EMU_FAULT_THROTTLE);
    assert_int_equal(pick(EMU_OP_GetRecords), EMU_FAULT_NONE);
}

static void test_first_rule_that_fires(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(add("[{'fault':'cut','count':1},{'fault':'internal'}]", &e), 0);
    assert_int_equal(pick(EMU_OP_ListShards), EMU_FAULT_CUT);
    assert_int_equal(pick(EMU_OP_ListShards), EMU_FAULT_INTERNAL);
    assert_int_equal(add("[{'fault':'stall'}]", &e), 0);
    assert_int_equal(pick(EMU_OP_ListShards), EMU_FAULT_INTERNAL);
    emu_faults_clear(&f);
    assert_int_equal(pick(EMU_OP_ListShards), EMU_FAULT_NONE);
}

static void test_probability_is_repeatable(void **state)
{
    (void)state;
    struct err e = {0};
    bool fired[1000];
    int n = 0;
    for (int round = 0; round < 2; round++) {
        emu_faults_clear(&f);
        assert_int_equal(add("[{'fault':'throttle','probability':0.3,'seed':42}]", &e), 0);
        for (int i = 0; i < 1000; i++) {
            bool hit = pick(EMU_OP_GetRecords) == EMU_FAULT_THROTTLE;
            n += hit;
            if (round == 0)
                fired[i] = hit;
            else
                assert_int_equal(fired[i], hit);
        }
    }
    assert_in_range(n, 500, 700);
}

static void test_only_where_they_apply(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(add("[{'fault':'partial'},{'fault':'empty'}]", &e), 0);
    assert_int_equal(pick(EMU_OP_ListShards), EMU_FAULT_NONE);
    assert_int_equal(pick(EMU_OP_PutRecord), EMU_FAULT_NONE);
    assert_int_equal(pick(EMU_OP_PutRecords), EMU_FAULT_PARTIAL);
    assert_int_equal(pick(EMU_OP_GetRecords), EMU_FAULT_EMPTY);
}

static void test_events(void **state)
{
    (void)state;
    struct err e = {0};
    struct emu_error out;
    // "*" means operations; faults that only events know are theirs all the same.
    assert_int_equal(add("[{'fault':'cut'},{'fault':'corrupt','count':1}]", &e), 0);
    assert_int_equal(pick(EMU_FAULT_EVENT), EMU_FAULT_CORRUPT);
    assert_int_equal(pick(EMU_FAULT_EVENT), EMU_FAULT_NONE);
    assert_int_equal(pick(EMU_OP_SubscribeToShard), EMU_FAULT_CUT);
    emu_faults_clear(&f);
    assert_int_equal(add("[{'op':'SubscribeToShardEvent','fault':'html'},"
                         "{'op':'SubscribeToShardEvent','fault':'duplicate'},"
                         "{'op':'SubscribeToShardEvent','fault':'error'}]",
                         &e),
                     0);
    assert_int_equal(pick(EMU_OP_SubscribeToShard), EMU_FAULT_NONE);
    struct emu_rule *r = emu_faults_pick(&f, EMU_FAULT_EVENT);
    assert_int_equal(r->fault, EMU_FAULT_ERROR);
    assert_true(emu_fault_error(r, EMU_FAULT_EVENT, &out));
    assert_string_equal(out.code, "InternalFailureException");
    struct buf text = {0};
    struct json_out j = {.out = &text};
    emu_faults_write(&f, &j);
    assert_non_null(memmem(text.p, text.n, "\"op\":\"SubscribeToShardEvent\"", 28));
    buf_free(&text);
}

static void test_a_single_shard(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(add("[{'op':'GetRecords','fault':'throttle','count':1,"
                         "'shard':'shardId-000000000002'}]",
                         &e),
                     0);
    assert_int_equal(pick(EMU_OP_GetRecords), EMU_FAULT_NONE);
    assert_false(emu_faults_throttle(&f, EMU_OP_GetRecords, 1));
    assert_false(emu_faults_throttle(&f, EMU_OP_PutRecord, 2));
    assert_true(emu_faults_throttle(&f, EMU_OP_GetRecords, 2));
    assert_false(emu_faults_throttle(&f, EMU_OP_GetRecords, 2));
}

static void test_random_kinds(void **state)
{
    (void)state;
    struct err e = {0};
    static const struct {
        int op;
        enum emu_fault always, never;
    } cases[] = {
        {EMU_OP_GetRecords, EMU_FAULT_REDELIVER, EMU_FAULT_DUPLICATE},
        {EMU_OP_PutRecords, EMU_FAULT_PARTIAL, EMU_FAULT_DUPLICATE},
        {EMU_OP_ListShards, EMU_FAULT_CUT_MIDDLE, EMU_FAULT_EMPTY},
        {EMU_FAULT_EVENT, EMU_FAULT_CORRUPT, EMU_FAULT_HTML},
        {EMU_FAULT_EVENT, EMU_FAULT_END, EMU_FAULT_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool seen[EMU_FAULT_COUNT] = {false};
        enum emu_fault first[500];
        for (int round = 0; round < 2; round++) {
            emu_faults_clear(&f);
            assert_int_equal(add("[{'fault':'random','seed':9,'probability':0.5,'ms':40}]", &e), 0);
            for (int n = 0; n < 500; n++) {
                struct emu_rule *r = emu_faults_pick(&f, cases[i].op);
                enum emu_fault kind = r ? r->fault : EMU_FAULT_NONE;
                assert_true(!r || (r->stall_ms >= 0 && r->stall_ms < 40));
                seen[kind] = true;
                assert_true(round == 0 || first[n] == kind);
                first[n] = kind;
            }
        }
        assert_true(seen[EMU_FAULT_NONE] && seen[cases[i].always]);
        assert_false(seen[cases[i].never] || seen[EMU_FAULT_RANDOM]);
        assert_int_equal(f.rules[0].seen, 500);
    }
}

static void test_answers(void **state)
{
    (void)state;
    struct err e = {0};
    struct emu_error out;
    static const struct {
        const char *rule, *code;
        enum emu_op op;
        int status;
    } cases[] = {
        {"throttle", "ProvisionedThroughputExceededException", EMU_OP_GetRecords, 400},
        {"throttle", "LimitExceededException", EMU_OP_ListShards, 400},
        {"internal", "InternalFailure", EMU_OP_ListShards, 500},
        {"unavailable", "ServiceUnavailable", EMU_OP_ListShards, 503},
        {"expired_token", "ExpiredTokenException", EMU_OP_ListShards, 400},
        {"expired_iterator", "ExpiredIteratorException", EMU_OP_GetRecords, 400},
    };
    char json[80];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        emu_faults_clear(&f);
        snprintf(json, sizeof json, "[{'fault':'%s'}]", cases[i].rule);
        assert_int_equal(add(json, &e), 0);
        assert_true(emu_fault_error(emu_faults_pick(&f, cases[i].op), cases[i].op, &out));
        assert_string_equal(out.code, cases[i].code);
        assert_int_equal(out.status, cases[i].status);
    }
    emu_faults_clear(&f);
    assert_int_equal(add("[{'fault':'error','code':'AccessDeniedException','status':403,"
                         "'message':'no'}]",
                         &e),
                     0);
    assert_true(emu_fault_error(emu_faults_pick(&f, EMU_OP_PutRecord), EMU_OP_PutRecord, &out));
    assert_string_equal(out.code, "AccessDeniedException");
    assert_int_equal(out.status, 403);
    assert_span_is(out.message, "no");
    emu_faults_clear(&f);
    assert_int_equal(add("[{'fault':'cut'}]", &e), 0);
    assert_false(emu_fault_error(emu_faults_pick(&f, EMU_OP_PutRecord), EMU_OP_PutRecord, &out));
}

static void test_wrong_rules(void **state)
{
    (void)state;
    static const struct {
        const char *json, *why;
    } cases[] = {
        {"", "line 1"},
        {"{}", "a list of rules expected"},
        {"[5]", "rule 1: an object expected"},
        {"[{'fault':'cut'},{'fault':'nope'}]", "rule 2: unknown fault \"nope\""},
        {"[{}]", "unknown fault \"\""},
        {"[{'fault':'cut','op':'Nope'}]", "unknown operation \"Nope\""},
        {"[{'fault':'cut','often':1}]", "unknown key \"often\""},
        {"[{'fault':'cut','probability':1.5}]", "\"probability\" must be a number from 0 to 1"},
        {"[{'fault':'cut','count':-1}]", "\"count\" must be a number"},
        {"[{'fault':'cut','count':'1'}]", "\"count\" must be a number"},
        {"[{'fault':'stall','ms':600001}]", "\"ms\" must be a number from 0 to 600000"},
        {"[{'fault':'cut','shard':'shardId-000000000000'}]", "goes with \"throttle\" only"},
        {"[{'fault':'throttle','shard':5}]", "\"shard\" must be a shard id"},
        {"[{'fault':'throttle','op':'SubscribeToShardEvent','shard':'1'}]", "goes with"},
        {"[{'fault':'error','status':200}]", "\"status\" must be 400 to 599"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        assert_true(add(cases[i].json, &e) < 0);
        if (!strstr(e.msg, cases[i].why))
            fail_msg("%s: \"%s\" not in \"%s\"", cases[i].json, cases[i].why, e.msg);
        assert_int_equal(f.n, 0);
    }
}

static void test_as_many_as_fit(void **state)
{
    (void)state;
    struct err e = {0};
    for (int i = 0; i < EMU_FAULT_RULES_MAX; i++)
        assert_int_equal(add("[{'fault':'cut'}]", &e), 0);
    assert_int_equal(add("[{'fault':'cut'}]", &e), ERR_LIMIT);
    assert_int_equal(f.n, EMU_FAULT_RULES_MAX);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup(fn, set_up)
    const struct CMUnitTest tests[] = {
        CASE(test_count_and_after),
        CASE(test_first_rule_that_fires),
        CASE(test_probability_is_repeatable),
        CASE(test_only_where_they_apply),
        CASE(test_events),
        CASE(test_a_single_shard),
        CASE(test_random_kinds),
        CASE(test_answers),
        CASE(test_wrong_rules),
        CASE(test_as_many_as_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
