// SPDX-License-Identifier: Apache-2.0
#include "store/store_internal.h"

// Durable points become visible here: each goes to the head, and to the series' latest value when
// its time is not before that one's (facts/hub.md section 3.4).
int store_apply_points(struct store *s, struct span points)
{
    struct points_log_state st = {0};
    struct unpack u = unpack_of(points);
    struct value v;
    uint32_t id;
    int64_t ts;
    int rc;
    while ((rc = points_log_decode(&st, &u, &id, &ts, &v)) > 0) {
        struct series *series = directory_series_by_id(&s->dir, id);
        if (!series)
            return ERR_INVALID;
        head_append(s->active, &series->cursor, id, ts, &v);
        if (!series->latest_type || ts >= series->latest_ts)
            series_set_latest(series, ts, &v);
        s->stats.points++;
    }
    return rc;
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
    return &directory_series_by_id(ctx, series)->cursor;
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
