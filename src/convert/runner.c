// SPDX-License-Identifier: Apache-2.0
#include "convert/runner.h"

#include "base/mem.h"
#include "convert/downlink.h"
#include "convert/js_engine.h"
#include "convert/js_gate.h"
#include "convert/rule_script.h"
#include "convert/uplink.h"

struct slot {
    struct convert_script *script; // held
    struct js_engine *engine;
    uint64_t used; // runner.clock when last used
    bool wants_template;
    bool has_template; // of the job that runs now
};

struct runner {
    struct runner_limits limits;
    struct slot slots[RUNNER_HEAPS];
    unsigned n;
    uint64_t clock;
    struct buf scratch;
};

struct runner *runner_new(const struct runner_limits *limits)
{
    struct runner *r = mem_new(struct runner);
    r->limits = *limits;
    return r;
}

static void drop_slot(struct runner *r, struct slot *s)
{
    js_engine_free(s->engine);
    script_drop(s->script);
    *s = r->slots[--r->n];
}

void runner_free(struct runner *r)
{
    if (!r)
        return;
    while (r->n > 0)
        drop_slot(r, &r->slots[0]);
    buf_free(&r->scratch);
    mem_free(r);
}

static void drop_retired(struct runner *r)
{
    for (unsigned i = r->n; i-- > 0;) {
        if (atomic_load(&r->slots[i].script->retired))
            drop_slot(r, &r->slots[i]);
    }
}

static struct slot *find_slot(struct runner *r, const struct convert_script *script)
{
    for (unsigned i = 0; i < r->n; i++) {
        if (r->slots[i].script == script)
            return &r->slots[i];
    }
    return NULL;
}

static void make_room(struct runner *r)
{
    struct slot *oldest = &r->slots[0];
    for (unsigned i = 1; i < r->n; i++) {
        if (r->slots[i].used < oldest->used)
            oldest = &r->slots[i];
    }
    if (r->n == RUNNER_HEAPS)
        drop_slot(r, oldest);
}

// The heap for the script, with the job's metadata as its template.
static struct slot *get_slot(struct runner *r, struct convert_script *script,
                             const struct convert_job *job, struct runner_stats *stats)
{
    struct slot *s = find_slot(r, script);
    if (!s) {
        make_room(r);
        const struct js_source *source = script_source(script);
        struct js_engine_options o = {
            .source = source, .time_limit_ms = r->limits.time_ms, .memory_limit = r->limits.memory};
        s = &r->slots[r->n++];
        *s = (struct slot){.script = script, .engine = js_engine_new(&o)};
        script_hold(script);
        // Argument 1 of an uplink script, 3 of a downlink script.
        s->wants_template = (script->kind == CONVERT_UPLINK || script->kind == CONVERT_DOWNLINK) &&
                            js_source_uses_argument(source, script->kind == CONVERT_UPLINK ? 1 : 3);
        stats->heaps_made++;
    }
    if (s->wants_template && !s->has_template)
        js_engine_set_template(s->engine, job->meta);
    s->has_template = true;
    s->used = ++r->clock;
    return s;
}

static void count(struct runner_stats *stats, int status)
{
    stats->runs++;
    stats->failures += status != 0;
    stats->timeouts += status == ERR_TIMEOUT;
    stats->memory_kills += status == ERR_MEMORY;
}

static int run_uplink(struct slot *s, struct js_gate *gate, struct uplink_call *c,
                      struct convert_job *job, uint32_t i)
{
    c->with_metadata = s->wants_template;
    uplink_call_init(c, &job->uplink[i], &job->uplink_out[i]);
    int rc = js_engine_call(s->engine, gate, &c->call);
    if (rc == 0) {
        job->uplink_out[i].status = c->call.status;
        job->uplink_out[i].error = c->call.error;
    }
    return rc;
}

static int run_downlink(struct slot *s, struct js_gate *gate, struct downlink_call *c,
                        struct convert_job *job, uint32_t i)
{
    downlink_call_init(c, &job->downlink[i], &job->downlink_out[i]);
    int rc = js_engine_call(s->engine, gate, &c->m.call);
    if (rc == 0) {
        msg_call_finish(&c->m);
        job->downlink_out[i].status = c->m.call.status;
        job->downlink_out[i].error = c->m.call.error;
    }
    return rc;
}

static int run_rule(struct slot *s, struct js_gate *gate, struct rule_call *c,
                    struct convert_job *job, uint32_t i)
{
    rule_call_init(c, s->script->kind, &job->downlink[i], &job->rule_out[i]);
    int rc = js_engine_call(s->engine, gate, &c->m.call);
    if (rc == 0) {
        msg_call_finish(&c->m);
        job->rule_out[i].status = c->m.call.status;
        job->rule_out[i].error = c->m.call.error;
    }
    return rc;
}

// One of them, by the script's kind.
union run_call {
    struct js_call call;
    struct uplink_call up;
    struct downlink_call down;
    struct rule_call rule;
};

static void set_reader(union run_call *c, enum convert_kind kind, const struct result_reader *r)
{
    if (kind == CONVERT_UPLINK)
        c->up.reader = *r;
    else if (kind == CONVERT_DOWNLINK)
        c->down.m.reader = *r;
    else
        c->rule.m.reader = *r;
}

static int run_record(struct slot *s, struct js_gate *gate, union run_call *c,
                      struct convert_job *job, uint32_t i)
{
    enum convert_kind kind = s->script->kind;
    return kind == CONVERT_UPLINK     ? run_uplink(s, gate, &c->up, job, i)
           : kind == CONVERT_DOWNLINK ? run_downlink(s, gate, &c->down, job, i)
                                      : run_rule(s, gate, &c->rule, job, i);
}

static void leave_rest(struct convert_job *job, uint32_t *next)
{
    while (++*next < job->n)
        job->rule_out[*next].status = ERR_BUSY;
}

bool runner_run(struct runner *r, struct convert_script *script, struct convert_job *job,
                uint32_t *next, struct js_gate *gate, struct runner_stats *stats)
{
    bool uplink = script->kind == CONVERT_UPLINK;
    union run_call call;
    struct result_reader reader = {.arena = &job->arena,
                                   .scratch = &r->scratch,
                                   .cast_strings = r->limits.cast_strings,
                                   .limit = uplink ? CONVERT_RESULT_MAX : CONVERT_DOWNLINK_MAX};
    int64_t start_ms = js_now_ms();
    set_reader(&call, script->kind, &reader);
    drop_retired(r);
    struct slot *s = find_slot(r, script);
    if (s)
        s->has_template = false;
    for (uint32_t n = job->n; *next < n; ++*next) {
        s = get_slot(r, script, job, stats);
        if (run_record(s, gate, &call, job, *next) != 0) {
            drop_slot(r, s);
            return false;
        }
        int status = call.call.status;
        count(stats, status);
        if (js_engine_is_spent(s->engine))
            drop_slot(r, s);
        bool late = job->stop_at_timeout && js_now_ms() - start_ms >= r->limits.time_ms;
        if (late && *next + 1 < n) {
            leave_rest(job, next);
            break;
        }
    }
    return true;
}
