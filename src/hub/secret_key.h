// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_HUB_SECRET_KEY_H
#define PENSTOCK_HUB_SECRET_KEY_H

// The keys that secrets are encrypted with: of the environment variable PENSTOCK_SECRET_KEY, else
// of the file secret.key in the data directory. Each is 32 bytes in base64, one a line (or word);
// lines that start with '#' are comments. The first one encrypts, all of them decrypt, so that a
// key is changed by putting a new one before it. Blocks: for start-up and `penstock rekey`.

#include "base/clock.h"
#include "base/err.h"
#include "codec/aead.h"
#include "codec/digest.h"

#define SECRET_KEY_FILE "secret.key"
#define SECRET_KEY_VARIABLE "PENSTOCK_SECRET_KEY"
#define SECRET_KEYS_MAX 8
#define SECRET_KEY_ID_LEN 8 // hexadecimal digits of the key's SHA-256

struct secret_key {
    uint8_t key[AEAD_KEY_LEN];
    uint8_t digest_key[SHA256_LEN]; // derived from it, for digests alone
    char id[SECRET_KEY_ID_LEN + 1];
};

struct secret_keys {
    struct secret_key key[SECRET_KEYS_MAX]; // the first is in use
    size_t n;
    bool from_environment;
    bool file_missing; // neither variable nor file is there
};

// `text` NULL: none. ERR_CONFIG with a message that names `where` and holds no key.
int secret_keys_parse(const char *text, const char *where, struct secret_keys *out, struct err *e);
// The variable's text if it is not NULL or blank, else the file.
int secret_keys_load(const char *dir, const char *variable, struct secret_keys *out, struct err *e);
// A new random key before the others; the oldest goes when there are too many.
void secret_keys_add(struct secret_keys *k, const struct clock *clock);
// Replaces the file (mode 0600) by one that is whole at any moment.
int secret_keys_store(const char *dir, const struct secret_keys *k, struct err *e);
// Undoes the first secret_keys_store() of a file that was not there.
void secret_keys_unstore(const char *dir);
void secret_keys_wipe(struct secret_keys *k);

#endif
