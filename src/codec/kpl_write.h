// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_CODEC_KPL_WRITE_H
#define PENSTOCK_CODEC_KPL_WRITE_H

// Packs user records into one record of the stream, as the Kinesis Producer Library does
// (facts/kcl.md section 5). Pure; any thread.

#include "base/buf.h"
#include "codec/kpl.h"

// The partition key that the KPL gives an aggregate; its explicit hash key says where it goes.
#define KPL_PARTITION_KEY "a"

// Appends the aggregate. All records must belong to one shard.
void kpl_write(struct buf *out, const struct kpl_record *records, size_t n);

#endif
