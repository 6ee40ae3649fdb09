// SPDX-License-Identifier: Apache-2.0
#include "aws/retry.h"

#include "base/err.h"

#define DELAY_CAP_MS 20000
#define AFTER_MAX_MS 5000 // how far a server's wish may exceed our own delay
#define COST_STANDARD 5
#define COST_STANDARD_TIMEOUT 10
#define COST_V2_1_THROTTLE 5
#define COST_V2_1_OTHER 14
#define REFUND_NO_RETRY 1

struct code_class {
    const char *code;
    enum retry_class class;
};

static const struct code_class codes[] = {
    {"BandwidthLimitExceeded", RETRY_THROTTLE},
    {"EC2ThrottledException", RETRY_THROTTLE},
    {"KMSThrottlingException", RETRY_THROTTLE},
    {"LimitExceededException", RETRY_THROTTLE},
    {"PriorRequestNotComplete", RETRY_THROTTLE},
    {"ProvisionedThroughputExceededException", RETRY_THROTTLE},
    {"RequestLimitExceeded", RETRY_THROTTLE},
    {"RequestThrottled", RETRY_THROTTLE},
    {"RequestThrottledException", RETRY_THROTTLE},
    {"SlowDown", RETRY_THROTTLE},
    {"ThrottledException", RETRY_THROTTLE},
    {"Throttling", RETRY_THROTTLE},
    {"ThrottlingException", RETRY_THROTTLE},
    {"TooManyRequestsException", RETRY_THROTTLE},
    {"TransactionInProgressException", RETRY_THROTTLE},
    {"IDPCommunicationError", RETRY_TRANSIENT},
    {"RequestTimeout", RETRY_TRANSIENT},
    {"RequestTimeoutException", RETRY_TRANSIENT},
    {"AuthFailure", RETRY_CLOCK},
    {"InvalidSignatureException", RETRY_CLOCK},
    {"RequestExpired", RETRY_CLOCK},
    {"RequestInTheFuture", RETRY_CLOCK},
    {"RequestTimeTooSkewed", RETRY_CLOCK},
    {"SignatureDoesNotMatch", RETRY_CLOCK},
    {"ExpiredToken", RETRY_CREDENTIALS},
    {"ExpiredTokenException", RETRY_CREDENTIALS},
    {"InvalidClientTokenId", RETRY_CREDENTIALS},
    {"UnrecognizedClientException", RETRY_CREDENTIALS},
};

static enum retry_class classify_net(int net_error)
{
    switch (net_error) {
    case ERR_TIMEOUT:
    case ERR_CLOSED:
    case ERR_CONNECT:
    case ERR_DNS:
    case ERR_TLS:
    case ERR_PROTO:
    case ERR_IO:
    case ERR_UNAVAILABLE:
        return RETRY_TRANSIENT;
    default:
        return RETRY_NO;
    }
}

static enum retry_class classify_status(int http_status)
{
    switch (http_status) {
    case 429:
        return RETRY_THROTTLE;
    case 500:
    case 502:
    case 503:
    case 504:
    case 509: // a bandwidth limit of some load balancers
        return RETRY_TRANSIENT;
    default:
        return RETRY_NO;
    }
}

enum retry_class retry_classify(struct span code, int http_status, int net_error)
{
    if (net_error) {
        return classify_net(net_error);
    }
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (span_is(code, codes[i].code)) {
            return codes[i].class;
        }
    }
    return classify_status(http_status);
}

void retry_bucket_init(struct retry_bucket *b, enum retry_rules rules)
{
    *b = (struct retry_bucket){rules, RETRY_BUCKET_CAPACITY};
}

static int cost_of(enum retry_rules rules, enum retry_class c, bool timed_out)
{
    if (rules == RETRY_RULES_STANDARD) {
        return timed_out ? COST_STANDARD_TIMEOUT : COST_STANDARD;
    }
    return c == RETRY_THROTTLE ? COST_V2_1_THROTTLE : COST_V2_1_OTHER;
}

int retry_bucket_take(struct retry_bucket *b, enum retry_class c, bool timed_out)
{
    int cost = cost_of(b->rules, c, timed_out);
    if (c == RETRY_NO || cost > b->capacity) {
        return 0;
    }
    b->capacity -= cost;
    return cost;
}

void retry_bucket_success(struct retry_bucket *b, int last_cost)
{
    b->capacity += last_cost > 0 ? last_cost : REFUND_NO_RETRY;
    if (b->capacity > RETRY_BUCKET_CAPACITY) {
        b->capacity = RETRY_BUCKET_CAPACITY;
    }
}

static int64_t base_ms(enum retry_rules rules, enum retry_class c)
{
    if (rules == RETRY_RULES_STANDARD || c == RETRY_THROTTLE) {
        return 1000;
    }
    return rules == RETRY_RULES_V2_1_DYNAMODB ? 25 : 50;
}

int64_t retry_max_delay_ms(enum retry_rules rules, enum retry_class c, int attempt)
{
    int64_t delay = base_ms(rules, c);
    for (int i = 1; i < attempt && delay < DELAY_CAP_MS; i++) {
        delay *= 2;
    }
    return delay < DELAY_CAP_MS ? delay : DELAY_CAP_MS;
}

int64_t retry_delay_ms(enum retry_rules rules, enum retry_class c, int attempt, double unit)
{
    return (int64_t)((double)retry_max_delay_ms(rules, c, attempt) * unit);
}

int64_t retry_after_ms(struct span amz_header, struct span header, int64_t delay_ms)
{
    uint64_t wish, seconds;
    if (!span_to_u64(amz_header, &wish)) {
        if (!span_to_u64(header, &seconds)) {
            return delay_ms;
        }
        wish = seconds < UINT32_MAX ? seconds * 1000 : UINT32_MAX;
    }
    if (wish <= (uint64_t)delay_ms) {
        return delay_ms;
    }
    uint64_t max = (uint64_t)delay_ms + AFTER_MAX_MS;
    return (int64_t)(wish < max ? wish : max);
}
