// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/internal.h"
#include "api/routes.h"

// Prometheus text exposition format 0.0.4.

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

static void family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put(struct buf *out, const char *name, const char *type, const char *help,
                uint64_t value)
{
    family(out, name, type, help);
    buf_printf(out, "%s %llu\n", name, (unsigned long long)value);
}

#define COUNTER(name, help, value) put(out, "penstock_" name, "counter", help, (uint64_t)(value))
#define GAUGE(name, help, value) put(out, "penstock_" name, "gauge", help, (uint64_t)(value))

// Bytes, from the second field of /proc/self/statm (proc(5)): memory of the kernel's, no disk.
static uint64_t resident_bytes(void)
{
    char text[128];
    unsigned long pages = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    if (sscanf(text, "%*u %lu", &pages) != 1)
        return 0;
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static double cpu_seconds(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0)
        return 0;
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void put_process(struct api *a, struct buf *out)
{
    put(out, "process_resident_memory_bytes", "gauge", "resident memory", resident_bytes());
    family(out, "process_cpu_seconds_total", "counter", "processor time, user and system");
    buf_printf(out, "process_cpu_seconds_total %.2f\n", cpu_seconds());
    put(out, "process_start_time_seconds", "gauge", "start, seconds since 1970",
        (uint64_t)a->start_ms / 1000);
    family(out, "penstock_info", "gauge", "version of Penstock");
    buf_printf(out, "penstock_info{version=\"%s\"} 1\n", a->o.version);
}

static void put_budget(struct api *a, struct buf *out)
{
    const struct budget *b = a->o.budget;
    if (!b)
        return;
    GAUGE("inflight_bytes", "bytes in flight", b->used);
    GAUGE("inflight_peak_bytes", "most bytes that were in flight", b->peak);
    GAUGE("inflight_limit_bytes", "limits.inflight", b->limit);
}

static void put_store(struct api *a, struct buf *out)
{
    struct store *store = hub_store(a->o.hub);
    struct store_stats s = {0};
    struct err e = {0};
    store_get_stats(store, &s);
    GAUGE("store_healthy", "0 while the database can't be written", store_health(store, &e) == 0);
    GAUGE("devices", "devices and assets", store_count_devices(store));
    COUNTER("store_commits_total", "commits since start", s.commits);
    COUNTER("store_transactions_total", "transactions in them", s.transactions);
    COUNTER("store_points_total", "telemetry points stored since start", s.points);
    COUNTER("store_flushes_total", "times that the head was written as chunks", s.flushes);
    GAUGE("store_outbox_rows", "downlinks that wait", s.outbox_rows);
    GAUGE("store_outbox_bytes", "bytes of the downlinks that wait", s.outbox_bytes);
    GAUGE("store_dead_letters", "records kept as dead letters", s.dead_letters);
    COUNTER("dead_letters_added_total", "records that became dead letters", s.dead_letters_added);
    COUNTER("dead_letters_replayed_total", "dead letters that took effect by a replay",
            s.dead_letters_replayed);
    COUNTER("dead_letters_discarded_total", "dead letters that somebody discarded",
            s.dead_letters_discarded);
    COUNTER("dead_letters_dropped_total", "dead letters dropped: too many or too old",
            s.dead_letters_dropped);
    GAUGE("store_head_bytes", "telemetry in memory, not yet in chunks", s.head_bytes);
    GAUGE("store_queued_transactions", "transactions that wait for a commit", s.queued);
    GAUGE("store_last_commit_microseconds", "time of the last commit", s.last_commit_us);
    GAUGE("store_database_bytes", "size of the database", s.db_bytes);
}

static void put_convert(struct api *a, struct buf *out)
{
    struct convert_stats s = {0};
    convert_get_stats(hub_convert(a->o.hub), &s);
    GAUGE("converter_workers", "converter threads", s.workers);
    GAUGE("converter_queue_jobs", "jobs that wait for a worker", s.queued);
    GAUGE("converter_queue_limit_jobs", "room for such jobs", s.queue_max);
    COUNTER("converter_runs_total", "converter runs since start", s.runs);
    COUNTER("converter_failures_total", "runs that failed", s.failures);
    COUNTER("converter_timeouts_total", "runs stopped at the time limit", s.timeouts);
    COUNTER("converter_memory_kills_total", "runs stopped at the memory limit", s.memory_kills);
    COUNTER("converter_heaps_total", "script heaps made", s.heaps_made);
    COUNTER("converter_workers_lost_total", "workers given up", s.workers_lost);
}

static void put_hub(struct api *a, struct buf *out)
{
    struct hub_stats s = {0};
    hub_get_stats(a->o.hub, &s);
    COUNTER("hub_messages_total", "messages sent into the rule chain", s.messages);
    COUNTER("hub_telemetry_points_total", "telemetry points taken", s.telemetry_points);
    COUNTER("hub_attributes_total", "attribute values taken", s.attributes);
    COUNTER("hub_devices_created_total", "devices made since start", s.devices_created);
    COUNTER("hub_node_failures_total", "messages that ended in a rule node's failure",
            s.node_failures);
    COUNTER("hub_scripts_logged_total", "messages that a log node wrote", s.scripts_logged);
}

static void put_http(struct api *a, struct buf *out)
{
    const struct api_counts *c = &a->counts;
    COUNTER("http_requests_total", "requests to the API and the page", c->requests);
    family(out, "penstock_http_responses_total", "counter", "answers by class of status");
    for (unsigned class = 2; class < 6; class ++) {
        buf_printf(out, "penstock_http_responses_total{class=\"%uxx\"} %llu\n", class,
                   (unsigned long long)c->by_class[class]);
    }
    COUNTER("logins_total", "log-ins that succeeded", c->logins_ok);
    COUNTER("logins_failed_total", "log-ins with a wrong name or password", c->logins_failed);
}

void metrics_show(struct request *q)
{
    struct buf *out = request_out(q);
    put_process(q->api, out);
    put_budget(q->api, out);
    put_http(q->api, out);
    put_hub(q->api, out);
    put_store(q->api, out);
    put_convert(q->api, out);
    bridge_metrics(q->api->o.bridge, out);
    respond_type(q, 200, METRICS_TYPE, buf_span(out));
}
