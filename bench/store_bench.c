// SPDX-License-Identifier: Apache-2.0
// The telemetry store alone, and next to it a SQLite table with a row a point, both fully durable.
//
//   store_bench DIR [SERIES [POINTS [TABLE_POINTS]]]     (100,000, 20 million, 1 million)
//
// DIR takes the databases and must be on the disk that is meant: /tmp may be memory.
//
// Transactions of 1,000 points of random series, 8 in flight, as from 8 busy shards. Prints a line
// for each tenth of the points, so that a store that slows down with its size shows.

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/store.h"

#define TXN_POINTS 1000
#define IN_FLIGHT 8
#define TENTHS 10
#define QUIET_MS 3000 // more than the store waits before it calls itself idle
#define PATH_LEN (4096 + 16)

struct bench {
    struct loop *loop;
    struct store *store;
    struct store_device **devices;
    uint32_t n_series;
    uint64_t n_points, sent, done;
    int64_t start_us, tenth_us;
    double tenth_cpu_s;
    uint64_t next_tenth;
    uint64_t random;
    int64_t worst_us;
    bool closed;
    struct timer quiet;
};

struct in_flight {
    struct bench *b;
    int64_t sent_us;
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double peak_mib(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss / 1024;
}

// xorshift64: cheap enough not to count.
static uint32_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return (uint32_t)(*x >> 32);
}

static double temperature(uint64_t i, uint32_t random)
{
    return (double)(200 + (int)(i / 50000 % 60) + (int)(random % 8)) / 10;
}

static int64_t time_of(uint64_t i)
{
    return 1700000000000 + (int64_t)(i / 100); // a hundred thousand points a second
}

static void on_committed(void *ctx, int status);

static void send_one(struct in_flight *f)
{
    struct bench *b = f->b;
    if (b->sent >= b->n_points)
        return;
    struct store_txn *t = store_txn_new(b->store);
    for (int i = 0; i < TXN_POINTS; i++, b->sent++) {
        uint32_t random = next_random(&b->random);
        double x = temperature(b->sent, random >> 20);
        struct kv kv = {SPAN("temperature"), value_number(x)};
        store_txn_points(t, b->devices[random % b->n_series], time_of(b->sent), &kv, 1);
    }
    f->sent_us = now_us();
    store_commit(b->store, t, on_committed, f);
}

static void print_tenth(struct bench *b, int64_t now)
{
    struct store_stats st;
    double points = (double)(b->n_points / TENTHS), cpu = cpu_s();
    store_get_stats(b->store, &st);
    printf("  %6.1f M points: %8.0f points/s, CPU %.2f s a million, slowest commit %5.1f ms, %.1f "
           "MB\n",
           (double)b->done / 1e6, points * 1e6 / (double)(now - b->tenth_us),
           (cpu - b->tenth_cpu_s) / points * 1e6, (double)b->worst_us / 1e3,
           (double)st.db_bytes / 1e6);
    fflush(stdout);
    b->tenth_us = now;
    b->tenth_cpu_s = cpu;
    b->worst_us = 0;
    b->next_tenth += b->n_points / TENTHS;
}

static void on_committed(void *ctx, int status)
{
    struct in_flight *f = ctx;
    struct bench *b = f->b;
    int64_t now = now_us();
    require(status == 0);
    if (now - f->sent_us > b->worst_us)
        b->worst_us = now - f->sent_us;
    b->done += TXN_POINTS;
    if (b->done >= b->next_tenth)
        print_tenth(b, now);
    send_one(f);
}

static void on_quiet(struct timer *t)
{
    (void)t;
}

static void on_closed(void *ctx)
{
    ((struct bench *)ctx)->closed = true;
}

static void open_store(struct bench *b, const char *dir)
{
    struct err e = {0};
    struct store_options o = {.dir = dir};
    int64_t t = now_us();
    if (store_open(b->loop, &o, &b->store, &e) != 0) {
        fprintf(stderr, "store_bench: %s\n", e.msg);
        exit(1);
    }
    printf("  opened in %.1f ms with %zu devices\n", (double)(now_us() - t) / 1e3,
           store_count_devices(b->store));
}

static void close_store(struct bench *b)
{
    b->closed = false;
    store_close(b->store, on_closed, b);
    while (!b->closed)
        loop_turn(b->loop, true);
}

static void add_devices(struct bench *b)
{
    char name[32];
    b->devices = mem_alloc_array(b->n_series, sizeof *b->devices);
    for (uint32_t i = 0; i < b->n_series; i++) {
        int n = snprintf(name, sizeof name, "device-%u", i);
        b->devices[i] =
            store_add_device(b->store, uuid_new_v1(&clock_system), span_of(name, (size_t)n),
                             SPAN(""), uuid_null, false, 1700000000000);
    }
}

static double file_bytes(const char *dir, const char *name)
{
    char path[PATH_LEN];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return stat(path, &st) == 0 ? (double)st.st_size : 0;
}

static void bench_store(struct bench *b, const char *dir)
{
    struct in_flight flights[IN_FLIGHT];
    printf("store, %u series, synchronous=FULL:\n", b->n_series);
    b->loop = loop_new(&clock_system);
    b->quiet.fire = on_quiet;
    open_store(b, dir);
    add_devices(b);
    double cpu = b->tenth_cpu_s = cpu_s();
    b->random = 88172645463325252u;
    b->next_tenth = b->n_points / TENTHS;
    b->start_us = b->tenth_us = now_us();
    for (int i = 0; i < IN_FLIGHT; i++) {
        flights[i].b = b;
        send_one(&flights[i]);
    }
    while (b->done < b->n_points)
        loop_turn(b->loop, true);
    double seconds = (double)(now_us() - b->start_us) / 1e6, points = (double)b->done;
    cpu = cpu_s() - cpu;
    // The commits are done; the upkeep they left belongs to them, too.
    double upkeep_cpu = cpu_s();
    timer_start(b->loop, &b->quiet, QUIET_MS);
    while (timer_active(&b->quiet))
        loop_turn(b->loop, true);
    upkeep_cpu = cpu_s() - upkeep_cpu;
    printf("  => %.0f points/s, %.2f CPU s/M + %.2f after, peak %.0f MiB\n", points / seconds,
           cpu / points * 1e6, upkeep_cpu / points * 1e6, peak_mib());
    close_store(b);
    printf("  => %.1f bytes a point on disk (file %.1f MB, whatever is free in it included)\n",
           file_bytes(dir, "penstock.db") / points, file_bytes(dir, "penstock.db") / 1e6);
    open_store(b, dir);
    close_store(b);
    loop_run(b->loop);
    loop_free(b->loop);
    mem_free(b->devices);
}

static void table_exec(sqlite3 *db, const char *sql)
{
    char *text = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK) {
        fprintf(stderr, "store_bench: %s\n", text);
        exit(1);
    }
}

static void bench_table(const char *dir, uint32_t n_series, uint64_t n_points)
{
    char path[PATH_LEN];
    sqlite3 *db;
    sqlite3_stmt *s;
    uint64_t random = 88172645463325252u;
    printf("table with a row a point, %u series, synchronous=FULL:\n", n_series);
    snprintf(path, sizeof path, "%s/table.db", dir);
    require(sqlite3_open(path, &db) == SQLITE_OK);
    table_exec(db, "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                   "CREATE TABLE point(series INTEGER, ts INTEGER, value REAL, "
                   "PRIMARY KEY(series, ts)) WITHOUT ROWID");
    sqlite3_prepare_v2(db, "INSERT OR REPLACE INTO point VALUES(?, ?, ?)", -1, &s, NULL);
    double cpu = cpu_s();
    int64_t start = now_us();
    for (uint64_t i = 0; i < n_points;) {
        table_exec(db, "BEGIN");
        for (int k = 0; k < TXN_POINTS; k++, i++) {
            uint32_t r = next_random(&random);
            sqlite3_bind_int(s, 1, (int)(r % n_series));
            sqlite3_bind_int64(s, 2, time_of(i));
            sqlite3_bind_double(s, 3, temperature(i, r >> 20));
            require(sqlite3_step(s) == SQLITE_DONE);
            sqlite3_reset(s);
        }
        table_exec(db, "COMMIT");
    }
    double seconds = (double)(now_us() - start) / 1e6, points = (double)n_points;
    sqlite3_finalize(s);
    sqlite3_close(db);
    printf("  => %.0f points/s, %.2f CPU s/M, %.1f bytes a point on disk\n", points / seconds,
           (cpu_s() - cpu) / points * 1e6, file_bytes(dir, "table.db") / points);
    unlink(path);
}

static uint64_t argument(int argc, char **argv, int i, uint64_t otherwise)
{
    uint64_t v = otherwise;
    if (argc > i && !span_to_u64(span_str(argv[i]), &v)) {
        fprintf(stderr, "store_bench: %s is not a number\n", argv[i]);
        exit(2);
    }
    return v;
}

int main(int argc, char **argv)
{
    char path[PATH_LEN];
    const char *dir = argc > 1 ? argv[1] : "";
    struct bench b = {.n_series = (uint32_t)argument(argc, argv, 2, 100000),
                      .n_points = argument(argc, argv, 3, 20000000)};
    uint64_t table_points = argument(argc, argv, 4, 1000000);
    if (access(dir, W_OK) != 0 || b.n_series == 0 || b.n_points < TENTHS * TXN_POINTS) {
        fprintf(stderr, "store_bench: needs a writable directory, and 10,000 points\n");
        return 2;
    }
    bench_store(&b, dir);
    bench_table(dir, b.n_series, table_points);
    snprintf(path, sizeof path, "%s/penstock.db", dir);
    unlink(path);
    return 0;
}
