// SPDX-License-Identifier: Apache-2.0
#include "stream/reply_size.h"

#define FADE 0.875
#define HEADROOM 1.125
#define FIRST_OVERHEAD 1.5
#define FIRST_RECORD 1024.0
// What a reply holds however small it is: the first piece of its arena, its batch.
#define FIXED (8 * 1024)
// Smaller replies say little about the overhead of large ones.
#define OVERHEAD_BODY_MIN (64 * 1024)

void reply_size_init(struct reply_size *s)
{
    *s = (struct reply_size){.held = REPLY_SIZE_FIRST, .overhead = FIRST_OVERHEAD};
}

static size_t clamp(double bytes)
{
    if (bytes < REPLY_SIZE_MIN)
        return REPLY_SIZE_MIN;
    return bytes > REPLY_SIZE_MAX ? REPLY_SIZE_MAX : (size_t)bytes;
}

size_t reply_size_estimate(const struct reply_size *s, int limit)
{
    double bytes = s->held * HEADROOM;
    double most = s->record * limit * HEADROOM + FIXED;
    if (s->record > 0 && bytes > most)
        bytes = most;
    return clamp(bytes);
}

size_t reply_size_correct(const struct reply_size *s, int64_t content_length, int limit)
{
    if (content_length >= 0)
        return clamp((double)content_length * s->overhead + FIXED);
    return clamp((s->record > 0 ? s->record : FIRST_RECORD) * limit + FIXED);
}

int reply_size_limit(const struct reply_size *s, int max_records, size_t room)
{
    if (s->record <= 0)
        return max_records;
    double fit = (double)room / s->record;
    if (fit >= max_records)
        return max_records;
    return fit < 1 ? 1 : (int)fit;
}

static double fade(double old, double now)
{
    old *= FADE;
    return now > old ? now : old;
}

void reply_size_learn(struct reply_size *s, size_t body, size_t held, size_t n_records)
{
    s->held = fade(s->held, (double)held);
    if (n_records == 0)
        return;
    double grows = held > FIXED + body ? (double)(held - FIXED) : (double)body;
    s->record = fade(s->record, grows / (double)n_records);
    if (body < OVERHEAD_BODY_MIN)
        return;
    double seen = grows / (double)body;
    s->overhead = seen > s->overhead ? seen : s->overhead + (seen - s->overhead) / 8;
}
