// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_TOKEN_DOC_H
#define PENSTOCK_HUB_TOKEN_DOC_H

// The stored document of a device's access token: {"id", "createdTime", "version", "credentialsId",
// "digest"}. The token is sealed (secrets.h) and bound to the device; its digest finds it without
// opening it, so that neither a start with many devices nor a call of one costs a decryption. Pure
// code; the thread of `struct secrets`.

#include "hub/secrets.h"

#define TOKEN_DIGEST_LEN 24 // characters: 18 bytes of secrets_digest() in base64

struct token_doc {
    struct span id; // of the credentials: a UUID's text
    int64_t created_ms, version;
    struct span sealed; // in an older document clear
    char digest[TOKEN_DIGEST_LEN];
    bool has_digest;
};

void token_digest(const struct secrets *s, struct span token, char out[TOKEN_DIGEST_LEN]);
// Seals `token` into *sealed and makes the digest.
void token_doc_seal(struct secrets *s, struct uuid device, struct span token, struct token_doc *d,
                    struct buf *sealed);
void token_doc_write(const struct token_doc *d, struct buf *out);
// False: it holds no token. Spans into `json`, or `a` (wiped by the caller) when they had escapes.
bool token_doc_read(struct span json, struct arena *a, struct token_doc *out);
// As secrets_filter(), for these documents.
int token_doc_filter(struct secrets *s, struct uuid device, struct span json, struct buf *out,
                     struct err *e);
// Opens it into `a`, which the caller wipes. ERR_CONFIG with text: no key here opens it.
int token_doc_open(const struct secrets *s, struct uuid device, struct span sealed, struct arena *a,
                   struct span *out, struct err *e);

#endif
