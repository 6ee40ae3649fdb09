// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_BASE64_H
#define PENSTOCK_CODEC_BASE64_H

// Base64 (RFC 4648 section 4 with padding; section 5 URL form without) and hexadecimal. Any thread.

#include "base/buf.h"

#define BASE64_DECODED_MAX(n) ((n) / 4 * 3 + 3)

void base64_encode(struct buf *out, struct span in);
// URL alphabet, no padding (JWT).
void base64url_encode(struct buf *out, struct span in);
// Strict: standard alphabet, right padding, no white space, no stray bits. `out` holds at least
// BASE64_DECODED_MAX(in.n); decoding in place (out == in.p) is allowed. Returns the length or -1.
ptrdiff_t base64_decode(char *out, struct span in);
ptrdiff_t base64url_decode(char *out, struct span in);
void hex_encode(struct buf *out, struct span in);    // lower case
void hex_write(char *out, const void *in, size_t n); // 2n characters, no NUL
// Returns the length or -1. `out` holds in.n / 2.
ptrdiff_t hex_decode(char *out, struct span in);

#endif
