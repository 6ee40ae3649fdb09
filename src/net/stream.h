// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_NET_STREAM_H
#define PENSTOCK_NET_STREAM_H

// One byte stream: TCP, or TLS over TCP; client or server end. Loop thread.

#include "codec/tls.h"
#include "io/tcp.h"
#include "net/proxy.h"

struct stream;

// Configurations from PEM files, read at once: for start-up, not for the loop's running time.
struct stream_client_files {
    const char *ca;         // NULL = the system's trust store
    const char *cert, *key; // the client's own; NULL = none
    bool insecure;          // tests only
};
int stream_client_tls(const struct stream_client_files *f, struct tls_config **out, struct err *e);
int stream_server_tls(const char *cert_file, const char *key_file, struct tls_config **out,
                      struct err *e);

// As struct tcp_events; a record of TLS is a piece.
struct stream_events {
    // A client's stream is ready (TLS included) or failed. Not called for accepted ones, whose
    // failed handshake comes by on_read.
    void (*on_open)(void *ctx, int status, const struct err *e);
    void (*on_read)(void *ctx, const char *p, size_t n, int status);
    void (*on_drain)(void *ctx, int status);
};

struct stream_target {
    struct span host;
    uint16_t port;
    struct tls_config *tls; // NULL = plain
    // TLS: asked for the way first, NULL = straight; lives until the stream is open.
    const struct proxy *proxy;
    bool h2; // TLS: offer HTTP/2, too
    struct tls_session *
        *session; // TLS: what to resume, replaced as new ones come; owned by the caller
};
int stream_connect(struct loop *l, const struct stream_target *to, const struct stream_events *ev,
                   void *ctx, struct stream **out);
// `tls` may be NULL.
struct stream *stream_accept(struct loop *l, struct tcp *t, struct tls_config *tls,
                             const struct stream_events *ev, void *ctx);
// Reading starts off. Inside on_read, stopping means that nothing more is delivered.
void stream_read_start(struct stream *s);
void stream_read_stop(struct stream *s);
// As tcp_wipe_reads(); on from the start for accepted ones.
void stream_wipe_reads(struct stream *s, bool on);
// Before on_open(0) of a client: ERR_CLOSED.
int stream_write(struct stream *s, const struct span *parts, size_t n);
// Bytes that wait for the peer; producers stop above TCP_HIGH_MARK and go on after on_drain.
size_t stream_queued(const struct stream *s);
// The protocol that TLS has agreed on: "h2", "http/1.1", or "" (plain, not yet, or none).
const char *stream_alpn(const struct stream *s);
// Ends our direction when all is written.
void stream_shutdown(struct stream *s);
void stream_peer(const struct stream *s, char *out, size_t cap);
// No event after this call; cb (may be NULL) once it is gone. Safe at any moment.
void stream_close(struct stream *s, void (*cb)(void *ctx), void *ctx);

#endif
