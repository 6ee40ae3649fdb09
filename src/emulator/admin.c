// SPDX-License-Identifier: Apache-2.0
#include "emulator/service.h"

// The paths under EMU_ADMIN_PREFIX: faults on demand and counters, for loopback peers only.

static bool is_loopback(const char *peer)
{
    struct span p = span_str(peer);
    return span_has_prefix(p, SPAN("127.")) || span_has_prefix(p, SPAN("[::1]:")) ||
           span_has_prefix(p, SPAN("::1:")) || span_has_prefix(p, SPAN("[::ffff:127.")) ||
           span_has_prefix(p, SPAN("::ffff:127."));
}

static void respond_buf(struct http_exchange *x, int status, struct buf *b)
{
    http_respond_type(x, status, "application/json", buf_span(b));
    buf_free(b);
}

static void respond_error(struct http_exchange *x, int status, const char *message)
{
    struct buf b = {0};
    struct json_out j = {.out = &b};
    json_out_object(&j);
    json_out_key_str(&j, "error", span_str(message));
    json_out_end(&j);
    respond_buf(x, status, &b);
}

static void put_counters(struct json_out *j, const char *key, const uint64_t *n)
{
    json_out_key(j, span_str(key));
    json_out_object(j);
    for (int i = 0; i < EMU_OP_COUNT; i++)
        if (n[i])
            json_out_key_int(j, emu_op_name((enum emu_op)i), (int64_t)n[i]);
    json_out_end(j);
}

static void stats(struct emulator *e, struct http_exchange *x)
{
    struct buf b = {0};
    struct json_out j = {.out = &b};
    json_out_object(&j);
    put_counters(&j, "calls", e->calls);
    put_counters(&j, "errors", e->errors);
    json_out_key_int(&j, "recordsIn", (int64_t)e->account.records_in);
    json_out_key_int(&j, "recordsOut", (int64_t)e->account.records_out);
    json_out_key_int(&j, "recordsEvicted", (int64_t)e->account.store.evicted);
    json_out_key_int(&j, "retainedBytes", (int64_t)e->account.store.bytes);
    json_out_end(&j);
    respond_buf(x, 200, &b);
}

static void stats_reset(struct emulator *e, struct http_exchange *x)
{
    memset(e->calls, 0, sizeof e->calls);
    memset(e->errors, 0, sizeof e->errors);
    e->account.records_in = e->account.records_out = e->account.store.evicted = 0;
    stats(e, x);
}

static void faults(struct emulator *e, struct http_exchange *x)
{
    struct buf b = {0};
    struct json_out j = {.out = &b};
    emu_faults_write(&e->faults, &j);
    respond_buf(x, 200, &b);
}

static void faults_add(struct emulator *e, struct http_exchange *x)
{
    struct err err = {0};
    if (emu_faults_add(&e->faults, http_body(x), &err) == 0)
        faults(e, x);
    else
        respond_error(x, 400, err.msg);
}

static void faults_clear(struct emulator *e, struct http_exchange *x)
{
    emu_faults_clear(&e->faults);
    faults(e, x);
}

static const struct {
    const char *method, *path;
    void (*run)(struct emulator *e, struct http_exchange *x);
} routes[] = {
    {"GET", EMU_ADMIN_PREFIX "stats", stats},
    {"DELETE", EMU_ADMIN_PREFIX "stats", stats_reset},
    {"GET", EMU_ADMIN_PREFIX "faults", faults},
    {"POST", EMU_ADMIN_PREFIX "faults", faults_add},
    {"DELETE", EMU_ADMIN_PREFIX "faults", faults_clear},
};

void emu_admin_handle(struct emulator *e, struct http_exchange *x)
{
    if (!is_loopback(http_peer(x))) {
        respond_error(x, 403, "only callers on this machine's loopback address may do this");
        return;
    }
    // A page in some browser on this machine has no business here.
    if (http_request_header(x, "origin").p) {
        respond_error(x, 403, "not from a browser");
        return;
    }
    bool path_known = false;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!span_is(http_path(x), routes[i].path))
            continue;
        path_known = true;
        if (span_is(http_method(x), routes[i].method)) {
            routes[i].run(e, x);
            return;
        }
    }
    respond_error(x, path_known ? 405 : 404, path_known ? "method not allowed" : "no such path");
}
