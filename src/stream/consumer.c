// SPDX-License-Identifier: Apache-2.0
#include "stream/consumer.h"

#include <stdio.h>

#include "base/mem.h"
#include "stream/consumer_internal.h"
#include "stream/shard_range.h"
#include "stream/shard_reader.h"
#include "stream/shard_subscriber.h"
#include "stream/status_text.h"
#include "stream/subscribe_pace.h"

#define DEFAULT_REQUEST_MS 30000
#define DEFAULT_AHEAD 2
#define DEFAULT_SILENCE_MS 30000
#define MAX_RECORDS 10000
// Readers that start at the same time, and the distance of those after them.
#define START_TOGETHER 16
#define START_GAP_MS 1
#define START_SPREAD_MAX_MS 2000
#define LOG_LINES_A_MINUTE 6
#define REPORTED_NOTHING 1

const char *shard_state_name(enum shard_state s)
{
    static const char *const names[] = {
        [SHARD_WAITING_PARENT] = "WAITING_PARENT",
        [SHARD_STARTING] = "STARTING",
        [SHARD_READING] = "READING",
        [SHARD_BACKOFF] = "BACKOFF",
        [SHARD_DRAINING] = "DRAINING",
        [SHARD_ENDED] = "ENDED",
    };
    return names[s];
}

// Status -----------------------------------------------------------------------------------------

static void report(struct consumer *c, int status, const char *text)
{
    uint32_t held_back;
    if (c->stopped || c->reported == status)
        return;
    c->reported = status;
    buf_clear(&c->reported_text);
    buf_add_str(&c->reported_text, text);
    if (log_limit_pass(&c->log, loop_now_ms(c->loop), LOG_LINES_A_MINUTE, &held_back)) {
        if (status == 0)
            log_info("stream", "reading", "stream=%.*s shards=%zu held_back=%u",
                     SPAN_ARG(c->stream_name), c->map.n, held_back);
        else
            log_warn("stream", "not reading", "stream=%.*s text=\"%s\" held_back=%u",
                     SPAN_ARG(c->stream_name), text, held_back);
    }
    c->events->on_status(c->ctx, status, text);
}

// Also when only the text is another one.
static void report_text(struct consumer *c, int status, const char *text)
{
    if (c->reported == status && !span_is(buf_span(&c->reported_text), text))
        c->reported = REPORTED_NOTHING;
    report(c, status, text);
}

static void report_if_well(struct consumer *c)
{
    if (c->phase == CONSUMER_READING && c->n_opening == 0 && c->n_failing == 0 &&
        !c->watch_failing && !c->fan_out_failing)
        report(c, 0, "reading");
}

void consumer_reader_failing(struct consumer *c, int status, const char *text)
{
    report(c, status, text);
}

void consumer_reader_working(struct consumer *c)
{
    report_if_well(c);
}

// Closing and renewing ---------------------------------------------------------------------------

static bool is_quiet(const struct consumer *c)
{
    return c->n_calls == 0 && c->n_out == 0;
}

static bool may_close(const struct consumer *c)
{
    return c->closing && is_quiet(c) && stream_watch_is_idle(&c->watch) &&
           fan_out_is_idle(&c->fan_out);
}

static void free_readers(struct consumer *c)
{
    for (size_t i = 0; i < c->map.n; i++)
        if (c->map.nodes[i]->data) {
            shard_source_free(c->map.nodes[i]->data);
            c->map.nodes[i]->data = NULL;
        }
}

static void halt_readers(struct consumer *c)
{
    for (size_t i = 0; i < c->map.n; i++)
        if (c->map.nodes[i]->data)
            shard_source_halt(c->map.nodes[i]->data);
}

static void finish_close(struct consumer *c)
{
    void (*cb)(void *ctx) = c->close_cb;
    void *ctx = c->close_ctx;
    free_readers(c);
    shard_map_free(&c->map);
    stream_watch_deinit(&c->watch);
    fan_out_deinit(&c->fan_out);
    buf_free(&c->identity);
    buf_free(&c->next_identity);
    buf_free(&c->reported_text);
    arena_free(&c->names);
    mem_free(c);
    if (cb)
        cb(ctx);
}

static void ask_owner(struct consumer *c)
{
    c->phase = CONSUMER_ASKING;
    log_info("stream", "stream found", "identity=%.*s", SPAN_ARG(buf_span(&c->identity)));
    c->events->on_stream(c->ctx, buf_span(&c->identity));
}

static void finish_renewal(struct consumer *c)
{
    struct buf old = c->identity;
    // Nothing of the new stream was there when LATEST was asked for.
    c->from_creation = c->start == KINESIS_LATEST;
    free_readers(c);
    shard_map_free(&c->map);
    if (c->from_creation)
        shard_map_init(&c->map, KINESIS_AT_TIMESTAMP, c->created_ms, &c->names);
    else
        shard_map_init(&c->map, c->start, c->start_timestamp_ms, &c->names);
    c->identity = c->next_identity;
    c->next_identity = old;
    ask_owner(c);
}

void consumer_settle(struct consumer *c)
{
    bool due = may_close(c) || (!c->stopped && c->phase == CONSUMER_RENEWING && is_quiet(c));
    if (due && !list_linked(&c->task.link))
        loop_post(c->loop, &c->task);
}

static void run_task(struct loop_task *t)
{
    struct consumer *c = container_of(t, struct consumer, task);
    if (may_close(c)) {
        finish_close(c);
        return;
    }
    if (c->stopped)
        return;
    if (c->phase == CONSUMER_RENEWING && is_quiet(c))
        finish_renewal(c);
    else if (c->list_due) {
        c->list_due = false;
        stream_watch_list(&c->watch);
    }
}

// Shards -----------------------------------------------------------------------------------------

static int64_t start_delay(size_t i)
{
    if (i < START_TOGETHER)
        return 0;
    int64_t ms = (int64_t)(i - START_TOGETHER) * START_GAP_MS;
    return ms < START_SPREAD_MAX_MS ? ms : START_SPREAD_MAX_MS;
}

static void start_ready(struct consumer *c)
{
    struct list ready;
    struct list *it;
    list_init(&ready);
    shard_map_take_ready(&c->map, &ready);
    for (size_t i = 0; (it = list_pop(&ready)); i++) {
        struct shard_node *node = container_of(it, struct shard_node, link);
        node->in_use = true;
        node->data = c->source_new(c, node, start_delay(i), c->phase == CONSUMER_LISTING);
        log_info("stream", "shard starts", "shard=%.*s", SPAN_ARG(node->id));
    }
}

void consumer_learn_children(struct consumer *c, struct shard_node *parent,
                             const struct kinesis_shard *shards, size_t n)
{
    bool want_listing = false;
    int rc = shard_map_add_children(&c->map, parent, shards, n, &want_listing);
    // A listing finds what these do not tell, and reports what is wrong.
    if (rc < 0 || want_listing)
        stream_watch_poke(&c->watch);
}

void consumer_shard_ended(struct consumer *c, struct shard_node *node)
{
    if (c->stopped || c->phase == CONSUMER_RENEWING)
        return;
    log_info("stream", "shard ended", "shard=%.*s", SPAN_ARG(node->id));
    shard_map_end(&c->map, node);
    node->in_use = false;
    start_ready(c);
}

void consumer_hand_over(struct consumer *c, struct shard_batch *b)
{
    c->n_out++;
    c->events->on_batch(c->ctx, b);
}

static void prune(struct consumer *c)
{
    for (size_t i = 0; i < c->map.n; i++) {
        struct shard_node *node = c->map.nodes[i];
        if (!node->data || node->in_use || shard_map_is_listed(&c->map, node))
            continue;
        shard_source_free(node->data);
        node->data = NULL;
    }
    shard_map_prune(&c->map);
}

// The stream itself ------------------------------------------------------------------------------

static void start_fan_out(struct consumer *c, struct span arn)
{
    c->fan_out_failing = false;
    if (c->fan_out.consumer_name.n > 0)
        fan_out_start(&c->fan_out, arn);
}

static void on_identity(void *ctx, struct span arn, int64_t created_ms)
{
    struct consumer *c = ctx;
    struct buf *b = &c->next_identity;
    buf_clear(b);
    buf_printf(b, "%.*s@%lld", SPAN_ARG(arn), (long long)created_ms);
    if (c->phase == CONSUMER_OPENING) {
        buf_clear(&c->identity);
        buf_add_span(&c->identity, buf_span(b));
        start_fan_out(c, arn);
        ask_owner(c);
        return;
    }
    if (span_eq(buf_span(b), buf_span(&c->identity))) {
        stream_watch_list(&c->watch);
        return;
    }
    // Batches of the old stream must not be taken for the new one's: their shards' names are alike.
    char text[STATUS_TEXT_MAX];
    snprintf(text, sizeof(text), "stream %.*s was deleted and created again: reading the new one",
             SPAN_ARG(c->stream_name));
    c->phase = CONSUMER_RENEWING;
    c->created_ms = created_ms;
    halt_readers(c);
    start_fan_out(c, arn);
    consumer_settle(c);
    report(c, ERR_CONFLICT, text);
}

static int on_shards(void *ctx, const struct kinesis_shard *shards, size_t n)
{
    struct consumer *c = ctx;
    int rc = shard_map_merge_listing(&c->map, shards, n);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < c->map.n; i++)
        if (c->map.nodes[i]->data)
            shard_source_on_listing(c->map.nodes[i]->data);
    if (c->stopped)
        return 0;
    prune(c);
    start_ready(c);
    c->phase = CONSUMER_READING;
    c->watch_failing = false;
    report_if_well(c);
    return 0;
}

static void on_failure(void *ctx, int status, unsigned failures, const char *text)
{
    struct consumer *c = ctx;
    uint32_t held_back;
    if (c->reported == status &&
        log_limit_pass(&c->log, loop_now_ms(c->loop), LOG_LINES_A_MINUTE, &held_back))
        log_warn("stream", "still failing", "text=\"%s\" failures=%u held_back=%u", text, failures,
                 held_back);
    if (c->phase == CONSUMER_READING && failures < status_patience(status))
        return;
    c->watch_failing = true;
    report_text(c, status, text);
}

static void on_stopped(void *ctx)
{
    consumer_settle(ctx);
}

static const struct stream_watch_events watch_events = {
    .on_identity = on_identity,
    .on_shards = on_shards,
    .on_failure = on_failure,
    .on_stopped = on_stopped,
};

static void on_ready(void *ctx)
{
    struct consumer *c = ctx;
    log_info("stream", "consumer active", "stream=%.*s consumer=%.*s", SPAN_ARG(c->stream_name),
             SPAN_ARG(c->fan_out.consumer_name));
    c->fan_out_failing = false;
    for (size_t i = 0; i < c->map.n; i++)
        if (c->map.nodes[i]->data)
            shard_source_kick(c->map.nodes[i]->data);
    report_if_well(c);
}

static void on_fan_out_failure(void *ctx, int status, unsigned failures, const char *text)
{
    struct consumer *c = ctx;
    if (failures < status_patience(status))
        return;
    c->fan_out_failing = true;
    report_text(c, status, text);
}

static const struct fan_out_events fan_out_events = {
    .on_ready = on_ready,
    .on_failure = on_fan_out_failure,
    .on_stopped = on_stopped,
};

// For the owner ----------------------------------------------------------------------------------

static int check_options(const struct consumer_options *o, struct err *e)
{
    if (o->stream_name.n == 0 || o->stream_name.n > 128)
        return err_set(e, ERR_CONFIG, "streamName must have 1 to 128 characters");
    if (o->max_records < 1 || o->max_records > MAX_RECORDS)
        return err_set(e, ERR_CONFIG, "maxRecords must be 1 to %d, not %d", MAX_RECORDS,
                       o->max_records);
    if (o->start != KINESIS_LATEST && o->start != KINESIS_TRIM_HORIZON &&
        o->start != KINESIS_AT_TIMESTAMP)
        return err_set(e, ERR_CONFIG,
                       "initialPositionInStream must be LATEST, TRIM_HORIZON or AT_TIMESTAMP");
    if (o->fan_out_consumer.n > 0 && !fan_out_is_name(o->fan_out_consumer))
        return err_set(e, ERR_CONFIG,
                       "applicationName must have 1 to %d letters, digits, \"_\", \".\" and \"-\" "
                       "for enhanced fan-out",
                       FAN_OUT_NAME_MAX);
    if (o->poll_ms < 0 || o->silence_ms < 0 || o->subscription_ms < 0 || o->request_ms < 0 ||
        o->calls_per_second < 0)
        return err_set(e, ERR_CONFIG, "times and rates must not be negative");
    return 0;
}

int consumer_new(const struct consumer_options *o, struct consumer **out, struct err *e)
{
    int rc = check_options(o, e);
    if (rc)
        return rc;
    struct consumer *c = mem_new(struct consumer);
    c->loop = o->loop;
    c->kinesis = o->kinesis;
    c->budget = o->budget;
    c->events = o->events;
    c->ctx = o->ctx;
    c->stream_name = arena_span(&c->names, o->stream_name);
    c->start = o->start;
    c->start_timestamp_ms = o->start_timestamp_ms;
    c->save_start = o->save_start;
    c->max_records = o->max_records;
    c->poll_ms = o->poll_ms;
    c->calls_per_second = o->calls_per_second;
    c->request_ms = o->request_ms ? o->request_ms : DEFAULT_REQUEST_MS;
    c->ahead = o->ahead ? o->ahead : DEFAULT_AHEAD;
    c->background = o->background;
    c->silence_ms = o->silence_ms ? o->silence_ms : DEFAULT_SILENCE_MS;
    c->subscription_ms = o->subscription_ms ? o->subscription_ms : SUBSCRIBE_PACE_LIFE_MS;
    c->source_new = o->fan_out_consumer.n > 0 ? shard_subscriber_new : shard_reader_new;
    c->reported = REPORTED_NOTHING;
    c->task.run = run_task;
    shard_map_init(&c->map, c->start, c->start_timestamp_ms, &c->names);
    c->watch = (struct stream_watch){.loop = c->loop,
                                     .kinesis = c->kinesis,
                                     .stream_name = c->stream_name,
                                     .request_ms = c->request_ms,
                                     .events = &watch_events,
                                     .ctx = c};
    c->fan_out = (struct fan_out){.loop = c->loop,
                                  .kinesis = c->kinesis,
                                  .stream_name = c->stream_name,
                                  .consumer_name = arena_span(&c->names, o->fan_out_consumer),
                                  .request_ms = c->request_ms,
                                  .events = &fan_out_events,
                                  .ctx = c};
    stream_watch_start(&c->watch);
    *out = c;
    return 0;
}

static void begin_listing(struct consumer *c)
{
    c->phase = CONSUMER_LISTING;
    c->list_due = true;
    if (!list_linked(&c->task.link))
        loop_post(c->loop, &c->task);
}

void consumer_start_shards(struct consumer *c, const struct consumer_checkpoint *cp, size_t n)
{
    if (c->stopped)
        return;
    require(c->phase == CONSUMER_ASKING);
    for (size_t i = 0; i < n; i++)
        if (shard_map_add_checkpoint(&c->map, cp[i].shard_id, cp[i].sequence, cp[i].sub_sequence,
                                     cp[i].shard_end) < 0)
            log_error("stream", "checkpoint ignored: not a shard id, or twice", "shard=\"%.*s\"",
                      SPAN_ARG(cp[i].shard_id));
    begin_listing(c);
}

void consumer_start_ranges(struct consumer *c, const struct consumer_range *r, size_t n)
{
    if (c->stopped)
        return;
    require(c->phase == CONSUMER_ASKING);
    c->map.only_ranges = true;
    for (size_t i = 0; i < n; i++) {
        struct shard_range range = {.start = {.type = r[i].start,
                                              .sequence = r[i].from_sequence,
                                              .timestamp_ms = r[i].from_ms,
                                              .whole = true},
                                    .until_sequence = r[i].until_sequence,
                                    .until_ms = r[i].until_ms};
        if (shard_map_add_range(&c->map, r[i].shard_id, &range) < 0)
            log_error("stream", "range ignored: not a shard id, or twice", "shard=\"%.*s\"",
                      SPAN_ARG(r[i].shard_id));
    }
    begin_listing(c);
}

void consumer_ack(struct consumer *c, struct shard_batch *b)
{
    require(c->n_out > 0);
    c->n_out--;
    shard_source_ack(b->internal, b);
    consumer_settle(c);
}

void consumer_stop(struct consumer *c)
{
    if (c->stopped)
        return;
    c->stopped = true;
    stream_watch_stop(&c->watch);
    fan_out_stop(&c->fan_out);
    halt_readers(c);
}

void consumer_close(struct consumer *c, void (*cb)(void *ctx), void *ctx)
{
    require(!c->closing);
    consumer_stop(c);
    c->closing = true;
    c->close_cb = cb;
    c->close_ctx = ctx;
    consumer_settle(c);
}

size_t consumer_count_shards(const struct consumer *c)
{
    return c->map.n;
}

void consumer_get_shard(const struct consumer *c, size_t i, struct shard_status *out)
{
    require(i < c->map.n);
    const struct shard_node *node = c->map.nodes[i];
    if (node->data) {
        shard_source_status(node->data, out);
        return;
    }
    *out = (struct shard_status){
        .shard_id = node->id,
        .state = node->phase == SHARD_PHASE_ENDED ? SHARD_ENDED : SHARD_WAITING_PARENT,
        .millis_behind = -1,
    };
    out->position = node->saved;
    if (node->saved.n > 0 && node->saved.p[0] != SHARD_POSITION_TIME)
        out->sequence = node->saved;
}

struct span consumer_identity(const struct consumer *c)
{
    return buf_span(&c->identity);
}
