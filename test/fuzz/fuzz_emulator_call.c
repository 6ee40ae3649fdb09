// SPDX-License-Identifier: Apache-2.0

// A call of the local Kinesis endpoint: the first byte chooses operation and encoding, the rest is
// the body. Whatever it is, the answer is an error with a code, or a reply its own reader can read.

#include <stdlib.h>

#include "codec/cbor.h"
#include "emulator/ops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void set_up(struct emu_account *a)
{
    char sequence[EMU_SEQUENCE_LEN];
    memcpy(a->id, "000000000000", 13);
    memcpy(a->region, "us-east-1", 10);
    emu_account_init(a, (size_t)1 << 20);
    struct emu_stream *s = emu_account_create(a, SPAN("s"), 2, 1754611200125);
    emu_account_register(a, s, SPAN("c"), (struct emu_now){1754611200125, 0});
    emu_shard_put(s->shards[0], SPAN("k"), SPAN("data"), 1754611200125, sequence);
}

static void check_reply(bool cbor, struct span reply, struct arena *arena)
{
    if (reply.n == 0)
        return;
    if (cbor) {
        struct cbor_reader r;
        struct cbor_item item = {0};
        cbor_reader_init(&r, reply, arena);
        if (!cbor_read(&r, &item) || !cbor_skip(&r, &item) || r.at != r.end)
            abort();
        return;
    }
    struct json_scan s;
    json_scan_init(&s, reply, arena);
    if (json_scan_skip(&s) != 0 || json_scan_next(&s) != JSON_T_END)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    bool cbor = data[0] & 1;
    enum emu_op op = (enum emu_op)(data[0] / 2 % EMU_OP_COUNT);
    struct emu_account account = {.limits = data[0] & 128};
    struct arena arena = {0};
    struct buf reply = {0};
    struct emu_out out;
    set_up(&account);
    emu_out_init(&out, cbor, &reply);
    struct emu_call call = {
        .account = &account, .arena = &arena, .out = &out, .now = {1754611300125, 1000}};
    if (emu_op_run(op, &call, cbor, span_of((const char *)data + 1, size - 1))) {
        if (op == EMU_OP_SubscribeToShard)
            emu_subscription_next(&call.subscription, &account, call.now, &reply, &call.error);
        check_reply(cbor, buf_span(&reply), &arena);
    } else if (!call.error.code || call.error.status < 400 || call.error.message.n > 64 * 1024)
        abort();
    buf_free(&reply);
    arena_free(&arena);
    emu_account_free(&account);
    return 0;
}
