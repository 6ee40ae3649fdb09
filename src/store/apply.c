// SPDX-License-Identifier: Apache-2.0
#include "store/store_internal.h"

// Points are applied some at a time, so that the memory of all of them is fetched at once.
#define BATCH 32

struct applied {
    uint32_t id;
    struct series *series;
    int64_t ts;
    struct value v;
};

// The number of points decoded, or ERR_INVALID.
static int decode_batch(struct store *s, struct points_log_state *st, struct unpack *u,
                        struct applied *out)
{
    int n = 0;
    for (; n < BATCH; n++) {
        int rc = points_log_decode(st, u, &out[n].id, &out[n].ts, &out[n].v);
        if (rc == 0)
            break;
        out[n].series = rc > 0 ? directory_slot(&s->dir, out[n].id) : NULL;
        if (!out[n].series)
            return ERR_INVALID;
        __builtin_prefetch(out[n].series, 1);
    }
    return n;
}

// Durable points become visible here: each goes to the head, and to the series' latest value when
// its time is not before that one's (facts/hub.md section 3.4).
static void apply(struct store *s, const struct applied *a)
{
    struct series *series = a->series;
    if (series->state == ROW_ABSENT)
        series->state = ROW_DURABLE; // known from the log alone so far
    head_append(s->active, &series->cursor, a->id, a->ts, &a->v);
    if (!series->latest_type || a->ts >= series->latest_ts)
        series_set_latest(series, a->ts, &a->v);
}

int store_apply_points(struct store *s, struct span points)
{
    struct points_log_state st = {0};
    struct unpack u = unpack_of(points);
    struct applied batch[BATCH];
    int n;
    while ((n = decode_batch(s, &st, &u, batch)) > 0) {
        for (int i = 0; i < n; i++)
            head_prefetch(s->active, &batch[i].series->cursor);
        for (int i = 0; i < n; i++)
            apply(s, &batch[i]);
        s->stats.points += (uint64_t)n;
    }
    return n;
}

static int replay_row(struct store *s, struct span row)
{
    struct unpack u = unpack_of(row);
    if (unpack_byte(&u) != LOG_VERSION)
        return ERR_INVALID;
    int rc = 0;
    while (rc == 0 && unpack_more(&u))
        rc = store_apply_points(s, unpack_span(&u));
    return u.bad ? ERR_INVALID : rc;
}

int store_replay_log(struct store *s, struct db *db, struct err *e)
{
    struct stmt *st = db_stmt(db, SQL_LOAD_LOG);
    stmt_int(st, 1, s->writer.counts.log_floor);
    int rc;
    while ((rc = stmt_step(st)) > 0) {
        s->applied_log_id = stmt_col_int(st, 0);
        if (replay_row(s, stmt_col_span(st, 1)) == 0)
            continue;
        stmt_reset(st);
        return err_set(e, ERR_INVALID, "damaged database: log row %lld makes no sense",
                       (long long)s->applied_log_id);
    }
    s->stats.points = 0;
    return rc < 0 ? db_error(db, e) : 0;
}

static struct head_cursor *cursor_of(void *ctx, uint32_t series)
{
    return &directory_series(ctx, series)->cursor;
}

bool store_head_full(const struct store *s)
{
    // Half of the limit: the frozen head has the other half.
    return head_bytes(s->active) >= s->head_bytes / 2 || head_crowded(s->active);
}

void store_freeze_head(struct store *s, bool not_full)
{
    if (s->frozen || head_bytes(s->active) == 0 || (!not_full && !store_head_full(s)))
        return;
    head_freeze(s->active, cursor_of, &s->dir);
    s->frozen = s->active;
    s->frozen_log_id = s->applied_log_id;
    s->active = head_new(head_epoch(s->frozen) + 1);
    timer_stop(&s->age_timer);
}
