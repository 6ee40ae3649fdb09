// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_REPLY_SIZE_H
#define PENSTOCK_STREAM_REPLY_SIZE_H

// How much memory the next GetRecords reply of a shard will hold, learnt from those before it, and
// how many records to ask for. Pure.

#include <stddef.h>
#include <stdint.h>

// Expected of a shard that has not answered yet.
#define REPLY_SIZE_FIRST (64 * 1024)
// A reply without records, with what surrounds it.
#define REPLY_SIZE_MIN (2 * 1024)
// The largest reply read: 10 MiB of records in base64, 10,000 keys of 256 four-byte characters, and
// their names (facts/wire.md section 4).
#define REPLY_SIZE_MAX (32 * 1024 * 1024)

struct reply_size {
    double held;     // bytes of a reply: the largest of late, fading
    double record;   // bytes a record: the largest of late, fading
    double overhead; // bytes held for each byte of the body
};

void reply_size_init(struct reply_size *s);
// What to take from the budget before a call that asks for `limit` records.
size_t reply_size_estimate(const struct reply_size *s, int limit);
// What a reply of content_length bytes (-1 = not known) will hold once decoded.
size_t reply_size_correct(const struct reply_size *s, int64_t content_length, int limit);
// Records to ask for, 1..max_records, so that the reply is likely to fit `room` bytes.
int reply_size_limit(const struct reply_size *s, int max_records, size_t room);
// A reply with a body of `body` bytes held `held` bytes for n_records records.
void reply_size_learn(struct reply_size *s, size_t body, size_t held, size_t n_records);

#endif
