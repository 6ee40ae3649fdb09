// SPDX-License-Identifier: Apache-2.0
#include "aws/aws_error.h"

#include "aws/retry.h"
#include "aws/xml_text.h"
#include "codec/cbor.h"
#include "codec/json_scan.h"

// "com.amazonaws.kinesis.v20131202#Code:http://more" is "Code".
static struct span bare_code(struct span s)
{
    s = span_of(s.p, span_find(s, ':'));
    size_t hash = span_find(s, '#');
    if (hash < s.n) {
        s = span_of(s.p + hash + 1, s.n - hash - 1);
    }
    return span_trim(s);
}

// What a body may say, before the order of precedence decides.
struct found {
    struct span code, type, message, message_upper;
};

static struct span *member_of(struct found *f, struct span key)
{
    if (span_is(key, "__type")) {
        return &f->type;
    }
    if (span_is(key, "code")) {
        return &f->code;
    }
    if (span_is(key, "message")) {
        return &f->message;
    }
    return span_is(key, "Message") ? &f->message_upper : NULL;
}

// Walks the whole text, so that a cut or broken body says nothing. The members count at the top
// level; Coral puts them under "Output" when the request's content type was wrong.
static bool scan_json(struct span body, struct arena *a, struct found *f)
{
    struct json_scan s;
    bool envelope = false;
    int level = 0;
    struct span *member = NULL;
    json_scan_init(&s, body, a);
    for (;;) {
        enum json_token t = json_scan_next(&s);
        switch (t) {
        case JSON_T_ERROR:
            return false;
        case JSON_T_END:
            return true;
        case JSON_T_OBJECT:
        case JSON_T_ARRAY:
            level++;
            member = NULL;
            break;
        case JSON_T_OBJECT_END:
        case JSON_T_ARRAY_END:
            level--;
            break;
        case JSON_T_KEY:
            if (level == 1) {
                envelope = span_is(s.text, "Output");
            }
            member = level == 1 || (level == 2 && envelope) ? member_of(f, s.text) : NULL;
            break;
        case JSON_T_STRING:
            if (member && (level == 1 || member->n == 0)) {
                *member = s.text;
            }
            member = NULL;
            break;
        default:
            member = NULL;
        }
    }
}

static bool scan_cbor(struct span body, struct arena *a, struct found *f)
{
    struct cbor_reader r;
    struct cbor_item map, key, value;
    cbor_reader_init(&r, body, a);
    if (!cbor_read(&r, &map) || map.type != CBOR_MAP) {
        return false;
    }
    for (uint64_t left = map.count; cbor_more(&r, &left);) {
        if (!cbor_read(&r, &key) || key.type != CBOR_TEXT || !cbor_read(&r, &value)) {
            return false;
        }
        struct span *member = member_of(f, key.s);
        if (member && value.type == CBOR_TEXT) {
            *member = value.s;
        }
        if (!cbor_skip(&r, &value)) {
            return false;
        }
    }
    return !r.error && r.at == r.end;
}

static void scan_xml(struct span body, struct arena *a, struct found *f, struct span *request_id)
{
    if (!xml_text_find(body, "Code", a, &f->code)) {
        struct span root = xml_root_name(body);
        f->code = span_has_suffix(root, SPAN("Exception")) ? root : SPAN_NONE;
    }
    if (!xml_text_find(body, "Message", a, &f->message)) {
        xml_text_find(body, "message", a, &f->message);
    }
    xml_text_find(body, "RequestId", a, request_id);
}

static bool contains(struct span s, struct span word)
{
    for (size_t i = 0; i + word.n <= s.n; i++) {
        if (span_ieq(span_of(s.p + i, word.n), word)) {
            return true;
        }
    }
    return false;
}

enum aws_body aws_body_kind(struct span content_type, struct span body)
{
    if (contains(content_type, SPAN("json"))) {
        return AWS_BODY_JSON;
    }
    if (contains(content_type, SPAN("cbor"))) {
        return AWS_BODY_CBOR;
    }
    if (contains(content_type, SPAN("xml")) && !contains(content_type, SPAN("xhtml"))) {
        return AWS_BODY_XML;
    }
    if (content_type.n || !body.n) {
        return AWS_BODY_OTHER;
    }
    unsigned char first = (unsigned char)body.p[0];
    if (first == '{') {
        return AWS_BODY_JSON;
    }
    // Major type 5, a map.
    return first >> 5 == 5 ? AWS_BODY_CBOR : first == '<' ? AWS_BODY_XML : AWS_BODY_OTHER;
}

static struct span first_of(struct span a, struct span b)
{
    return a.n ? a : b;
}

static void read_body(struct span content_type, struct span body, struct arena *a,
                      struct aws_error *out)
{
    struct found f = {0};
    bool whole = true;
    switch (aws_body_kind(content_type, body)) {
    case AWS_BODY_JSON:
        whole = scan_json(body, a, &f);
        break;
    case AWS_BODY_CBOR:
        whole = scan_cbor(body, a, &f);
        break;
    case AWS_BODY_XML:
        scan_xml(body, a, &f, &out->request_id);
        break;
    default:
        break;
    }
    if (whole) {
        out->code = bare_code(first_of(f.code, f.type));
        out->message = first_of(f.message, f.message_upper);
    }
}

void aws_error_parse(int http_status, struct http_headers h, struct span body, struct arena *a,
                     struct aws_error *out)
{
    *out = (struct aws_error){.http_status = http_status};
    read_body(http_header_get(h, "content-type"), body, a, out);
    struct span type = bare_code(http_header_get(h, "x-amzn-errortype"));
    struct span query = http_header_get(h, "x-amzn-query-error");
    struct span query_code = span_trim(span_of(query.p, span_find(query, ';')));
    out->code = first_of(query_code, first_of(type, out->code));
    out->request_id = first_of(http_header_get(h, "x-amzn-requestid"), out->request_id);
}

struct code_status {
    const char *code;
    int status;
};

static const struct code_status statuses[] = {
    {"AccessDenied", ERR_AUTH},
    {"AccessDeniedException", ERR_AUTH},
    {"IncompleteSignature", ERR_AUTH},
    {"IncompleteSignatureException", ERR_AUTH},
    {"KMSAccessDeniedException", ERR_AUTH},
    {"KMSOptInRequired", ERR_AUTH},
    {"MissingAuthenticationToken", ERR_AUTH},
    {"MissingAuthenticationTokenException", ERR_AUTH},
    {"OptInRequired", ERR_AUTH},
    {"InternalFailure", ERR_UNAVAILABLE},
    {"InternalFailureException", ERR_UNAVAILABLE},
    {"ServiceUnavailable", ERR_UNAVAILABLE},
    {"KMSNotFoundException", ERR_NOT_FOUND},
    {"ResourceNotFoundException", ERR_NOT_FOUND},
    {"ResourceInUseException", ERR_BUSY},
};

int aws_error_status(const struct aws_error *e)
{
    if (e->net_error) {
        return e->net_error;
    }
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        if (aws_error_is(e, statuses[i].code)) {
            return statuses[i].status;
        }
    }
    switch (retry_classify(e->code, e->http_status, 0)) {
    case RETRY_THROTTLE:
        return ERR_THROTTLED;
    case RETRY_TRANSIENT:
        return ERR_UNAVAILABLE;
    case RETRY_CLOCK:
    case RETRY_CREDENTIALS:
        return ERR_AUTH;
    default:
        break;
    }
    if (e->http_status == 401 || e->http_status == 403) {
        return ERR_AUTH;
    }
    if (e->http_status == 404 && !e->code.n) {
        return ERR_NOT_FOUND;
    }
    return e->http_status >= 500 ? ERR_UNAVAILABLE : ERR_INVALID;
}

struct span aws_error_text(const struct aws_error *e, struct arena *a)
{
    if (e->net_error) {
        return e->message.n ? arena_span(a, e->message) : span_str(err_text(e->net_error));
    }
    struct span code = e->code.n ? e->code : SPAN("error");
    const char *colon = e->message.n ? ": " : "";
    return arena_printf(a, "%.*s (%d)%s%.*s", SPAN_ARG(code), e->http_status, colon,
                        SPAN_ARG(e->message));
}
