// SPDX-License-Identifier: Apache-2.0

// A search for credentials whose files, replies and program outputs come from the input: pieces
// ended by NUL bytes. The first byte chooses where is looked; a reply's first byte its status.

#include "aws/credential_process.h"
#include "aws/credentials_resolver.h"

static struct span rest;
static uint8_t mode;

static const char *get_env(void *ctx, const char *name)
{
    (void)ctx;
    if (strcmp(name, "AWS_REGION") == 0)
        return "eu-west-1";
    if (mode % 4 == 1 && strcmp(name, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") == 0)
        return "/x";
    if (mode % 4 == 1 && strcmp(name, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") == 0)
        return "/token";
    if (mode % 4 == 2 && strcmp(name, "AWS_WEB_IDENTITY_TOKEN_FILE") == 0)
        return "/token";
    if (mode % 4 == 2 && strcmp(name, "AWS_ROLE_ARN") == 0)
        return "arn:aws:iam::123456789012:role/r";
    return NULL;
}

static void answer(struct resolver *r, const struct source_step *s, struct source_input *in)
{
    static const int statuses[] = {200, 200, 200, 401, 403, 404, 500, 503};
    struct err e = {0};
    struct span piece = span_cut(&rest, '\0');
    *in = (struct source_input){.why = SPAN("why")};
    if (s->want == SOURCE_FILES) {
        in->status = profile_parse(&r->arena, piece, PROFILE_CONFIG, &in->profiles, &e);
    } else if (s->want == SOURCE_RUN) {
        process_split(s->text, &r->arena, &e);
        in->body = piece;
    } else if (s->want == SOURCE_HTTP && piece.n > 0) {
        in->http_status = statuses[(uint8_t)piece.p[0] % 8];
        in->body = span_of(piece.p + 1, piece.n - 1);
    } else if (s->want == SOURCE_HTTP) {
        in->status = ERR_TIMEOUT;
    } else {
        in->body = piece;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct resolver r;
    struct source_step s;
    struct source_input in;
    int64_t skew_ms = 0;
    if (size == 0)
        return 0;
    mode = data[0];
    rest = span_of((const char *)data + 1, size - 1);
    struct resolver_options o = {.env = get_env, .sources = RESOLVE_ALL};
    if (mode & 0x80)
        o.role = (struct sts_role){.arn = SPAN("arn:aws:iam::123456789012:role/other")};
    resolver_init(&r, &o, &skew_ms);
    resolver_step(&r, 1700000000000, 0.5, NULL, &s);
    // Every source gives up after some tries: the search ends.
    for (int i = 0; s.want != SOURCE_VALUE && s.want != SOURCE_FAILED; i++) {
        require(i < 1000);
        answer(&r, &s, &in);
        resolver_step(&r, 1700000000000, 0.5, &in, &s);
    }
    require(s.want == SOURCE_FAILED || s.value.c.access_key_id.n > 0);
    resolver_free(&r);
    return 0;
}
