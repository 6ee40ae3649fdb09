// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_AWS_CLIENT_H
#define PENSTOCK_AWS_AWS_CLIENT_H

// One service in one region with one set of credentials: signs, sends, retries, reads errors,
// corrects clock skew, leaves an endpoint alone that does not answer (circuit.h). The services' own
// files (kinesis.h) are built on it. Loop thread only.

#include "aws/aws_error.h"
#include "aws/credentials.h"
#include "aws/endpoint_rules.h"
#include "aws/retry.h"
#include "net/http_client.h"

#define AWS_MAX_BODY_DEFAULT (16 * 1024 * 1024) // of a reply

struct aws_client;

struct aws_client_options {
    struct loop *loop;
    struct http_client *http;                 // borrowed
    struct credentials_provider *credentials; // borrowed
    enum aws_service service;
    struct span region;
    struct span endpoint; // URL; empty = the region's own (aws/endpoint_rules.h)
    bool fips, dual_stack;
    int max_attempts;   // 0 = 3
    int64_t request_ms; // whole try; 0 = 30000
};

// ERR_CONFIG with a message on a bad region or endpoint.
int aws_client_new(const struct aws_client_options *o, struct aws_client **out, struct err *e);
// Cancels all calls, then cb.
void aws_client_close(struct aws_client *c, void (*cb)(void *ctx), void *ctx);
struct span aws_client_host(const struct aws_client *c); // for messages
bool aws_client_tls(const struct aws_client *c);
// What the service's clock says, as far as is known: ours, or corrected when that is wrong.
int64_t aws_client_wall_ms(const struct aws_client *c);

struct aws_call;

// What came back. error == NULL: a 2xx reply. body is owned by the call; the callee may take it
// (`*body = (struct buf){0}` after copying the struct) to keep it beyond the callback.
struct aws_reply {
    int http_status;
    struct span content_type;
    struct buf *body;
    const struct aws_error *error; // NULL = 2xx
    int attempts;
};

struct aws_call {
    void *data;
    // Exactly once. status: 0, ERR_CANCELED, ERR_AUTH when no credentials were found, or the class
    // of reply->error (ERR_THROTTLED, ERR_AUTH, ERR_NOT_FOUND, ERR_UNAVAILABLE, ERR_INVALID,
    // ERR_TIMEOUT, ERR_CONNECT, ERR_TLS_CERT, ...).
    void (*on_done)(struct aws_call *call, int status, const struct aws_reply *reply);
    // Optional: the head of a 2xx reply with its length (-1 unknown), before the body is read;
    // return false to pause: aws_call_resume() goes on.
    bool (*on_size)(struct aws_call *call, int64_t content_length);
    // Optional: a piece of a 2xx reply's body, as it comes; the reply then has no body, and is not
    // tried again when it breaks off.
    void (*on_piece)(struct aws_call *call, struct span piece);
    // Optional: an error reply that would be tried again; true gives up at once.
    bool (*on_retry)(struct aws_call *call, const struct aws_reply *reply);
    void *internal;
};

struct aws_call_options {
    struct span method;       // empty = "POST"
    struct span path;         // empty = "/"
    struct span content_type; // "application/x-amz-cbor-1.1"
    struct span target;       // X-Amz-Target value; empty = none
    struct span body;         // copied
    struct buf *take_body;    // instead of body: taken over (and emptied) when the call starts
    size_t max_body;          // 0 = 16 MiB; does not count pieces
    int max_attempts;         // 0 = the client's
    int64_t request_ms;       // 0 = the client's; with on_piece: until the reply begins
    // Given, the call goes to the account's own host.
    enum aws_operation_kind operation;
    struct span stream_arn, consumer_arn;
    // With on_piece:
    int64_t idle_ms;           // longest silence, while not paused; 0 = any
    uint32_t window;           // HTTP/2: bytes that may come unasked for; 0 = the HTTP client's
    enum http_version version; // HTTP_1_1 by default
};

// Each try is signed anew with fresh credentials. Tries after the first follow retry.h (rule
// set 2.1: short delays after transient failures). Two repairs are no retries and happen once a
// call each, whatever max_attempts: new credentials when the service says that the token has
// expired, and a corrected clock when the reply's Date shows that ours is wrong.
int aws_call_start(struct aws_client *c, struct aws_call *call,
                   const struct aws_call_options *o) MUST_CHECK;
// Stops and resumes reading the reply, from on_size or on_piece on.
void aws_call_pause(struct aws_call *call);
void aws_call_resume(struct aws_call *call);
void aws_call_cancel(struct aws_call *call);

#endif
