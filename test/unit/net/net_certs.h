// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_NET_CERTS_H
#define PENSTOCK_TEST_NET_CERTS_H

#include "base/buf.h"

// Makes an authority and certificates of it with the openssl command in a temporary folder:
//   ca.pem other.pem           authorities
//   good.pem  good.key         DNS:localhost, DNS:*.wild.example, IP:127.0.0.1, IP:::1
//   rsa.pem   rsa.key          DNS:localhost, an RSA key
//   name.pem  name.key         DNS:other.example only
//   expired.pem, future.pem    as good, not valid now
// False without openssl.
bool certs_make(void);
// Path of one of them; valid until the next call but three.
const char *certs_path(const char *file);
void certs_read(const char *file, struct buf *out);
void certs_remove(void);

#endif
