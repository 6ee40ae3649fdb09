// SPDX-License-Identifier: Apache-2.0
#include "hub/save_strategy.h"

#include "base/mem.h"

static int read_rule(const struct json *j, struct save_rule *r, struct err *e)
{
    struct span type = json_get_str(j, "type", SPAN("ON_EVERY_MESSAGE"));
    int64_t s = json_get_int(j, "deduplicationIntervalSecs", 60);
    *r = (struct save_rule){.when = SAVE_ALWAYS};
    if (span_is(type, "ON_EVERY_MESSAGE"))
        return 0;
    if (span_is(type, "SKIP") || span_is(type, "WEBSOCKETS_ONLY")) {
        r->when = SAVE_NEVER;
        return 0;
    }
    if (!span_is(type, "DEDUPLICATE"))
        return err_set(e, ERR_INVALID,
                       "configuration.processingSettings.type: \"%.*s\" is not supported",
                       SPAN_ARG(type));
    if (s < 1 || s > SAVE_INTERVAL_MAX_S)
        return err_set(e, ERR_INVALID,
                       "configuration.processingSettings.deduplicationIntervalSecs: must be from 1 "
                       "to %d",
                       SAVE_INTERVAL_MAX_S);
    r->when = SAVE_FIRST;
    r->interval_ms = s * 1000;
    return 0;
}

int save_strategy_read(const struct json *conf, const char *const *parts, struct save_strategy *out,
                       struct err *e)
{
    const struct json *settings = json_get(conf, "processingSettings");
    *out = (struct save_strategy){0};
    if (!span_is(json_get_str(settings, "type", SPAN_NONE), "ADVANCED")) {
        out->n = 1;
        return read_rule(settings, &out->rules[0], e);
    }
    for (; *parts; parts++) {
        require(out->n < SAVE_RULES_MAX);
        if (read_rule(json_get(settings, *parts), &out->rules[out->n++], e) < 0)
            return e->code;
    }
    return 0;
}

static bool is_first(struct save_rule *r, int64_t device, int64_t ts_ms)
{
    size_t at = (size_t)device;
    int64_t interval = ts_ms / r->interval_ms + 1;
    if (at >= r->cap) {
        size_t cap = r->cap * 2 > at + 1 ? r->cap * 2 : at + 64;
        r->last = mem_realloc(r->last, cap * sizeof *r->last);
        memset(r->last + r->cap, 0, (cap - r->cap) * sizeof *r->last);
        r->cap = cap;
    }
    bool first = r->last[at] != interval;
    r->last[at] = interval;
    return first;
}

bool save_strategy_look(struct save_strategy *s, const struct store_device *d, int64_t ts_ms)
{
    bool wants = false;
    for (unsigned i = 0; i < s->n; i++) {
        struct save_rule *r = &s->rules[i];
        wants |= r->when == SAVE_ALWAYS || (r->when == SAVE_FIRST && is_first(r, d->id, ts_ms));
    }
    return wants;
}

void save_strategy_free(struct save_strategy *s)
{
    for (unsigned i = 0; i < s->n; i++)
        mem_free(s->rules[i].last);
    *s = (struct save_strategy){0};
}
