// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_TLS_H
#define PENSTOCK_CODEC_TLS_H

// TLS 1.2 and 1.3 (where Mbed TLS has it) over memory queues, without I/O: records go in by
// tls_feed() and come out in tls_out(). Loop thread.
//
// After every call but the plain getters, what tls_out() holds must be sent: any call may want to
// write. After every feed, tls_read() until ERR_AGAIN: decrypted bytes wake nobody.

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

// Longest piece of one record.
#define TLS_RECORD_MAX (16 * 1024)

struct tls_config;  // of a client or a server; shared by its connections, outlives them
struct tls_session; // lets a client's next handshake with the same server be short
struct tls;

struct tls_client_options {
    struct span ca_pem;  // trusted authorities, PEM
    const char *ca_name; // where they come from, for messages
    bool insecure;       // no verification: tests only
    // The client's own certificate and key, PEM, for servers that ask; empty = none.
    struct span cert_pem, key_pem;
    const char *cert_name, *key_name; // for messages
};
int tls_client_config_new(const struct tls_client_options *o, struct tls_config **out,
                          struct err *e);
// HTTP/2 is chosen when the client offers it, HTTP/1.1 otherwise.
void tls_server_config_take_h2(struct tls_config *c);
// Certificate (own first, then its chain) and private key in PEM; the names are for messages.
int tls_server_config_new(struct span cert_pem, const char *cert_name, struct span key_pem,
                          const char *key_name, struct tls_config **out, struct err *e);
void tls_config_free(struct tls_config *c);
// Handshakes of a server that a ticket made short.
uint64_t tls_config_resumed(const struct tls_config *c);

// `host` is what the client verifies and names in SNI (names only, RFC 6066 section 3; an address
// is verified against the certificate's addresses). `resume` may be NULL.
struct tls *tls_client_new(struct tls_config *c, struct span host,
                           const struct tls_session *resume);
// The same, but offers HTTP/2 first: tls_alpn() tells what the server chose.
struct tls *tls_client_new_h2(struct tls_config *c, struct span host,
                              const struct tls_session *resume);
struct tls *tls_server_new(struct tls_config *c);
void tls_free(struct tls *t);

// `in` is borrowed until tls_keep_input(), which copies what has not been used up.
void tls_feed(struct tls *t, struct span in);
void tls_keep_input(struct tls *t);
// The peer's bytes have ended.
void tls_eof(struct tls *t);
// Something that was fed or decrypted has not been read.
bool tls_pending(const struct tls *t);
// 0 done, ERR_AGAIN, or a failure that tls_error() explains (ERR_TLS_CERT with what to do).
int tls_handshake(struct tls *t);
// > 0 bytes, ERR_AGAIN, ERR_CLOSED (orderly end), ERR_TLS.
ssize_t tls_read(struct tls *t, char *out, size_t cap);
// Encrypts all of it.
int tls_write(struct tls *t, struct span s);
void tls_close_notify(struct tls *t);
struct span tls_out(const struct tls *t);
void tls_out_clear(struct tls *t);
const struct err *tls_error(const struct tls *t);
// A session that came since the last call, or NULL; the caller's.
struct tls_session *tls_take_session(struct tls *t);
void tls_session_free(struct tls_session *s);
// "http/1.1" or "h2", or "" when the peer did not choose.
const char *tls_alpn(const struct tls *t);

#endif
