// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_SECRETS_H
#define PENSTOCK_HUB_SECRETS_H

// Secrets in documents. What lies in the database and in memory is sealed: AES-256-GCM under a key
// of secret_key.h, bound to the document's id and the member's name, so that it opens nowhere else.
// It is opened where it is used, for as long as that takes. A sealed text is
// "sealed:v1:KEYID:BASE64(nonce, ciphertext, tag)".
//
// A secret is a non-empty text whose member's name ends (in any case, with or without '-' and '_'
// between its words) in password, passphrase, secret, secretKey, secretAccessKey, sessionToken,
// accessToken, authToken, apiToken, apiKey, authKey, privateKey, functionsKey, subscriptionKey,
// authorization, cookie, as a header in -token, or is "token"; and all in a webhook's
// headersFilter; and the "value" of an object whose "key" or "name" is such a name: in an
// integration below `configuration` (its own `secret` is an id that the hub's API shows), in a rule
// chain or a setting (that of the log-ins) anywhere. Access tokens of devices are secrets too:
// token_doc.h. Loop thread, and start-up before it runs.

#include "base/uuid.h"
#include "codec/json.h"
#include "hub/secret_key.h"
#include "store/store.h"

struct secrets;

// Reads the keys; makes nothing. `variable`: text of PENSTOCK_SECRET_KEY or NULL.
int secrets_new(const char *dir, const char *variable, const struct clock *clock,
                struct secrets **out, struct err *e);
void secrets_free(struct secrets *s);
// Makes and writes a key when there is none: the directory must be there.
int secrets_ensure_key(struct secrets *s, struct err *e);

// `parent` is the name of the object that it is a member of.
bool secrets_is_key(struct span parent, struct span member);
// `m`, a member of the object `at` (or an array's item), is a text that is secret, in clear or not.
bool secrets_is_member(const struct json *at, const struct json *m);
bool secrets_is_sealed(struct span text);
// Sealed under the first key.
bool secrets_is_current(const struct secrets *s, struct span text);
// One text; there is a key.
void secrets_seal_text(struct secrets *s, struct uuid id, struct span member, struct span clear,
                       struct buf *out);
// Tells equal texts from others without keeping them: HMAC-SHA-256 under a key that is derived from
// the first one (there is one).
void secrets_digest(const struct secrets *s, struct span text, uint8_t out[SHA256_LEN]);
// Seals what is clear; a text that `old` (the document before, or NULL) holds sealed stays as it is
// there. Only integrations, rule chains and settings hold secrets.
void secrets_seal(struct secrets *s, enum store_doc_kind kind, struct uuid id, struct json *doc,
                  const struct json *old);
// Opens one sealed text into `a`, which the caller wipes; a clear one is given as it is.
// ERR_CONFIG: sealed under a key that is not there, changed, or of another document.
int secrets_open(const struct secrets *s, struct uuid id, struct span member, struct span text,
                 struct arena *a, struct span *out, struct err *e);
// Opens all in place, for a copy that is used and freed. Those that cannot be opened become empty;
// the last reason in e; how many.
unsigned secrets_open_all(const struct secrets *s, struct uuid id, struct json *doc, struct err *e);

// For a filter that met what no key opens: ERR_CONFIG with text when there is no key file, else 0,
// for it will be seen where it is used.
int secrets_check_lost(struct secrets *s, struct err *e);
// For store_options.filter: seals what an older version left clear, seals anew what is not under
// the first key. Refuses to go on without any key when sealed texts are there.
int secrets_filter(void *ctx, enum store_doc_kind kind, struct uuid id, struct span json,
                   struct buf *out, struct err *e);

#endif
