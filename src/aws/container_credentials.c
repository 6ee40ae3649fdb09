// SPDX-License-Identifier: Apache-2.0
#include "aws/container_credentials.h"

#define RELATIVE_URI "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL_URI "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
// Of botocore: 3 tries, a second apart.
#define ATTEMPTS 3
#define RETRY_MS 1000
#define LIMIT_MS 2000

static struct span variable(const struct source_world *w, const char *name)
{
    return aws_env_get(w->env, w->env_ctx, name);
}

bool container_configured(const struct source_world *w)
{
    return variable(w, RELATIVE_URI).n || variable(w, FULL_URI).n;
}

// 127.0.0.0/8 in four decimal parts.
static bool is_loopback_v4(struct span host)
{
    int parts = 0;
    if (!span_has_prefix(host, SPAN("127."))) {
        return false;
    }
    for (struct span rest = host; rest.p; parts++) {
        uint64_t v;
        struct span part = span_cut(&rest, '.');
        if (part.n > 3 || !span_to_u64(part, &v) || v > 255) {
            return false;
        }
    }
    return parts == 4;
}

// Keys and the token must not go to another machine in clear.
static bool may_be_clear(struct span host)
{
    static const char *const agents[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "::1",
                                         "localhost"};
    for (size_t i = 0; i < sizeof agents / sizeof *agents; i++) {
        if (span_ieq(host, span_str(agents[i]))) {
            return true;
        }
    }
    return is_loopback_v4(host);
}

int container_url(struct source_world *w, struct url *out, struct span *target, struct err *e)
{
    struct span relative = variable(w, RELATIVE_URI), full = variable(w, FULL_URI);
    const char *name = relative.n ? RELATIVE_URI : FULL_URI;
    struct err why = {0};
    if (relative.n) {
        const char *slash = relative.p[0] == '/' ? "" : "/";
        full = arena_printf(w->arena, "http://169.254.170.2%s%.*s", slash, SPAN_ARG(relative));
    }
    if (url_parse(full, out, &why) < 0) {
        return err_set(e, ERR_CONFIG, "%s: %s", name, why.msg);
    }
    if (!out->tls && !may_be_clear(out->host)) {
        return err_set(e, ERR_CONFIG,
                       "%s: http is allowed to this machine and the container agents only, not to "
                       "%.*s: use https",
                       name, SPAN_ARG(out->host));
    }
    struct span path = out->path.n ? out->path : SPAN("/");
    *target = out->query.p
                  ? arena_printf(w->arena, "%.*s?%.*s", SPAN_ARG(path), SPAN_ARG(out->query))
                  : path;
    return 0;
}

static void request(struct container_credentials *s, struct source_world *w,
                    struct source_step *out)
{
    source_get(w, out, s->url, s->target);
    source_add_header(w, &out->http, "Accept", SPAN("application/json"));
    if (s->token.n) {
        source_add_header(w, &out->http, "Authorization", s->token);
    }
    out->http.direct = true;
    out->http.connect_ms = out->http.first_byte_ms = LIMIT_MS;
    out->http.total_ms = 2 * LIMIT_MS;
    s->state = CONTAINER_KEYS;
    s->sent = true;
}

static void with_token(struct container_credentials *s, struct source_world *w, struct span token,
                       const char *name, struct source_step *out)
{
    token = span_trim(token);
    for (size_t i = 0; i < token.n; i++) {
        unsigned char c = (unsigned char)token.p[i];
        if (c < 0x20 || c == 0x7f) {
            source_fail(out, ERR_CONFIG, "%s holds a line break or control character", name);
            return;
        }
    }
    s->token = arena_span(w->arena, token);
    request(s, w, out);
}

static void begin(struct container_credentials *s, struct source_world *w, struct source_step *out)
{
    struct err e = {0};
    struct span file = variable(w, TOKEN_FILE);
    s->attempt = 1;
    if (container_url(w, &s->url, &s->target, &e) < 0) {
        source_fail(out, e.code, "%s", e.msg);
    } else if (file.n) {
        s->state = CONTAINER_TOKEN_FILE;
        *out = (struct source_step){.want = SOURCE_READ, .text = file};
    } else {
        with_token(s, w, variable(w, TOKEN), TOKEN, out);
    }
}

static void refused(struct container_credentials *s, struct source_world *w,
                    const struct source_input *in, struct source_step *out)
{
    struct span code = SPAN_NONE, message = SPAN_NONE;
    if (source_transient(in) && s->attempt < ATTEMPTS) {
        s->attempt++;
        s->sent = false;
        source_wait(out, RETRY_MS);
        return;
    }
    source_json_text(in->body, "code", w->arena, &code);
    source_json_text(in->body, "message", w->arena, &message);
    struct span said =
        span_trim(arena_printf(w->arena, "%.*s %.*s", SPAN_ARG(code), SPAN_ARG(message)));
    source_fail(out, in->status < 0 ? in->status : ERR_AUTH, "%.*s: %.*s%s%.*s",
                SPAN_ARG(s->url.host), SPAN_ARG(source_trouble(w, in)), said.n ? " " : "",
                SPAN_ARG(said));
}

static void on_keys(struct container_credentials *s, struct source_world *w,
                    const struct source_input *in, struct source_step *out)
{
    struct source_value v;
    struct err e = {0};
    if (source_value_parse(w, in->body, "Token", &v, &e) < 0) {
        source_fail(out, e.code, "%.*s: %s", SPAN_ARG(s->url.host), e.msg);
        return;
    }
    v.issued_ms = source_date_ms(in);
    *out = (struct source_step){.want = SOURCE_VALUE, .value = v};
}

void container_step(struct container_credentials *s, struct source_world *w,
                    const struct source_input *in, struct source_step *out)
{
    if (!in) {
        begin(s, w, out);
    } else if (s->state == CONTAINER_TOKEN_FILE && in->status < 0) {
        source_fail(out, in->status, TOKEN_FILE ": %.*s", SPAN_ARG(in->why));
    } else if (s->state == CONTAINER_TOKEN_FILE) {
        with_token(s, w, in->body, TOKEN_FILE, out);
    } else if (!s->sent) {
        request(s, w, out);
    } else if (in->status < 0 || in->http_status != 200) {
        refused(s, w, in, out);
    } else {
        on_keys(s, w, in, out);
    }
}
