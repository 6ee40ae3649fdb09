// SPDX-License-Identifier: Apache-2.0
#include "codec/tls.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>

#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include "base/clock.h"
#include "base/mem.h"

#define MBEDTLS_3 (MBEDTLS_VERSION_MAJOR >= 3)
#if MBEDTLS_3
#include <psa/crypto.h>
#endif

#define HOST_MAX 255
#define NAME_MAX_BYTES 128
#define TICKET_LIFETIME_S 86400
#define KEEP_OUT_BYTES (64 * 1024)

struct tls_config {
    mbedtls_ssl_config ssl;
    mbedtls_x509_crt certs; // a client's authorities, a server's own chain
    mbedtls_pk_context key;
    mbedtls_ssl_ticket_context tickets;
    uint64_t resumed;
    char ca_name[NAME_MAX_BYTES];
};

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
    char issuer[NAME_MAX_BYTES];
    char names[NAME_MAX_BYTES];
    mbedtls_x509_time valid_from, valid_to;
};

static const char *const alpn[] = {"http/1.1", NULL};

// Forward secrecy and authenticated encryption only (RFC 9325 section 4.2).
static const int suites[] = {
#ifdef MBEDTLS_TLS1_3_AES_128_GCM_SHA256
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
#endif
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    0,
};

static int random_bytes(void *ctx, unsigned char *p, size_t n)
{
    (void)ctx;
    clock_system.random(clock_system.ctx, p, n);
    return 0;
}

#if MBEDTLS_3
static void psa_start(void)
{
    // TLS 1.3 computes with PSA.
    require(psa_crypto_init() == PSA_SUCCESS);
}
#endif

static struct tls_config *config_new(int endpoint)
{
#if MBEDTLS_3
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, psa_start);
#endif
    struct tls_config *c = mem_new(struct tls_config);
    mbedtls_ssl_config_init(&c->ssl);
    mbedtls_x509_crt_init(&c->certs);
    mbedtls_pk_init(&c->key);
    mbedtls_ssl_ticket_init(&c->tickets);
    require(mbedtls_ssl_config_defaults(&c->ssl, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                        MBEDTLS_SSL_PRESET_DEFAULT) == 0);
#if MBEDTLS_3
    mbedtls_ssl_conf_min_tls_version(&c->ssl, MBEDTLS_SSL_VERSION_TLS1_2);
#else
    mbedtls_ssl_conf_min_version(&c->ssl, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
    mbedtls_ssl_conf_ciphersuites(&c->ssl, suites);
    mbedtls_ssl_conf_rng(&c->ssl, random_bytes, NULL);
    require(mbedtls_ssl_conf_alpn_protocols(&c->ssl, (const char **)alpn) == 0);
    return c;
}

void tls_config_free(struct tls_config *c)
{
    if (!c)
        return;
    mbedtls_ssl_config_free(&c->ssl);
    mbedtls_x509_crt_free(&c->certs);
    mbedtls_pk_free(&c->key);
    mbedtls_ssl_ticket_free(&c->tickets);
    mem_free(c);
}

static const char *lib_text(int rc, char out[NAME_MAX_BYTES])
{
    mbedtls_strerror(rc, out, NAME_MAX_BYTES);
    return out;
}

// The library wants PEM with its NUL. Returns what it returns.
static int parse_certs(mbedtls_x509_crt *to, struct span pem)
{
    struct buf b = {0};
    buf_add_span(&b, pem);
    const char *text = buf_cstr(&b);
    int rc = mbedtls_x509_crt_parse(to, (const unsigned char *)text, pem.n + 1);
    buf_free(&b);
    return rc;
}

int tls_client_config_new(const struct tls_client_options *o, struct tls_config **out,
                          struct err *e)
{
    struct tls_config *c = config_new(MBEDTLS_SSL_IS_CLIENT);
    snprintf(c->ca_name, sizeof(c->ca_name), "%s", o->ca_name ? o->ca_name : "given");
    if (o->insecure) {
        mbedtls_ssl_conf_authmode(&c->ssl, MBEDTLS_SSL_VERIFY_NONE);
    } else {
        // Positive: that many of the bundle could not be read; the others count.
        int rc = parse_certs(&c->certs, o->ca_pem);
        if (rc < 0 || c->certs.version == 0) {
            char text[NAME_MAX_BYTES];
            tls_config_free(c);
            return err_set(e, ERR_TLS_CERT, "no certificate can be read from %s: %s",
                           o->ca_name ? o->ca_name : "the bundle", lib_text(rc, text));
        }
        mbedtls_ssl_conf_ca_chain(&c->ssl, &c->certs, NULL);
        mbedtls_ssl_conf_authmode(&c->ssl, MBEDTLS_SSL_VERIFY_REQUIRED);
    }
    mbedtls_ssl_conf_session_tickets(&c->ssl, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
#ifdef MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        &c->ssl, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
    *out = c;
    return 0;
}

static int parse_key(struct tls_config *c, struct span pem)
{
    struct buf b = {0};
    buf_add_span(&b, pem);
    const unsigned char *text = (const unsigned char *)buf_cstr(&b);
#if MBEDTLS_3
    int rc = mbedtls_pk_parse_key(&c->key, text, pem.n + 1, NULL, 0, random_bytes, NULL);
#else
    int rc = mbedtls_pk_parse_key(&c->key, text, pem.n + 1, NULL, 0);
#endif
    mem_wipe(b.p, b.cap);
    buf_free(&b);
    return rc;
}

static int check_pair(struct tls_config *c)
{
#if MBEDTLS_3
    return mbedtls_pk_check_pair(&c->certs.pk, &c->key, random_bytes, NULL);
#else
    return mbedtls_pk_check_pair(&c->certs.pk, &c->key);
#endif
}

static int write_ticket(void *ctx, const mbedtls_ssl_session *session, unsigned char *start,
                        const unsigned char *end, size_t *n, uint32_t *lifetime)
{
    struct tls_config *c = ctx;
    return mbedtls_ssl_ticket_write(&c->tickets, session, start, end, n, lifetime);
}

static int read_ticket(void *ctx, mbedtls_ssl_session *session, unsigned char *buf, size_t n)
{
    struct tls_config *c = ctx;
    int rc = mbedtls_ssl_ticket_parse(&c->tickets, session, buf, n);
    c->resumed += rc == 0;
    return rc;
}

int tls_server_config_new(struct span cert_pem, const char *cert_name, struct span key_pem,
                          const char *key_name, struct tls_config **out, struct err *e)
{
    char text[NAME_MAX_BYTES];
    struct tls_config *c = config_new(MBEDTLS_SSL_IS_SERVER);
    int rc = parse_certs(&c->certs, cert_pem);
    if (rc != 0) {
        tls_config_free(c);
        return err_set(e, ERR_CONFIG, "%s does not hold a PEM certificate: %s", cert_name,
                       lib_text(rc, text));
    }
    rc = parse_key(c, key_pem);
    if (rc != 0) {
        tls_config_free(c);
        return err_set(e, ERR_CONFIG, "%s does not hold an unencrypted PEM private key: %s",
                       key_name, lib_text(rc, text));
    }
    if (check_pair(c) != 0) {
        tls_config_free(c);
        return err_set(e, ERR_CONFIG, "the key in %s does not belong to the certificate in %s",
                       key_name, cert_name);
    }
    require(mbedtls_ssl_conf_own_cert(&c->ssl, &c->certs, &c->key) == 0);
    require(mbedtls_ssl_ticket_setup(&c->tickets, random_bytes, NULL, MBEDTLS_CIPHER_AES_256_GCM,
                                     TICKET_LIFETIME_S) == 0);
    mbedtls_ssl_conf_session_tickets_cb(&c->ssl, write_ticket, read_ticket, c);
    *out = c;
    return 0;
}

uint64_t tls_config_resumed(const struct tls_config *c)
{
    return c->resumed;
}

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
        if ((s->buf.tag & 0x1f) != 2 || s->buf.len == 0 || s->buf.len > NAME_MAX_BYTES)
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

static struct tls *tls_new(struct tls_config *c, bool server)
{
    struct tls *t = mem_new(struct tls);
    t->config = c;
    t->server = server;
    mbedtls_ssl_init(&t->ssl);
    require(mbedtls_ssl_setup(&t->ssl, &c->ssl) == 0);
    mbedtls_ssl_set_bio(&t->ssl, t, bio_send, bio_recv, NULL);
    return t;
}

struct tls *tls_server_new(struct tls_config *c)
{
    return tls_new(c, true);
}

struct tls *tls_client_new(struct tls_config *c, struct span host, const struct tls_session *resume)
{
    struct tls *t = tls_new(c, false);
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
    char text[NAME_MAX_BYTES] = "";
    mbedtls_x509_crt_verify_info(text, sizeof(text), "", flags);
    text[strcspn(text, "\n")] = '\0';
    return err_set(&t->err, ERR_TLS_CERT, "the certificate of %s is not accepted: %s", t->host,
                   text);
}

static int handshake_failed(struct tls *t, int rc)
{
    const char *host = t->server ? "client" : t->host;
    char text[NAME_MAX_BYTES];
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
                       lib_text(rc, text));
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

ssize_t tls_read(struct tls *t, char *out, size_t cap)
{
    if (t->err.code)
        return t->err.code;
    int rc;
    while (got_ticket(rc = mbedtls_ssl_read(&t->ssl, (unsigned char *)out, cap)))
        keep_session(t);
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
        char text[NAME_MAX_BYTES];
        return err_set(&t->err, ERR_TLS, "TLS: %s", lib_text(rc, text));
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
            char text[NAME_MAX_BYTES];
            return err_set(&t->err, ERR_TLS, "TLS: %s", lib_text(rc, text));
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
