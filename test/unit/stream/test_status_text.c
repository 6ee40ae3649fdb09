// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"
#include "stream/status_text.h"

#define AWS "kinesis.eu-west-1.amazonaws.com"

static const char *text_of(const char *operation, int status, const char *code, const char *message,
                           const char *host, const char *shard)
{
    static char out[STATUS_TEXT_MAX];
    struct aws_error e = {.http_status = code ? 400 : 0,
                          .code = code ? span_str(code) : SPAN_NONE,
                          .message = message ? span_str(message) : SPAN_NONE};
    status_text(&(struct status_cause){.operation = operation,
                                       .stream = SPAN("tb-x"),
                                       .shard = shard ? span_str(shard) : SPAN_NONE,
                                       .host = span_str(host),
                                       .status = status,
                                       .error = code || message ? &e : NULL},
                out);
    return out;
}

static const char *text(int status, const char *code, const char *message, const char *host,
                        const char *shard)
{
    return text_of("GetRecords", status, code, message, host, shard);
}

static void test_missing_stream(void **state)
{
    (void)state;
    assert_string_equal(text(ERR_NOT_FOUND, "ResourceNotFoundException", "m", AWS, NULL),
                        "stream tb-x not found in eu-west-1: create it or correct streamName");
    assert_string_equal(
        text(ERR_NOT_FOUND, "ResourceNotFoundException", NULL, "127.0.0.1:4567", NULL),
        "stream tb-x not found at 127.0.0.1:4567: create it or correct streamName");
    // Something else is missing, or the endpoint is another service.
    assert_non_null(strstr(text(ERR_NOT_FOUND, "KMSNotFoundException", "m", AWS, NULL), "KMS key"));
    assert_null(strstr(text(ERR_NOT_FOUND, NULL, "m", AWS, NULL), "create it"));
    assert_string_equal(text(ERR_NOT_FOUND, "ResourceNotFoundException", NULL,
                             "kinesis-fips.us-east-2.amazonaws.com", NULL),
                        "stream tb-x not found in us-east-2: create it or correct streamName");
    assert_string_equal(
        text(ERR_NOT_FOUND, "ResourceNotFoundException", NULL, "kinesis.example.com", NULL),
        "stream tb-x not found at kinesis.example.com: create it or correct "
        "streamName");
}

static void test_wrong_secret(void **state)
{
    (void)state;
    assert_string_equal(text(ERR_AUTH, "InvalidSignatureException", "no match", AWS, NULL),
                        "GetRecords of stream tb-x in eu-west-1: InvalidSignatureException: no "
                        "match: check accessKeyId and secretAccessKey");
    assert_non_null(strstr(text(ERR_AUTH, "AccessDeniedException", "m", AWS, NULL),
                           "allow kinesis:GetRecords on this stream"));
    assert_non_null(
        strstr(text(ERR_AUTH, "ExpiredTokenException", "m", AWS, NULL), "sessionToken"));
    assert_non_null(
        strstr(text(ERR_INVALID, "KMSAccessDeniedException", "m", AWS, NULL), "KMS key"));
}

static void test_unreachable(void **state)
{
    (void)state;
    assert_string_equal(text(ERR_CONNECT, NULL, "connection refused", "127.0.0.1:1", NULL),
                        "GetRecords of stream tb-x at 127.0.0.1:1: cannot connect: connection "
                        "refused: check region, endpoint and the network");
    assert_string_equal(text(ERR_DNS, NULL, NULL, AWS, NULL),
                        "GetRecords of stream tb-x in eu-west-1: host name not found: check "
                        "region, endpoint and the name server");
}

static void test_throttled(void **state)
{
    (void)state;
    const char *code = "ProvisionedThroughputExceededException";
    assert_string_equal(text_of("GetRecords", ERR_THROTTLED, code, NULL, AWS, NULL),
                        "GetRecords of stream tb-x in eu-west-1: ProvisionedThroughputExceeded"
                        "Exception: another reader or too few shards; slowing down");
    assert_string_equal(text_of("PutRecords", ERR_THROTTLED, code, NULL, AWS, NULL),
                        "PutRecords of stream tb-x in eu-west-1: ProvisionedThroughputExceeded"
                        "Exception: another writer or too few shards; slowing down");
}

static void test_shard_is_named(void **state)
{
    (void)state;
    assert_string_equal(text(ERR_TIMEOUT, NULL, NULL, AWS, "shardId-1"),
                        "GetRecords of stream tb-x, shardId-1, in eu-west-1: timed out: check the "
                        "network; trying again");
    assert_null(strstr(text(ERR_NOT_FOUND, "ResourceNotFoundException", "m", AWS, "shardId-1"),
                       "create it"));
}

static void test_foreign_text_is_bounded_and_clean(void **state)
{
    (void)state;
    char long_text[2000];
    memset(long_text, 'a', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    assert_true(strlen(text(ERR_AUTH, long_text, long_text, long_text, long_text)) ==
                STATUS_TEXT_MAX - 1);
    const char *got = text(ERR_PROTO, "C", "line\r\nother\x1b[31m", AWS, NULL);
    assert_non_null(strstr(got, "line  other [31m"));
    // A cut inside a character must not leave half of it.
    for (size_t i = 0; i + 2 < sizeof(long_text); i += 2)
        memcpy(long_text + i, "\xc3\xa4", 2);
    for (size_t shift = 0; shift < 2; shift++) {
        got = text(ERR_PROTO, "C", long_text + shift, AWS, NULL);
        assert_true(span_is_utf8(span_str(got)));
    }
}

static bool is_said_unable(int status, int http_status, const char *code, bool fan_out)
{
    static char out[STATUS_TEXT_MAX];
    struct aws_error e = {.http_status = http_status, .code = span_str(code)};
    status_text(&(struct status_cause){.operation = "SubscribeToShard",
                                       .stream = SPAN("tb-x"),
                                       .host = SPAN(AWS),
                                       .status = status,
                                       .error = http_status ? &e : NULL,
                                       .fan_out = fan_out},
                out);
    bool unable = strstr(out, "cannot do enhanced fan-out: SubscribeToShard") != NULL;
    assert_int_equal(unable, strstr(out, "turn useConsumersWithEnhancedFanOut off") != NULL);
    return unable;
}

static void test_what_cannot_and_what_does_not_at_the_moment(void **state)
{
    (void)state;
    // The endpoint does not know it, the key may not, the account has no more.
    assert_true(is_said_unable(ERR_INVALID, 400, "UnknownOperationException", true));
    assert_true(is_said_unable(ERR_AUTH, 400, "AccessDeniedException", true));
    assert_true(is_said_unable(ERR_THROTTLED, 400, "LimitExceededException", true));
    assert_true(is_said_unable(ERR_UNAVAILABLE, 500, NULL, true)); // HTML
    assert_true(is_said_unable(ERR_PROTO, 0, NULL, true));         // no HTTP/2
    // What heals, or is wrong elsewhere.
    assert_false(is_said_unable(ERR_CONNECT, 0, NULL, true));
    assert_false(is_said_unable(ERR_TIMEOUT, 0, NULL, true));
    assert_false(is_said_unable(ERR_UNAVAILABLE, 500, "InternalFailure", true));
    assert_false(is_said_unable(ERR_BUSY, 400, "ResourceInUseException", true));
    assert_false(is_said_unable(ERR_AUTH, 400, "InvalidSignatureException", true));
    assert_false(is_said_unable(ERR_AUTH, 400, "AccessDeniedException", false));
}

static void test_patience(void **state)
{
    (void)state;
    assert_int_equal(status_patience(ERR_NOT_FOUND), 1);
    assert_int_equal(status_patience(ERR_AUTH), 2);
    assert_int_equal(status_patience(ERR_TIMEOUT), 3);
    // A subscription is refused for five seconds after the one before, asked for each second.
    assert_true(status_patience(ERR_BUSY) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing_stream),
        cmocka_unit_test(test_wrong_secret),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_throttled),
        cmocka_unit_test(test_shard_is_named),
        cmocka_unit_test(test_foreign_text_is_bounded_and_clean),
        cmocka_unit_test(test_what_cannot_and_what_does_not_at_the_moment),
        cmocka_unit_test(test_patience),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
