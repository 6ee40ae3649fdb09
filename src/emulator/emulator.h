// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_EMULATOR_EMULATOR_H
#define PENSTOCK_EMULATOR_EMULATOR_H

// The local Kinesis endpoint (DESIGN section 6): HTTP/1.1 and HTTP/2, JSON 1.1 and CBOR, TLS
// optional. Streams and records live in memory and end with it. Loop thread only.
//
// For tests, from loopback peers only:
//   POST   /_penstock/faults   adds fault rules (faults.h); GET lists, DELETE clears them
//   GET    /_penstock/stats    calls, errors and records so far; DELETE sets them to 0
//   POST   /_penstock/settings changes what its object names; GET shows them:
//     advanceClockMs    how far the clock of streams and records runs ahead; only forwards. It
//                       expires iterators, ends retention, subscriptions and pending changes
//     transitionMs      how long CREATING, UPDATING and DELETING last
//     subscriptionMs    how long a subscription lasts (300000)
//     subscribeAgainMs  within this after a SubscribeToShard another is refused (5000)
//     limits            whether the throughput limits of the service are enforced
//   POST   /_penstock/credentials  {"accessKeyId", "secretAccessKey", "sessionToken"}: what callers
//     sign with from then on; the ones before are told that they have expired

#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"
#include "io/loop.h"

#define EMULATOR_ACCOUNT "000000000000"
#define EMULATOR_REGION "us-east-1"
#define EMULATOR_RETAINED_BYTES ((size_t)256 << 20)
#define EMULATOR_TRANSITION_MS 50
#define EMULATOR_BODY_MAX ((size_t)16 << 20)
#define EMULATOR_CONNECTIONS_MAX 1024

struct emulator;

struct emulator_stream {
    const char *name;
    unsigned shards;
};

// Strings are copied or used only during emulator_new(). Zero-initialise.
struct emulator_options {
    struct span host;     // empty = 127.0.0.1
    uint16_t port;        // 0 = any free
    const char *tls_cert; // PEM files; both or none
    const char *tls_key;
    const char *access_key_id; // both: signatures are checked; none: every caller is let in
    const char *secret_access_key;
    const char *session_token; // NULL = callers with one are refused (when signatures are checked)
    const struct emulator_stream *streams; // made at once, ACTIVE
    size_t n_streams;
    const char *account;       // 12 digits; NULL = EMULATOR_ACCOUNT
    const char *region;        // NULL = EMULATOR_REGION
    size_t retained_bytes;     // of records in all streams, the oldest go first; 0 = 256 MiB
    unsigned shard_limit;      // open shards in all streams; 0 = 500
    int64_t transition_ms;     // how long CREATING, UPDATING, DELETING last; 0 = 50, -1 = no time
    bool limits;               // enforce the service's throughput limits
    const struct clock *clock; // NULL = the loop's
};

// e says what is wrong: an option (ERR_CONFIG), the address, a file.
int emulator_new(struct loop *l, const struct emulator_options *o, struct emulator **out,
                 struct err *e) MUST_CHECK;
uint16_t emulator_port(const struct emulator *e);
// Stops accepting, ends what is under way, frees; then cb (may be NULL).
void emulator_close(struct emulator *e, void (*cb)(void *ctx), void *ctx);

// Without the network, for tests and benchmarks.

struct emulator_record {
    struct span sequence_number, partition_key, data; // valid until records are put or dropped
    int64_t arrival_ms;
};
int emulator_create_stream(struct emulator *e, const char *name, unsigned shards, struct err *err);
// ERR_NOT_FOUND without such a stream, ERR_LIMIT for a record above the stream's size limit or a
// key that is not 1 to 256 characters of UTF-8.
int emulator_put_record(struct emulator *e, struct span stream, struct span partition_key,
                        struct span data);
// Records kept in a stream.
uint64_t emulator_record_count(struct emulator *e, struct span stream);
// The n-th oldest kept record of a shard. False when there is none.
bool emulator_record_at(struct emulator *e, struct span stream, uint32_t shard, uint64_t n,
                        struct emulator_record *out);
// Calls of an operation so far ("GetRecords"), spoiled ones included.
uint64_t emulator_calls(const struct emulator *e, const char *operation);
// As POST and DELETE /_penstock/faults.
int emulator_add_faults(struct emulator *e, struct span json, struct err *err);
void emulator_clear_faults(struct emulator *e);

#endif
