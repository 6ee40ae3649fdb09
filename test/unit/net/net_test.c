// SPDX-License-Identifier: Apache-2.0
#include "net_test.h"

struct loop *loop;
struct timer deadline;
static struct list raws = LIST_INIT(raws);

static void too_late(struct timer *t)
{
    (void)t;
    fail_msg("waited in vain");
}

static struct clock test_clock;
static int64_t now_ms, today_ms;

static int64_t mono_ms(void *ctx)
{
    (void)ctx;
    return now_ms;
}

static int64_t wall_ms(void *ctx)
{
    (void)ctx;
    return today_ms;
}

void advance_ms(int64_t ms)
{
    now_ms += ms;
    today_ms += ms;
    loop_refresh(loop);
}

void turns(int n)
{
    while (n-- > 0)
        loop_turn(loop, false);
}

void begin_loop(void)
{
    test_clock = clock_system;
    test_clock.mono_ms = mono_ms;
    test_clock.wall_ms = wall_ms;
    now_ms = clock_system.mono_ms(NULL);
    today_ms = clock_system.wall_ms(NULL);
    loop = loop_new(&test_clock);
    deadline = (struct timer){.fire = too_late};
}

void end_loop(void)
{
    while (!list_empty(&raws))
        raw_close(container_of(raws.next, struct raw, link));
    loop_run(loop);
    loop_free(loop);
}

void set_flag(void *ctx)
{
    ++*(int *)ctx;
}

static void on_connect(void *ctx, int status, const struct err *e)
{
    (void)e;
    struct raw *r = ctx;
    r->open = status == 0 ? 1 : -1;
    if (status == 0)
        tcp_read_start(r->tcp);
}

static void on_read(void *ctx, const char *p, size_t n, int status)
{
    struct raw *r = ctx;
    buf_add(&r->got, p, n);
    if (status) {
        r->ended++;
        r->status = status;
    }
}

static void on_drain(void *ctx, int status)
{
    struct raw *r = ctx;
    if (status) {
        r->ended++;
        r->status = status;
    }
}

static const struct tcp_events events = {on_connect, on_read, on_drain};

void raw_connect(struct raw *r, uint16_t port)
{
    *r = (struct raw){0};
    assert_int_equal(tcp_connect(loop, SPAN("127.0.0.1"), port, &events, r, &r->tcp), 0);
    list_push(&raws, &r->link);
    wait_until(r->open);
    assert_int_equal(r->open, 1);
}

void raw_attach(struct raw *r, struct tcp *t)
{
    *r = (struct raw){.tcp = t, .open = 1};
    list_push(&raws, &r->link);
    tcp_set_events(t, &events, r);
    tcp_read_start(t);
}

void raw_send_span(struct raw *r, struct span s)
{
    (void)!tcp_write(r->tcp, &s, 1);
}

void raw_send(struct raw *r, const char *s)
{
    raw_send_span(r, span_str(s));
}

int raw_count(const struct raw *r, const char *s)
{
    size_t n = strlen(s);
    int count = 0;
    for (size_t i = 0; i + n <= r->got.n; i++)
        count += memcmp(r->got.p + i, s, n) == 0;
    return count;
}

bool raw_has(const struct raw *r, const char *s)
{
    return raw_count(r, s) > 0;
}

void raw_close(struct raw *r)
{
    if (r->tcp && !r->closed) {
        tcp_close(r->tcp, set_flag, &r->closed);
        wait_until(r->closed);
        list_remove(&r->link);
    }
    buf_free(&r->got);
}
