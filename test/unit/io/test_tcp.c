// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "io/loop_internal.h"
#include "io/tcp.h"

#define DEADLINE_MS 120000

// One end of a connection and what happened to it.
struct end {
    struct tcp *tcp;
    struct buf got;
    int connects, connect_status;
    struct err error;
    int eof, read_status;
    int drains, drain_status;
    int closed;
    bool hold; // do not read from the start
};

static struct loop *loop;
static struct tcp_listener *listener;
static struct end client, server, extra;
static int accepted;
static bool listener_closed;
static struct timer deadline;

static void too_late(struct timer *t)
{
    (void)t;
    fail_msg("waited in vain");
}

#define wait_until(condition)                                                                      \
    do {                                                                                           \
        int64_t end_ms_ = clock_system.mono_ms(NULL) + DEADLINE_MS;                                \
        timer_start(loop, &deadline, DEADLINE_MS); /* ends the wait for events */                  \
        while (!(condition)) {                                                                     \
            assert_true(loop_turn(loop, true));                                                    \
            if (clock_system.mono_ms(NULL) > end_ms_)                                              \
                fail_msg("waited in vain");                                                        \
        }                                                                                          \
        timer_stop(&deadline);                                                                     \
    } while (0)

static void on_connect(void *ctx, int status, const struct err *e)
{
    struct end *x = ctx;
    x->connects++;
    x->connect_status = status;
    if (e)
        x->error = *e;
    if (status == 0 && !x->hold)
        tcp_read_start(x->tcp);
}

static void on_read(void *ctx, const char *p, size_t n, int status)
{
    struct end *x = ctx;
    assert_true((n > 0) == (status == 0));
    buf_add(&x->got, p, n);
    if (status) {
        x->eof++;
        x->read_status = status;
    }
}

static void on_drain(void *ctx, int status)
{
    struct end *x = ctx;
    x->drains++;
    x->drain_status = status;
}

static const struct tcp_events events = {on_connect, on_read, on_drain};

static void on_accept(void *ctx, struct tcp *t)
{
    (void)ctx;
    struct end *x = accepted++ == 0 ? &server : &extra;
    x->tcp = t;
    tcp_set_events(t, &events, x);
    if (!x->hold)
        tcp_read_start(t);
}

static void on_closed(void *ctx)
{
    ((struct end *)ctx)->closed++;
}

static void on_listener_closed(void *ctx)
{
    *(bool *)ctx = true;
}

static struct clock test_clock;
static int64_t now_ms; // stands still but for what a test adds

static int64_t mono_ms(void *ctx)
{
    (void)ctx;
    return now_ms;
}

static int setup(void **state)
{
    (void)state;
    client = server = extra = (struct end){0};
    accepted = 0;
    deadline = (struct timer){.fire = too_late};
    listener_closed = false;
    test_clock = clock_system;
    test_clock.mono_ms = mono_ms;
    now_ms = clock_system.mono_ms(NULL);
    loop = loop_new(&test_clock);
    return tcp_listen(loop, SPAN("127.0.0.1"), 0, on_accept, NULL, &listener, NULL);
}

static void close_end(struct end *x)
{
    if (x->tcp && !x->closed)
        tcp_close(x->tcp, on_closed, x);
}

static int teardown(void **state)
{
    (void)state;
    close_end(&client);
    close_end(&server);
    close_end(&extra);
    if (listener)
        tcp_listener_close(listener, on_listener_closed, &listener_closed);
    loop_run(loop);
    int rc = listener_closed ? 0 : -1;
    loop_free(loop);
    buf_free(&client.got);
    buf_free(&server.got);
    buf_free(&extra.got);
    return rc;
}

static void dial(struct end *x, struct span host)
{
    assert_int_equal(tcp_connect(loop, host, tcp_listener_port(listener), &events, x, &x->tcp), 0);
    assert_int_equal(x->connects, 0);
}

static void connect_both(void)
{
    dial(&client, SPAN("127.0.0.1"));
    wait_until(client.connects && server.tcp);
    assert_int_equal(client.connect_status, 0);
}

static void say(struct end *x, struct span s)
{
    assert_int_equal(tcp_write(x->tcp, &s, 1), 0);
}

static void bytes_both_ways_and_end_of_file(void **state)
{
    (void)state;
    connect_both();
    struct span parts[20];
    for (int i = 0; i < 20; i++)
        parts[i] = i % 3 == 2 ? SPAN_NONE : SPAN("ab");
    assert_int_equal(tcp_write(client.tcp, parts, 20), 0);
    wait_until(server.got.n == 28);
    say(&server, SPAN("hello"));
    wait_until(client.got.n == 5);
    char peer[64], want[64];
    tcp_peer(client.tcp, peer, sizeof(peer));
    snprintf(want, sizeof(want), "127.0.0.1:%u", (unsigned)tcp_listener_port(listener));
    assert_string_equal(peer, want);
    tcp_shutdown(client.tcp);
    struct span more = SPAN("x");
    assert_int_equal(tcp_write(client.tcp, &more, 1), ERR_CLOSED);
    wait_until(server.eof);
    assert_int_equal(server.read_status, ERR_CLOSED);
    say(&server, SPAN("still"));
    wait_until(client.got.n == 10);
    tcp_close(server.tcp, on_closed, &server);
    assert_int_equal(server.closed, 0);
    wait_until(client.eof && server.closed);
}

// Stands in for the C library's in this program, libuv included: names.test has two addresses of
// which the first refuses, dead.test only such ones, slow.test waits for `answer`.
static pthread_mutex_t answer_mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answer_cond = PTHREAD_COND_INITIALIZER;
static bool answer;

static struct addrinfo *fake_address(const char *text, struct addrinfo *next)
{
    struct {
        struct addrinfo info;
        struct sockaddr_in addr;
    } *a = calloc(1, sizeof(*a));
    a->addr.sin_family = AF_INET;
    inet_pton(AF_INET, text, &a->addr.sin_addr);
    a->info = (struct addrinfo){.ai_family = AF_INET,
                                .ai_socktype = SOCK_STREAM,
                                .ai_addrlen = sizeof(a->addr),
                                .ai_addr = (struct sockaddr *)&a->addr,
                                .ai_next = next};
    return &a->info;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    (void)service;
    if (hints->ai_socktype != SOCK_STREAM)
        return EAI_SOCKTYPE;
    struct addrinfo *good = NULL;
    if (strcmp(host, "slow.test") == 0) {
        pthread_mutex_lock(&answer_mu);
        while (!answer)
            pthread_cond_wait(&answer_cond, &answer_mu);
        pthread_mutex_unlock(&answer_mu);
    } else if (strcmp(host, "names.test") == 0) {
        good = fake_address("127.0.0.1", NULL);
    } else if (strcmp(host, "dead.test") != 0) {
        return EAI_NONAME;
    }
    *out = fake_address("127.0.0.3", fake_address("127.0.0.2", good));
    return 0;
}

void freeaddrinfo(struct addrinfo *a)
{
    for (struct addrinfo *next; a; a = next) {
        next = a->ai_next;
        free(a);
    }
}

static void every_address_is_tried(void **state)
{
    (void)state;
    dial(&client, SPAN("names.test"));
    wait_until(client.connects && server.tcp);
    assert_int_equal(client.connect_status, 0);
    char peer[64];
    tcp_peer(client.tcp, peer, sizeof(peer));
    assert_memory_equal(peer, "127.0.0.1:", 10);
    say(&client, SPAN("hello"));
    wait_until(server.got.n == 5);
}

// An address that neither answers nor refuses: its listener's queue is full.
struct silence {
    struct sockaddr_in addr;
    int full, fill[3];
};

static void start_silence(struct silence *s)
{
    s->addr =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(tcp_listener_port(listener))};
    inet_pton(AF_INET, "127.0.0.2", &s->addr.sin_addr);
    s->full = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->full, (struct sockaddr *)&s->addr, sizeof(s->addr)), 0);
    assert_int_equal(listen(s->full, 0), 0);
    for (int i = 0; i < 3; i++) {
        s->fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(s->fill[i], (struct sockaddr *)&s->addr, sizeof(s->addr));
    }
}

static void stop_silence(struct silence *s)
{
    for (int i = 0; i < 3; i++)
        close(s->fill[i]);
    close(s->full);
}

// It is left for the next one in time.
static void silent_address(void **state)
{
    (void)state;
    struct silence s;
    start_silence(&s);
    dial(&client, SPAN("names.test"));
    int64_t give_up_ms = clock_system.mono_ms(NULL) + DEADLINE_MS;
    while (!client.connects && clock_system.mono_ms(NULL) < give_up_ms) {
        now_ms += 100;
        loop_refresh(loop);
        loop_turn(loop, false);
    }
    assert_int_equal(client.connects, 1);
    assert_int_equal(client.connect_status, 0);
    wait_until(server.tcp);
    // The next dial leaves it for last.
    union address silent = {.v4 = s.addr};
    assert_true(bad_addresses_has(loop_bad_addresses(loop), &silent, loop_now_ms(loop)));
    stop_silence(&s);
}

// Closed while two attempts are out.
static void closed_beside_a_silent_address(void **state)
{
    (void)state;
    struct silence s;
    start_silence(&s);
    dial(&client, SPAN("names.test"));
    for (int i = 0; i < 10; i++)
        loop_turn(loop, false);
    now_ms += ADDRESSES_ATTEMPT_DELAY_MS;
    loop_refresh(loop);
    tcp_close(client.tcp, on_closed, &client);
    wait_until(client.closed);
    assert_int_equal(client.connects, 0);
    stop_silence(&s);
}

static void no_address_answers(void **state)
{
    (void)state;
    dial(&client, SPAN("dead.test"));
    wait_until(client.connects);
    assert_int_equal(client.connects, 1);
    assert_int_equal(client.connect_status, ERR_CONNECT);
    assert_non_null(strstr(client.error.msg, "dead.test"));
}

static void unknown_host(void **state)
{
    (void)state;
    dial(&client, SPAN("no-such-host.invalid"));
    wait_until(client.connects);
    assert_int_equal(client.connect_status, ERR_DNS);
    assert_non_null(strstr(client.error.msg, "no-such-host.invalid"));
}

static void refused(void **state)
{
    (void)state;
    uint16_t port = tcp_listener_port(listener);
    tcp_listener_close(listener, on_listener_closed, &listener_closed);
    listener = NULL;
    wait_until(listener_closed);
    assert_int_equal(tcp_connect(loop, SPAN("127.0.0.1"), port, &events, &client, &client.tcp), 0);
    wait_until(client.connects);
    assert_int_equal(client.connect_status, ERR_CONNECT);
    assert_non_null(strstr(client.error.msg, "refused"));
}

static void bad_arguments(void **state)
{
    (void)state;
    struct tcp *t = NULL;
    char longest[256];
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(tcp_connect(loop, SPAN(""), 1, &events, NULL, &t), ERR_INVALID);
    assert_int_equal(tcp_connect(loop, SPAN("a\0b"), 1, &events, NULL, &t), ERR_INVALID);
    assert_int_equal(tcp_connect(loop, SPAN("127.0.0.1"), 0, &events, NULL, &t), ERR_INVALID);
    assert_int_equal(tcp_connect(loop, span_of(longest, 256), 1, &events, NULL, &t), ERR_INVALID);
    struct tcp_listener *s;
    struct err e = {0};
    assert_int_equal(tcp_listen(loop, SPAN("example.org"), 0, on_accept, NULL, &s, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "numeric"));
    assert_int_equal(
        tcp_listen(loop, SPAN("127.0.0.1"), tcp_listener_port(listener), on_accept, NULL, &s, &e),
        ERR_EXISTS);
    assert_non_null(strstr(e.msg, "in use"));
}

static void closed_while_resolving(void **state)
{
    (void)state;
    answer = false;
    dial(&client, SPAN("slow.test"));
    tcp_close(client.tcp, on_closed, &client);
    assert_int_equal(client.closed, 0);
    wait_until(client.closed); // without the answer
    pthread_mutex_lock(&answer_mu);
    answer = true;
    pthread_cond_broadcast(&answer_cond);
    pthread_mutex_unlock(&answer_mu);
    assert_int_equal(client.connects, 0);
}

static void closed_between_two_addresses(void **state)
{
    (void)state;
    for (int turns = 0; turns < 10; turns++) {
        client = (struct end){0};
        dial(&client, SPAN("dead.test"));
        for (int i = 0; i < turns; i++)
            loop_turn(loop, false);
        int before = client.connects;
        tcp_close(client.tcp, on_closed, &client);
        wait_until(client.closed);
        assert_int_equal(client.connects, before);
    }
}

static void closed_while_connecting(void **state)
{
    (void)state;
    dial(&client, SPAN("127.0.0.1"));
    tcp_close(client.tcp, on_closed, &client);
    wait_until(client.closed);
    assert_int_equal(client.connects, 0);
}

static void closed_after_a_failed_connect(void **state)
{
    refused(state);
    tcp_close(client.tcp, on_closed, &client);
    assert_int_equal(client.closed, 0);
    wait_until(client.closed);
}

// More than the kernel takes: queued, counted, drained, nothing lost or reordered.
static void slow_reader(void **state)
{
    (void)state;
    server.hold = true;
    connect_both();
    enum { N = 16 * 1024 * 1024 };
    char *big = malloc(N);
    for (size_t i = 0; i < N; i++)
        big[i] = (char)(i * 31 >> 8);
    struct span parts[2] = {{big, 1000001}, {big + 1000001, N - 1000001}};
    assert_int_equal(tcp_write(client.tcp, parts, 2), 0);
    assert_true(tcp_queued(client.tcp) > TCP_HIGH_MARK);
    say(&client, SPAN("end"));
    assert_int_equal(client.drains, 0);
    tcp_read_start(server.tcp);
    wait_until(server.got.n == N + 3);
    assert_memory_equal(server.got.p, big, N);
    assert_memory_equal(server.got.p + N, "end", 3);
    wait_until(client.drains);
    assert_int_equal(client.drains, 1);
    assert_int_equal(client.drain_status, 0);
    assert_int_equal(tcp_queued(client.tcp), 0);
    free(big);
}

static void reading_stops_and_starts(void **state)
{
    (void)state;
    server.hold = true;
    connect_both();
    say(&client, SPAN("one"));
    tcp_read_start(server.tcp);
    wait_until(server.got.n == 3);
    tcp_read_stop(server.tcp);
    say(&client, SPAN("two"));
    // The answer comes after "two" has arrived at the kernel, and "two" is not delivered.
    say(&server, SPAN("!"));
    wait_until(client.got.n == 1);
    assert_int_equal(server.got.n, 3);
    tcp_read_start(server.tcp);
    wait_until(server.got.n == 6);
}

static void closed_with_writes_pending(void **state)
{
    (void)state;
    server.hold = true;
    connect_both();
    static char big[8 * 1024 * 1024];
    say(&client, span_of(big, sizeof(big)));
    tcp_close(client.tcp, on_closed, &client);
    wait_until(client.closed);
    assert_int_equal(client.drains, 0);
}

static void write_to_a_gone_peer_fails_once(void **state)
{
    (void)state;
    client.hold = true;
    connect_both();
    say(&client, SPAN("unread"));
    tcp_close(server.tcp, on_closed, &server);
    wait_until(server.closed);
    int64_t give_up_ms = clock_system.mono_ms(NULL) + DEADLINE_MS;
    while (client.drains == 0 && clock_system.mono_ms(NULL) < give_up_ms) {
        struct span s = SPAN("again");
        int rc = tcp_write(client.tcp, &s, 1);
        assert_true(rc == 0 || rc == ERR_CLOSED);
        loop_turn(loop, false);
    }
    assert_int_equal(client.drains, 1);
    assert_true(client.drain_status < 0);
    struct span s = SPAN("never");
    assert_int_equal(tcp_write(client.tcp, &s, 1), ERR_CLOSED);
}

static void paused_listener(void **state)
{
    (void)state;
    tcp_listener_pause(listener, true);
    dial(&client, SPAN("127.0.0.1"));
    wait_until(client.connects); // the kernel completes it
    for (int i = 0; i < 5; i++)
        loop_turn(loop, false);
    assert_int_equal(accepted, 0);
    tcp_listener_pause(listener, false);
    assert_int_equal(accepted, 0);
    wait_until(accepted == 1);
    struct end other = {0};
    dial(&other, SPAN("127.0.0.1"));
    wait_until(accepted == 2);
    tcp_close(other.tcp, on_closed, &other);
    wait_until(other.closed && extra.eof);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(bytes_both_ways_and_end_of_file),
        T(every_address_is_tried),
        T(silent_address),
        T(closed_beside_a_silent_address),
        T(no_address_answers),
        T(unknown_host),
        T(refused),
        T(bad_arguments),
        T(closed_while_resolving),
        T(closed_between_two_addresses),
        T(closed_while_connecting),
        T(closed_after_a_failed_connect),
        T(slow_reader),
        T(reading_stops_and_starts),
        T(closed_with_writes_pending),
        T(write_to_a_gone_peer_fails_once),
        T(paused_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
