// SPDX-License-Identifier: Apache-2.0
#include "aws/partition.h"

#define REGION_MAX 63 // one DNS label, RFC 1035 section 2.3.4

// The first whose prefix fits.
static const struct aws_partition partitions[] = {
    {"cn-", "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"eusc-", "aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"us-gov-", "aws-us-gov", "amazonaws.com", "api.aws"},
    {"us-iso-", "aws-iso", "c2s.ic.gov", "api.aws.ic.gov"},
    {"us-isob-", "aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"},
    {"us-isof-", "aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {"", "aws", "amazonaws.com", "api.aws"},
};

const struct aws_partition *aws_partition_of(struct span region)
{
    const struct aws_partition *p = partitions;
    while (!span_has_prefix(region, span_str(p->region_prefix))) {
        p++;
    }
    return p;
}

bool aws_region_is_valid(struct span s)
{
    if (s.n == 0 || s.n > REGION_MAX || s.p[0] == '-' || s.p[s.n - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-') {
            return false;
        }
    }
    return true;
}

bool aws_arn_parse(struct span text, struct aws_arn *out)
{
    struct span rest = text,
                *fields[] = {&out->partition, &out->service, &out->region, &out->account};
    if (!span_is(span_cut(&rest, ':'), "arn")) {
        return false;
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (rest.n == 0) {
            return false;
        }
        *fields[i] = span_cut(&rest, ':');
    }
    out->resource = rest;
    return out->partition.n > 0 && out->service.n > 0 && rest.n > 0;
}

struct span aws_arn_resource_type(const struct aws_arn *arn)
{
    size_t n = 0;
    while (n < arn->resource.n && arn->resource.p[n] != '/' && arn->resource.p[n] != ':') {
        n++;
    }
    return span_of(arn->resource.p, n);
}
