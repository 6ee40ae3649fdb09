// SPDX-License-Identifier: Apache-2.0
#include "aws/aws_request.h"

#define HEADERS_MAX 9

struct headers {
    struct http_header *h;
    size_t n;
};

static void add(struct headers *to, struct span name, struct span value)
{
    if (value.n) {
        to->h[to->n++] = (struct http_header){name, value};
    }
}

int aws_request_sign(const struct aws_request *r, const struct sigv4_credentials *c,
                     struct sigv4_key *key, struct arena *a, struct http_headers *out)
{
    struct headers h = {arena_array(a, struct http_header, HEADERS_MAX), 0};
    struct span token = arena_span(a, c->session_token);
    add(&h, SPAN("Host"), r->host);
    add(&h, SPAN("Content-Type"), r->content_type);
    add(&h, SPAN("X-Amz-Target"), r->target);
    add(&h, SPAN("amz-sdk-invocation-id"), r->invocation_id);
    add(&h, SPAN("amz-sdk-request"),
        arena_printf(a, "attempt=%d; max=%d", r->attempt, r->max_attempts));
    struct sigv4_request s = {.method = r->method,
                              .path = r->path,
                              .headers = {h.h, h.n},
                              .body = r->body,
                              .region = r->region,
                              .service = r->service,
                              .time_ms = r->time_ms};
    struct sigv4_result signature;
    int status = sigv4_sign(&s, c, key, a, &signature);
    if (status < 0) {
        return status;
    }
    add(&h, SPAN("X-Amz-Date"), signature.amz_date);
    add(&h, SPAN("X-Amz-Security-Token"), token);
    add(&h, SPAN("Authorization"), signature.authorization);
    add(&h, SPAN("User-Agent"), SPAN("penstock/" PENSTOCK_VERSION));
    // Host is the HTTP client's to send.
    *out = (struct http_headers){h.h + 1, h.n - 1};
    return 0;
}
