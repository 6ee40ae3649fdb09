// SPDX-License-Identifier: Apache-2.0

// An aggregated record. A fuzzer does not find a digest: with the first byte's lowest bit set the
// rest is put between the magic and the digest that fits, else it is the whole record.

#include "codec/kpl.h"

#include "base/buf.h"
#include "base/err.h"
#include "codec/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_in(struct span part, struct span whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void read_all(struct span data)
{
    struct arena a = {0};
    struct kpl_reader r;
    struct kpl_record record;
    enum kpl_step step;
    size_t n = 0;
    if (kpl_open(&r, data, &a)) {
        bool inside = kpl_is_within(&r, (struct hash_key){0, 0}, HASH_KEY_MAX);
        bool low = kpl_is_within(&r, (struct hash_key){0, 0}, (struct hash_key){1, 0});
        require(inside || !low);
        while ((step = kpl_next(&r, &record)) == KPL_RECORD) {
            require(lies_in(record.partition_key, data) && lies_in(record.data, data) &&
                    lies_in(record.explicit_hash_key, data));
            n++;
        }
        require(step == KPL_BAD_INDEX ? n < r.n_records : n == r.n_records);
        require(kpl_next(&r, &record) == KPL_END);
        // Tables take no more than this, whatever the message says.
        require(a.bytes <= 4 * data.n + 65536);
    }
    arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct span in = span_of((const char *)data + 1, size - 1);
    if (!(data[0] & 1)) {
        read_all(in);
        return 0;
    }
    struct buf b = {0};
    uint8_t digest[MD5_LEN];
    md5(in, digest);
    buf_add(&b, "\xf3\x89\x9a\xc2", 4);
    buf_add_span(&b, in);
    buf_add(&b, digest, sizeof digest);
    read_all(buf_span(&b));
    buf_free(&b);
    return 0;
}
