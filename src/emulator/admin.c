// SPDX-License-Identifier: Apache-2.0
#include "codec/json.h"
#include "emulator/push.h"
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
    json_out_key_int(&j, "subscriptions", (int64_t)emu_push_count(e));
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

#define SETTING_MAX (INT64_C(1) << 53)

static int64_t *number_setting(struct emulator *e, struct span key)
{
    return span_is(key, "advanceClockMs")     ? &e->ahead_ms
           : span_is(key, "transitionMs")     ? &e->account.transition_ms
           : span_is(key, "subscriptionMs")   ? &e->account.subscription_ms
           : span_is(key, "subscribeAgainMs") ? &e->account.subscribe_again_ms
                                              : NULL;
}

static void settings(struct emulator *e, struct http_exchange *x)
{
    struct buf b = {0};
    struct json_out j = {.out = &b};
    json_out_object(&j);
    json_out_key_int(&j, "advanceClockMs", e->ahead_ms);
    json_out_key_int(&j, "transitionMs", e->account.transition_ms);
    json_out_key_int(&j, "subscriptionMs", e->account.subscription_ms);
    json_out_key_int(&j, "subscribeAgainMs", e->account.subscribe_again_ms);
    json_out_key_bool(&j, "limits", e->account.limits);
    json_out_end(&j);
    respond_buf(x, 200, &b);
}

static int setting_check(struct emulator *e, const struct json *m, struct err *err)
{
    struct span key = json_key(m);
    const int64_t *n = number_setting(e, key);
    double v = json_num(m, -1);
    if (!n && !span_is(key, "limits"))
        return err_set(err, ERR_INVALID, "unknown key \"%.*s\"", SPAN_ARG(key));
    if (!n && !json_is(m, JSON_BOOL))
        return err_set(err, ERR_INVALID, "\"%.*s\": true or false expected", SPAN_ARG(key));
    if (n && !(v >= 0 && v <= SETTING_MAX))
        return err_set(err, ERR_INVALID, "\"%.*s\": a number from 0 expected", SPAN_ARG(key));
    if (n == &e->ahead_ms && v < (double)e->ahead_ms)
        return err_set(err, ERR_INVALID, "the clock cannot go back");
    return 0;
}

// Changes nothing when a member is wrong.
static void settings_change(struct emulator *e, struct http_exchange *x)
{
    struct err err = {0};
    struct json *all = json_parse(http_body(x), &err);
    if (all && !json_is(all, JSON_OBJECT))
        err_set(&err, ERR_INVALID, "an object expected");
    for (const struct json *m = json_child(all); m && !err.code; m = json_next(m))
        setting_check(e, m, &err);
    if (err.code) {
        json_free(all);
        respond_error(x, 400, err.msg);
        return;
    }
    for (const struct json *m = json_child(all); m; m = json_next(m)) {
        int64_t *n = number_setting(e, json_key(m));
        if (n)
            *n = (int64_t)json_num(m, 0);
        else
            e->account.limits = json_bool(m, false);
    }
    json_free(all);
    emu_push_kick(e);
    settings(e, x);
}

static void credentials_change(struct emulator *e, struct http_exchange *x)
{
    struct err err = {0};
    struct json *all = json_parse(http_body(x), &err);
    struct span id = json_get_str(all, "accessKeyId", SPAN_NONE);
    struct span secret = json_get_str(all, "secretAccessKey", SPAN_NONE);
    if (!id.n || !secret.n)
        err_set(&err, ERR_INVALID, "accessKeyId and secretAccessKey expected");
    if (err.code) {
        respond_error(x, 400, err.msg);
    } else {
        emu_service_set_credentials(e, id, secret, json_get_str(all, "sessionToken", SPAN_NONE));
        http_respond_type(x, 200, "application/json", SPAN("{}"));
    }
    json_free(all);
}

static const struct {
    const char *method, *path;
    void (*run)(struct emulator *e, struct http_exchange *x);
} routes[] = {
    {"GET", EMU_ADMIN_PREFIX "stats", stats},
    {"DELETE", EMU_ADMIN_PREFIX "stats", stats_reset},
    {"GET", EMU_ADMIN_PREFIX "settings", settings},
    {"POST", EMU_ADMIN_PREFIX "settings", settings_change},
    {"POST", EMU_ADMIN_PREFIX "credentials", credentials_change},
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
