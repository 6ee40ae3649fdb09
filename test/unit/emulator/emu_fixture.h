// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_EMU_FIXTURE_H
#define PENSTOCK_TEST_EMU_FIXTURE_H

// An account, a clock that stands still, and calls of operations as a client would send them.

#include <stdio.h>

#include "codec/json.h"
#include "emulator/ops.h"
#include "lib/test.h"
#include "lib/test_clock.h"

#define EMU_T0 INT64_C(1754611200125)
#define EMU_HOUR (INT64_C(3600) * 1000)

struct emu_fixture {
    struct emu_account account;
    struct emu_now now;
    struct emu_twist twist;
    struct arena arena;
    struct buf reply;
    struct json *json; // of the last JSON reply, NULL when it was empty
    struct emu_error error;
    struct emu_gate gate;
    struct emu_subscription subscription; // of the last SubscribeToShard
};

static struct emu_fixture fx;

static int emu_set_up(void **state)
{
    *state = &fx;
    fx = (struct emu_fixture){.now = {EMU_T0, 1000}};
    memcpy(fx.account.id, "000000000000", 13);
    memcpy(fx.account.region, "us-east-1", 10);
    emu_account_init(&fx.account, 64 << 20);
    return 0;
}

static int emu_tear_down(void **state)
{
    (void)state;
    emu_account_free(&fx.account);
    arena_free(&fx.arena);
    buf_free(&fx.reply);
    json_free(fx.json);
    return 0;
}

#define EMU_CASE(fn) cmocka_unit_test_setup_teardown(fn, emu_set_up, emu_tear_down)

static inline void emu_advance(int64_t ms)
{
    fx.now.wall_ms += ms;
    fx.now.mono_ms += ms;
}

static inline bool emu_call_raw(const char *op, bool cbor, struct span body)
{
    enum emu_op which;
    struct emu_out out;
    struct emu_call call = {
        .account = &fx.account,
        .arena = &fx.arena,
        .out = &out,
        .now = fx.now,
        .twist = fx.twist,
        .gate = fx.gate,
    };
    buf_clear(&fx.reply);
    emu_out_init(&out, cbor, &fx.reply);
    assert_true(emu_op_find(span_str(op), &which));
    bool ok = emu_op_run(which, &call, cbor, body);
    fx.error = call.error;
    fx.subscription = call.subscription;
    assert_int_equal(ok, call.error.code == NULL);
    return ok;
}

// The reply's tree, or an empty object's for an empty one; fails the test on an error.
__attribute__((format(printf, 2, 3))) static inline struct json *emu_ok(const char *op,
                                                                        const char *fmt, ...)
{
    struct buf body = {0};
    char text[8192];
    va_list ap;
    struct err e = {0};
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_add_str(&body, text);
    for (size_t i = 0; i < body.n; i++)
        if (body.p[i] == '\'')
            body.p[i] = '"';
    if (!emu_call_raw(op, false, buf_span(&body)))
        fail_msg("%s: %s: %.*s", op, fx.error.code, SPAN_ARG(fx.error.message));
    buf_free(&body);
    json_free(fx.json);
    fx.json = json_parse(fx.reply.n ? buf_span(&fx.reply) : SPAN("{}"), &e);
    if (!fx.json)
        fail_msg("%s: %s in %.*s", op, e.msg, SPAN_ARG(buf_span(&fx.reply)));
    return fx.json;
}

// Fails the test unless the call ends with this error, and this in its message.
__attribute__((format(printf, 4, 5))) static inline void
emu_error(const char *op, const char *code, const char *part, const char *fmt, ...)
{
    char text[8192];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *p = text; *p; p++)
        if (*p == '\'')
            *p = '"';
    if (emu_call_raw(op, false, span_str(text)))
        fail_msg("%s succeeded with %s", op, text);
    assert_string_equal(fx.error.code, code);
    if (part && !memmem(fx.error.message.p, fx.error.message.n, part, strlen(part)))
        fail_msg("%s: \"%s\" not in \"%.*s\"", op, part, SPAN_ARG(fx.error.message));
}

static inline struct span emu_str(const struct json *j, const char *key)
{
    return json_get_str(j, key, SPAN_NONE);
}

static inline struct json *emu_nth(const struct json *list, size_t n)
{
    struct json *j = json_child(list);
    while (j && n--)
        j = json_next(j);
    return j;
}

// A copy that lives as long as the fixture, for a later call's format.
static inline const char *emu_keep(struct span s)
{
    return arena_cstr(&fx.arena, s);
}

static inline const char *emu_iterator(const char *stream, const char *shard, const char *type)
{
    struct json *j =
        emu_ok("GetShardIterator", "{'StreamName':'%s','ShardId':'%s','ShardIteratorType':'%s'}",
               stream, shard, type);
    return emu_keep(emu_str(j, "ShardIterator"));
}

#endif
