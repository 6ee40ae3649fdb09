// SPDX-License-Identifier: Apache-2.0
#include "codec/aead.h"

#include <mbedtls/gcm.h>

#include "base/err.h"
#include "base/mem.h"

static const unsigned char *bytes(struct span s)
{
    return (const unsigned char *)(s.p ? s.p : "");
}

static void begin(mbedtls_gcm_context *gcm, const uint8_t key[AEAD_KEY_LEN])
{
    mbedtls_gcm_init(gcm);
    require(mbedtls_gcm_setkey(gcm, MBEDTLS_CIPHER_ID_AES, key, 8 * AEAD_KEY_LEN) == 0);
}

void aead_seal(const uint8_t key[AEAD_KEY_LEN], const uint8_t nonce[AEAD_NONCE_LEN],
               struct span bound, struct span in, uint8_t *out)
{
    mbedtls_gcm_context gcm;
    begin(&gcm, key);
    require(mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, in.n, nonce, AEAD_NONCE_LEN,
                                      bytes(bound), bound.n, bytes(in), out, AEAD_TAG_LEN,
                                      out + in.n) == 0);
    mbedtls_gcm_free(&gcm);
}

bool aead_open(const uint8_t key[AEAD_KEY_LEN], const uint8_t nonce[AEAD_NONCE_LEN],
               struct span bound, struct span in, uint8_t *out)
{
    mbedtls_gcm_context gcm;
    if (in.n < AEAD_TAG_LEN) {
        return false;
    }
    size_t n = in.n - AEAD_TAG_LEN;
    begin(&gcm, key);
    int rc = mbedtls_gcm_auth_decrypt(&gcm, n, nonce, AEAD_NONCE_LEN, bytes(bound), bound.n,
                                      bytes(in) + n, AEAD_TAG_LEN, bytes(in), out);
    mbedtls_gcm_free(&gcm);
    if (rc != 0) {
        mem_wipe(out, n);
    }
    return rc == 0;
}
