// SPDX-License-Identifier: Apache-2.0
#include "hub/delays.h"
#include "hub/node.h"
#include "hub/template.h"

// Delay: the message goes on later, in a run of its own (delays.h).

#define PERIOD_MAX_MS ((int64_t)366 * 24 * 3600 * 1000)

struct delay_config {
    int64_t period;
    struct span pattern; // of the period; without p: `period`
    struct span unit, unit_pattern;
    unsigned max; // maxPendingMsgs
};

// Milliseconds of a unit; 0 = there is no such unit.
static int64_t unit_ms(struct span unit)
{
    return span_is(unit, "SECONDS")   ? 1000
           : span_is(unit, "MINUTES") ? 60000
           : span_is(unit, "HOURS")   ? 3600000
                                      : 0;
}

// Older releases know seconds only, under names of their own.
static void read_period(struct node_compile *c, struct delay_config *d)
{
    struct span pattern = json_get_str(c->conf, "periodValuePattern",
                                       json_get_str(c->conf, "periodInSecondsPattern", SPAN_NONE));
    bool by_pattern =
        json_get_bool(c->conf, "usePeriodValuePattern",
                      json_get_bool(c->conf, "useMetadataPeriodInSecondsPatterns", false));
    d->period = json_get_int(c->conf, "periodValue", json_get_int(c->conf, "periodInSeconds", 60));
    if (by_pattern)
        d->pattern = arena_span(c->arena, pattern.p ? pattern : SPAN(""));
    if (json_get_bool(c->conf, "usePeriodTimeUnitPattern", false))
        d->unit_pattern =
            arena_span(c->arena, json_get_str(c->conf, "periodTimeUnitPattern", SPAN("")));
    d->unit = arena_span(c->arena, json_get_str(c->conf, "periodTimeUnit", SPAN("SECONDS")));
}

static int compile_delay(struct node_compile *c)
{
    struct delay_config *d = arena_new(c->arena, struct delay_config);
    int64_t max = json_get_int(c->conf, "maxPendingMsgs", 1000);
    c->node->config = d;
    read_period(c, d);
    if (!unit_ms(d->unit))
        return node_refuse(c, "periodTimeUnit", d->unit, "SECONDS, MINUTES or HOURS");
    if (max < 1 || max > DELAYS_NODE_MAX)
        return err_set(c->e, ERR_INVALID, "configuration.maxPendingMsgs: must be from 1 to %d",
                       DELAYS_NODE_MAX);
    d->max = (unsigned)max;
    return 0;
}

static int delay_of(struct flow *f, const struct delay_config *d, int64_t *ms, struct err *e)
{
    int64_t period = d->period;
    struct span unit = d->unit;
    if (d->pattern.p) {
        struct span text = template_fill(f->run, f->msg, d->pattern);
        if (!span_to_i64(text, &period))
            return err_set(e, ERR_INVALID, "the period \"%.*s\" is not a number", SPAN_ARG(text));
    }
    if (d->unit_pattern.p)
        unit = template_fill(f->run, f->msg, d->unit_pattern);
    if (!unit_ms(unit))
        return err_set(e, ERR_INVALID, "\"%.*s\" is not a unit of time", SPAN_ARG(unit));
    if (period < 0 || period > PERIOD_MAX_MS / unit_ms(unit))
        return err_set(e, ERR_INVALID, "the period must be from 0 to 366 days");
    *ms = period * unit_ms(unit);
    return 0;
}

static void run_delay(struct flow *f, const struct rule_node *n)
{
    const struct delay_config *d = n->config;
    struct err e = {0};
    int64_t ms = 0;
    // What is replayed has waited long enough.
    if (f->run->replay) {
        flow_succeed(f, n);
        return;
    }
    if (delay_of(f, d, &ms, &e) < 0 || delays_add(f->run->hub->delays, f, n, ms, d->max, &e) < 0)
        flow_fail(f, n, e.msg);
}

const struct rule_node_type node_delay = {
    .suffix = ".delay.TbMsgDelayNode", .compile = compile_delay, .run = run_delay};
