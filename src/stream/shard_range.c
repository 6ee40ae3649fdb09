// SPDX-License-Identifier: Apache-2.0
#include "stream/shard_range.h"

static bool is_behind(const struct shard_range *r, const struct kinesis_record *k)
{
    if (r->until_ms > 0 && k->arrival_ms >= r->until_ms)
        return true;
    return r->until_sequence.n > 0 &&
           kinesis_sequence_cmp(k->sequence_number, r->until_sequence) > 0;
}

bool shard_range_cut(const struct shard_range *r, struct kinesis_output *out)
{
    for (size_t i = 0; i < out->n_records; i++) {
        const struct kinesis_record *k = &out->records[i];
        if (is_behind(r, k)) {
            out->n_records = i;
            return true;
        }
        if (r->until_sequence.n > 0 &&
            kinesis_sequence_cmp(k->sequence_number, r->until_sequence) == 0) {
            out->n_records = i + 1;
            return true;
        }
    }
    return out->millis_behind == 0;
}
