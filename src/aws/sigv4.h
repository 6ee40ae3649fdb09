// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_AWS_SIGV4_H
#define PENSTOCK_AWS_SIGV4_H

// AWS Signature Version 4 for header-signed and query-signed requests, in stages that tests can
// see. Pure: bytes and a time in, bytes out. Source: "AWS API request signing" (AWS IAM User Guide)
// and facts/wire.md section 1. Any thread; a sigv4_key belongs to one owner.

#include "base/arena.h"
#include "base/err.h"
#include "codec/digest.h"
#include "net/http_types.h"

struct sigv4_credentials {
    struct span access_key_id;
    struct span secret_access_key;
    struct span session_token; // empty = none
};

// The derived key is good for one UTC day, region and service: kept here between requests.
struct sigv4_key {
    char scope[8 + 1 + 64 + 1 + 64 + 16];
    uint8_t secret_digest[SHA256_LEN]; // of the secret it was derived from
    uint8_t key[SHA256_LEN];
};

struct sigv4_request {
    struct span method;
    struct span path;            // as sent; empty = "/"
    struct span query;           // as sent, without '?'
    struct http_headers headers; // all that are to be signed, Host included
    struct span body;
    struct span region;
    struct span service;
    int64_t time_ms;       // wall clock, corrected for skew
    bool keep_path;        // S3 rule: neither normalised nor encoded a second time
    bool no_normalize;     // do not remove dot segments (test suite)
    bool sign_body_header; // add x-amz-content-sha256 (S3-like services and test suite)
};

struct sigv4_result {
    struct span canonical_request;
    struct span string_to_sign;
    struct span signature;     // 64 hex digits
    struct span authorization; // value of the Authorization header
    struct span amz_date;      // YYYYMMDDTHHMMSSZ
    struct span body_sha256;   // hex
};

// The four links of the key chain, kDate, kRegion, kService, kSigning, for `date` = YYYYMMDD.
void sigv4_derive(struct span secret, struct span date, struct span region, struct span service,
                  uint8_t chain[4][SHA256_LEN]);

// Headers that are never signed: connection, expect, keep-alive, proxy-*, te, trailer,
// transfer-encoding, upgrade, user-agent, x-amzn-trace-id, authorization.
// `r->headers` must not hold x-amz-date or x-amz-security-token; they are added to the signed set
// (the caller sends them: amz_date, session_token). All results are allocated in `a`. ERR_INVALID
// on a region or service longer than 64 bytes or a time outside the years 1970 to 9999.
int sigv4_sign(const struct sigv4_request *r, const struct sigv4_credentials *c,
               struct sigv4_key *key, struct arena *a, struct sigv4_result *out) MUST_CHECK;
// Query form (presigned): `expires_s` seconds; `query` gets the whole query string to send.
// r->query must not hold X-Amz-* parameters; result->authorization stays empty.
int sigv4_presign(const struct sigv4_request *r, const struct sigv4_credentials *c,
                  struct sigv4_key *key, int64_t expires_s, struct arena *a,
                  struct sigv4_result *out, struct span *query) MUST_CHECK;

#endif
