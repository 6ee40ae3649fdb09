// SPDX-License-Identifier: Apache-2.0
// A token from a stranger: reading and checking it must neither fail nor believe it.

#include "api/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[JWT_KEY_LEN] = "a key that the input does not know";
    struct span token = span_of((const char *)data, size);
    struct arena a = {0};
    struct jwt_claims claims;
    if (jwt_read(token, &a, &claims) == 0)
        require(claims.sub.p && claims.scope.p);
    require(!jwt_signed_by(token, key));
    arena_free(&a);
    return 0;
}
