// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "aws/endpoint_rules.h"
#include "codec/json.h"
#include "lib/test.h"
#include "lib/test_files.h"

// Beginnings of the suite's texts, and what ours says in their place.
static const struct {
    const char *theirs, *ours;
} errors[] = {
    {"Invalid Configuration: Missing Region", "no AWS region"},
    {"Invalid Configuration: FIPS and custom", "turn FIPS endpoints off"},
    {"Invalid Configuration: Dualstack and custom", "turn dual-stack endpoints off"},
    {"Endpoint override is not supported for dual-stack", "is the dual-stack endpoint"},
    {"Invalid Configuration: FIPS and local", "has no FIPS endpoint"},
    {"Invalid Configuration: Dualstack and local", "has no dual-stack endpoint"},
    {"Invalid Configuration: AccountIdEndpointMode is required and FIPS", "none of them is a FIPS"},
    {"Invalid Configuration: AccountIdEndpointMode is required but account endpoints", "has none"},
    {"AccountIdEndpointMode is required but no AccountID", "have no account id"},
    {"Credentials-sourced account ID parameter", "account id is not valid"},
    {"Invalid ARN: Failed to parse ARN.", "is not an ARN"},
    {"Invalid ARN: Invalid account id.", "no valid account id"},
    {"Invalid ARN: Invalid region.", "no valid region"},
    {"Invalid ARN: The ARN was not for the Kinesis service", "not of the service kinesis"},
    {"Invalid ARN: Kinesis ARNs don't support", "is not a stream's"},
    {"Partition: ", "not in the region's partition"},
    {"Operation Type is not set.", "no endpoint for an account"},
};

static const char *ours_for(struct span theirs)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (span_has_prefix(theirs, span_str(errors[i].theirs)))
            return errors[i].ours;
    }
    fail_msg("the suite says something unknown: %.*s", SPAN_ARG(theirs));
    return NULL;
}

static struct span text(const struct json *params, const char *key)
{
    return json_get_str(params, key, SPAN_NONE);
}

static enum aws_operation_kind operation_of(struct span s)
{
    return span_is(s, "data")      ? AWS_OPERATION_DATA
           : span_is(s, "control") ? AWS_OPERATION_CONTROL
                                   : AWS_OPERATION_NONE;
}

static enum aws_account_mode mode_of(struct span s)
{
    return span_is(s, "required")    ? AWS_ACCOUNT_REQUIRED
           : span_is(s, "preferred") ? AWS_ACCOUNT_PREFERRED
                                     : AWS_ACCOUNT_DISABLED;
}

#define ARNS_MAX 8

struct params {
    struct aws_endpoint_params p;
    struct span account, arns[ARNS_MAX];
};

static void read_arns(const struct json *j, struct params *out)
{
    if (json_get(j, "ResourceArn"))
        out->arns[out->p.n_table_arns++] = text(j, "ResourceArn");
    for (struct json *it = json_child(json_get(j, "ResourceArnList")); it; it = json_next(it)) {
        assert_true(out->p.n_table_arns < ARNS_MAX);
        out->arns[out->p.n_table_arns++] = json_str(it, SPAN_NONE);
    }
    out->p.table_arns = out->arns;
}

static void read_params(enum aws_service service, const struct json *j, struct params *out)
{
    *out = (struct params){.p = {.service = service,
                                 .region = text(j, "Region"),
                                 .endpoint = text(j, "Endpoint"),
                                 .fips = json_get_bool(j, "UseFIPS", false),
                                 .dual_stack = json_get_bool(j, "UseDualStack", false),
                                 .sts_global = json_get_bool(j, "UseGlobalEndpoint", false),
                                 .operation = operation_of(text(j, "OperationType")),
                                 .stream_id = text(j, "StreamId"),
                                 .stream_arn = text(j, "StreamARN"),
                                 .consumer_arn = text(j, "ConsumerARN"),
                                 .resource_arn = text(j, "ResourceARN"),
                                 .account_mode = mode_of(text(j, "AccountIdEndpointMode")),
                                 .search = json_get_bool(j, "IsSearchOperation", false)}};
    if (json_get(j, "AccountId")) {
        out->account = text(j, "AccountId");
        out->p.account_id = &out->account;
    }
    read_arns(j, out);
}

static struct span signing_region(const struct json *endpoint)
{
    const struct json *schemes = json_get(json_get(endpoint, "properties"), "authSchemes");
    return json_get_str(json_child(schemes), "signingRegion", SPAN_NONE);
}

static void check_case(enum aws_service service, const struct json *c)
{
    const struct json *expect = json_get(c, "expect"), *endpoint = json_get(expect, "endpoint");
    struct params in;
    struct arena a = {0};
    struct aws_endpoint out;
    struct err e = {0};
    read_params(service, json_get(c, "params"), &in);
    int status = aws_endpoint_resolve(&in.p, &a, &out, &e);
    if (endpoint) {
        struct span region = signing_region(endpoint);
        if (status < 0)
            fail_msg("%s", e.msg);
        assert_span_equal(out.url, text(endpoint, "url"));
        assert_span_equal(out.signing_region, region.n ? region : in.p.region);
    } else {
        assert_int_equal(status, ERR_CONFIG);
        assert_non_null(strstr(e.msg, ours_for(text(expect, "error"))));
    }
    arena_free(&a);
}

static void check_suite(enum aws_service service, const char *name, size_t count)
{
    struct buf file = test_read_vectors(name);
    struct json *suite = json_parse(buf_span(&file), NULL);
    size_t n = 0;
    for (struct json *c = json_child(json_get(suite, "testCases")); c; c = json_next(c), n++)
        check_case(service, c);
    assert_int_equal(n, count);
    json_free(suite);
    buf_free(&file);
}

static void test_kinesis(void **state)
{
    (void)state;
    check_suite(AWS_KINESIS, "endpoints/kinesis-endpoint-tests-1.json", 189);
}

static void test_dynamodb(void **state)
{
    (void)state;
    check_suite(AWS_DYNAMODB, "endpoints/dynamodb-endpoint-tests-1.json", 548);
}

static void test_sts(void **state)
{
    (void)state;
    check_suite(AWS_STS, "endpoints/sts-endpoint-tests-1.json", 69);
}

static void test_cloudwatch(void **state)
{
    (void)state;
    check_suite(AWS_CLOUDWATCH, "endpoints/cloudwatch-endpoint-tests-1.json", 26);
}

static void test_wrong_region(void **state)
{
    (void)state;
    static const char *const regions[] = {"", "EU-west-1", "a/b", "a.b", "-a", "a-", "a b"};
    char name[64];
    struct arena a = {0};
    struct aws_endpoint out;
    struct aws_endpoint_params p = {.service = AWS_KINESIS};
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++) {
        struct err e = {0};
        p.region = span_str(regions[i]);
        assert_int_equal(aws_endpoint_resolve(&p, &a, &out, &e), ERR_CONFIG);
        assert_non_null(strstr(e.msg, "region"));
    }
    memset(name, 'r', sizeof name);
    p.region = span_of(name, 63);
    assert_int_equal(aws_endpoint_resolve(&p, &a, &out, NULL), 0);
    p.region = span_of(name, 64);
    assert_int_equal(aws_endpoint_resolve(&p, &a, &out, NULL), ERR_CONFIG);
    arena_free(&a);
}

static void test_partitions(void **state)
{
    (void)state;
    static const struct {
        const char *region, *name;
    } cases[] = {{"eu-west-1", "aws"},
                 {"", "aws"},
                 {"cn-north-1", "aws-cn"},
                 {"us-gov-west-1", "aws-us-gov"},
                 {"us-iso-east-1", "aws-iso"},
                 {"us-isob-east-1", "aws-iso-b"},
                 {"us-isof-south-1", "aws-iso-f"},
                 {"eu-isoe-west-1", "aws-iso-e"},
                 {"eusc-de-east-1", "aws-eusc"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(aws_partition_of(span_str(cases[i].region))->name, cases[i].name);
}

static void test_arn(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "arn",
                                        "arn:",
                                        "arn:aws:kinesis:r:1",
                                        "arn:aws:kinesis:r:1:",
                                        "arn::kinesis:r:1:stream/s",
                                        "arn:aws::r:1:stream/s",
                                        "nra:aws:kinesis:r:1:stream/s"};
    struct aws_arn arn;
    assert_true(aws_arn_parse(SPAN("arn:aws:kinesis:r:1:stream/s/consumer/c:2"), &arn));
    assert_span_is(arn.partition, "aws");
    assert_span_is(arn.service, "kinesis");
    assert_span_is(arn.region, "r");
    assert_span_is(arn.account, "1");
    assert_span_is(arn.resource, "stream/s/consumer/c:2");
    assert_span_is(aws_arn_resource_type(&arn), "stream");
    assert_true(aws_arn_parse(SPAN("arn:aws:iam:::role"), &arn));
    assert_span_is(aws_arn_resource_type(&arn), "role");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(aws_arn_parse(span_str(wrong[i]), &arn));
}

static void test_service_names(void **state)
{
    (void)state;
    enum aws_service s;
    assert_true(aws_service_by_name(SPAN("monitoring"), &s));
    assert_int_equal(s, AWS_CLOUDWATCH);
    assert_string_equal(aws_service_name(s), "monitoring");
    assert_false(aws_service_by_name(SPAN("s3"), &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinesis),      cmocka_unit_test(test_dynamodb),
        cmocka_unit_test(test_sts),          cmocka_unit_test(test_cloudwatch),
        cmocka_unit_test(test_wrong_region), cmocka_unit_test(test_partitions),
        cmocka_unit_test(test_arn),          cmocka_unit_test(test_service_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
