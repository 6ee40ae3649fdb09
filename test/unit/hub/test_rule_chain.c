// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"

#include "hub/node.h"

static struct rule_chain *compile(const char *text, struct err *e)
{
    struct json *j = json_parse(span_str(text), e);
    struct rule_chain *c = NULL;
    assert_non_null(j);
    rule_chain_compile(j, SPAN("chain"), &c, e);
    json_free(j);
    return c;
}

static void refuse(const char *text, const char *reason)
{
    struct err e = {0};
    assert_null(compile(text, &e));
    if (!strstr(e.msg, reason))
        fail_msg("said \"%s\", not \"%s\"", e.msg, reason);
}

static void default_chain_is_the_hubs(void **state)
{
    struct err e = {0};
    struct rule_chain *c = compile(hub_default_chain_metadata(), &e);
    (void)state;
    assert_non_null(c);
    assert_int_equal(c->n_nodes, 6);
    assert_int_equal(c->first, 2);
    assert_ptr_equal(c->nodes[2].type, &node_msg_type_switch);
    assert_int_equal(c->nodes[2].n_edges, 5);
    assert_ptr_equal(c->nodes[0].type, &node_save_timeseries);
    assert_ptr_equal(c->nodes[1].type, &node_save_attributes);
    assert_ptr_equal(c->nodes[4].type, &node_log);
    assert_true(c->nodes[4].script.n > 0);
    assert_ptr_equal(c->nodes[5].type, &node_rpc_call);
    rule_chain_free(c);
}

static void reads_a_downlink_node(void **state)
{
    struct err e = {0};
    struct rule_chain *c = compile(
        "{\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"org.thingsboard.rule.engine.integration."
        "TbIntegrationDownlinkNode\",\"name\":\"d\",\"configuration\":{\"integrationId\":"
        "\"13814000-1dd2-11b2-8080-808080808080\"}}],\"connections\":null}",
        &e);
    (void)state;
    assert_non_null(c);
    assert_ptr_equal(c->nodes[0].type, &node_downlink);
    rule_chain_free(c);
}

static void names_what_is_wrong(void **state)
{
    (void)state;
    refuse("[]", "must be a JSON object");
    refuse("{\"firstNodeIndex\":0}", "firstNodeIndex");
    refuse("{\"nodes\":{}}", "nodes: must be an array");
    refuse("{\"nodes\":[{\"type\":\"a\"}],\"connections\":5}", "connections: must be an array");
    refuse("{\"nodes\":[{\"name\":\"x\"}]}", "nodes[0]: type");
    refuse("{\"nodes\":[{\"type\":\"a\"}],\"connections\":[{\"fromIndex\":0,\"toIndex\":1,"
           "\"type\":\"x\"}]}",
           "connections[0]: toIndex");
    refuse("{\"nodes\":[{\"type\":\"a\"}],\"connections\":[{\"fromIndex\":-1,\"toIndex\":0,"
           "\"type\":\"x\"}]}",
           "connections[0]: fromIndex");
    refuse("{\"nodes\":[{\"type\":\"a\"}],\"connections\":[{\"fromIndex\":0,\"toIndex\":0}]}",
           "connections[0]: type");
    refuse("{\"nodes\":[{\"type\":\"x.telemetry.TbMsgAttributesNode\",\"configuration\":"
           "{\"scope\":\"NO_SCOPE\"}}]}",
           "nodes[0]: configuration.scope");
    refuse("{\"nodes\":[{\"type\":\"x.integration.TbIntegrationDownlinkNode\",\"configuration\":"
           "{\"integrationId\":\"no\"}}]}",
           "configuration.integrationId");
}

static struct rule_chain *compile_nodes(int n, struct err *e)
{
    struct buf b = {0};
    buf_add_str(&b, "{\"firstNodeIndex\":0,\"nodes\":[");
    for (int i = 0; i < n; i++)
        buf_add_str(&b, i ? ",{\"type\":\"a\"}" : "{\"type\":\"a\"}");
    buf_add_str(&b, "]}");
    struct rule_chain *c = compile(buf_cstr(&b), e);
    buf_free(&b);
    return c;
}

static void bounds_the_number_of_nodes(void **state)
{
    struct err e = {0};
    struct rule_chain *c = compile_nodes(RULE_NODES_MAX, &e);
    (void)state;
    assert_non_null(c);
    rule_chain_free(c);
    assert_null(compile_nodes(RULE_NODES_MAX + 1, &e));
    assert_int_equal(e.code, ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_chain_is_the_hubs),
        cmocka_unit_test(reads_a_downlink_node),
        cmocka_unit_test(names_what_is_wrong),
        cmocka_unit_test(bounds_the_number_of_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
