// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_TOKENS_H
#define PENSTOCK_HUB_TOKENS_H

// Access tokens of devices: how a device says who it is (facts/hub.md sections 3.3 and 3.6). A
// device has at most one; it is made when someone asks for it, so that devices that only a stream
// knows cost nothing. Neither memory nor database holds one in clear (token_doc.h): it is found by
// its digest and opened when an administrator asks for it. Loop thread only.

#include "hub/hub.h"

struct tokens;

#define TOKEN_MAX 64    // bytes
#define TOKEN_LENGTH 20 // of those made here

struct device_token {
    struct span text;
    struct uuid id; // of the credentials
    int64_t created_ms, version;
};

struct tokens *tokens_new(struct hub *h);
void tokens_free(struct tokens *t);
// A stored document, at start; after the last one tokens_loaded().
void tokens_load(struct tokens *t, struct uuid device, struct span json);
void tokens_loaded(const struct tokens *t);
// In the transaction that deletes the device; then, when that is durable.
void tokens_delete(struct tokens *t, struct store_txn *txn, const struct store_device *d);
void tokens_forget(struct tokens *t, struct uuid device);
// `text`, which hub_check_token() has let pass, is the device's from here on. `doc` gets what is to
// be put as its STORE_CREDENTIALS; tokens_settle() when that is durable, or never will be.
struct token;
struct token *tokens_claim(struct tokens *t, const struct store_device *d, struct span text,
                           struct buf *doc);
void tokens_settle(struct tokens *t, struct token *k, bool durable);

// The device of a durable token that may be seen, or NULL.
struct store_device *hub_find_token_device(struct hub *h, struct span token);
// False: it has none, or not durably yet.
bool hub_has_token(struct hub *h, const struct store_device *d);
// Its text is opened into `a`, which the caller wipes. ERR_NOT_FOUND: it has none; ERR_CONFIG with
// text: its key is not there, and until another is set the device is not let in.
int hub_get_token(struct hub *h, const struct store_device *d, struct arena *a,
                  struct device_token *out, struct err *e);
// The one it has or a new one; cb when durable.
void hub_ensure_token(struct hub *h, struct store_device *d, void (*cb)(void *ctx, int status),
                      void *ctx);
// 0 or ERR_INVALID, ERR_EXISTS with text: `token` cannot be this device's (NULL: a new one's).
int hub_check_token(struct hub *h, const struct store_device *d, struct span token, struct err *e);
// Makes `token` its only one. cb when durable; negative: refused, no cb.
int hub_set_token(struct hub *h, struct store_device *d, struct span token,
                  void (*cb)(void *ctx, int status), void *ctx, struct err *e);

#endif
