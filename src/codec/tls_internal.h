// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_TLS_INTERNAL_H
#define PENSTOCK_CODEC_TLS_INTERNAL_H

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include "codec/tls.h"

#define MBEDTLS_3 (MBEDTLS_VERSION_MAJOR >= 3)
#define TLS_TEXT_MAX 128

struct tls_config {
    mbedtls_ssl_config ssl;
    mbedtls_ssl_config ssl_h2; // a client's that offers HTTP/2, too
    mbedtls_x509_crt certs;    // a client's authorities
    mbedtls_x509_crt own;      // chain of `key`
    mbedtls_pk_context key;
    mbedtls_ssl_ticket_context tickets;
    uint64_t resumed;
    char ca_name[TLS_TEXT_MAX];
};

// The library's text of one of its codes.
const char *tls_lib_text(int rc, char out[TLS_TEXT_MAX]);

#endif
