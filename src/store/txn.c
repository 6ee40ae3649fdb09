// SPDX-License-Identifier: Apache-2.0
#include "store/txn.h"

#include "base/mem.h"
#include "store/outbox.h"
#include "store/store_internal.h"

struct store_txn *store_txn_new(struct store *s)
{
    struct store_txn *t = mem_new(struct store_txn);
    t->store = s;
    return t;
}

void store_txn_free(struct store_txn *t)
{
    if (!t)
        return;
    require(!list_linked(&t->link));
    t->store->outbox_adding_rows -= t->outbox_rows;
    t->store->outbox_adding_bytes -= t->outbox_bytes;
    buf_free(&t->ops);
    buf_free(&t->points);
    mem_free(t->touches);
    mem_free(t);
}

size_t store_txn_bytes(const struct store_txn *t)
{
    return sizeof *t + t->ops.cap + t->points.cap + t->cap_touches * sizeof *t->touches;
}

// Sizes -------------------------------------------------------------------------------------------

// SQLite refuses a value of a thousand million bytes or more; a transaction that it refuses would
// block every one behind it for good.
static void check_size(size_t n)
{
    require(n <= STORE_VALUE_MAX);
}

static void op(struct store_txn *t, enum txn_op code)
{
    buf_add_char(&t->ops, (char)code);
}

static void op_span(struct store_txn *t, struct span s)
{
    check_size(s.n);
    pack_span(&t->ops, s);
}

void txn_pack_value(struct buf *b, const struct value *v)
{
    buf_add_char(b, (char)v->type);
    if (v->type == VALUE_BOOL)
        buf_add_char(b, v->b);
    else if (v->type < VALUE_STRING)
        buf_add(b, &v->i, sizeof v->i);
    else
        pack_span(b, v->s);
}

struct value txn_unpack_value(struct unpack *u)
{
    struct value v = {.type = (enum value_type)unpack_byte(u)};
    if (v.type == VALUE_BOOL) {
        v.b = unpack_byte(u) != 0;
    } else if (v.type < VALUE_STRING) {
        struct span raw = unpack_bytes(u, sizeof v.i);
        if (raw.p)
            memcpy(&v.i, raw.p, sizeof v.i);
    } else {
        v.s = unpack_span(u);
    }
    return v;
}

// Touched rows ------------------------------------------------------------------------------------

static void touch(struct store_txn *t, struct device *d, struct series_ref ref)
{
    if (t->n_touches == t->cap_touches) {
        t->cap_touches = t->cap_touches ? t->cap_touches * 2 : 4;
        t->touches = mem_realloc(t->touches, t->cap_touches * sizeof *t->touches);
    }
    t->touches[t->n_touches++] = (struct txn_touch){d, ref};
}

static void touch_device(struct store_txn *t, struct device *d)
{
    if (d->state == ROW_NEW)
        touch(t, d, (struct series_ref){0, 0});
}

static void submit_key(struct txn_rows *rows, uint32_t id)
{
    struct key_entry *key = &rows->dir->keys[id];
    if (key->state != ROW_NEW)
        return;
    key->state = ROW_SUBMITTED;
    buf_add_char(&rows->ops, OP_KEY);
    pack_u64(&rows->ops, id);
    pack_span(&rows->ops, key->name);
}

static void submit_touch(struct txn_rows *rows, struct txn_touch touched)
{
    struct device *d = touched.device;
    bool write = d->state == ROW_NEW;
    struct series *s = directory_series(rows->dir, touched.ref.series);
    if (s && s->state == ROW_NEW) {
        submit_key(rows, touched.ref.key);
        s->state = ROW_SUBMITTED;
        d->n_new--;
        write = true;
    }
    if (!write || d->queued)
        return;
    d->queued = true;
    if (rows->n == rows->cap) {
        rows->cap = rows->cap ? rows->cap * 2 : 16;
        rows->devices = mem_realloc(rows->devices, rows->cap * sizeof(struct device *));
    }
    rows->devices[rows->n++] = d;
}

void txn_submit_rows(struct store_txn *t, struct txn_rows *rows)
{
    for (uint32_t i = 0; i < t->n_touches; i++)
        submit_touch(rows, t->touches[i]);
}

static void pack_device(struct buf *b, const struct device *d)
{
    buf_add_char(b, OP_DEVICE);
    pack_i64(b, d->pub.id);
    pack_uuid(b, d->pub.uuid);
    buf_add_char(b, d->pub.is_asset);
    pack_span(b, d->pub.name);
    pack_span(b, d->pub.label);
    pack_uuid(b, d->pub.profile);
    pack_i64(b, d->pub.created_ms);
}

void txn_finish_rows(struct txn_rows *rows)
{
    struct buf list = {0};
    for (uint32_t i = 0; i < rows->n; i++) {
        struct device *d = rows->devices[i];
        d->queued = false;
        if (d->state == ROW_NEW) {
            d->state = ROW_SUBMITTED;
            pack_device(&rows->ops, d);
        } else {
            buf_add_char(&rows->ops, OP_SERIES);
            pack_i64(&rows->ops, d->pub.id);
        }
        buf_clear(&list);
        directory_pack_series(rows->dir, d, &list);
        pack_span(&rows->ops, buf_span(&list));
    }
    buf_free(&list);
    mem_free(rows->devices);
    rows->devices = NULL;
    rows->n = rows->cap = 0;
}

void txn_rows_durable(struct store_txn *t, struct directory *dir)
{
    for (uint32_t i = 0; i < t->n_touches; i++) {
        struct txn_touch touched = t->touches[i];
        touched.device->state = ROW_DURABLE;
        touched.device->pub.durable = true;
        if (!touched.ref.series)
            continue;
        directory_series(dir, touched.ref.series)->state = ROW_DURABLE;
        dir->keys[touched.ref.key].state = ROW_DURABLE;
    }
}

// Operations --------------------------------------------------------------------------------------

void store_txn_device(struct store_txn *t, struct store_device *d)
{
    touch_device(t, device_of(d));
}

void store_txn_update_device(struct store_txn *t, const struct store_device *d, struct span label,
                             struct uuid profile)
{
    op(t, OP_UPDATE_DEVICE);
    pack_i64(&t->ops, d->id);
    op_span(t, label);
    pack_uuid(&t->ops, profile);
}

void store_txn_delete_device(struct store_txn *t, struct store_device *d)
{
    struct directory *dir = &t->store->dir;
    struct device *dev = device_of(d);
    require(d->durable && !dev->gone);
    dev->gone = 1;
    dir->n_gone++;
    op(t, OP_DELETE_DEVICE);
    pack_i64(&t->ops, d->id);
    // Transactions on their way may still name them: they are never given out again.
    pack_i64(&t->ops, dir->next_device);
    pack_i64(&t->ops, dir->next_series);
}

void store_txn_points(struct store_txn *t, struct store_device *d, int64_t ts_ms,
                      const struct kv *kv, size_t n)
{
    struct directory *dir = &t->store->dir;
    struct device *dev = device_of(d);
    if (dev->gone)
        return;
    touch_device(t, dev);
    for (size_t i = 0; i < n; i++) {
        const struct series_ref *ref = directory_find_series(dir, dev, kv[i].key, (uint32_t)i);
        if (!ref) {
            check_size(kv[i].key.n);
            ref = directory_add_series(dir, dev, kv[i].key);
        }
        // Looking at the series itself would fetch a cache line that nothing else here needs.
        if (dev->n_new && directory_series(dir, ref->series)->state == ROW_NEW)
            touch(t, dev, *ref);
        check_size(kv[i].value.s.n);
        points_log_encode(&t->log, ref->series, ts_ms, &kv[i].value, &t->points);
    }
    t->n_points += (uint32_t)n;
}

void store_txn_attribute(struct store_txn *t, struct store_device *d, enum store_scope scope,
                         const struct kv *kv, int64_t ts_ms, bool only_changed)
{
    if (device_of(d)->gone)
        return;
    touch_device(t, device_of(d));
    check_size(kv->value.s.n);
    op(t, OP_ATTRIBUTE);
    buf_add_char(&t->ops, (char)((only_changed ? TXN_ONLY_CHANGED : 0) |
                                 (t->keep_newer ? TXN_KEEP_NEWER : 0)));
    pack_i64(&t->ops, d->id);
    buf_add_char(&t->ops, (char)scope);
    op_span(t, kv->key);
    txn_pack_value(&t->ops, &kv->value);
    pack_i64(&t->ops, ts_ms);
}

void store_txn_keep_newer(struct store_txn *t)
{
    t->keep_newer = true;
}

void store_txn_delete_attribute(struct store_txn *t, struct store_device *d, enum store_scope scope,
                                struct span key)
{
    op(t, OP_DELETE_ATTRIBUTE);
    pack_i64(&t->ops, d->id);
    buf_add_char(&t->ops, (char)scope);
    op_span(t, key);
}

void store_txn_checkpoint(struct store_txn *t, const struct store_checkpoint *c)
{
    op(t, OP_CHECKPOINT);
    pack_uuid(&t->ops, c->integration);
    op_span(t, c->stream);
    op_span(t, c->shard_id);
    op_span(t, c->sequence);
    pack_u64(&t->ops, c->sub_sequence);
    pack_u64(&t->ops, c->records_applied);
    buf_add_char(&t->ops, c->shard_end);
}

void store_txn_delete_checkpoints(struct store_txn *t, struct uuid integration)
{
    op(t, OP_DELETE_CHECKPOINTS);
    pack_uuid(&t->ops, integration);
}

void store_txn_outbox_add(struct store_txn *t, const struct store_outbox_row *r)
{
    check_size(r->data.n);
    op(t, OP_OUTBOX_ADD);
    pack_uuid(&t->ops, r->integration);
    size_t before = t->ops.n;
    outbox_pack_row(&t->ops, r);
    uint64_t bytes = t->ops.n - before;
    t->outbox_rows++;
    t->outbox_bytes += bytes;
    t->store->outbox_adding_rows++;
    t->store->outbox_adding_bytes += bytes;
}

static void op_chunk(struct store_txn *t, enum txn_op code, const struct store_outbox_chunk *c)
{
    op(t, code);
    pack_i64(&t->ops, c->id);
    pack_i64(&t->ops, (int64_t)c->n);
    pack_i64(&t->ops, (int64_t)c->bytes);
}

void store_txn_outbox_remove(struct store_txn *t, const struct store_outbox_chunk *c)
{
    op_chunk(t, OP_OUTBOX_REMOVE, c);
}

void store_txn_outbox_keep(struct store_txn *t, struct store_outbox_chunk *c,
                           const struct store_outbox_row *const *rows, size_t n)
{
    struct buf packed = {0};
    for (size_t i = 0; i < n; i++)
        outbox_pack_row(&packed, rows[i]);
    op_chunk(t, OP_OUTBOX_KEEP, c);
    pack_i64(&t->ops, (int64_t)n);
    op_span(t, buf_span(&packed));
    c->n = n;
    c->bytes = packed.n;
    buf_free(&packed);
}

void store_txn_delete_outbox(struct store_txn *t, struct uuid integration)
{
    op(t, OP_DELETE_OUTBOX);
    pack_uuid(&t->ops, integration);
}

void store_txn_dead_letter(struct store_txn *t, const struct store_dead_letter *d)
{
    op(t, OP_DEAD_LETTER);
    pack_uuid(&t->ops, d->integration);
    buf_add_char(&t->ops, d->downlink);
    op_span(t, d->error);
    op_span(t, d->shard_id);
    op_span(t, d->sequence);
    op_span(t, d->partition_key);
    pack_i64(&t->ops, d->arrival_ms);
    pack_i64(&t->ops, d->created_ms);
    op_span(t, d->payload);
    pack_u64(&t->ops, d->sub_sequence);
    op_span(t, d->stream);
    op_span(t, d->stream_arn);
    op_span(t, d->explicit_hash_key);
    op_span(t, d->msg_type);
    op_span(t, d->metadata);
}

void store_txn_dead_letter_failed(struct store_txn *t, struct uuid integration, int64_t id,
                                  struct span error, int64_t now_ms)
{
    op(t, OP_DEAD_FAILED);
    pack_i64(&t->ops, id);
    pack_uuid(&t->ops, integration);
    op_span(t, error);
    pack_i64(&t->ops, now_ms);
}

void store_txn_remove_dead_letter(struct store_txn *t, struct uuid integration, int64_t id,
                                  bool replayed)
{
    op(t, OP_DEAD_REMOVE);
    pack_i64(&t->ops, id);
    pack_uuid(&t->ops, integration);
    buf_add_char(&t->ops, replayed);
}

void store_txn_delete_dead_letters(struct store_txn *t, struct uuid integration)
{
    op(t, OP_DELETE_DEAD);
    pack_uuid(&t->ops, integration);
}

void store_txn_put_doc(struct store_txn *t, enum store_doc_kind kind, struct uuid id,
                       struct span name, struct span json)
{
    op(t, OP_PUT_DOC);
    buf_add_char(&t->ops, (char)kind);
    pack_uuid(&t->ops, id);
    op_span(t, name);
    op_span(t, json);
}

void store_txn_delete_doc(struct store_txn *t, enum store_doc_kind kind, struct uuid id)
{
    op(t, OP_DELETE_DOC);
    buf_add_char(&t->ops, (char)kind);
    pack_uuid(&t->ops, id);
}
