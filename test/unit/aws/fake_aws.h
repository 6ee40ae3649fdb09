// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_FAKE_AWS_H
#define PENSTOCK_TEST_FAKE_AWS_H

// A scripted AWS service: an HTTP server on a free port of 127.0.0.1 that checks each request's
// signature and answers by its script. Loop, HTTP client and clock come with it. Random numbers are
// zero, so that retries come at once.

#include "aws/credentials.h"
#include "net/http_client.h"
#include "net/http_server.h"

#define FAKE_STEPS_MAX 64
#define FAKE_ID "AKIDFAKE"
#define FAKE_SECRET "fake-secret"

struct fake_step {
    int status;       // 0 = cut the connection
    const char *type; // content type
    struct span body;
    const char *retry_after; // x-amz-retry-after
    int64_t date_off_ms;     // how far the Date header is from our clock
    bool hold;               // no answer until fake_release()
};

// What a request brought.
struct fake_seen {
    char method[8], path[64], host[64], type[64], target[64], date[24], token[64];
    char invocation[40], sdk_request[40], agent[40];
    struct buf body;
    bool signature_ok;
    int64_t time_ms; // monotonic
};

struct fake {
    struct clock clock;
    int64_t wall_off_ms;
    struct loop *loop;
    struct http_client *http;
    struct http_server *server;
    char url[64];
    const char *secret; // of the signatures, FAKE_SECRET at first
    struct fake_step steps[FAKE_STEPS_MAX];
    int n_steps; // beyond them the last one repeats
    struct fake_seen seen[FAKE_STEPS_MAX];
    int n_seen;
    struct http_exchange *held;
};

void fake_start(struct fake *f);
void fake_stop(struct fake *f);
// Adds a step and returns it.
struct fake_step *fake_add(struct fake *f, int status, const char *type, struct span body);
#define fake_json(f, status, text) fake_add(f, status, "application/x-amz-json-1.1", SPAN(text))
// Runs the loop until *flag is not 0; fails the test when nothing is left to wait for.
void fake_run_until(struct fake *f, const int *flag);
// Runs the loop until the server holds a request.
void fake_run_until_held(struct fake *f);
// Answers the held request with this step.
void fake_release(struct fake *f, const struct fake_step *step);

#endif
