// SPDX-License-Identifier: Apache-2.0
#include "aws/endpoint_rules.h"

static const struct {
    const char *name, *label;
} services[] = {[AWS_KINESIS] = {"kinesis", "AWS_ENDPOINT_URL_KINESIS"},
                [AWS_DYNAMODB] = {"dynamodb", "AWS_ENDPOINT_URL_DYNAMODB"},
                [AWS_STS] = {"sts", "AWS_ENDPOINT_URL_STS"},
                [AWS_CLOUDWATCH] = {"monitoring", "AWS_ENDPOINT_URL_CLOUDWATCH"}};

const char *aws_service_name(enum aws_service s)
{
    return services[s].name;
}

bool aws_service_by_name(struct span name, enum aws_service *out)
{
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        if (span_is(name, services[i].name)) {
            *out = (enum aws_service)i;
            return true;
        }
    }
    return false;
}

// One call of aws_endpoint_resolve().
struct rules {
    const struct aws_endpoint_params *p;
    const struct aws_partition *partition;
    struct arena *arena;
    struct aws_endpoint *out;
    struct err *e;
};

static struct span domain(const struct rules *r)
{
    return span_str(r->p->dual_stack ? r->partition->dual_suffix : r->partition->suffix);
}

static const char *fips(const struct rules *r)
{
    return r->p->fips ? "-fips" : "";
}

static bool is_partition(const struct rules *r, const char *name)
{
    return span_is(span_str(r->partition->name), name);
}

// Kinesis -----------------------------------------------------------------------------------------

static const char *operation_name(const struct rules *r)
{
    static const char *const names[] = {NULL, "control", "data"};
    return names[r->p->operation];
}

static int need_operation(const struct rules *r)
{
    return r->p->operation ? 0
                           : err_set(r->e, ERR_CONFIG,
                                     "this Kinesis operation has no endpoint for an account: name "
                                     "the stream instead of its ARN");
}

static bool all_of(struct span s, bool (*is)(char c))
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is(s.p[i])) {
            return false;
        }
    }
    return true;
}

static bool is_lower_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_label_char(char c)
{
    return is_lower_digit(c) || (c >= 'A' && c <= 'Z') || c == '-';
}

static bool is_label(struct span s)
{
    return s.n > 0 && s.n <= 63 && s.p[0] != '-' && all_of(s, is_label_char);
}

// StreamId: twenty letters and digits, '-', three of them.
static bool split_stream_id(struct span id, struct span *first, struct span *second)
{
    if (id.n != 24 || id.p[20] != '-') {
        return false;
    }
    *first = span_of(id.p, 20);
    *second = span_of(id.p + 21, 3);
    return all_of(*first, is_lower_digit) && all_of(*second, is_lower_digit);
}

// "-pod1" of the custom endpoint "https://kinesis-pod1.us-east-1.amazonaws.com".
static struct span pod_of(struct span endpoint)
{
    size_t slashes = span_find(endpoint, '/');
    if (slashes + 1 < endpoint.n && endpoint.p[slashes + 1] == '/') {
        endpoint = span_of(endpoint.p + slashes + 2, endpoint.n - slashes - 2);
    }
    struct span label = span_cut(&endpoint, '.'), prefix = SPAN("kinesis");
    return span_has_prefix(label, prefix) ? span_of(label.p + prefix.n, label.n - prefix.n)
                                          : SPAN_NONE;
}

static int stream_id_host(const struct rules *r, struct span first, struct span second)
{
    struct span pod = pod_of(r->p->endpoint);
    if (need_operation(r) < 0) {
        return ERR_CONFIG;
    }
    r->out->url = arena_printf(r->arena, "https://%.*s.%.*s.%s-kinesis%.*s%s.%.*s.%.*s",
                               SPAN_ARG(first), SPAN_ARG(second), operation_name(r), SPAN_ARG(pod),
                               fips(r), SPAN_ARG(r->p->region), SPAN_ARG(domain(r)));
    return 0;
}

static int check_kinesis_arn(const struct rules *r, struct span text, struct aws_arn *arn)
{
    if (!aws_arn_parse(text, arn)) {
        return err_set(r->e, ERR_CONFIG, "\"%.*s\" is not an ARN", SPAN_ARG(text));
    }
    if (!is_label(arn->account)) {
        return err_set(r->e, ERR_CONFIG, "the ARN %.*s has no valid account id", SPAN_ARG(text));
    }
    if (!is_label(arn->region)) {
        return err_set(r->e, ERR_CONFIG, "the ARN %.*s has no valid region", SPAN_ARG(text));
    }
    if (!span_is(arn->service, "kinesis")) {
        return err_set(r->e, ERR_CONFIG, "the ARN %.*s is not of the service kinesis",
                       SPAN_ARG(text));
    }
    if (!span_is(aws_arn_resource_type(arn), "stream")) {
        return err_set(r->e, ERR_CONFIG, "the ARN %.*s is not a stream's", SPAN_ARG(text));
    }
    if (!span_is(arn->partition, r->partition->name)) {
        return err_set(r->e, ERR_CONFIG, "the ARN %.*s is not in the region's partition (%s)",
                       SPAN_ARG(text), r->partition->name);
    }
    return need_operation(r);
}

static struct span first_arn(const struct aws_endpoint_params *p)
{
    return p->stream_arn.n ? p->stream_arn : p->consumer_arn.n ? p->consumer_arn : p->resource_arn;
}

// True when the host is the account's, or `*status` negative.
static bool kinesis_account_host(const struct rules *r, int *status)
{
    struct span text = first_arn(r->p);
    struct aws_arn arn;
    if (text.n == 0 || is_partition(r, "aws-iso") || is_partition(r, "aws-iso-b")) {
        return false;
    }
    *status = check_kinesis_arn(r, text, &arn);
    if (*status == 0) {
        r->out->url =
            arena_printf(r->arena, "https://%.*s.%s-kinesis%s.%.*s.%.*s", SPAN_ARG(arn.account),
                         operation_name(r), fips(r), SPAN_ARG(r->p->region), SPAN_ARG(domain(r)));
    }
    return true;
}

// DynamoDB ----------------------------------------------------------------------------------------

static int dynamodb_local(const struct rules *r)
{
    if (r->p->fips || r->p->dual_stack) {
        return err_set(r->e, ERR_CONFIG, "the region \"local\" has no %s endpoint: turn it off",
                       r->p->fips ? "FIPS" : "dual-stack");
    }
    *r->out = (struct aws_endpoint){SPAN("http://localhost:8000"), SPAN("us-east-1")};
    return 0;
}

static struct span table_account(const struct rules *r)
{
    for (size_t i = 0; i < r->p->n_table_arns; i++) {
        struct aws_arn arn;
        if (aws_arn_parse(r->p->table_arns[i], &arn) && span_is(arn.service, "dynamodb") &&
            span_eq(arn.region, r->p->region) && is_label(arn.account)) {
            return arn.account;
        }
    }
    return SPAN_NONE;
}

static int check_account_required(const struct rules *r, bool has_hosts)
{
    if (r->p->account_mode != AWS_ACCOUNT_REQUIRED) {
        return 0;
    }
    if (r->p->fips) {
        return err_set(r->e, ERR_CONFIG,
                       "account-based endpoints are required, but none of them is a FIPS endpoint: "
                       "turn one of the two off");
    }
    if (!has_hosts) {
        return err_set(r->e, ERR_CONFIG,
                       "account-based endpoints are required, but the partition %s has none",
                       r->partition->name);
    }
    return 0;
}

// As kinesis_account_host().
static bool dynamodb_account_host(const struct rules *r, int *status)
{
    bool has_hosts = is_partition(r, "aws");
    *status = check_account_required(r, has_hosts);
    if (*status < 0) {
        return true;
    }
    if (r->p->account_mode == AWS_ACCOUNT_DISABLED || r->p->fips || !has_hosts) {
        return false;
    }
    struct span account = table_account(r);
    if (account.n == 0 && r->p->account_id) {
        account = *r->p->account_id;
        if (!is_label(account)) {
            *status = err_set(r->e, ERR_CONFIG, "the credentials' account id is not valid");
            return true;
        }
    }
    if (account.n == 0) {
        *status = r->p->account_mode != AWS_ACCOUNT_REQUIRED
                      ? 0
                      : err_set(r->e, ERR_CONFIG,
                                "account-based endpoints are required, but the credentials have no "
                                "account id: set AWS_ACCOUNT_ID");
        return *status < 0;
    }
    r->out->url =
        arena_printf(r->arena, "https://%.*s.%sddb.%.*s.%.*s", SPAN_ARG(account),
                     r->p->search ? "search-" : "", SPAN_ARG(r->p->region), SPAN_ARG(domain(r)));
    return true;
}

// All services ------------------------------------------------------------------------------------

// The regions that the single endpoint of STS serves.
static bool is_sts_global(const struct aws_endpoint_params *p)
{
    static const char *const regions[] = {
        "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
        "eu-central-1",   "eu-north-1", "eu-west-1",      "eu-west-2",      "eu-west-3",
        "sa-east-1",      "us-east-1",  "us-east-2",      "us-west-1",      "us-west-2"};
    if (span_is(p->region, "aws-global")) {
        return true;
    }
    for (size_t i = 0; p->sts_global && i < sizeof regions / sizeof *regions; i++) {
        if (span_is(p->region, regions[i])) {
            return true;
        }
    }
    return false;
}

static int custom(const struct rules *r)
{
    const struct aws_endpoint_params *p = r->p;
    if (p->fips || p->dual_stack) {
        return err_set(r->e, ERR_CONFIG,
                       "a custom endpoint is used as it is: turn %s endpoints off, or leave %s out",
                       p->fips ? "FIPS" : "dual-stack", services[p->service].label);
    }
    if (p->service == AWS_DYNAMODB && p->region.n) {
        struct span dual = arena_printf(r->arena, "https://dynamodb.%.*s.%s", SPAN_ARG(p->region),
                                        r->partition->dual_suffix);
        struct span given = p->endpoint;
        if (span_has_suffix(given, SPAN("/"))) {
            given.n--;
        }
        if (span_eq(given, dual)) {
            return err_set(r->e, ERR_CONFIG,
                           "%.*s is the dual-stack endpoint: set AWS_USE_DUALSTACK_ENDPOINT "
                           "instead of naming it",
                           SPAN_ARG(dual));
        }
    }
    r->out->url = p->endpoint;
    return 0;
}

static int check_region(const struct rules *r)
{
    if (r->p->region.n == 0) {
        return err_set(r->e, ERR_CONFIG,
                       "no AWS region: set it in the configuration or in AWS_REGION");
    }
    if (!aws_region_is_valid(r->p->region)) {
        return err_set(
            r->e, ERR_CONFIG,
            "\"%.*s\" is not an AWS region name (such as eu-west-1): lower-case letters, "
            "digits and '-' only",
            SPAN_ARG(r->p->region));
    }
    return 0;
}

// The government partition's hosts are FIPS ones under their plain names, but for most dual-stack
// ones.
static const char *plain_fips(const struct rules *r)
{
    bool plain =
        is_partition(r, "aws-us-gov") && (!r->p->dual_stack || r->p->service == AWS_CLOUDWATCH);
    return plain ? "" : fips(r);
}

static int regional(const struct rules *r)
{
    const struct aws_endpoint_params *p = r->p;
    int status = 0;
    if (p->service == AWS_STS && is_sts_global(p)) {
        *r->out = (struct aws_endpoint){SPAN("https://sts.amazonaws.com"), SPAN("us-east-1")};
        return 0;
    }
    if (p->service == AWS_DYNAMODB && span_is(p->region, "local")) {
        return dynamodb_local(r);
    }
    if (p->service == AWS_DYNAMODB && dynamodb_account_host(r, &status)) {
        return status;
    }
    if (p->service == AWS_KINESIS && kinesis_account_host(r, &status)) {
        return status;
    }
    r->out->url = arena_printf(r->arena, "https://%s%s%s.%.*s.%.*s", p->search ? "search-" : "",
                               services[p->service].name, plain_fips(r), SPAN_ARG(p->region),
                               SPAN_ARG(domain(r)));
    return status;
}

int aws_endpoint_resolve(const struct aws_endpoint_params *p, struct arena *a,
                         struct aws_endpoint *out, struct err *e)
{
    struct rules r = {p, aws_partition_of(p->region), a, out, e};
    struct span first, second;
    *out = (struct aws_endpoint){.signing_region = p->region};
    if (p->service == AWS_KINESIS && p->region.n &&
        split_stream_id(p->stream_id, &first, &second)) {
        return stream_id_host(&r, first, second);
    }
    if (p->endpoint.n) {
        return custom(&r);
    }
    int status = check_region(&r);
    return status < 0 ? status : regional(&r);
}
