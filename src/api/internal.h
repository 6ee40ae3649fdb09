// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_API_INTERNAL_H
#define PENSTOCK_API_INTERNAL_H

// What the files of api/ share: the API itself, a request, ways to answer it, and ways to wait for
// the layers below without holding them to the exchange's life.

#include "api/api.h"
#include "api/auth.h"
#include "api/query.h"
#include "api/router.h"
#include "codec/json_out.h"

// Error codes of the hub's JSON (facts/hub.md section 3.1).
enum hub_error {
    HUB_GENERAL = 2,
    HUB_AUTHENTICATION = 10,
    HUB_TOKEN_EXPIRED = 11,
    HUB_DENIED = 20,
    HUB_BAD_REQUEST = 31,
    HUB_NOT_FOUND = 32,
    HUB_TOO_MANY = 33,
    HUB_CONFLICT = 35,
    HUB_DATABASE = 46
};

struct api_counts {
    uint64_t requests;
    uint64_t by_class[6]; // answers by status / 100
    uint64_t logins_ok, logins_failed;
};

struct api {
    struct api_options o;
    struct http_server *server;
    struct auth *auth;
    struct list waits; // struct wait.link
    struct list polls; // device_polls.c: devices that wait
    bool draining;
    struct buf out; // the answer being written; one at a time
    struct api_counts counts;
    int64_t start_ms;
    struct timer grace;
    bool cut; // the grace of api_close() is over: nobody waits any more
    void (*closed)(void *ctx);
    void *closed_ctx;
};

// Lives in the exchange's arena until it is answered.
struct request {
    struct api *api;
    struct http_exchange *x;
    struct arena *arena;
    struct span args[ROUTE_ARGS_MAX]; // decoded
    struct query query;
    struct auth_identity who; // all zero on an open route
    void *data;               // the handler's
};

// Answers. Each ends the request. ---------------------------------------------------------------

// An empty buffer to write an answer into; good until the request is answered.
struct buf *request_out(struct request *q);
void respond_json(struct request *q, struct span body);
void respond_empty(struct request *q); // 200
void respond_type(struct request *q, int status, const char *type, struct span body);
void respond_headers(struct request *q, int status, struct http_headers h, struct span body);
// Plain text, as the hub's telemetry calls say what is wrong.
void respond_text(struct request *q, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// The hub's error JSON.
void respond_error(struct request *q, int status, enum hub_error code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
// The error JSON that fits the code.
void respond_err(struct request *q, const struct err *e);
// The error JSON's text, for answers that the HTTP server makes by itself too.
void error_json(struct buf *out, int status, enum hub_error code, struct span message);

// What handlers ask of a request; NULL or false: it has been answered. ---------------------------

struct json *request_json(struct request *q); // the caller's to free
bool request_uuid(struct request *q, struct span text, struct uuid *out);
struct entity *request_entity(struct request *q, enum store_doc_kind kind, struct span id);
struct store_device *request_device(struct request *q, struct span id);
bool request_page(struct request *q, size_t max_size, struct page_link *out);
// Member `key` of the document, a string map; other values are given as their JSON text. Missing
// and null are an empty one.
bool request_pairs(struct request *q, struct arena *a, const struct json *doc, const char *key,
                   struct convert_pairs *out);
// False while the store cannot write: a change would wait for it without an end.
bool request_may_write(struct request *q);

// Waiting. What waits has memory of its own: when the API closes first, it answers the request and
// the result goes nowhere. -----------------------------------------------------------------------

struct wait {
    struct list link;
    struct request *q; // NULL: answered already
};
void wait_begin(struct wait *w, struct request *q);
// The request to answer, or NULL.
struct request *wait_end(struct wait *w);

// A read of the store; then() answers, unless it failed. The read's spans but `keys` and `text`
// must outlive the exchange.
typedef void read_fn(struct request *q, struct store_read *r);
struct store_read *read_new(struct request *q, enum store_read_kind kind, read_fn *then);
void read_start(struct store_read *r);

// A change of a document: pass `on_saved` with saved_new()'s result; then() answers a success.
typedef void saved_fn(struct request *q, struct entity *e);
void *saved_new(struct request *q, saved_fn *then);
void respond_removed(struct request *q, struct entity *e); // a then(): an empty 200
void on_saved(void *ctx, int status, struct entity *e, const struct err *err);

// A commit: pass `on_committed` with committed_new()'s result. NULL = an empty 200.
void *committed_new(struct request *q, void (*then)(struct request *q));
void on_committed(void *ctx, int status);
// Instead of on_committed(), when the change was refused: answers with the error.
void on_refused(void *ctx, const struct err *e);

// Answers the devices that wait, and from then on every one at once.
void device_polls_end(struct api *a);

// JSON pieces. -----------------------------------------------------------------------------------

void write_ref(struct json_out *j, const char *key, const char *entity_type, struct uuid id);
// {"data":[ is open after begin; end closes it and adds the totals.
void page_begin(struct json_out *j);
void page_end(struct json_out *j, const struct page_link *l, uint64_t total);

// Writes a document as an element of an answer, or as the whole of it.
typedef void write_entity_fn(struct request *q, struct json_out *j, struct entity *e);
void respond_entity(struct request *q, struct entity *e, write_entity_fn *write);

// A page of the registry's documents of a kind: keep() (may be NULL) chooses, write() writes one.
struct entity_page {
    enum store_doc_kind kind;
    bool search_prefix; // textSearch: start of the name, else any part of it
    bool (*keep)(struct request *q, const struct entity *e);
    write_entity_fn *write;
};
void respond_entity_page(struct request *q, const struct entity_page *p);
// A JSON array of the documents whose ids stand in argument `name`; unknown ones are left out.
void respond_entity_list(struct request *q, enum store_doc_kind kind, const char *name,
                         write_entity_fn *write);
void write_doc(struct json_out *j, const struct json *doc);

#endif
