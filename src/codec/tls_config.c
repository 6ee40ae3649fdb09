// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <stdio.h>

#include <mbedtls/error.h>

#include "base/clock.h"
#include "base/mem.h"
#include "codec/tls_internal.h"

#if MBEDTLS_3
#include <psa/crypto.h>
#endif

#define TICKET_LIFETIME_S 86400

static const char *const alpn[] = {"http/1.1", NULL};
static const char *const alpn_h2[] = {"h2", "http/1.1", NULL};

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

static void ssl_setup(mbedtls_ssl_config *ssl, int endpoint, const char *const *protocols)
{
    mbedtls_ssl_config_init(ssl);
    require(mbedtls_ssl_config_defaults(ssl, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                        MBEDTLS_SSL_PRESET_DEFAULT) == 0);
#if MBEDTLS_3
    mbedtls_ssl_conf_min_tls_version(ssl, MBEDTLS_SSL_VERSION_TLS1_2);
#else
    mbedtls_ssl_conf_min_version(ssl, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
#ifdef MBEDTLS_SSL_RENEGOTIATION
    mbedtls_ssl_conf_renegotiation(ssl, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
    mbedtls_ssl_conf_ciphersuites(ssl, suites);
    mbedtls_ssl_conf_rng(ssl, random_bytes, NULL);
    require(mbedtls_ssl_conf_alpn_protocols(ssl, (const char **)protocols) == 0);
}

static struct tls_config *config_new(int endpoint)
{
#if MBEDTLS_3
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, psa_start);
#endif
    struct tls_config *c = mem_new(struct tls_config);
    mbedtls_x509_crt_init(&c->certs);
    mbedtls_x509_crt_init(&c->own);
    mbedtls_pk_init(&c->key);
    mbedtls_ssl_ticket_init(&c->tickets);
    ssl_setup(&c->ssl, endpoint, alpn);
    ssl_setup(&c->ssl_h2, endpoint, alpn_h2);
    return c;
}

void tls_config_free(struct tls_config *c)
{
    if (!c)
        return;
    mbedtls_ssl_config_free(&c->ssl);
    mbedtls_ssl_config_free(&c->ssl_h2);
    mbedtls_x509_crt_free(&c->certs);
    mbedtls_x509_crt_free(&c->own);
    mbedtls_pk_free(&c->key);
    mbedtls_ssl_ticket_free(&c->tickets);
    mem_free(c);
}

const char *tls_lib_text(int rc, char out[TLS_TEXT_MAX])
{
    mbedtls_strerror(rc, out, TLS_TEXT_MAX);
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
    return mbedtls_pk_check_pair(&c->own.pk, &c->key, random_bytes, NULL);
#else
    return mbedtls_pk_check_pair(&c->own.pk, &c->key);
#endif
}

// The certificate that this end shows.
static int use_own(struct tls_config *c, struct span cert_pem, const char *cert_name,
                   struct span key_pem, const char *key_name, struct err *e)
{
    char text[TLS_TEXT_MAX];
    int rc = parse_certs(&c->own, cert_pem);
    if (rc != 0)
        return err_set(e, ERR_CONFIG, "%s does not hold a PEM certificate: %s", cert_name,
                       tls_lib_text(rc, text));
    rc = parse_key(c, key_pem);
    if (rc != 0)
        return err_set(e, ERR_CONFIG, "%s does not hold an unencrypted PEM private key: %s",
                       key_name, tls_lib_text(rc, text));
    if (check_pair(c) != 0)
        return err_set(e, ERR_CONFIG, "the key in %s does not belong to the certificate in %s",
                       key_name, cert_name);
    require(mbedtls_ssl_conf_own_cert(&c->ssl, &c->own, &c->key) == 0);
    require(mbedtls_ssl_conf_own_cert(&c->ssl_h2, &c->own, &c->key) == 0);
    return 0;
}

static void trust(struct tls_config *c, mbedtls_ssl_config *ssl, bool insecure)
{
    if (!insecure)
        mbedtls_ssl_conf_ca_chain(ssl, &c->certs, NULL);
    mbedtls_ssl_conf_authmode(ssl,
                              insecure ? MBEDTLS_SSL_VERIFY_NONE : MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_session_tickets(ssl, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
#ifdef MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        ssl, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
}

int tls_client_config_new(const struct tls_client_options *o, struct tls_config **out,
                          struct err *e)
{
    struct tls_config *c = config_new(MBEDTLS_SSL_IS_CLIENT);
    snprintf(c->ca_name, sizeof(c->ca_name), "%s", o->ca_name ? o->ca_name : "given");
    if (!o->insecure) {
        // Positive: that many of the bundle could not be read; the others count.
        int rc = parse_certs(&c->certs, o->ca_pem);
        if (rc < 0 || c->certs.version == 0) {
            char text[TLS_TEXT_MAX];
            tls_config_free(c);
            return err_set(e, ERR_TLS_CERT, "no certificate can be read from %s: %s",
                           o->ca_name ? o->ca_name : "the bundle", tls_lib_text(rc, text));
        }
    }
    int rc = o->cert_pem.n ? use_own(c, o->cert_pem, o->cert_name, o->key_pem, o->key_name, e) : 0;
    if (rc < 0) {
        tls_config_free(c);
        return rc;
    }
    trust(c, &c->ssl, o->insecure);
    trust(c, &c->ssl_h2, o->insecure);
    *out = c;
    return 0;
}

void tls_server_config_take_h2(struct tls_config *c)
{
    require(mbedtls_ssl_conf_alpn_protocols(&c->ssl, (const char **)alpn_h2) == 0);
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
    struct tls_config *c = config_new(MBEDTLS_SSL_IS_SERVER);
    int rc = use_own(c, cert_pem, cert_name, key_pem, key_name, e);
    if (rc < 0) {
        tls_config_free(c);
        return rc;
    }
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
