// SPDX-License-Identifier: Apache-2.0
#include "codec/tls.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/mem.h"
#include "codec/tls_internal.h"

#define HOST_MAX 255
#define KEEP_OUT_BYTES (64 * 1024)

struct tls_session {
    mbedtls_ssl_session ssl;
};

struct tls {
    struct tls_config *config;
    mbedtls_ssl_context ssl;
    bool server;
    bool eof;
    bool shaken; // the handshake is done
    struct span in;
    struct buf kept; // what `in` points to once it is ours
    struct buf out;
    struct err err;
    struct tls_session *session; // not yet taken
    // What the verification saw, for the message.
    char host[HOST_MAX + 1];
    size_t address_n; // 4 or 16 when `host` is an address
    uint8_t address[16];
    char issuer[TLS_TEXT_MAX];
    char names[TLS_TEXT_MAX];
    mbedtls_x509_time valid_from, valid_to;
};

static int bio_send(void *ctx, const unsigned char *p, size_t n)
{
    struct tls *t = ctx;
    buf_add(&t->out, p, n);
    return (int)n;
}

static int bio_recv(void *ctx, unsigned char *p, size_t n)
{
    struct tls *t = ctx;
    if (t->in.n == 0)
        return t->eof ? 0 : MBEDTLS_ERR_SSL_WANT_READ;
    if (n > t->in.n)
        n = t->in.n;
    memcpy(p, t->in.p, n);
    t->in.p += n;
    t->in.n -= n;
    return (int)n;
}

static bool same_address(const struct tls *t, const mbedtls_x509_buf *san)
{
    // GeneralName iPAddress [7] (RFC 5280 section 4.2.1.6).
    return (san->tag & 0x1f) == 7 && san->len == t->address_n &&
           memcmp(san->p, t->address, san->len) == 0;
}

static void note_names(struct tls *t, const mbedtls_x509_crt *crt)
{
    size_t at = 0;
    for (const mbedtls_x509_sequence *s = &crt->subject_alt_names; s; s = s->next) {
        if ((s->buf.tag & 0x1f) != 2 || s->buf.len == 0 || s->buf.len > TLS_TEXT_MAX)
            continue; // dNSName [2]
        int n = snprintf(t->names + at, sizeof(t->names) - at, "%s%.*s", at ? ", " : "",
                         (int)s->buf.len, (const char *)s->buf.p);
        if (n < 0 || (size_t)n >= sizeof(t->names) - at)
            return;
        at += (size_t)n;
    }
    if (at == 0)
        mbedtls_x509_dn_gets(t->names, sizeof(t->names), &crt->subject);
}

// What a stranger's certificate says goes into messages and logs.
static void make_printable(char *s)
{
    for (; *s; s++) {
        if (*s < ' ' || *s > '~')
            *s = '?';
    }
}

// Called for each certificate of the chain, the peer's own (depth 0) last.
static int on_certificate(void *ctx, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    struct tls *t = ctx;
    if (*flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
        mbedtls_x509_dn_gets(t->issuer, sizeof(t->issuer), &crt->issuer);
    if (*flags & (MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE) || depth == 0) {
        t->valid_from = crt->valid_from;
        t->valid_to = crt->valid_to;
    }
    if (depth != 0)
        return 0;
    note_names(t, crt);
    make_printable(t->names);
    make_printable(t->issuer);
    if (t->address_n == 0)
        return 0;
    // The library compares names only (2.28), and an address is never sent as a server name.
    for (const mbedtls_x509_sequence *s = &crt->subject_alt_names; s; s = s->next) {
        if (s->buf.p && same_address(t, &s->buf))
            return 0;
    }
    *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    return 0;
}

static struct tls *tls_new(struct tls_config *c, const mbedtls_ssl_config *ssl, bool server)
{
    struct tls *t = mem_new(struct tls);
    t->config = c;
    t->server = server;
    mbedtls_ssl_init(&t->ssl);
    require(mbedtls_ssl_setup(&t->ssl, ssl) == 0);
    mbedtls_ssl_set_bio(&t->ssl, t, bio_send, bio_recv, NULL);
    return t;
}

struct tls *tls_server_new(struct tls_config *c)
{
    return tls_new(c, &c->ssl, true);
}

static struct tls *client_new(struct tls_config *c, const mbedtls_ssl_config *ssl, struct span host,
                              const struct tls_session *resume)
{
    struct tls *t = tls_new(c, ssl, false);
    require(host.n <= HOST_MAX);
    memcpy(t->host, host.p, host.n);
    if (inet_pton(AF_INET, t->host, t->address) == 1)
        t->address_n = 4;
    else if (inet_pton(AF_INET6, t->host, t->address) == 1)
        t->address_n = 16;
    require(mbedtls_ssl_set_hostname(&t->ssl, t->address_n ? NULL : t->host) == 0);
    mbedtls_ssl_set_verify(&t->ssl, on_certificate, t);
    if (resume)
        (void)!mbedtls_ssl_set_session(&t->ssl, &resume->ssl);
    return t;
}

struct tls *tls_client_new(struct tls_config *c, struct span host, const struct tls_session *resume)
{
    return client_new(c, &c->ssl, host, resume);
}

struct tls *tls_client_new_h2(struct tls_config *c, struct span host,
                              const struct tls_session *resume)
{
    return client_new(c, &c->ssl_h2, host, resume);
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    mbedtls_ssl_free(&t->ssl);
    tls_session_free(t->session);
    buf_free(&t->kept);
    buf_free(&t->out);
    mem_free(t);
}

void tls_feed(struct tls *t, struct span in)
{
    if (t->in.n == 0) {
        buf_clear(&t->kept);
        t->in = in;
        return;
    }
    tls_keep_input(t);
    buf_add_span(&t->kept, in);
    t->in = buf_span(&t->kept);
}

void tls_keep_input(struct tls *t)
{
    if (t->in.n == 0) {
        t->in = SPAN_NONE;
        buf_free(&t->kept);
    } else if (t->kept.n > 0) {
        buf_drop(&t->kept, t->kept.n - t->in.n);
        t->in = buf_span(&t->kept);
    } else {
        buf_add_span(&t->kept, t->in);
        t->in = buf_span(&t->kept);
    }
}

void tls_eof(struct tls *t)
{
    t->eof = true;
}

bool tls_pending(const struct tls *t)
{
    return t->in.n > 0 || mbedtls_ssl_check_pending(&t->ssl);
}

static void keep_session(struct tls *t)
{
    if (t->server)
        return;
    struct tls_session *s = mem_new(struct tls_session);
    mbedtls_ssl_session_init(&s->ssl);
    if (mbedtls_ssl_get_session(&t->ssl, &s->ssl) != 0) {
        tls_session_free(s);
        return;
    }
    tls_session_free(t->session);
    t->session = s;
}

static int certificate_refused(struct tls *t)
{
    uint32_t flags = mbedtls_ssl_get_verify_result(&t->ssl);
    if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH)
        return err_set(&t->err, ERR_TLS_CERT,
                       "the server's certificate is for %s, not for %s: use a host name that the "
                       "certificate holds",
                       t->names[0] ? t->names : "no name", t->host);
    if (flags & MBEDTLS_X509_BADCERT_EXPIRED)
        return err_set(&t->err, ERR_TLS_CERT,
                       "the certificate of %s expired on %04d-%02d-%02d: renew it there, or set "
                       "this machine's clock right",
                       t->host, t->valid_to.year, t->valid_to.mon, t->valid_to.day);
    if (flags & MBEDTLS_X509_BADCERT_FUTURE)
        return err_set(&t->err, ERR_TLS_CERT,
                       "the certificate of %s is not valid before %04d-%02d-%02d: set this "
                       "machine's clock right",
                       t->host, t->valid_from.year, t->valid_from.mon, t->valid_from.day);
    if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
        return err_set(&t->err, ERR_TLS_CERT,
                       "the certificate of %s was issued by an authority that is not trusted (%s): "
                       "name a PEM file that holds it in AWS_CA_BUNDLE; used now: %s",
                       t->host, t->issuer[0] ? t->issuer : "unknown", t->config->ca_name);
    char text[TLS_TEXT_MAX] = "";
    mbedtls_x509_crt_verify_info(text, sizeof(text), "", flags);
    text[strcspn(text, "\n")] = '\0';
    return err_set(&t->err, ERR_TLS_CERT, "the certificate of %s is not accepted: %s", t->host,
                   text);
}

static int handshake_failed(struct tls *t, int rc)
{
    const char *host = t->server ? "client" : t->host;
    char text[TLS_TEXT_MAX];
    switch (rc) {
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
        return certificate_refused(t);
    case MBEDTLS_ERR_SSL_CONN_EOF:
        return err_set(&t->err, ERR_TLS, "%s closed the connection during the TLS handshake", host);
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        return err_set(&t->err, ERR_TLS, "%s refused the TLS handshake with an alert", host);
    case MBEDTLS_ERR_SSL_INVALID_RECORD:
    case MBEDTLS_ERR_SSL_UNEXPECTED_RECORD:
        return err_set(
            &t->err, ERR_TLS,
            "%s does not speak TLS on this port: is the port right, or is http:// meant?", host);
    default:
        return err_set(&t->err, ERR_TLS, "TLS handshake with %s failed: %s", host,
                       tls_lib_text(rc, text));
    }
}

static bool got_ticket(int rc)
{
#ifdef MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
    return rc == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET;
#else
    (void)rc;
    return false;
#endif
}

static bool session_comes_by_ticket(const struct tls *t)
{
    return strcmp(mbedtls_ssl_get_version(&t->ssl), "TLSv1.3") == 0;
}

int tls_handshake(struct tls *t)
{
    if (t->err.code)
        return t->err.code;
    int rc;
    while (got_ticket(rc = mbedtls_ssl_handshake(&t->ssl)))
        keep_session(t);
    if (rc == MBEDTLS_ERR_SSL_WANT_READ || rc == MBEDTLS_ERR_SSL_WANT_WRITE)
        return ERR_AGAIN;
    if (rc != 0)
        return handshake_failed(t, rc);
    t->shaken = true;
    if (!session_comes_by_ticket(t))
        keep_session(t);
    return 0;
}

// Version 3.6 says WANT_READ after a ticket although more input is there, and tells the ticket in
// the call after that: only two calls in a row that change nothing are the end.
static int read_on(struct tls *t, char *out, size_t cap)
{
    for (bool idle = false;;) {
        size_t before = t->in.n;
        int rc = mbedtls_ssl_read(&t->ssl, (unsigned char *)out, cap);
        if (got_ticket(rc)) {
            keep_session(t);
            idle = false;
            continue;
        }
        bool moved = t->in.n < before;
        if (rc != MBEDTLS_ERR_SSL_WANT_READ || t->in.n == 0 || (idle && !moved))
            return rc;
        idle = !moved;
    }
}

ssize_t tls_read(struct tls *t, char *out, size_t cap)
{
    if (t->err.code)
        return t->err.code;
    int rc = read_on(t, out, cap);
    if (rc > 0)
        return rc;
    switch (rc) {
    case MBEDTLS_ERR_SSL_WANT_READ:
    case MBEDTLS_ERR_SSL_WANT_WRITE:
        return ERR_AGAIN;
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        return err_set(&t->err, ERR_CLOSED, "closed by the peer");
    case 0:
    case MBEDTLS_ERR_SSL_CONN_EOF:
        // Without the peer's word anybody may have cut it (RFC 8446 section 6.1).
        return err_set(&t->err, ERR_TLS, "connection cut without a TLS close");
    default: {
        char text[TLS_TEXT_MAX];
        return err_set(&t->err, ERR_TLS, "TLS: %s", tls_lib_text(rc, text));
    }
    }
}

int tls_write(struct tls *t, struct span s)
{
    // After the peer's close our own direction still works.
    if (!t->shaken || (t->err.code && t->err.code != ERR_CLOSED))
        return ERR_CLOSED;
    while (s.n > 0) {
        int rc = mbedtls_ssl_write(&t->ssl, (const unsigned char *)s.p, s.n);
        if (got_ticket(rc)) {
            keep_session(t);
            continue;
        }
        if (rc <= 0) {
            char text[TLS_TEXT_MAX];
            return err_set(&t->err, ERR_TLS, "TLS: %s", tls_lib_text(rc, text));
        }
        s.p += rc;
        s.n -= (size_t)rc;
    }
    return 0;
}

void tls_close_notify(struct tls *t)
{
    if (t->shaken && (!t->err.code || t->err.code == ERR_CLOSED))
        (void)!mbedtls_ssl_close_notify(&t->ssl);
}

struct span tls_out(const struct tls *t)
{
    return buf_span(&t->out);
}

void tls_out_clear(struct tls *t)
{
    if (t->out.cap > KEEP_OUT_BYTES)
        buf_free(&t->out);
    else
        buf_clear(&t->out);
}

const struct err *tls_error(const struct tls *t)
{
    return &t->err;
}

struct tls_session *tls_take_session(struct tls *t)
{
    struct tls_session *s = t->session;
    t->session = NULL;
    return s;
}

void tls_session_free(struct tls_session *s)
{
    if (!s)
        return;
    mbedtls_ssl_session_free(&s->ssl);
    mem_free(s);
}

const char *tls_alpn(const struct tls *t)
{
    const char *name = mbedtls_ssl_get_alpn_protocol(&t->ssl);
    return name ? name : "";
}
