// SPDX-License-Identifier: Apache-2.0
#include "stream/status_text.h"

#include <stdarg.h>
#include <stdio.h>

// Of the service's own words: room for what says why each source of credentials did not serve.
#define MESSAGE_MAX 600

struct advice {
    const char *code;
    const char *what;
};

static const struct advice by_code[] = {
    {"InvalidSignatureException", "check accessKeyId and secretAccessKey"},
    {"SignatureDoesNotMatch", "check accessKeyId and secretAccessKey"},
    {"UnrecognizedClientException", "check accessKeyId, secretAccessKey and sessionToken"},
    {"InvalidClientTokenId", "check accessKeyId, secretAccessKey and sessionToken"},
    {"IncompleteSignatureException", "check accessKeyId and secretAccessKey"},
    {"IncompleteSignature", "check accessKeyId and secretAccessKey"},
    {"MissingAuthenticationTokenException", "check accessKeyId and secretAccessKey"},
    {"MissingAuthenticationToken", "check accessKeyId and secretAccessKey"},
    {"ExpiredTokenException", "renew sessionToken"},
    {"ExpiredToken", "renew sessionToken"},
    {"RequestExpired", "set the clock of this machine"},
    {"RequestTimeTooSkewed", "set the clock of this machine"},
    {"RequestInTheFuture", "set the clock of this machine"},
    {"UnknownOperationException", "check endpoint: it does not speak Kinesis"},
    {"LimitExceededException", "too many calls for this account; slowing down"},
};

static const struct {
    int status;
    const char *what;
} by_status[] = {
    {ERR_CONNECT, "check region, endpoint and the network"},
    {ERR_DNS, "check region, endpoint and the name server"},
    {ERR_TIMEOUT, "check the network; trying again"},
    {ERR_TLS_CERT, "check endpoint, or set AWS_CA_BUNDLE to the certificate that signs it"},
    {ERR_TLS, "check that endpoint speaks TLS, or use http://"},
    {ERR_CLOSED, "trying again"},
    {ERR_UNAVAILABLE, "trying again"},
    {ERR_THROTTLED, "slowing down"},
    {ERR_AUTH, "check the credentials"},
    {ERR_PROTO, "check endpoint: its reply is not Kinesis'"},
    {ERR_NOT_FOUND, "check endpoint and streamName"},
    {ERR_CONFIG, "correct the configuration"},
    {ERR_LIMIT, "the reply is too large"},
};

static void append(char out[STATUS_TEXT_MAX], size_t *n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void append(char out[STATUS_TEXT_MAX], size_t *n, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int k = vsnprintf(out + *n, STATUS_TEXT_MAX - *n, fmt, ap);
    va_end(ap);
    if (k > 0)
        *n = *n + (size_t)k < STATUS_TEXT_MAX ? *n + (size_t)k : STATUS_TEXT_MAX - 1;
}

static bool strip_prefix(struct span *s, struct span prefix)
{
    if (!span_has_prefix(*s, prefix))
        return false;
    *s = span_of(s->p + prefix.n, s->n - prefix.n);
    return true;
}

// "eu-west-1" of kinesis.eu-west-1.amazonaws.com; empty for other hosts.
static struct span region_of(struct span host)
{
    if (!strip_prefix(&host, SPAN("kinesis.")) && !strip_prefix(&host, SPAN("kinesis-fips.")))
        return SPAN_NONE;
    struct span region = span_cut(&host, '.');
    if (!span_has_prefix(host, SPAN("amazonaws.com")) && !span_has_prefix(host, SPAN("api.a")))
        return SPAN_NONE;
    return region;
}

static bool is_code(const struct status_cause *c, const char *code)
{
    return c->error && aws_error_is(c->error, code);
}

static void append_place(const struct status_cause *c, char out[STATUS_TEXT_MAX], size_t *n)
{
    struct span region = region_of(c->host);
    if (region.n > 0)
        append(out, n, " in %.*s", SPAN_ARG(region));
    else if (c->host.n > 0)
        append(out, n, " at %.*s", SPAN_ARG(c->host));
}

static void append_reason(const struct status_cause *c, char out[STATUS_TEXT_MAX], size_t *n)
{
    const struct aws_error *e = c->error;
    if (e && e->code.n > 0)
        append(out, n, ": %.*s", SPAN_ARG(e->code));
    else if (e && e->http_status >= 300)
        append(out, n, ": HTTP status %d", e->http_status);
    else
        append(out, n, ": %s", err_text(c->status));
    if (e && e->message.n > 0)
        append(out, n, ": %.*s", (int)(e->message.n < MESSAGE_MAX ? e->message.n : MESSAGE_MAX),
               e->message.p);
}

static void append_advice(const struct status_cause *c, char out[STATUS_TEXT_MAX], size_t *n)
{
    for (size_t i = 0; c->error && i < sizeof(by_code) / sizeof(by_code[0]); i++)
        if (is_code(c, by_code[i].code)) {
            append(out, n, ": %s", by_code[i].what);
            return;
        }
    if (is_code(c, "ProvisionedThroughputExceededException")) {
        bool writes = strncmp(c->operation, "Put", 3) == 0;
        append(out, n, ": another %s or too few shards; slowing down",
               writes ? "writer" : "reader");
        return;
    }
    if (is_code(c, "ResourceInUseException") && c->fan_out) {
        append(out, n, ": another reader uses this consumer; give each its own applicationName");
        return;
    }
    if (is_code(c, "AccessDeniedException")) {
        append(out, n, ": allow kinesis:%s on this stream for this access key", c->operation);
        return;
    }
    if (c->error && span_has_prefix(c->error->code, SPAN("KMS"))) {
        append(out, n, ": check the stream's KMS key and that this access key may use it");
        return;
    }
    for (size_t i = 0; i < sizeof(by_status) / sizeof(by_status[0]); i++)
        if (by_status[i].status == c->status) {
            append(out, n, ": %s", by_status[i].what);
            return;
        }
}

// What says that the account or the endpoint does not do enhanced fan-out, rather than that it does
// not work at the moment.
static bool is_unable(const struct status_cause *c)
{
    static const char *const codes[] = {
        "UnknownOperationException", "UnknownOperation", "InvalidAction",
        "AccessDeniedException",     "AccessDenied",     "LimitExceededException",
        "NotImplementedException"};
    const struct aws_error *e = c->error;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (is_code(c, codes[i]))
            return true;
    bool bare = e && !e->net_error && e->code.n == 0;
    return c->status == ERR_PROTO || (bare && (e->http_status == 404 || e->http_status == 405 ||
                                               e->http_status == 415 || e->http_status >= 500));
}

// The text goes to terminals and into JSON; a cut may have split a character.
static void clean(char *s)
{
    bool utf8 = span_is_utf8(span_str(s));
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = ' ';
        else if ((unsigned char)*s >= 0x80 && !utf8)
            *s = '?';
}

void status_text(const struct status_cause *c, char out[STATUS_TEXT_MAX])
{
    size_t n = 0;
    out[0] = '\0';
    if (is_code(c, "ResourceNotFoundException") && c->shard.n == 0) {
        append(out, &n, "stream %.*s not found", SPAN_ARG(c->stream));
        append_place(c, out, &n);
        append(out, &n, ": create it or correct streamName");
        clean(out);
        return;
    }
    if (c->fan_out && is_unable(c)) {
        append(out, &n, "stream %.*s", SPAN_ARG(c->stream));
        append_place(c, out, &n);
        append(out, &n, " cannot do enhanced fan-out: %s", c->operation);
        append_reason(c, out, &n);
        append(out, &n, "; turn useConsumersWithEnhancedFanOut off");
        clean(out);
        return;
    }
    append(out, &n, "%s of stream %.*s", c->operation, SPAN_ARG(c->stream));
    if (c->shard.n > 0)
        append(out, &n, ", %.*s,", SPAN_ARG(c->shard));
    append_place(c, out, &n);
    append_reason(c, out, &n);
    append_advice(c, out, &n);
    clean(out);
}

unsigned status_patience(int status)
{
    switch (status) {
    case ERR_NOT_FOUND:
    case ERR_INVALID:
    case ERR_CONFIG:
    case ERR_TLS_CERT:
        return 1;
    case ERR_AUTH:
        return 2; // a token may just have expired
    case ERR_BUSY:
        return 8; // refused for five seconds after a restart
    default:
        return 3;
    }
}
