// SPDX-License-Identifier: Apache-2.0
#include "emulator/faults.h"

#include <stdio.h>

#include "codec/json.h"

#define EVENT_NAME "SubscribeToShardEvent"

static const char *const fault_names[] = {"",
#define FAULT_NAME(id, name, calls, events) name,
                                          EMU_FAULTS(FAULT_NAME)
#undef FAULT_NAME
};

// Where a fault may happen.
#define ANY (-1)
#define NO_OP (-2)
static const struct {
    int calls; // an operation, ANY or NO_OP
    bool events;
} places[] = {{NO_OP, false},
#define FAULT_PLACE(id, name, calls, events) {calls, events},
              EMU_FAULTS(FAULT_PLACE)
#undef FAULT_PLACE
};

static enum emu_fault fault_of(struct span name)
{
    for (int i = 1; i < EMU_FAULT_COUNT; i++)
        if (span_is(name, fault_names[i]))
            return (enum emu_fault)i;
    return EMU_FAULT_NONE;
}

// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
double emu_fault_random(void *rule)
{
    struct emu_rule *r = rule;
    uint64_t z = r->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

static int known_keys(const struct json *j, size_t at, struct err *e)
{
    static const char keys[] = ",op,fault,count,after,probability,seed,ms,fraction,shard,code,"
                               "status,message,";
    for (const struct json *m = json_child(j); m; m = json_next(m)) {
        char key[32];
        snprintf(key, sizeof key, ",%.*s,", SPAN_ARG(json_key(m)));
        if (!strstr(keys, key))
            return err_set(e, ERR_INVALID, "rule %zu: unknown key \"%.*s\"", at,
                           SPAN_ARG(json_key(m)));
    }
    return 0;
}

static int number(const struct json *j, const char *key, double otherwise, double max, double *out,
                  size_t at, struct err *e)
{
    const struct json *m = json_get(j, key);
    *out = json_num(m, otherwise);
    if ((m && !json_is(m, JSON_NUMBER)) || !(*out >= 0 && *out <= max))
        return err_set(e, ERR_INVALID, "rule %zu: \"%s\" must be a number from 0 to %.0f", at, key,
                       max);
    return 0;
}

static int text(const struct json *j, const char *key, const char *otherwise,
                char out[EMU_FAULT_TEXT_MAX], size_t at, struct err *e)
{
    struct span s = json_get_str(j, key, span_str(otherwise));
    if (s.n >= EMU_FAULT_TEXT_MAX || memchr(s.p, 0, s.n))
        return err_set(e, ERR_INVALID, "rule %zu: \"%s\" must be text below %d bytes", at, key,
                       EMU_FAULT_TEXT_MAX);
    memcpy(out, s.p, s.n);
    out[s.n] = 0;
    return 0;
}

static int parse_numbers(const struct json *j, size_t at, struct emu_rule *r, struct err *e)
{
    double count, after, seed, ms, status;
    if (number(j, "count", 0, 1e15, &count, at, e) || number(j, "after", 0, 1e15, &after, at, e) ||
        number(j, "seed", 1, 1e15, &seed, at, e) ||
        number(j, "ms", 1000, EMU_FAULT_STALL_MAX_MS, &ms, at, e) ||
        number(j, "status", 400, 599, &status, at, e) ||
        number(j, "probability", 1, 1, &r->probability, at, e) ||
        number(j, "fraction", 0.5, 1, &r->fraction, at, e))
        return e->code;
    r->count = (uint64_t)count;
    r->after = (uint64_t)after;
    r->random = (uint64_t)seed;
    r->stall_ms = (int64_t)ms;
    r->status = (int)status;
    return 0;
}

static int parse_op(const struct json *j, size_t at, struct emu_rule *r, struct err *e)
{
    struct span op = json_get_str(j, "op", SPAN("*"));
    enum emu_op found;
    if (span_is(op, EVENT_NAME))
        r->op = EMU_FAULT_EVENT;
    else if (emu_op_find(op, &found))
        r->op = (int)found;
    else if (!span_is(op, "*"))
        return err_set(e, ERR_INVALID, "rule %zu: unknown operation \"%.*s\"", at, SPAN_ARG(op));
    return 0;
}

static int parse_shard(const struct json *j, size_t at, struct emu_rule *r, struct err *e)
{
    struct span shard = json_get_str(j, "shard", SPAN_NONE);
    r->shard = EMU_NO_SHARD;
    if (!json_get(j, "shard"))
        return 0;
    if (!emu_shard_id_parse(shard, &r->shard))
        return err_set(e, ERR_INVALID, "rule %zu: \"shard\" must be a shard id", at);
    if (r->fault != EMU_FAULT_THROTTLE || r->op == EMU_FAULT_EVENT)
        return err_set(e, ERR_INVALID, "rule %zu: \"shard\" goes with \"throttle\" only", at);
    return 0;
}

static int parse_rule(const struct json *j, size_t at, struct emu_rule *r, struct err *e)
{
    *r = (struct emu_rule){.op = -1};
    if (!json_is(j, JSON_OBJECT))
        return err_set(e, ERR_INVALID, "rule %zu: an object expected", at);
    if (known_keys(j, at, e) || parse_numbers(j, at, r, e))
        return e->code;
    struct span fault = json_get_str(j, "fault", SPAN(""));
    if (parse_op(j, at, r, e))
        return e->code;
    r->fault = fault_of(fault);
    if (r->fault == EMU_FAULT_NONE)
        return err_set(e, ERR_INVALID, "rule %zu: unknown fault \"%.*s\"", at, SPAN_ARG(fault));
    if (r->status < 400)
        return err_set(e, ERR_INVALID, "rule %zu: \"status\" must be 400 to 599", at);
    bool entries = r->fault == EMU_FAULT_PARTIAL || r->fault == EMU_FAULT_RANDOM;
    const char *code = entries                    ? "ProvisionedThroughputExceededException"
                       : r->op == EMU_FAULT_EVENT ? "InternalFailureException"
                                                  : "InternalFailure";
    if (parse_shard(j, at, r, e) || text(j, "code", code, r->code, at, e) ||
        text(j, "message", "", r->message, at, e))
        return e->code;
    return 0;
}

static int parse_list(struct emu_faults *f, const struct json *list, struct err *e)
{
    size_t n = f->n;
    if (!json_is(list, JSON_ARRAY))
        return err_set(e, ERR_INVALID, "a list of rules expected");
    for (const struct json *j = json_child(list); j; j = json_next(j), n++) {
        if (n == EMU_FAULT_RULES_MAX)
            return err_set(e, ERR_LIMIT, "more than %d rules", EMU_FAULT_RULES_MAX);
        if (parse_rule(j, n - f->n + 1, &f->rules[n], e))
            return e->code;
    }
    f->n = n;
    return 0;
}

int emu_faults_add(struct emu_faults *f, struct span text_in, struct err *e)
{
    struct json *list = json_parse(text_in, e);
    if (!list)
        return e->code;
    int rc = parse_list(f, list, e);
    json_free(list);
    return rc;
}

void emu_faults_clear(struct emu_faults *f)
{
    f->n = 0;
}

// Whether the fault can happen there at all.
static bool fits(enum emu_fault fault, int op)
{
    int calls = places[fault].calls;
    return op == EMU_FAULT_EVENT ? places[fault].events : calls == ANY || calls == op;
}

// "*" means operations; a fault that only events know needs no such word.
static bool applies(const struct emu_rule *r, int op)
{
    bool all =
        op != EMU_FAULT_EVENT || places[r->fault].calls == NO_OP || r->fault == EMU_FAULT_RANDOM;
    return (r->op < 0 ? all : r->op == op) && fits(r->fault, op);
}

static bool fires(struct emu_rule *r)
{
    if (r->seen++ < r->after || (r->count && r->fired >= r->count))
        return false;
    if (r->probability < 1 && emu_fault_random(r) >= r->probability)
        return false;
    r->fired++;
    return true;
}

static bool is_drawn(enum emu_fault fault)
{
    return fault != EMU_FAULT_EXPIRED_TOKEN && fault != EMU_FAULT_ERROR &&
           fault != EMU_FAULT_DUPLICATE && fault != EMU_FAULT_RANDOM;
}

// A rule of one kind in place of a random one.
static struct emu_rule *draw(struct emu_faults *f, struct emu_rule *r, int op)
{
    enum emu_fault menu[EMU_FAULT_COUNT];
    size_t n = 0;
    for (int i = 1; i < EMU_FAULT_COUNT; i++)
        if (is_drawn((enum emu_fault)i) && fits((enum emu_fault)i, op))
            menu[n++] = (enum emu_fault)i;
    enum emu_fault kind = menu[(size_t)(emu_fault_random(r) * (double)n)];
    double part = emu_fault_random(r);
    f->drawn = *r;
    f->drawn.fault = kind;
    f->drawn.stall_ms = (int64_t)(part * (double)r->stall_ms);
    return &f->drawn;
}

struct emu_rule *emu_faults_pick(struct emu_faults *f, int op)
{
    for (size_t i = 0; i < f->n; i++) {
        struct emu_rule *r = &f->rules[i];
        if (r->shard == EMU_NO_SHARD && applies(r, op) && fires(r))
            return r->fault == EMU_FAULT_RANDOM ? draw(f, r, op) : r;
    }
    return NULL;
}

bool emu_faults_throttle(struct emu_faults *f, enum emu_op op, uint32_t shard)
{
    for (size_t i = 0; i < f->n; i++) {
        struct emu_rule *r = &f->rules[i];
        if (r->shard == shard && applies(r, (int)op) && fires(r))
            return true;
    }
    return false;
}

static bool is_data_operation(int op)
{
    return op == EMU_OP_GetRecords || op == EMU_OP_PutRecord || op == EMU_OP_PutRecords ||
           op == EMU_OP_GetShardIterator;
}

bool emu_fault_error(const struct emu_rule *r, int op, struct emu_error *out)
{
    switch (r->fault) {
    case EMU_FAULT_THROTTLE:
        *out = (struct emu_error){is_data_operation(op) ? "ProvisionedThroughputExceededException"
                                                        : "LimitExceededException",
                                  400, SPAN("Rate exceeded (fault on demand).")};
        return true;
    case EMU_FAULT_INTERNAL:
        *out = (struct emu_error){"InternalFailure", 500, SPAN("Fault on demand.")};
        return true;
    case EMU_FAULT_UNAVAILABLE:
        *out = (struct emu_error){"ServiceUnavailable", 503, SPAN("Fault on demand.")};
        return true;
    case EMU_FAULT_EXPIRED_TOKEN:
        *out = (struct emu_error){"ExpiredTokenException", 400,
                                  SPAN("The security token included in the request is expired")};
        return true;
    case EMU_FAULT_EXPIRED_ITERATOR:
        *out = (struct emu_error){"ExpiredIteratorException", 400,
                                  SPAN("Iterator expired (fault on demand).")};
        return true;
    case EMU_FAULT_ERROR:
        *out = (struct emu_error){r->code, r->status, span_str(r->message)};
        return true;
    default:
        return false;
    }
}

void emu_faults_write(const struct emu_faults *f, struct json_out *out)
{
    json_out_array(out);
    for (size_t i = 0; i < f->n; i++) {
        const struct emu_rule *r = &f->rules[i];
        const char *op = r->op < 0                  ? "*"
                         : r->op == EMU_FAULT_EVENT ? EVENT_NAME
                                                    : emu_op_name((enum emu_op)r->op);
        json_out_object(out);
        json_out_key_str(out, "op", span_str(op));
        json_out_key_str(out, "fault", span_str(fault_names[r->fault]));
        json_out_key_int(out, "seen", (int64_t)r->seen);
        json_out_key_int(out, "fired", (int64_t)r->fired);
        json_out_end(out);
    }
    json_out_end(out);
}
