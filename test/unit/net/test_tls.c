// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/tls.h"
#include "net_certs.h"

static struct tls_config *trusting, *careless, *suspicious;

static struct tls_config *client_config(const char *ca)
{
    struct buf pem = {0};
    struct err e = {0};
    struct tls_config *c;
    if (ca)
        certs_read(ca, &pem);
    struct tls_client_options o = {.ca_pem = buf_span(&pem), .ca_name = ca, .insecure = ca == NULL};
    if (tls_client_config_new(&o, &c, &e) != 0)
        fail_msg("%s", e.msg);
    buf_free(&pem);
    return c;
}

static int server_config(const char *cert, const char *key, struct tls_config **out, struct err *e)
{
    struct buf c = {0}, k = {0};
    certs_read(cert, &c);
    certs_read(key, &k);
    int rc = tls_server_config_new(buf_span(&c), cert, buf_span(&k), key, out, e);
    buf_free(&c);
    buf_free(&k);
    return rc;
}

static struct tls_config *server_of(const char *name)
{
    char cert[32], key[32];
    struct tls_config *c;
    struct err e = {0};
    snprintf(cert, sizeof(cert), "%s.pem", name);
    snprintf(key, sizeof(key), "%s.key", name);
    if (server_config(cert, key, &c, &e) != 0)
        fail_msg("%s", e.msg);
    return c;
}

static int group_setup(void **state)
{
    (void)state;
    if (!certs_make())
        return 0;
    trusting = client_config("ca.pem");
    suspicious = client_config("other.pem");
    careless = client_config(NULL);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    tls_config_free(trusting);
    tls_config_free(suspicious);
    tls_config_free(careless);
    certs_remove();
    return 0;
}

enum cut { WHOLE, BYTES, RANDOM };

struct end {
    struct tls *tls;
    int shaken; // 0, or what tls_handshake() gave
    struct buf got;
    int read_end; // why reading ended
};

struct pair {
    struct end client, server;
    enum cut cut;
};

static void step(struct end *x)
{
    if (x->shaken == ERR_AGAIN)
        x->shaken = tls_handshake(x->tls);
    if (x->shaken != 0)
        return;
    char plain[1000];
    ssize_t n;
    while (!x->read_end && (n = tls_read(x->tls, plain, sizeof(plain))) != ERR_AGAIN) {
        if (n > 0)
            buf_add(&x->got, plain, (size_t)n);
        else
            x->read_end = (int)n;
    }
}

// Carries what one end has to say to the other; false when there was nothing.
static bool carry(struct end *from, struct end *to, enum cut cut)
{
    struct span all = tls_out(from->tls);
    if (all.n == 0)
        return false;
    struct buf copy = {0};
    buf_add_span(&copy, all);
    tls_out_clear(from->tls);
    struct span rest = buf_span(&copy);
    while (rest.n > 0) {
        size_t n = cut == WHOLE ? rest.n : cut == BYTES ? 1 : 1 + (size_t)random() % 300;
        if (n > rest.n)
            n = rest.n;
        char *piece = malloc(n); // of its own size, for the sanitizer
        memcpy(piece, rest.p, n);
        tls_feed(to->tls, span_of(piece, n));
        if (cut != RANDOM || random() % 2)
            step(to);
        // Only what is left needs keeping.
        if (cut == WHOLE || tls_pending(to->tls))
            tls_keep_input(to->tls);
        free(piece);
        rest.p += n;
        rest.n -= n;
    }
    step(to);
    tls_keep_input(to->tls);
    buf_free(&copy);
    return true;
}

static void settle(struct pair *p)
{
    step(&p->client);
    bool more = true;
    while (more) {
        more = carry(&p->client, &p->server, p->cut);
        more |= carry(&p->server, &p->client, p->cut);
    }
}

static struct pair meet(struct tls_config *client, struct span host, struct tls_config *server,
                        struct tls_session *resume, enum cut cut)
{
    struct pair p = {.client = {.tls = tls_client_new(client, host, resume), .shaken = ERR_AGAIN},
                     .server = {.tls = tls_server_new(server), .shaken = ERR_AGAIN},
                     .cut = cut};
    settle(&p);
    return p;
}

static void part(struct pair *p)
{
    tls_free(p->client.tls);
    tls_free(p->server.tls);
    buf_free(&p->client.got);
    buf_free(&p->server.got);
}

static void need_openssl(void)
{
    if (!trusting)
        skip();
}

static void talk_and_close(void **state)
{
    (void)state;
    need_openssl();
    static char big[100000];
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 31 >> 6);
    static const char *const names[] = {"good", "rsa"};
    for (int i = 0; i < 6; i++) {
        struct tls_config *s = server_of(names[i % 2]);
        struct pair p = meet(trusting, SPAN("localhost"), s, NULL, (enum cut)(i / 2));
        assert_int_equal(p.client.shaken, 0);
        assert_int_equal(p.server.shaken, 0);
        assert_string_equal(tls_alpn(p.client.tls), "http/1.1");
        assert_string_equal(tls_alpn(p.server.tls), "http/1.1");
        assert_int_equal(tls_write(p.client.tls, span_of(big, sizeof(big))), 0);
        assert_int_equal(tls_write(p.server.tls, SPAN("hello")), 0);
        settle(&p);
        assert_int_equal(p.server.got.n, sizeof(big));
        assert_memory_equal(p.server.got.p, big, sizeof(big));
        assert_memory_equal(p.client.got.p, "hello", 5);
        assert_false(tls_pending(p.client.tls));
        tls_close_notify(p.client.tls);
        settle(&p);
        assert_int_equal(p.server.read_end, ERR_CLOSED);
        // The other direction still works.
        assert_int_equal(tls_write(p.server.tls, SPAN("bye")), 0);
        part(&p);
        tls_config_free(s);
    }
}

static void cut_without_a_close_is_told(void **state)
{
    (void)state;
    need_openssl();
    struct tls_config *s = server_of("good");
    struct pair p = meet(trusting, SPAN("localhost"), s, NULL, WHOLE);
    tls_eof(p.client.tls);
    step(&p.client);
    assert_int_equal(p.client.read_end, ERR_TLS);
    assert_non_null(strstr(tls_error(p.client.tls)->msg, "cut without a TLS close"));
    assert_int_equal(tls_write(p.client.tls, SPAN("x")), ERR_CLOSED);
    part(&p);
    p = (struct pair){
        .client = {.tls = tls_client_new(trusting, SPAN("localhost"), NULL), .shaken = ERR_AGAIN}};
    step(&p.client);
    tls_eof(p.client.tls);
    step(&p.client);
    assert_int_equal(p.client.shaken, ERR_TLS);
    assert_non_null(strstr(tls_error(p.client.tls)->msg, "closed the connection"));
    tls_free(p.client.tls);
    tls_config_free(s);
}

static void refused(struct tls_config *client, const char *host, const char *server,
                    const char *msg)
{
    struct tls_config *s = server_of(server);
    struct pair p = meet(client, span_str(host), s, NULL, RANDOM);
    assert_int_equal(p.client.shaken, ERR_TLS_CERT);
    assert_int_equal(tls_error(p.client.tls)->code, ERR_TLS_CERT);
    if (!strstr(tls_error(p.client.tls)->msg, msg))
        fail_msg("\"%s\" is not in \"%s\"", msg, tls_error(p.client.tls)->msg);
    // Nothing goes through afterwards.
    assert_int_equal(tls_write(p.client.tls, SPAN("secret")), ERR_CLOSED);
    assert_int_equal(tls_handshake(p.client.tls), ERR_TLS_CERT);
    char c;
    assert_int_equal(tls_read(p.client.tls, &c, 1), ERR_TLS_CERT);
    assert_true(p.server.shaken != 0 || p.server.read_end != 0);
    part(&p);
    tls_config_free(s);
}

static void accepted(struct tls_config *client, const char *host, const char *server)
{
    struct tls_config *s = server_of(server);
    struct pair p = meet(client, span_str(host), s, NULL, WHOLE);
    if (p.client.shaken != 0)
        fail_msg("%s: %s", host, tls_error(p.client.tls)->msg);
    assert_int_equal(p.server.shaken, 0);
    part(&p);
    tls_config_free(s);
}

static void certificates_are_verified(void **state)
{
    (void)state;
    need_openssl();
    accepted(trusting, "localhost", "good");
    accepted(trusting, "LOCALHOST", "good");
    accepted(trusting, "a.wild.example", "good");
    accepted(trusting, "127.0.0.1", "good");
    accepted(trusting, "::1", "good");
    accepted(trusting, "other.example", "name");
    accepted(careless, "whatever.example", "expired");
    refused(suspicious, "localhost", "good", "AWS_CA_BUNDLE");
    refused(suspicious, "localhost", "good", "CN=Test Authority");
    refused(trusting, "localhost", "name", "is for other.example, not for localhost");
    refused(trusting, "127.0.0.1", "name", "is for other.example, not for 127.0.0.1");
    refused(trusting, "127.0.0.2", "good", "not for 127.0.0.2");
    refused(trusting, "::2", "good", "not for ::2");
    refused(trusting, "7f00:1::", "good", "not for 7f00:1::"); // begins as 127.0.0.1 does
    refused(trusting, "wild.example", "good", "not for wild.example");
    refused(trusting, "a.b.wild.example", "good", "not for a.b.wild.example");
    refused(trusting, "localhost.evil.example", "good", "not for localhost.evil.example");
    refused(trusting, "localhost", "expired", "expired on 2021-02-03");
    refused(trusting, "localhost", "future", "not valid before 2098-01-02");
}

static void sessions_are_resumed(void **state)
{
    (void)state;
    need_openssl();
    struct tls_config *s = server_of("good");
    struct pair p = meet(trusting, SPAN("localhost"), s, NULL, WHOLE);
    tls_write(p.server.tls, SPAN("x"));
    settle(&p); // TLS 1.3 brings its ticket after the handshake
    struct tls_session *session = tls_take_session(p.client.tls);
    assert_non_null(session);
    assert_int_equal(tls_config_resumed(s), 0);
    part(&p);
    p = meet(trusting, SPAN("localhost"), s, session, BYTES);
    assert_int_equal(p.client.shaken, 0);
    assert_int_equal(tls_config_resumed(s), 1);
    tls_write(p.client.tls, SPAN("again"));
    settle(&p);
    assert_memory_equal(p.server.got.p, "again", 5);
    part(&p);
    // A server that cannot read the ticket makes a full handshake.
    struct tls_config *restarted = server_of("good");
    p = meet(trusting, SPAN("localhost"), restarted, session, WHOLE);
    assert_int_equal(p.client.shaken, 0);
    assert_int_equal(tls_config_resumed(restarted), 0);
    part(&p);
    tls_session_free(session);
    tls_config_free(restarted);
    tls_config_free(s);
}

static void garbage(void **state)
{
    (void)state;
    need_openssl();
    struct tls *c = tls_client_new(trusting, SPAN("localhost"), NULL);
    assert_int_equal(tls_handshake(c), ERR_AGAIN);
    tls_feed(c, SPAN("HTTP/1.1 400 Bad Request\r\n\r\n"));
    assert_int_equal(tls_handshake(c), ERR_TLS);
    assert_non_null(strstr(tls_error(c)->msg, "does not speak TLS"));
    tls_free(c);
    struct tls_config *config = server_of("good");
    struct tls *s = tls_server_new(config);
    tls_feed(s, SPAN("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_int_equal(tls_handshake(s), ERR_TLS);
    tls_free(s);
    // A flipped bit in a record ends the connection.
    struct pair p = meet(trusting, SPAN("localhost"), config, NULL, WHOLE);
    tls_write(p.client.tls, SPAN("intact"));
    struct buf record = {0};
    buf_add_span(&record, tls_out(p.client.tls));
    record.p[record.n - 1] ^= 1;
    tls_feed(p.server.tls, buf_span(&record));
    step(&p.server);
    assert_int_equal(p.server.read_end, ERR_TLS);
    assert_int_equal(p.server.got.n, 0);
    buf_free(&record);
    part(&p);
    tls_config_free(config);
}

static void wrong_files(void **state)
{
    (void)state;
    need_openssl();
    struct tls_config *c;
    struct err e = {0};
    struct tls_client_options o = {.ca_pem = SPAN("no PEM here"), .ca_name = "my-bundle.pem"};
    assert_int_equal(tls_client_config_new(&o, &c, &e), ERR_TLS_CERT);
    assert_non_null(strstr(e.msg, "my-bundle.pem"));
    o.ca_pem = SPAN_NONE;
    assert_int_equal(tls_client_config_new(&o, &c, &e), ERR_TLS_CERT);
    assert_int_equal(server_config("good.key", "good.key", &c, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "good.key does not hold a PEM certificate"));
    assert_int_equal(server_config("good.pem", "good.pem", &c, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "good.pem does not hold an unencrypted PEM private key"));
    assert_int_equal(server_config("good.pem", "name.key", &c, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "does not belong"));
}

int main(void)
{
    srandom(3);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(talk_and_close),
        cmocka_unit_test(cut_without_a_close_is_told),
        cmocka_unit_test(certificates_are_verified),
        cmocka_unit_test(sessions_are_resumed),
        cmocka_unit_test(garbage),
        cmocka_unit_test(wrong_files),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
