// SPDX-License-Identifier: Apache-2.0
#include "bridge/pulse.h"

int64_t pulse_deadline(int64_t poll_ms, bool fan_out)
{
    int64_t least = fan_out ? PULSE_FAN_OUT_MS : PULSE_MS, polls = PULSE_POLLS * poll_ms;
    return polls > least && !fan_out ? polls : least;
}

void pulse_begin(struct pulse_look *l, int64_t now_ms, int64_t deadline_ms)
{
    *l = (struct pulse_look){.now_ms = now_ms, .deadline_ms = deadline_ms, .newest_ms = INT64_MIN};
}

static bool is_read(enum shard_state s)
{
    return s == SHARD_STARTING || s == SHARD_READING || s == SHARD_BACKOFF;
}

bool pulse_shard(struct pulse_look *l, const struct shard_status *s)
{
    if (!is_read(s->state))
        return false;
    l->reading++;
    if (s->answered_ms > l->newest_ms)
        l->newest_ms = s->answered_ms;
    if (s->held || l->now_ms - s->answered_ms <= l->deadline_ms)
        return false;
    if (l->silent++ == 0 || s->answered_ms < l->shard_ms) {
        l->shard = s->shard_id;
        l->shard_ms = s->answered_ms;
        l->why = s->last_error;
    }
    return true;
}

enum pulse pulse_end(const struct pulse_look *l)
{
    if (l->silent > 0)
        return PULSE_SILENT;
    if (l->reading > 0 && l->now_ms - l->newest_ms > l->deadline_ms)
        return PULSE_HELD;
    return PULSE_BEATS;
}
