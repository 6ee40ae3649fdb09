// SPDX-License-Identifier: Apache-2.0
#include "aws/imds.h"

// Happy path: PUT a session token -> GET the role's name -> GET its keys. Each request is tried
// attempts_max times; a 401 fetches a new token, once.

#define ATTEMPTS_DEFAULT 3
#define ATTEMPTS_MAX 10
#define LIMIT_DEFAULT_MS 1000
#define LIMIT_MAX_S 60
#define TOKEN_TTL "21600" // seconds, the most that is allowed
#define TOKEN_MAX 1024
#define ROLE_MAX 128
#define ROLES_PATH "/latest/meta-data/iam/security-credentials/"
#define BACKOFF_MS 100

bool imds_disabled(const struct source_world *w)
{
    return span_ieq(aws_env_get(w->env, w->env_ctx, "AWS_EC2_METADATA_DISABLED"), SPAN("true"));
}

int imds_endpoint(const struct source_world *w, struct url *out, struct err *e)
{
    struct span given =
        source_setting(w, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint");
    struct span mode = source_setting(w, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
                                      "ec2_metadata_service_endpoint_mode");
    struct err why = {0};
    if (given.n) {
        return url_parse(given, out, &why) < 0
                   ? err_set(e, ERR_CONFIG, "AWS_EC2_METADATA_SERVICE_ENDPOINT: %s", why.msg)
                   : 0;
    }
    if (mode.n == 0 || span_ieq(mode, SPAN("IPv4"))) {
        return url_parse(SPAN("http://169.254.169.254"), out, e);
    }
    if (span_ieq(mode, SPAN("IPv6"))) {
        return url_parse(SPAN("http://[fd00:ec2::254]"), out, e);
    }
    return err_set(e, ERR_CONFIG,
                   "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: \"%.*s\" is not IPv4 or IPv6",
                   SPAN_ARG(mode));
}

// A whole number of a variable (botocore's) or its profile setting.
static int64_t number(const struct source_world *w, const char *variable, const char *key,
                      uint64_t max, int64_t otherwise)
{
    uint64_t v;
    return span_to_u64(source_setting(w, variable, key), &v) && v >= 1 && v <= max ? (int64_t)v
                                                                                   : otherwise;
}

static void request(struct imds *s, struct source_world *w, struct source_step *out)
{
    struct span path = s->state == IMDS_TOKEN ? SPAN("/latest/api/token") : SPAN(ROLES_PATH);
    struct span target = arena_printf(w->arena, "%.*s%.*s%.*s", SPAN_ARG(s->base), SPAN_ARG(path),
                                      SPAN_ARG(s->state == IMDS_KEYS ? s->role : SPAN_NONE));
    source_get(w, out, s->url, target);
    if (s->state == IMDS_TOKEN) {
        out->http.method = SPAN("PUT");
        source_add_header(w, &out->http, "x-aws-ec2-metadata-token-ttl-seconds", SPAN(TOKEN_TTL));
    } else if (s->token.n) {
        source_add_header(w, &out->http, "x-aws-ec2-metadata-token", s->token);
    }
    out->http.direct = true;
    out->http.connect_ms = out->http.first_byte_ms = s->limit_ms;
    out->http.total_ms = 2 * s->limit_ms;
    s->sent = true;
}

static void enter(struct imds *s, struct source_world *w, enum imds_state state,
                  struct source_step *out)
{
    s->state = state;
    s->attempt = 1;
    request(s, w, out);
}

static void begin(struct imds *s, struct source_world *w, struct source_step *out)
{
    struct err e = {0};
    if (imds_endpoint(w, &s->url, &e) < 0) {
        source_fail(out, e.code, "%s", e.msg);
        return;
    }
    s->base = s->url.path;
    while (s->base.n && s->base.p[s->base.n - 1] == '/') {
        s->base.n--;
    }
    s->attempts_max = (int)number(w, "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
                                  "metadata_service_num_attempts", ATTEMPTS_MAX, ATTEMPTS_DEFAULT);
    s->limit_ms = 1000 * number(w, "AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout",
                                LIMIT_MAX_S, LIMIT_DEFAULT_MS / 1000);
    enter(s, w, IMDS_TOKEN, out);
}

// Version 1 is a choice of the operator's: it lets a forged request of another program read keys.
static bool may_go_without_token(const struct imds *s, const struct source_world *w)
{
    return s->state == IMDS_TOKEN &&
           span_ieq(source_setting(w, "AWS_EC2_METADATA_V1_DISABLED", "ec2_metadata_v1_disabled"),
                    SPAN("false"));
}

static void token_failed(struct imds *s, struct source_world *w, const struct source_input *in,
                         struct source_step *out)
{
    struct span what = source_trouble(w, in);
    if (may_go_without_token(s, w) && in->http_status != 400) {
        s->without_token = true;
        enter(s, w, IMDS_ROLE, out);
    } else if (in->http_status == 403) {
        source_fail(out, ERR_AUTH, "the service forbids its use (HTTP 403)");
    } else if (in->status == ERR_TIMEOUT) {
        source_fail(out, ERR_TIMEOUT,
                    "%.*s (no EC2 instance, or in a container with a hop limit of 1)",
                    SPAN_ARG(what));
    } else {
        source_fail(out, in->status < 0 ? in->status : ERR_UNAVAILABLE, "no session token: %.*s",
                    SPAN_ARG(what));
    }
}

static void failed(struct imds *s, struct source_world *w, const struct source_input *in,
                   struct source_step *out)
{
    if (source_transient(in) && s->attempt < s->attempts_max) {
        int64_t most = BACKOFF_MS << (s->attempt < 6 ? s->attempt : 6);
        s->attempt++;
        s->sent = false;
        source_wait(out, (int64_t)((double)most * w->unit));
    } else if (s->state == IMDS_TOKEN) {
        token_failed(s, w, in, out);
    } else if (in->http_status == 404 && s->state == IMDS_ROLE) {
        source_fail(out, ERR_AUTH, "the instance has no IAM role attached");
    } else {
        source_fail(out, in->status < 0 ? in->status : ERR_UNAVAILABLE, "%s: %.*s",
                    s->state == IMDS_ROLE ? "name of the role" : "keys of the role",
                    SPAN_ARG(source_trouble(w, in)));
    }
}

static bool is_printable(struct span s, size_t max)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f) {
            return false;
        }
    }
    return s.n > 0 && s.n <= max;
}

static void on_token(struct imds *s, struct source_world *w, struct span body,
                     struct source_step *out)
{
    struct span token = span_trim(body);
    if (!is_printable(token, TOKEN_MAX)) {
        source_fail(out, ERR_PROTO, "the session token is none");
        return;
    }
    s->token = arena_span(w->arena, token);
    enter(s, w, s->role.n ? IMDS_KEYS : IMDS_ROLE, out);
}

static void on_role(struct imds *s, struct source_world *w, struct span body,
                    struct source_step *out)
{
    struct buf encoded = {0};
    struct span rest = body, role = span_trim(span_cut(&rest, '\n'));
    if (role.n == 0) {
        source_fail(out, ERR_AUTH, "the instance has no IAM role attached");
        return;
    }
    if (!is_printable(role, ROLE_MAX)) {
        source_fail(out, ERR_PROTO, "the name of the role is none");
        return;
    }
    url_encode(&encoded, role, false);
    s->role = arena_span(w->arena, buf_span(&encoded));
    buf_free(&encoded);
    enter(s, w, IMDS_KEYS, out);
}

static void on_keys(struct imds *s, struct source_world *w, const struct source_input *in,
                    struct source_step *out)
{
    struct span code, message = SPAN_NONE;
    struct err e = {0};
    struct source_value v;
    if (source_json_text(in->body, "Code", w->arena, &code) && !span_is(code, "Success")) {
        source_json_text(in->body, "Message", w->arena, &message);
        source_fail(out, ERR_AUTH, "role %.*s: %.*s %.*s", SPAN_ARG(s->role), SPAN_ARG(code),
                    SPAN_ARG(message));
        return;
    }
    if (source_value_parse(w, in->body, "Token", &v, &e) < 0) {
        source_fail(out, e.code, "role %.*s: %s", SPAN_ARG(s->role), e.msg);
        return;
    }
    v.issued_ms = source_date_ms(in);
    *out = (struct source_step){.want = SOURCE_VALUE, .value = v};
}

void imds_step(struct imds *s, struct source_world *w, const struct source_input *in,
               struct source_step *out)
{
    if (!in) {
        begin(s, w, out);
    } else if (!s->sent) {
        request(s, w, out);
    } else if (in->status == 0 && in->http_status == 401 && s->state != IMDS_TOKEN &&
               !s->without_token && !s->token_renewed) {
        s->token_renewed = true;
        enter(s, w, IMDS_TOKEN, out);
    } else if (in->status < 0 || in->http_status != 200) {
        failed(s, w, in, out);
    } else if (s->state == IMDS_TOKEN) {
        on_token(s, w, in->body, out);
    } else if (s->state == IMDS_ROLE) {
        on_role(s, w, in->body, out);
    } else {
        on_keys(s, w, in, out);
    }
}
