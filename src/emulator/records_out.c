// SPDX-License-Identifier: Apache-2.0
#include "codec/base64.h"
#include "emulator/ops.h"

// What GetRecords replies and the events of a subscription have in common.

// Written by hand: this is what a benchmark's ten thousand records a reply go through.
static void records_json(const struct emu_log *log, const struct emu_page *page, struct buf *out)
{
    struct emu_cursor cursor = {0};
    struct emu_record r;
    char time[40];
    buf_reserve(out, page->payload * 2 + (page->end - page->first) * 160);
    for (bool first = true; emu_log_next(log, page, &cursor, &r); first = false) {
        if (!first)
            buf_add_char(out, ',');
        buf_add_span(out, SPAN("{\"SequenceNumber\":\""));
        buf_add_span(out, r.sequence);
        buf_add_span(out, SPAN("\",\"ApproximateArrivalTimestamp\":"));
        int ms = (int)(r.arrival_ms % 1000);
        buf_add_i64(out, r.arrival_ms / 1000);
        time[0] = '.';
        time[1] = (char)('0' + ms / 100);
        time[2] = (char)('0' + ms / 10 % 10);
        time[3] = (char)('0' + ms % 10);
        buf_add(out, time, 4);
        buf_add_span(out, SPAN(",\"Data\":\""));
        base64_encode(out, r.data);
        buf_add_span(out, SPAN("\",\"PartitionKey\":"));
        json_quote(out, r.key);
        buf_add_char(out, '}');
    }
}

void emu_out_records(struct emu_out *o, const struct emu_log *log, const struct emu_page *page)
{
    emu_out_key(o, "Records");
    emu_out_list(o, page->end - page->first);
    if (o->cbor)
        emu_log_copy(log, page, o->buf);
    else
        records_json(log, page, o->buf);
    emu_out_end(o);
}

void emu_out_children(struct emu_out *o, const struct emu_stream *s, const struct emu_shard *sh)
{
    uint32_t n = sh->child[1] != EMU_NO_SHARD ? 2 : 1;
    emu_out_key(o, "ChildShards");
    emu_out_list(o, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct emu_shard *child = s->shards[sh->child[i]];
        emu_out_map(o);
        emu_out_shard_id(o, "ShardId", child->index);
        emu_out_key(o, "ParentShards");
        emu_out_list(o, child->adjacent != EMU_NO_SHARD ? 2 : 1);
        emu_out_shard_id(o, NULL, child->parent);
        if (child->adjacent != EMU_NO_SHARD)
            emu_out_shard_id(o, NULL, child->adjacent);
        emu_out_end(o);
        emu_out_hash_range(o, child);
        emu_out_end(o);
    }
    emu_out_end(o);
}
