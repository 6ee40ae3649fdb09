// SPDX-License-Identifier: Apache-2.0
#include "aws/credential_source.h"

#include <stdarg.h>
#include <stdio.h>

#include "aws/clock_skew.h"
#include "base/iso_time.h"
#include "codec/json_scan.h"

#define HEADERS_MAX 12

struct span source_setting(const struct source_world *w, const char *variable, const char *key)
{
    struct span s = aws_env_get(w->env, w->env_ctx, variable);
    return s.n ? s : span_trim(profile_get(w->profile, key));
}

void source_fail(struct source_step *out, int code, const char *fmt, ...)
{
    va_list ap;
    *out = (struct source_step){.want = SOURCE_FAILED, .err = {.code = code}};
    va_start(ap, fmt);
    vsnprintf(out->err.msg, sizeof out->err.msg, fmt, ap);
    va_end(ap);
}

void source_wait(struct source_step *out, int64_t ms)
{
    *out = (struct source_step){.want = SOURCE_WAIT, .wait_ms = ms};
}

void source_get(struct source_world *w, struct source_step *out, struct url url, struct span target)
{
    *out = (struct source_step){.want = SOURCE_HTTP,
                                .http = {.method = SPAN("GET"), .url = url, .target = target}};
    out->http.headers.h = arena_array(w->arena, struct http_header, HEADERS_MAX);
}

void source_add_header(struct source_world *w, struct source_http *http, const char *name,
                       struct span value)
{
    struct http_header *h = (struct http_header *)http->headers.h;
    require(http->headers.n < HEADERS_MAX);
    h[http->headers.n++] =
        (struct http_header){arena_span(w->arena, span_str(name)), arena_span(w->arena, value)};
}

bool source_transient(const struct source_input *in)
{
    return in->status < 0 || in->http_status >= 500 || in->http_status == 429;
}

struct span source_trouble(struct source_world *w, const struct source_input *in)
{
    return in->status < 0 ? in->why : arena_printf(w->arena, "HTTP %d", in->http_status);
}

int64_t source_date_ms(const struct source_input *in)
{
    int64_t ms;
    return aws_http_date_parse(http_header_get(in->headers, "date"), &ms) ? ms : 0;
}

// Members may be written in any case: the container agents of some vendors do.
bool source_json_text(struct span json, const char *key, struct arena *a, struct span *out)
{
    struct json_scan s;
    json_scan_init(&s, json, a);
    if (json_scan_next(&s) != JSON_T_OBJECT) {
        return false;
    }
    for (enum json_token t; (t = json_scan_next(&s)) == JSON_T_KEY;) {
        bool wanted = span_ieq(s.text, span_str(key));
        if (!wanted) {
            if (json_scan_skip(&s) < 0) {
                return false;
            }
            continue;
        }
        t = json_scan_next(&s);
        *out = s.text;
        return t == JSON_T_STRING || t == JSON_T_NUMBER;
    }
    return false;
}

static bool is_object(struct span json, struct arena *a)
{
    struct json_scan s;
    json_scan_init(&s, json, a);
    return json_scan_next(&s) == JSON_T_OBJECT &&
           (json_scan_init(&s, json, a), json_scan_skip(&s) == 0) &&
           json_scan_next(&s) == JSON_T_END;
}

int source_value_parse(struct source_world *w, struct span json, const char *token_key,
                       struct source_value *out, struct err *e)
{
    struct span expires;
    struct arena *a = w->arena;
    *out = (struct source_value){0};
    if (!is_object(json, a)) {
        return err_set(e, ERR_PROTO, "the answer is no JSON object");
    }
    if (!source_json_text(json, "AccessKeyId", a, &out->c.access_key_id) ||
        !out->c.access_key_id.n) {
        return err_set(e, ERR_PROTO, "the answer has no AccessKeyId");
    }
    if (!source_json_text(json, "SecretAccessKey", a, &out->c.secret_access_key) ||
        !out->c.secret_access_key.n) {
        return err_set(e, ERR_PROTO, "the answer has no SecretAccessKey");
    }
    source_json_text(json, token_key, a, &out->c.session_token);
    source_json_text(json, "AccountId", a, &out->account_id);
    if (source_json_text(json, "Expiration", a, &expires) &&
        !iso_time_parse(expires, &out->expires_ms)) {
        return err_set(e, ERR_PROTO, "Expiration of the answer is no ISO 8601 time");
    }
    return 0;
}
