// SPDX-License-Identifier: Apache-2.0
#include "emulator/service.h"

#include "base/log.h"
#include "base/mem.h"
#include "emulator/push.h"
#include "emulator/reply.h"

// Happy path: target and content type → signature → fault rules → operation → reply. A fault rule
// may put a timer between (stall), take the answer away (cut, duplicate) or let it go out in pieces
// (reply.c). A subscription goes on in push.c.

#define TARGET_PREFIX "Kinesis_20131202."
#define TYPE_OLD_JSON "application/json"
#define REPLY_KEPT_MAX ((size_t)4 << 20) // a larger reply buffer is given back

// A call that waits for its stall to end.
struct stall {
    struct list link;
    struct timer timer;
    struct emulator *emulator;
    struct http_exchange *exchange;
    enum emu_op op;
    bool cbor;
};

struct emu_now emu_service_now(const struct emulator *e)
{
    return (struct emu_now){e->clock->wall_ms(e->clock->ctx) + e->ahead_ms,
                            e->clock->mono_ms(e->clock->ctx) + e->ahead_ms};
}

static void respond(struct emulator *e, struct http_exchange *x, int status, const char *type,
                    struct span body)
{
    emu_reply(e, x, status, type, body, NULL);
}

// Peers choose parts of messages; a reply must be valid text all the same.
static struct span printable(struct span s, struct arena *arena)
{
    if (span_is_utf8(s))
        return s;
    char *p = arena_dup(arena, s.p, s.n);
    for (size_t i = 0; i < s.n; i++)
        if ((uint8_t)p[i] >= 0x80)
            p[i] = '?';
    return span_of(p, s.n);
}

static void respond_error(struct emulator *e, struct http_exchange *x, bool cbor,
                          const struct emu_error *error)
{
    struct emu_out out;
    buf_clear(&e->reply);
    emu_out_init(&out, cbor, &e->reply);
    emu_out_map(&out);
    emu_out_key_str(&out, "__type", span_str(error->code));
    if (error->message.p)
        emu_out_key_str(&out, "message", printable(error->message, http_arena(x)));
    emu_out_end(&out);
    respond(e, x, error->status, cbor ? EMU_TYPE_CBOR : EMU_TYPE_JSON, buf_span(&e->reply));
}

static void respond_xml(struct emulator *e, struct http_exchange *x, int status, const char *code,
                        const char *message)
{
    buf_clear(&e->reply);
    if (message)
        buf_printf(&e->reply, "<%s>\n  <Message>%s</Message>\n</%s>\n", code, message, code);
    else
        buf_printf(&e->reply, "<%s/>\n", code);
    respond(e, x, status, NULL, buf_span(&e->reply));
}

static void respond_html(struct emulator *e, struct http_exchange *x)
{
    respond(e, x, 503, "text/html",
            SPAN("<html><head><title>503 Service Temporarily Unavailable</title></head>"
                 "<body><h1>503 Service Temporarily Unavailable</h1></body></html>\n"));
}

static bool is_signed(struct emulator *e, struct http_exchange *x, struct emu_error *error)
{
    struct emu_signed r = {
        .method = http_method(x),
        .path = http_path(x),
        .query = http_query(x),
        .headers = http_request_headers(x),
        .body = http_body(x),
    };
    return !e->check_signatures ||
           emu_auth_check(&e->auth, &r, e->clock->wall_ms(e->clock->ctx), http_arena(x), error);
}

static bool throttled(void *ctx, enum emu_op op, uint32_t shard)
{
    struct emulator *e = ctx;
    return emu_faults_throttle(&e->faults, op, shard);
}

static void twist(struct emu_rule *rule, struct emu_twist *t)
{
    if (!rule)
        return;
    t->empty_page = rule->fault == EMU_FAULT_EMPTY;
    t->redeliver = rule->fault == EMU_FAULT_REDELIVER;
    if (rule->fault == EMU_FAULT_PARTIAL) {
        t->fail_fraction = rule->fraction;
        t->fail_code = rule->code;
        t->random = emu_fault_random;
        t->ctx = rule;
    }
}

// Runs the operation and answers; `rule` is the fault rule that spoils it, or NULL.
static void run(struct emulator *e, struct http_exchange *x, enum emu_op op, bool cbor,
                struct emu_rule *rule)
{
    struct emu_out out;
    struct emu_call call = {
        .account = &e->account,
        .arena = http_arena(x),
        .out = &out,
        .now = emu_service_now(e),
        .gate = {throttled, e},
    };
    twist(rule, &call.twist);
    buf_clear(&e->reply);
    emu_out_init(&out, cbor, &e->reply);
    bool ok = emu_op_run(op, &call, cbor, http_body(x));
    e->errors[op] += !ok;
    log_debug("kinesis", "call", "op=%s error=%s", emu_op_name(op), ok ? "" : call.error.code);
    if (rule && rule->fault == EMU_FAULT_DUPLICATE)
        http_cut(x);
    else if (ok && op == EMU_OP_SubscribeToShard)
        emu_push_begin(e, x, call.subscription);
    else if (ok)
        emu_reply(e, x, 200, cbor ? EMU_TYPE_CBOR : EMU_TYPE_JSON, buf_span(&e->reply), rule);
    else
        respond_error(e, x, cbor, &call.error);
    if (e->reply.cap > REPLY_KEPT_MAX)
        buf_free(&e->reply);
    emu_push_kick(e);
}

static void stall_end(struct stall *s)
{
    timer_stop(&s->timer);
    list_remove(&s->link);
    run(s->emulator, s->exchange, s->op, s->cbor, NULL);
    mem_free(s);
}

static void on_stall_over(struct timer *t)
{
    stall_end(container_of(t, struct stall, timer));
}

static void stall_begin(struct emulator *e, struct http_exchange *x, enum emu_op op, bool cbor,
                        int64_t ms)
{
    struct stall *s = mem_new(struct stall);
    s->emulator = e;
    s->exchange = x;
    s->op = op;
    s->cbor = cbor;
    s->timer.fire = on_stall_over;
    list_push(&e->stalled, &s->link);
    timer_start(e->loop, &s->timer, ms);
}

void emu_service_unstall(struct emulator *e)
{
    while (!list_empty(&e->stalled))
        stall_end(container_of(e->stalled.next, struct stall, link));
}

static void call_operation(struct emulator *e, struct http_exchange *x, enum emu_op op, bool cbor)
{
    struct emu_error error = {0};
    e->calls[op]++;
    if (!is_signed(e, x, &error)) {
        e->errors[op]++;
        respond_error(e, x, cbor, &error);
        return;
    }
    struct emu_rule *rule = emu_faults_pick(&e->faults, op);
    if (rule && emu_fault_error(rule, op, &error)) {
        e->errors[op]++;
        respond_error(e, x, cbor, &error);
    } else if (rule && rule->fault == EMU_FAULT_HTML) {
        e->errors[op]++;
        respond_html(e, x);
    } else if (rule && rule->fault == EMU_FAULT_CUT) {
        e->errors[op]++;
        http_cut(x);
    } else if (rule && rule->fault == EMU_FAULT_RESET) {
        e->errors[op]++;
        http_reset(x);
    } else if (rule && rule->fault == EMU_FAULT_STALL && !e->closing) {
        stall_begin(e, x, op, cbor, rule->stall_ms);
    } else {
        if (rule && rule->fault == EMU_FAULT_GOAWAY)
            http_goaway(x);
        run(e, x, op, cbor, rule);
    }
}

static bool find_operation(struct span target, enum emu_op *op)
{
    struct span prefix = SPAN(TARGET_PREFIX);
    return span_has_prefix(target, prefix) &&
           emu_op_find(span_of(target.p + prefix.n, target.n - prefix.n), op);
}

// What the service answers when it cannot tell what is wanted of it: XML, or the form of an older
// protocol (facts of the wire, section 2).
static void refuse(struct emulator *e, struct http_exchange *x, struct span target,
                   struct span type)
{
    size_t dot = span_find(target, '.');
    if (span_is(type, TYPE_OLD_JSON))
        respond(
            e, x, 404, TYPE_OLD_JSON,
            SPAN("{\"Output\":{\"__type\":\"com.amazon.coral.service#UnknownOperationException\"},"
                 "\"Version\":\"1.0\"}"));
    else if (dot == 0 || dot + 1 >= target.n)
        respond_xml(e, x, 403, "AccessDeniedException",
                    "Unable to determine service/operation name to be authorized");
    else
        respond_xml(e, x, 404, "UnknownOperationException", NULL);
}

void emu_service_handle(struct emulator *e, struct http_exchange *x)
{
    struct span target = http_request_header(x, "x-amz-target");
    struct span rest = http_request_header(x, "content-type"),
                type = span_trim(span_cut(&rest, ';'));
    bool json = span_ieq(type, SPAN(EMU_TYPE_JSON)), cbor = span_ieq(type, SPAN(EMU_TYPE_CBOR));
    bool empty = http_body(x).n == 0;
    enum emu_op op = EMU_OP_COUNT;
    bool known = find_operation(target, &op);
    if (!span_is(http_method(x), "POST")) {
        respond_xml(e, x, 403, "AccessDeniedException",
                    "Unable to determine service/operation name to be authorized");
    } else if (empty && (!known || !(json || cbor))) {
        struct emu_error error = {known ? "SerializationException" : "UnknownOperationException",
                                  400, SPAN_NONE};
        respond_error(e, x, !json, &error);
    } else if (!json && !cbor) {
        refuse(e, x, target, type);
    } else if (!known) {
        struct emu_error error = {"UnknownOperationException", 400, SPAN_NONE};
        respond_error(e, x, cbor, &error);
    } else {
        call_operation(e, x, op, cbor);
    }
}
