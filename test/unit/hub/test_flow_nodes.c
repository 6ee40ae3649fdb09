// SPDX-License-Identifier: Apache-2.0
#include "hub_fixture.h"

#include <stdio.h>

#include "lib/test_clock.h"

// Tables for the nodes that lead into other chains, and for the one that holds messages back.

#define DEV "deviceName=dev,deviceType=default"
#define NO_CHAIN "11111111-1111-1111-8111-111111111111"

// Rule chain and output ---------------------------------------------------------------------------

#define OUTPUT(name) "{\"type\":\"x.flow.TbRuleChainOutputNode\",\"name\":\"" name "\"}"
#define EDGE(from, to, type) "{\"fromIndex\":" from ",\"toIndex\":" to ",\"type\":\"" type "\"}"
#define CHAIN(nodes, edges)                                                                        \
    "{\"firstNodeIndex\":0,\"nodes\":[" nodes "],\"connections\":[" edges "]}"

struct chain_row {
    const char *inner; // the chain that the node leads into
    const char *type, *json;
    const char *want;
};

static void chain_input_and_output(void **state)
{
    struct hub_fixture *f = *state;
    static const char *const relations[] = {"Success", "Failure", "was A", "was not", NULL};
    static const struct chain_row rows[] = {
        {CHAIN("{\"type\":\"x.filter.TbMsgTypeFilterNode\",\"name\":\"f\",\"configuration\":"
               "{\"messageTypes\":[\"A\"]}}," OUTPUT("was A") "," OUTPUT("was not"),
               EDGE("0", "1", "True") "," EDGE("0", "2", "False")),
         "A", "{}", "was A A {} " DEV "\n"},
        {NULL, "B", "{}", "was not B {} " DEV "\n"},
        // It comes back as the inner chain has left it, once for each output.
        {CHAIN("{\"type\":\"x.transform.TbTransformMsgNode\",\"name\":\"t\",\"configuration\":"
               "{\"jsScript\":\"return {msg: {n: msg.n + 1}, msgType: 'B', metadata: {k: "
               "'v'}}\"}}," OUTPUT("was A") "," OUTPUT("was not"),
               EDGE("0", "1", "Success") "," EDGE("0", "2", "Success")),
         "A", "{\"n\":1}", "was A B {\"n\":2} k=v\nwas not B {\"n\":2} k=v\n"},
        {CHAIN(OUTPUT("Success"), ""), "A", "{}", "Success A {} " DEV "\n"},
        // An output whose connection is not drawn ends the message, and so does an empty chain.
        {CHAIN(OUTPUT("elsewhere"), ""), "A", "{}", ""},
        {"{\"nodes\":[]}", "A", "{}", ""},
        // A failure in the inner chain is not one of the node that leads into it.
        {CHAIN("{\"type\":\"x.telemetry.TbMsgTimeseriesNode\",\"name\":\"s\"}", ""), "A", "{}", ""},
    };
    char conf[200], name[20];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(name, sizeof name, "inner %zu", i);
        if (rows[i].inner) {
            snprintf(conf, sizeof conf, "{\"ruleChainId\":\"%s\"}",
                     add_chain(f, name, rows[i].inner));
            use_node(f, "flow.TbRuleChainInputNode", conf, relations);
        }
        send_json(f, rows[i].type, rows[i].json, "");
        expect_out(f, rows[i].want);
    }
}

// Each output leads one chain up.
static void outputs_of_nested_chains(void **state)
{
    struct hub_fixture *f = *state;
    static const char *const relations[] = {"low", "middle", NULL};
    struct buf b = {0};
    char conf[200];
    buf_printf(&b,
               CHAIN("{\"type\":\"x.flow.TbRuleChainInputNode\",\"name\":\"i\",\"configuration\":"
                     "{\"ruleChainId\":\"%s\"}}," OUTPUT("middle"),
                     EDGE("0", "1", "low")),
               add_chain(f, "low", CHAIN(OUTPUT("low"), "")));
    snprintf(conf, sizeof conf, "{\"ruleChainId\":\"%s\"}", add_chain(f, "middle", buf_cstr(&b)));
    buf_free(&b);
    use_node(f, "flow.TbRuleChainInputNode", conf, relations);
    send_json(f, "A", "{}", "");
    expect_out(f, "middle A {} " DEV "\n");
}

// Without a rule chain node to come back to, an output ends the message.
static void an_output_of_the_first_chain(void **state)
{
    static const char *const relations[] = {"Success", "Failure", "tested", NULL};
    use_node(*state, "flow.TbRuleChainOutputNode", "{}", relations);
    send_json(*state, "A", "{}", "");
    expect_out(*state, "");
}

static void chain_input_fails(void **state)
{
    struct hub_fixture *f = *state;
    static const char *const relations[] = {"Success", "Failure", NULL};
    static const char *const missing[] = {
        "{\"ruleChainId\":\"" NO_CHAIN "\"}",
        "{\"ruleChainId\":\"" NO_CHAIN "\",\"forwardMsgToDefaultRuleChain\":true}",
        "{\"forwardMsgToDefaultRuleChain\":true}",
    };
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        use_node(f, "flow.TbRuleChainInputNode", missing[i], relations);
        send_json(f, "A", "{}", "");
        expect_out(f, "Failure A {} " DEV "\n");
    }
    refuse_node(f, "flow.TbRuleChainInputNode", "{}", "configuration.ruleChainId: missing");
    refuse_node(f, "flow.TbRuleChainInputNode", "{\"ruleChainId\":\"here\"}", "\"here\"");
}

// forwardMsgToDefaultRuleChain: the chain of the device's profile, where a message has started,
// before the node's own.
static void chain_input_to_the_profiles_chain(void **state)
{
    struct hub_fixture *f = *state;
    static const char *const forward[] = {"false", "true"};
    static const char *const want[] = {"own B {} " DEV "\n", "profile's B {} " DEV "\n"};
    char sink[300];
    struct buf b = {0};
    for (size_t i = 0; i < 2; i++) {
        char name[3][20], own[UUID_TEXT_LEN + 1];
        for (size_t k = 0; k < 3; k++)
            snprintf(name[k], sizeof name[k], "%zu %zu", i, k);
        buf_printf(&b, CHAIN("%s", ""), sink_node(f, "own", sink));
        snprintf(own, sizeof own, "%s", add_chain(f, name[0], buf_cstr(&b)));
        buf_clear(&b);
        buf_printf(&b,
                   CHAIN("{\"type\":\"x.transform.TbTransformMsgNode\",\"name\":\"t\","
                         "\"configuration\":{\"jsScript\":\"return {msgType: 'B'}\"}},"
                         "{\"type\":\"x.flow.TbRuleChainInputNode\",\"name\":\"tested\","
                         "\"configuration\":{\"ruleChainId\":\"%s\","
                         "\"forwardMsgToDefaultRuleChain\":%s}}",
                         EDGE("0", "1", "Success")),
                   own, forward[i]);
        const char *middle = add_chain(f, name[1], buf_cstr(&b));
        buf_clear(&b);
        buf_printf(&b,
                   CHAIN("{\"type\":\"x.filter.TbMsgTypeFilterNode\",\"name\":\"f\","
                         "\"configuration\":{\"messageTypes\":[\"A\"]}},"
                         "{\"type\":\"x.flow.TbRuleChainInputNode\",\"name\":\"i\","
                         "\"configuration\":{\"ruleChainId\":\"%s\"}},%s",
                         EDGE("0", "1", "True") "," EDGE("0", "2", "False")),
                   middle, sink_node(f, "profile's", sink));
        use_profile_chain(f, add_chain(f, name[2], buf_cstr(&b)));
        buf_clear(&b);
        send_json(f, "A", "{}", "");
        expect_out(f, want[i]);
    }
    buf_free(&b);
}

// A profile without a chain of its own leaves the node's.
static void chain_input_of_a_profile_without_a_chain(void **state)
{
    struct hub_fixture *f = *state;
    static const char *const relations[] = {"own", "Failure", NULL};
    char conf[200];
    snprintf(conf, sizeof conf, "{\"ruleChainId\":\"%s\",\"forwardMsgToDefaultRuleChain\":true}",
             add_chain(f, "own", CHAIN(OUTPUT("own"), "")));
    use_node(f, "flow.TbRuleChainInputNode", conf, relations);
    send_json(f, "A", "{}", "");
    expect_out(f, "own A {} " DEV "\n");
}

// Delay -------------------------------------------------------------------------------------------

struct delay_row {
    const char *conf; // NULL = that of the row before, by the same node
    const char *metadata;
    int64_t after_ms; // when it goes on by Success; -1 = it fails at once
};

#define HOUR_MS 3600000

static void send_one(struct hub_fixture *f, const char *metadata, const char *want)
{
    send_json(f, "A", "{\"n\":1}", metadata);
    expect_out(f, want);
}

// What has fired is out when all that was committed is durable.
static void expect_at_once(struct hub_fixture *f, const char *want)
{
    loop_refresh(f->loop);
    hub_fixture_settle(f);
    hub_fixture_settle(f);
    expect_out(f, want);
}

static void expect_after(struct hub_fixture *f, struct test_clock *c, int64_t ms, const char *want)
{
    test_clock_advance(c, ms - 1);
    expect_at_once(f, "");
    test_clock_advance(c, 1);
    loop_refresh(f->loop);
    while (f->out.n == 0)
        hub_fixture_turn(f);
    expect_at_once(f, want);
}

static void delay(void **state)
{
    struct hub_fixture *f = *state;
    static struct test_clock c;
    static const char *const relations[] = {"Success", "Failure", NULL};
    static const struct delay_row rows[] = {
        {"{\"periodValue\":2,\"periodTimeUnit\":\"SECONDS\",\"maxPendingMsgs\":10}", "", 2000},
        {NULL, "", 2000},
        {"{\"periodValue\":2,\"periodTimeUnit\":\"MINUTES\"}", "", 120000},
        {"{\"periodValue\":2,\"periodTimeUnit\":\"HOURS\"}", "", 2 * HOUR_MS},
        {"{\"periodValue\":3}", "", 3000},
        {"{}", "", 60000},
        // By the message.
        {"{\"periodValue\":9,\"usePeriodValuePattern\":true,\"periodValuePattern\":\"${p}\"}",
         "p=4", 4000},
        {NULL, "p=soon", -1},
        {NULL, "p=-1", -1},
        {NULL, "p=9223372036854775807", -1},
        {NULL, "", -1},
        {"{\"periodValue\":9,\"usePeriodValuePattern\":true,\"periodValuePattern\":\"$[n]\"}", "",
         1000},
        {"{\"periodValue\":9,\"usePeriodValuePattern\":false,\"periodValuePattern\":\"${p}\"}",
         "p=4", 9000},
        {"{\"periodValue\":1,\"usePeriodTimeUnitPattern\":true,\"periodTimeUnitPattern\":\"${u}\"}",
         "u=MINUTES", 60000},
        {NULL, "u=FORTNIGHTS", -1},
        // Older exports know seconds.
        {"{\"periodInSeconds\":5,\"maxPendingMsgs\":10}", "", 5000},
        {"{\"periodInSeconds\":5,\"useMetadataPeriodInSecondsPatterns\":true,"
         "\"periodInSecondsPattern\":\"${p}\"}",
         "p=6", 6000},
        {"{\"periodValue\":367,\"usePeriodValuePattern\":false,\"periodTimeUnit\":\"HOURS\"}", "",
         367 * (int64_t)HOUR_MS},
        {"{\"periodValue\":8785,\"periodTimeUnit\":\"HOURS\"}", "", -1},
    };
    test_clock_init(&c, 1);
    f->clock = &c.clock;
    hub_fixture_reopen(f);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[200];
        const char *comma = rows[i].metadata[0] ? "," : "";
        if (rows[i].conf)
            use_node(f, "delay.TbMsgDelayNode", rows[i].conf, relations);
        snprintf(out, sizeof out, "%s A {\"n\":1} " DEV "%s%s\n",
                 rows[i].after_ms < 0 ? "Failure" : "Success", comma, rows[i].metadata);
        send_one(f, rows[i].metadata, rows[i].after_ms < 0 ? out : "");
        if (rows[i].after_ms >= 0)
            expect_after(f, &c, rows[i].after_ms, out);
    }
}

// Without a time to wait it goes on when its first run is durable.
static void delay_of_nothing(void **state)
{
    struct hub_fixture *f = *state;
    static const char *const relations[] = {"Success", "Failure", NULL};
    use_node(f, "delay.TbMsgDelayNode", "{\"periodValue\":0}", relations);
    send_json(f, "A", "{}", "");
    while (f->out.n == 0)
        hub_fixture_turn(f);
    expect_at_once(f, "Success A {} " DEV "\n");
}

// As many as maxPendingMsgs wait; when one has gone on, there is room again.
static void delay_has_a_limit(void **state)
{
    struct hub_fixture *f = *state;
    static struct test_clock c;
    static const char *const relations[] = {"Success", "Failure", NULL};
    test_clock_init(&c, 1);
    f->clock = &c.clock;
    hub_fixture_reopen(f);
    use_node(f, "delay.TbMsgDelayNode", "{\"periodValue\":5,\"maxPendingMsgs\":2}", relations);
    send_one(f, "k=1", "");
    test_clock_advance(&c, 1000);
    send_one(f, "k=2", "");
    send_one(f, "k=3", "Failure A {\"n\":1} " DEV ",k=3\n");
    expect_after(f, &c, 4000, "Success A {\"n\":1} " DEV ",k=1\n");
    send_one(f, "k=4", "");
    send_one(f, "k=5", "Failure A {\"n\":1} " DEV ",k=5\n");
    refuse_node(f, "delay.TbMsgDelayNode", "{\"maxPendingMsgs\":0}", "maxPendingMsgs");
    refuse_node(f, "delay.TbMsgDelayNode", "{\"maxPendingMsgs\":100001}", "maxPendingMsgs");
    refuse_node(f, "delay.TbMsgDelayNode", "{\"periodTimeUnit\":\"DAYS\"}", "\"DAYS\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HUB_FIXTURE_TEST(chain_input_and_output),
        HUB_FIXTURE_TEST(outputs_of_nested_chains),
        HUB_FIXTURE_TEST(an_output_of_the_first_chain),
        HUB_FIXTURE_TEST(chain_input_fails),
        HUB_FIXTURE_TEST(chain_input_to_the_profiles_chain),
        HUB_FIXTURE_TEST(chain_input_of_a_profile_without_a_chain),
        HUB_FIXTURE_TEST(delay),
        HUB_FIXTURE_TEST(delay_of_nothing),
        HUB_FIXTURE_TEST(delay_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
