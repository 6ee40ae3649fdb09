// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_API_FIXTURE_H
#define PENSTOCK_TEST_API_FIXTURE_H

// A whole API on one loop: store, converters, hub and bridge under it, an HTTP client before it.
// The wall clock is the test's; the monotonic one runs, and fixture_advance() adds to both.

#include "api/api.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/uuid.h"
#include "codec/json.h"
#include "net/http_client.h"

#define FIXTURE_SECRET_KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

struct fixture {
    struct clock clock;
    int64_t wall_ms;
    int64_t added_ms;
    char dir[64];
    struct loop *loop;
    struct secrets *secrets;
    const char *secret_key; // NULL = FIXTURE_SECRET_KEY
    struct store *store;
    struct worker_pool *jobs;
    struct convert_pool *convert;
    struct hub *hub;
    struct http_client *http;
    struct bridge *bridge;
    struct budget budget;
    struct api *api;
    unsigned job_threads;       // 0 = 2
    int64_t commit_interval_ms; // 0 = none
    bool not_ready;
    struct json *session; // of fixture_begin()
    struct span token;
};

struct reply {
    struct http_call call;
    bool done;
    int error;  // of the client, 0
    int status; // of HTTP
    struct buf body;
    struct arena arena; // the request
    struct http_header header;
};

// Everything but the API, in f->dir (made when empty).
void fixture_start_hub(struct fixture *f);
void fixture_start_api(struct fixture *f, const struct api_user *users, size_t n);
void fixture_close_api(struct fixture *f, int64_t grace_ms);
void fixture_stop_hub(struct fixture *f);
void fixture_remove_dir(struct fixture *f);

// Hub and API, with a tenant's administrator logged in: f->token is its token. The end of it all.
void fixture_begin(struct fixture *f);
void fixture_end(struct fixture *f);
// A call with that token, which must be answered so; its JSON is the caller's.
struct json *fixture_expect(struct fixture *f, const char *method, const char *target,
                            const char *body, int want);
// The id of an entity that a call answered, which is freed.
void fixture_keep_id(struct json *j, char out[UUID_TEXT_LEN + 1]);

void fixture_advance(struct fixture *f, int64_t ms);
// Turns the loop until *flag.
void fixture_wait(struct fixture *f, const bool *flag);

// Starts a request; `token` may be empty, `body` too. fixture_wait(f, &r->done) ends it.
void fixture_send(struct fixture *f, struct reply *r, const char *method, const char *target,
                  struct span token, const char *body);
void reply_free(struct reply *r);
// Sends and waits; the body is freed. Returns the HTTP status.
int fixture_call(struct fixture *f, const char *method, const char *target, struct span token,
                 const char *body);
// As fixture_call(), with the body as JSON: the caller's.
struct json *fixture_json(struct fixture *f, const char *method, const char *target,
                          struct span token, const char *body, int *status);
// Logs in; returns {"token","refreshToken"}.
struct json *fixture_login(struct fixture *f, const char *email, const char *password, int *status);

#endif
