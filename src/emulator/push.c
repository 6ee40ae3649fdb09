// SPDX-License-Identifier: Apache-2.0
#include "emulator/push.h"

#include "base/mem.h"
#include "codec/event_stream.h"
#include "emulator/reply.h"
#include "emulator/service.h"
#include "io/tcp.h"

#define SLOW_PIECES 16
#define CUT_MS 20 // so long the first part of a cut event may take to leave

struct push {
    struct list link;
    struct emulator *emulator;
    struct http_exchange *exchange;
    struct emu_subscription sub;
    // What a fault rule holds back: bytes[at..] leave `piece` by `piece`, one every_ms.
    struct buf held;
    size_t at, piece;
    int64_t every_ms;
    int64_t resume_ms;   // monotonic: nothing leaves before
    enum emu_fault then; // once `held` has left: EMU_FAULT_NONE = go on
};

enum step { GO_ON, WAIT, ENDED };

static void push_free(struct push *p)
{
    list_remove(&p->link);
    buf_free(&p->held);
    mem_free(p);
}

static enum step push_end(struct push *p, enum emu_fault how)
{
    if (how == EMU_FAULT_CUT || how == EMU_FAULT_CUT_MIDDLE)
        http_cut(p->exchange);
    else if (how == EMU_FAULT_RESET)
        http_reset(p->exchange);
    else
        http_respond_end(p->exchange);
    push_free(p);
    return ENDED;
}

// One message: its type and name, the payload's type, the payload.
static void frame(struct push *p, const char *message_type, const char *name_header,
                  struct span name, struct span payload, struct buf *out)
{
    struct event_header h[] = {
        event_header_string(name_header, name),
        event_header_string(":content-type",
                            p->sub.cbor ? SPAN(EMU_TYPE_CBOR) : SPAN(EMU_TYPE_JSON)),
        event_header_string(":message-type", span_str(message_type)),
    };
    int rc = event_message_write(out, h, 3, payload);
    require(rc == 0);
}

static void error_frame(struct span code, struct span message, struct buf *out)
{
    struct event_header h[] = {
        event_header_string(":error-code", code),
        event_header_string(":error-message", message),
        event_header_string(":message-type", SPAN("error")),
    };
    int rc = event_message_write(out, h, 3, SPAN_NONE);
    require(rc == 0);
}

static void exception_frame(struct push *p, const struct emu_error *error, struct buf *out)
{
    struct buf payload = {0};
    struct emu_out o;
    emu_out_init(&o, p->sub.cbor, &payload);
    emu_out_map(&o);
    emu_out_key_str(&o, "message", error->message);
    emu_out_end(&o);
    frame(p, "exception", ":exception-type", span_str(error->code), buf_span(&payload), out);
    buf_free(&payload);
}

static enum step put(struct push *p, struct span bytes)
{
    return http_respond_write(p->exchange, bytes) == 0 ? GO_ON : push_end(p, EMU_FAULT_NONE);
}

static void hold(struct push *p, struct span bytes, size_t pieces, int64_t over_ms)
{
    buf_add_span(&p->held, bytes);
    p->at = 0;
    p->piece = bytes.n / pieces + 1;
    p->every_ms = over_ms / (int64_t)pieces;
}

// The next piece of what is held, or what comes after it.
static enum step release(struct push *p, struct emu_now now)
{
    size_t rest = p->held.n - p->at, n = rest < p->piece ? rest : p->piece;
    if (n > 0) {
        p->resume_ms = now.mono_ms + p->every_ms;
        p->at += n;
        return put(p, span_of(p->held.p + p->at - n, n));
    }
    buf_free(&p->held);
    return p->then == EMU_FAULT_NONE ? GO_ON : push_end(p, p->then);
}

static enum step send_exception(struct push *p, const struct emu_error *error)
{
    struct buf b = {0};
    exception_frame(p, error, &b);
    enum step s = put(p, buf_span(&b));
    buf_free(&b);
    return s == GO_ON ? push_end(p, EMU_FAULT_NONE) : s;
}

// An error or an exception in place of the event; then the stream ends.
static enum step refuse(struct push *p, const struct emu_rule *rule, const struct emu_error *error)
{
    struct buf b = {0};
    struct emu_error modelled = *error;
    if (rule->fault == EMU_FAULT_INTERNAL)
        modelled.code = "InternalFailureException";
    if (rule->fault == EMU_FAULT_INTERNAL || rule->fault == EMU_FAULT_ERROR)
        return send_exception(p, &modelled);
    error_frame(span_str(error->code), error->message, &b);
    enum step s = put(p, buf_span(&b));
    buf_free(&b);
    return s == GO_ON ? push_end(p, EMU_FAULT_NONE) : s;
}

// An event without records, from where the subscription stood before the one that is due.
static enum step put_empty(struct push *p, const struct emu_subscription *before,
                           struct emu_now now)
{
    struct buf payload = {0}, b = {0};
    emu_subscription_empty(before, &p->emulator->account, now, &payload);
    frame(p, "event", ":event-type", SPAN("SubscribeToShardEvent"), buf_span(&payload), &b);
    enum step s = put(p, buf_span(&b));
    buf_free(&payload);
    buf_free(&b);
    return s;
}

// Spoils the event, whose message is *event. GO_ON: it still has to be written.
static enum step spoil(struct push *p, const struct emu_rule *rule, struct buf *event,
                       struct emu_now now)
{
    struct emu_error error;
    if (emu_fault_error(rule, EMU_FAULT_EVENT, &error))
        return refuse(p, rule, &error);
    switch (rule->fault) {
    case EMU_FAULT_CUT:
    case EMU_FAULT_RESET:
    case EMU_FAULT_END:
        return push_end(p, rule->fault);
    case EMU_FAULT_CUT_MIDDLE:
        hold(p, span_of(event->p, event->n / 2), 1, CUT_MS);
        p->then = EMU_FAULT_CUT_MIDDLE;
        return WAIT;
    case EMU_FAULT_STALL:
        hold(p, buf_span(event), 1, 0);
        p->resume_ms = now.mono_ms + rule->stall_ms;
        return WAIT;
    case EMU_FAULT_SLOW:
        hold(p, buf_span(event), SLOW_PIECES, rule->stall_ms);
        return WAIT;
    case EMU_FAULT_CORRUPT:
        event->p[event->n - 5] ^= 1; // the last byte before the checksum
        return GO_ON;
    case EMU_FAULT_GOAWAY:
        http_goaway(p->exchange);
        return GO_ON;
    case EMU_FAULT_REDELIVER:
        return put(p, buf_span(event));
    default:
        return GO_ON;
    }
}

// Writes the event, spoilt when a rule says so. `last`: the stream ends after it.
static enum step write_event(struct push *p, struct buf *event, struct emu_rule *rule, bool last,
                             struct emu_now now)
{
    enum step s = rule ? spoil(p, rule, event, now) : GO_ON;
    if (s == WAIT && last && p->then == EMU_FAULT_NONE)
        p->then = EMU_FAULT_END;
    if (s == WAIT)
        return GO_ON; // to release what is held
    if (s == GO_ON)
        s = put(p, buf_span(event));
    return s == GO_ON && last ? push_end(p, EMU_FAULT_NONE) : s;
}

// The event that is due; `before`: where the subscription stood before it.
static enum step send_event(struct push *p, const struct emu_subscription *before,
                            struct span payload, bool last, struct emu_now now)
{
    struct buf b = {0};
    struct emu_rule *rule = emu_faults_pick(&p->emulator->faults, EMU_FAULT_EVENT);
    frame(p, "event", ":event-type", SPAN("SubscribeToShardEvent"), payload, &b);
    enum step s = GO_ON;
    if (rule && rule->fault == EMU_FAULT_EMPTY)
        s = put_empty(p, before, now);
    if (s == GO_ON)
        s = write_event(p, &b, rule, last, now);
    buf_free(&b);
    return s;
}

static enum step next_event(struct push *p, struct emu_now now)
{
    struct buf payload = {0};
    struct emu_error error;
    struct emu_subscription before = p->sub;
    enum step s = WAIT;
    switch (emu_subscription_next(&p->sub, &p->emulator->account, now, &payload, &error)) {
    case EMU_PUSH_NOTHING:
        break;
    case EMU_PUSH_EVENT:
        s = send_event(p, &before, buf_span(&payload), false, now);
        break;
    case EMU_PUSH_LAST:
        s = send_event(p, &before, buf_span(&payload), true, now);
        break;
    case EMU_PUSH_END:
        s = push_end(p, EMU_FAULT_NONE);
        break;
    case EMU_PUSH_ERROR:
        s = send_exception(p, &error);
        break;
    }
    buf_free(&payload);
    return s;
}

static void pump(struct push *p, struct emu_now now)
{
    enum step s = GO_ON;
    while (s == GO_ON && now.mono_ms >= p->resume_ms &&
           http_respond_queued(p->exchange) < TCP_HIGH_MARK)
        s = p->held.p ? release(p, now) : next_event(p, now);
}

static int64_t due_ms(const struct push *p, struct emu_now now)
{
    if (p->resume_ms > now.mono_ms)
        return p->resume_ms;
    // A queue that is full: its draining wakes us.
    if (http_respond_queued(p->exchange) >= TCP_HIGH_MARK)
        return INT64_MAX;
    return emu_subscription_due_ms(&p->sub, now);
}

static void pump_all(struct loop_task *task)
{
    struct emulator *e = container_of(task, struct emulator, pump);
    struct emu_now now = emu_service_now(e);
    emu_account_settle(&e->account, now);
    int64_t due = emu_account_due_ms(&e->account);
    // Taken one by one: a cut connection may end other subscriptions as well.
    struct list todo, *it;
    list_init(&todo);
    list_move_all(&todo, &e->pushes);
    while ((it = list_pop(&todo)) != NULL) {
        list_push(&e->pushes, it);
        pump(container_of(it, struct push, link), now);
    }
    list_for(left, &e->pushes)
    {
        int64_t at = due_ms(container_of(left, struct push, link), now);
        due = at < due ? at : due;
    }
    timer_stop(&e->tick);
    if (!list_empty(&e->pushes) && due != INT64_MAX)
        timer_start(e->loop, &e->tick, due > now.mono_ms ? due - now.mono_ms : 1);
}

static void on_tick(struct timer *t)
{
    emu_push_kick(container_of(t, struct emulator, tick));
}

void emu_push_kick(struct emulator *e)
{
    e->pump.run = pump_all;
    if (!list_empty(&e->pushes) && !list_linked(&e->pump.link))
        loop_post(e->loop, &e->pump);
}

static void on_gone(struct http_exchange *x)
{
    push_end(http_data(x), EMU_FAULT_NONE);
}

static void on_drain(struct http_exchange *x)
{
    struct push *p = http_data(x);
    emu_push_kick(p->emulator);
}

void emu_push_begin(struct emulator *e, struct http_exchange *x, struct emu_subscription sub)
{
    struct push *p = mem_new(struct push);
    struct emu_reply_headers h;
    struct buf hello = {0};
    p->emulator = e;
    p->exchange = x;
    p->sub = sub;
    list_push(&e->pushes, &p->link);
    emu_reply_headers(e, x, "application/vnd.amazon.eventstream", &h);
    http_set_data(x, p);
    http_on_gone(x, on_gone);
    http_on_drain(x, on_drain);
    http_respond_start(x, 200, (struct http_headers){h.all, h.n});
    frame(p, "event", ":event-type", SPAN("initial-response"), sub.cbor ? SPAN("\xa0") : SPAN("{}"),
          &hello);
    put(p, buf_span(&hello));
    buf_free(&hello);
    if (e->closing) { // its request was on its way
        push_end(p, EMU_FAULT_NONE);
        return;
    }
    e->tick.fire = on_tick;
    emu_push_kick(e);
}

void emu_push_end_all(struct emulator *e)
{
    while (!list_empty(&e->pushes))
        push_end(container_of(e->pushes.next, struct push, link), EMU_FAULT_NONE);
    timer_stop(&e->tick);
    loop_unpost(&e->pump);
}

size_t emu_push_count(const struct emulator *e)
{
    size_t n = 0;
    list_for(it, &e->pushes) n++;
    return n;
}
