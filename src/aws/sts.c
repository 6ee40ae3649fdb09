// SPDX-License-Identifier: Apache-2.0
#include "aws/sts.h"

#include "aws/aws_error.h"
#include "aws/clock_skew.h"
#include "aws/endpoint.h"
#include "aws/endpoint_rules.h"
#include "aws/retry.h"
#include "aws/settings.h"
#include "aws/xml_text.h"
#include "base/iso_time.h"
#include "base/mem.h"
#include "net/http_client.h"

// Happy path: (read the token file ->) POST -> keys. A transient failure is tried again ATTEMPTS
// times; a wrong clock is corrected once; an expired web identity token is read anew once.

#define ATTEMPTS 3
#define CONNECT_MS 3000
#define FIRST_BYTE_MS 10000
#define TOTAL_MS 15000
#define TOKEN_MIN 4
#define TOKEN_MAX 20000
#define DURATION_MIN_S 900
#define DURATION_MAX_S 43200

static bool is_true(const struct source_world *w, const char *variable, const char *key)
{
    return span_ieq(source_setting(w, variable, key), SPAN("true"));
}

int sts_endpoint(struct source_world *w, struct url *out, struct err *e)
{
    struct aws_settings s;
    if (aws_settings_from_env(AWS_STS, w->env, w->env_ctx, &s, e) < 0) {
        return e->code;
    }
    struct aws_endpoint_params p = {
        .service = AWS_STS,
        .region = w->region,
        .endpoint = s.endpoint,
        .fips = is_true(w, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
        .dual_stack = is_true(w, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")};
    struct aws_endpoint endpoint;
    if (aws_endpoint_resolve(&p, w->arena, &endpoint, e) < 0) {
        return e->code;
    }
    return aws_endpoint_parse(endpoint.url, w->arena, out, e);
}

// [\w+=,.@-] of the API reference.
static bool is_session_name(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], lower = (char)(c | 0x20);
        bool alnum = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || !strchr("_+=,.@-", c))) {
            return false;
        }
    }
    return s.n >= 2 && s.n <= 64;
}

int sts_role_check(const struct sts_role *r, struct err *e)
{
    if (r->arn.n < 20 || r->arn.n > 2048 || !span_has_prefix(r->arn, SPAN("arn:"))) {
        return err_set(e, ERR_CONFIG,
                       "\"%.*s\" is no ARN of a role (arn:aws:iam::ACCOUNT:role/NAME)",
                       r->arn.n < 100 ? (int)r->arn.n : 100, r->arn.p ? r->arn.p : "");
    }
    if (r->session_name.n && !is_session_name(r->session_name)) {
        return err_set(e, ERR_CONFIG,
                       "the role's session name must be 2 to 64 of A-Z a-z 0-9 _ + = , . @ -");
    }
    if (r->external_id.n && (r->external_id.n < 2 || r->external_id.n > STS_EXTERNAL_ID_MAX)) {
        return err_set(e, ERR_CONFIG, "the external id must be 2 to %d characters",
                       STS_EXTERNAL_ID_MAX);
    }
    if (r->duration_s && (r->duration_s < DURATION_MIN_S || r->duration_s > DURATION_MAX_S)) {
        return err_set(e, ERR_CONFIG, "duration_seconds must be %d to %d", DURATION_MIN_S,
                       DURATION_MAX_S);
    }
    return 0;
}

static void add_field(struct buf *b, const char *name, struct span value)
{
    if (value.n) {
        buf_add_char(b, '&');
        buf_add_str(b, name);
        buf_add_char(b, '=');
        url_encode(b, value, false);
    }
}

static struct span body_of(const struct sts *s, struct source_world *w)
{
    struct buf b = {0};
    const struct sts_role *r = s->role;
    buf_reserve(&b, 3 * (s->token.n + r->arn.n + r->external_id.n + 256) + 256);
    buf_add_str(&b, r->token_file.n ? "Action=AssumeRoleWithWebIdentity" : "Action=AssumeRole");
    add_field(&b, "Version", SPAN("2011-06-15"));
    add_field(&b, "RoleArn", r->arn);
    add_field(&b, "RoleSessionName", r->session_name.n ? r->session_name : w->session_name);
    if (r->duration_s) {
        buf_printf(&b, "&DurationSeconds=%lld", (long long)r->duration_s);
    }
    add_field(&b, "ExternalId", r->token_file.n ? SPAN_NONE : r->external_id);
    add_field(&b, "WebIdentityToken", s->token);
    struct span body = arena_span(w->arena, buf_span(&b));
    buf_free_wiped(&b);
    return body;
}

static int sign(struct sts *s, struct source_world *w, struct source_http *http)
{
    char host[300];
    struct sigv4_key key = {0};
    struct sigv4_result result;
    struct span host_value = span_of(host, http_host_value(&s->url, host, sizeof host));
    struct http_header headers[] = {{SPAN("Host"), host_value}, http->headers.h[0]};
    s->signed_ms = w->wall_ms + *w->sts_skew_ms;
    struct sigv4_request q = {.method = http->method,
                              .path = http->target,
                              .headers = {headers, 2},
                              .body = http->body,
                              .region = w->region,
                              .service = SPAN("sts"),
                              .time_ms = s->signed_ms};
    int status = sigv4_sign(&q, s->keys, &key, w->arena, &result);
    mem_wipe(&key, sizeof key);
    if (status < 0) {
        return status;
    }
    source_add_header(w, http, "X-Amz-Date", result.amz_date);
    if (s->keys->session_token.n) {
        source_add_header(w, http, "X-Amz-Security-Token", s->keys->session_token);
    }
    source_add_header(w, http, "Authorization", result.authorization);
    return 0;
}

static void request(struct sts *s, struct source_world *w, struct source_step *out)
{
    struct span path = s->url.path.n ? s->url.path : SPAN("/");
    source_get(w, out, s->url, path);
    out->http.method = SPAN("POST");
    out->http.body = body_of(s, w);
    out->http.connect_ms = CONNECT_MS;
    out->http.first_byte_ms = FIRST_BYTE_MS;
    out->http.total_ms = TOTAL_MS;
    source_add_header(w, &out->http, "Content-Type",
                      SPAN("application/x-www-form-urlencoded; charset=utf-8"));
    s->sent = true;
    if (s->keys && sign(s, w, &out->http) < 0) {
        source_fail(out, ERR_CONFIG, "the request cannot be signed: region or clock out of range");
    }
}

static void read_token(struct sts *s, struct source_step *out)
{
    s->read = true;
    *out = (struct source_step){.want = SOURCE_READ, .text = s->role->token_file};
}

static void begin(struct sts *s, struct source_world *w, struct source_step *out)
{
    struct err e = {0};
    s->attempt = 1;
    if (w->region.n == 0) {
        source_fail(out, ERR_CONFIG, "no region for STS: set AWS_REGION or region in the profile");
    } else if (sts_role_check(s->role, &e) < 0 || sts_endpoint(w, &s->url, &e) < 0) {
        source_fail(out, e.code, "%s", e.msg);
    } else if (s->role->token_file.n) {
        read_token(s, out);
    } else {
        request(s, w, out);
    }
}

static void on_token(struct sts *s, struct source_world *w, const struct source_input *in,
                     struct source_step *out)
{
    struct span token = span_trim(in->body);
    s->read = false;
    if (in->status < 0) {
        source_fail(out, in->status, "web identity token: %.*s", SPAN_ARG(in->why));
    } else if (token.n < TOKEN_MIN || token.n > TOKEN_MAX) {
        source_fail(out, ERR_CONFIG, "web identity token %.*s: must be %d to %d characters",
                    SPAN_ARG(s->role->token_file), TOKEN_MIN, TOKEN_MAX);
    } else {
        s->token = arena_span(w->arena, token);
        request(s, w, out);
    }
}

static bool repair_clock(struct sts *s, struct source_world *w, const struct source_input *in)
{
    struct span date = http_header_get(in->headers, "date");
    if (s->clock_repaired || !s->keys ||
        !aws_clock_skew(date, s->signed_ms, w->wall_ms, w->sts_skew_ms)) {
        return false;
    }
    s->clock_repaired = true;
    return true;
}

static bool wait_and_retry(struct sts *s, struct source_world *w, enum retry_class class,
                           struct source_step *out)
{
    if (s->attempt >= ATTEMPTS) {
        return false;
    }
    source_wait(out, retry_delay_ms(RETRY_RULES_V2_1, class, s->attempt, w->unit));
    s->attempt++;
    s->sent = false;
    return true;
}

static void refused(struct sts *s, struct source_world *w, const struct source_input *in,
                    struct source_step *out)
{
    struct aws_error error = {.net_error = in->status, .message = in->why};
    if (in->status == 0) {
        aws_error_parse(in->http_status, in->headers, in->body, w->arena, &error);
    }
    enum retry_class class = retry_classify(error.code, error.http_status, error.net_error);
    if (aws_error_is(&error, "IDPCommunicationError")) {
        class = RETRY_TRANSIENT;
    }
    if (class == RETRY_CLOCK && repair_clock(s, w, in)) {
        request(s, w, out);
        return;
    }
    bool expired = aws_error_is(&error, "ExpiredTokenException");
    if (expired && s->role->token_file.n && !s->token_reread) {
        s->token_reread = true;
        read_token(s, out);
        return;
    }
    if ((class == RETRY_TRANSIENT || class == RETRY_THROTTLE) && wait_and_retry(s, w, class, out)) {
        return;
    }
    source_fail(out, aws_error_status(&error), "%.*s: %.*s", SPAN_ARG(s->url.host),
                SPAN_ARG(aws_error_text(&error, w->arena)));
}

// The account is the fifth part of arn:aws:sts::ACCOUNT:assumed-role/...
static struct span account_of(struct span arn)
{
    struct span part = SPAN_NONE;
    for (int i = 0; i < 5 && arn.p; i++) {
        part = span_cut(&arn, ':');
    }
    return part;
}

static void on_keys(struct sts *s, struct source_world *w, const struct source_input *in,
                    struct source_step *out)
{
    struct source_value v = {0};
    struct span expires, arn = SPAN_NONE;
    struct arena *a = w->arena;
    bool whole = xml_text_find(in->body, "AccessKeyId", a, &v.c.access_key_id) &&
                 xml_text_find(in->body, "SecretAccessKey", a, &v.c.secret_access_key) &&
                 xml_text_find(in->body, "SessionToken", a, &v.c.session_token) &&
                 xml_text_find(in->body, "Expiration", a, &expires) &&
                 iso_time_parse(span_trim(expires), &v.expires_ms);
    if (!whole || !v.c.access_key_id.n || !v.c.secret_access_key.n) {
        source_fail(out, ERR_PROTO, "%.*s: the answer holds no credentials", SPAN_ARG(s->url.host));
        return;
    }
    if (xml_text_find(in->body, "Arn", a, &arn)) {
        v.account_id = account_of(arn);
    }
    v.issued_ms = source_date_ms(in);
    *out = (struct source_step){.want = SOURCE_VALUE, .value = v};
}

void sts_step(struct sts *s, struct source_world *w, const struct source_input *in,
              struct source_step *out)
{
    if (!in) {
        begin(s, w, out);
    } else if (s->read) {
        on_token(s, w, in, out);
    } else if (!s->sent) {
        request(s, w, out);
    } else if (in->status < 0 || in->http_status != 200) {
        refused(s, w, in, out);
    } else {
        on_keys(s, w, in, out);
    }
}
