// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_CREDENTIAL_SOURCE_H
#define PENSTOCK_AWS_CREDENTIAL_SOURCE_H

// What a source of credentials (imds.h, container_credentials.h, sts.h, credential_process.h) wants
// done next, and what came of it. A source is a small state machine: it is stepped with the result
// of what it asked for, NULL at first, until it says SOURCE_VALUE or SOURCE_FAILED. Pure: who steps
// it (credentials_load.c, a test) does the work.

#include "aws/env.h"
#include "aws/profile.h"
#include "aws/sigv4.h"
#include "codec/url.h"

#define SOURCE_REPLY_MAX (64 * 1024) // bytes of a reply, a token file or a program's output

// Credentials as a source gives them; the spans are in the resolution's arena.
struct source_value {
    struct sigv4_credentials c;
    struct span account_id; // empty = unknown
    int64_t expires_ms;     // wall clock of who issued them; 0 = never
    int64_t issued_ms;      // that clock when they came; 0 = unknown
};

enum source_want {
    SOURCE_VALUE,
    SOURCE_FAILED,
    SOURCE_FILES, // the shared config and credentials files: input.profiles
    SOURCE_READ,  // the file `text`: input.body
    SOURCE_RUN,   // the program with arguments `text`: input.body is what it printed
    SOURCE_HTTP,  // a request: input.http_status, headers, body
    SOURCE_WAIT,  // wait_ms
};

struct source_http {
    struct span method;
    struct url url;
    struct span target; // path and query
    struct http_headers headers;
    struct span body;
    int64_t connect_ms, first_byte_ms, total_ms;
    bool direct; // never by a proxy
};

// Everything points into the arena.
struct source_step {
    enum source_want want;
    struct source_value value;
    struct err err;
    struct span text;
    struct source_http http;
    int64_t wait_ms;
};

// status < 0: it could not be done, `why` says it for people. After SOURCE_FILES `why` says in any
// case where was looked.
struct source_input {
    int status;
    struct span why;
    int http_status;
    struct http_headers headers;
    struct span body;
    struct profile *profiles;
};

struct source_world {
    aws_env_fn *env;
    void *env_ctx;
    const struct profile *profile; // whose settings count; NULL = none
    struct span region;            // for STS; empty = not set
    struct span session_name;      // when nothing names one
    struct arena *arena;           // wiped by its owner
    int64_t wall_ms;               // now
    double unit;                   // a random number of this step, in [0, 1)
    int64_t *sts_skew_ms;          // what to add to our clock, kept between resolutions
};

// The variable, else the profile's setting; empty when neither is set.
struct span source_setting(const struct source_world *w, const char *variable, const char *key);
// For SOURCE_FAILED.
void source_fail(struct source_step *out, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void source_wait(struct source_step *out, int64_t ms);
// A request with `n` headers still to be filled in by the caller; `url` must be valid.
void source_get(struct source_world *w, struct source_step *out, struct url url,
                struct span target);
void source_add_header(struct source_world *w, struct source_http *http, const char *name,
                       struct span value);
// Whether another try may help: no reply, or a 5xx or 429.
bool source_transient(const struct source_input *in);
// "HTTP 404", or why there was no reply; in the arena.
struct span source_trouble(struct source_world *w, const struct source_input *in);
// Date header of the reply in milliseconds; 0 = none.
int64_t source_date_ms(const struct source_input *in);

// The JSON that metadata services and programs answer with: AccessKeyId, SecretAccessKey, the token
// under `token_key`, Expiration, AccountId. ERR_PROTO with a message that holds no value of it.
int source_value_parse(struct source_world *w, struct span json, const char *token_key,
                       struct source_value *out, struct err *e);
// One text member of the outermost object (or number, as written); false when absent.
bool source_json_text(struct span json, const char *key, struct arena *a, struct span *out);

#endif
