// SPDX-License-Identifier: Apache-2.0
#include "bridge/rest_answer.h"

#include "aws/retry.h"
#include "codec/base64.h"
#include "hub/json_members.h"

#define RETRY_AFTER_MAX_S 10

// What to send ------------------------------------------------------------------------------------

static bool is_token(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
            return false;
    }
    return s.n > 0;
}

static bool is_field_value(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

// The client writes these.
static bool is_framing(struct span name)
{
    static const char *const names[] = {"Host", "Content-Length", "Connection",
                                        "Transfer-Encoding"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (span_ieq(name, span_str(names[i])))
            return true;
    }
    return false;
}

static struct span basic(struct arena *a, struct span username, struct span password)
{
    struct buf text = {0}, out = {0};
    buf_reserve(&text, username.n + password.n + 1);
    buf_add_span(&text, username);
    buf_add_char(&text, ':');
    buf_add_span(&text, password);
    buf_reserve(&out, 2 * text.n + 16);
    buf_add_str(&out, "Basic ");
    base64_encode(&out, buf_span(&text));
    struct span s = arena_span(a, buf_span(&out));
    buf_free_wiped(&text);
    buf_free_wiped(&out);
    return s;
}

int rest_headers(struct hub_rest_request *q, struct http_headers *out, struct err *e)
{
    struct arena *a = &q->secret;
    struct http_header *h = arena_array(a, struct http_header, q->headers.n + 2);
    size_t n = 0;
    for (size_t i = 0; i < q->headers.n; i++) {
        struct span name = span_trim(q->headers.p[i].key);
        struct span value = span_trim(q->headers.p[i].value);
        if (!is_token(name))
            return err_set(e, ERR_INVALID, "header name \"%.*s\" is not valid", SPAN_ARG(name));
        if (!is_field_value(value))
            return err_set(e, ERR_INVALID, "the value of header %.*s has control characters",
                           SPAN_ARG(name));
        if (!is_framing(name) && !(q->config->basic && span_ieq(name, SPAN("Authorization"))))
            h[n++] = (struct http_header){name, value};
    }
    if (q->body.n && !http_header_get((struct http_headers){h, n}, "Content-Type").p)
        h[n++] = (struct http_header){SPAN("Content-Type"), SPAN("application/json")};
    if (q->config->basic)
        h[n++] =
            (struct http_header){SPAN("Authorization"), basic(a, q->config->username, q->password)};
    *out = (struct http_headers){h, n};
    return 0;
}

struct span rest_body(const struct hub_rest_request *q)
{
    struct span s = span_trim(q->body);
    bool quoted = s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"';
    return q->config->plain_text && quoted ? json_member_text(&q->run->arena, s) : q->body;
}

// Once more? --------------------------------------------------------------------------------------

bool rest_is_idempotent(struct span method)
{
    return !span_is(method, "POST") && !span_is(method, "PATCH");
}

static bool may_repeat(struct span method, int error, int status)
{
    switch (status) {
    case 0:
        break;
    case 429:
    case 503:
        return true; // it says that it did nothing
    case 502:
    case 504:
        return rest_is_idempotent(method);
    default:
        return false;
    }
    if (error == ERR_CONNECT || error == ERR_DNS)
        return true;
    return rest_is_idempotent(method) &&
           (error == ERR_CLOSED || error == ERR_TIMEOUT || error == ERR_IO || error == ERR_TLS);
}

int64_t rest_retry_ms(struct span method, int try, int error, int status, struct span retry_after,
                      double unit)
{
    uint64_t after_s;
    if (try >= REST_TRIES || !may_repeat(method, error, status))
        return -1;
    int64_t ms = retry_delay_ms(RETRY_RULES_STANDARD, RETRY_TRANSIENT, try, unit);
    if (!span_to_u64(span_trim(retry_after), &after_s))
        return ms;
    if (after_s > RETRY_AFTER_MAX_S)
        return -1; // a message does not wait that long
    return (int64_t)after_s * 1000 > ms ? (int64_t)after_s * 1000 : ms;
}

// The answer --------------------------------------------------------------------------------------

// "Not Found" -> "NOT_FOUND", as the hub's clients know it.
static struct span status_name(struct arena *a, int status)
{
    struct span s = arena_span(a, span_str(http_status_text(status)));
    char *p = (char *)s.p;
    for (size_t i = 0; i < s.n; i++) {
        if (p[i] >= 'a' && p[i] <= 'z')
            p[i] = (char)(p[i] - 'a' + 'A');
        else if (p[i] == ' ' || p[i] == '-')
            p[i] = '_';
    }
    return s.n ? s : arena_printf(a, "%d", status);
}

struct convert_pairs rest_metadata(struct arena *a, int status, struct http_headers h)
{
    struct convert_pair *p = arena_array(a, struct convert_pair, h.n + 3);
    size_t n = 0;
    for (size_t i = 0; i < h.n; i++)
        p[n++] = (struct convert_pair){arena_span(a, h.h[i].name), arena_span(a, h.h[i].value)};
    p[n++] = (struct convert_pair){SPAN("status"), status_name(a, status)};
    p[n++] = (struct convert_pair){SPAN("statusCode"), arena_printf(a, "%d", status)};
    p[n++] = (struct convert_pair){SPAN("statusReason"), span_str(http_status_text(status))};
    return (struct convert_pairs){p, n};
}

struct convert_pairs rest_error_metadata(struct arena *a, struct convert_pairs answer,
                                         struct span error, struct span body)
{
    struct convert_pair *p = arena_array(a, struct convert_pair, answer.n + 2);
    size_t n = answer.n;
    if (n)
        memcpy(p, answer.p, n * sizeof *p);
    p[n++] = (struct convert_pair){SPAN("error"), arena_span(a, error)};
    if (body.n)
        p[n++] = (struct convert_pair){SPAN("error_body"), arena_span(a, body)};
    return (struct convert_pairs){p, n};
}

struct span rest_json(struct arena *a, struct span body)
{
    struct err ignored = {0};
    struct span s = span_trim(body);
    if (s.n == 0)
        return SPAN("{}");
    struct json *doc = json_parse(s, &ignored);
    if (!doc)
        return json_member_quote(a, body);
    json_free(doc);
    return arena_span(a, s);
}
