// SPDX-License-Identifier: Apache-2.0
// The converter engine alone, on one thread, as a worker of the pool runs it: a batch of records
// in, device messages in an arena out.
//
//   convert_bench SCRIPT [MS]     (1,000)
//
// Prints a JSON line: records, and records a CPU second.

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "convert/js_gate.h"
#include "convert/runner.h"

#define BATCH 1000
#define PAYLOAD SPAN("{\"devName\":\"dev-000123\",\"devType\":\"thermostat\",\"temperature\":22}")

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct span read_script(const char *path)
{
    static char text[65536];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text, f) : 0;
    if (n == 0) {
        fprintf(stderr, "convert_bench: cannot read %s\n", path);
        exit(2);
    }
    fclose(f);
    return span_of(text, n);
}

static size_t run_batch(struct runner *r, struct convert_script *script,
                        const struct uplink_record *records, struct convert_pairs meta)
{
    static struct js_gate gate;
    struct runner_stats stats = {0};
    struct convert_job job = {.script = script, .uplink = records, .n = BATCH, .meta = meta};
    uint32_t next = 0;
    size_t characters = 0;
    job.uplink_out = arena_zalloc(&job.arena, BATCH * sizeof job.uplink_out[0]);
    if (!runner_run(r, script, &job, &next, &gate, &stats) || stats.failures > 0) {
        fprintf(stderr, "convert_bench: %.*s\n", SPAN_ARG(job.uplink_out[0].error));
        exit(1);
    }
    for (int i = 0; i < BATCH; i++)
        characters += job.uplink_out[i].msgs[0].name.n;
    arena_free(&job.arena);
    return characters;
}

int main(int argc, char **argv)
{
    double ms = argc > 2 ? atof(argv[2]) : 1000;
    struct runner_limits limits = {
        .time_ms = 1000, .memory = CONVERT_MEMORY_LIMIT, .cast_strings = true};
    struct convert_pair pair = {SPAN("integrationName"), SPAN("bench")};
    struct convert_script *script =
        convert_script_new(NULL, CONVERT_UPLINK, SPAN("bench"),
                           read_script(argc > 1 ? argv[1] : "converters/kinesis_converter.js"));
    struct runner *r = runner_new(&limits);
    static struct uplink_record records[BATCH];
    for (int i = 0; i < BATCH; i++)
        records[i] = (struct uplink_record){.payload = PAYLOAD, .shard_id = SPAN("shard")};
    size_t characters = run_batch(r, script, records, (struct convert_pairs){&pair, 1});
    long runs = 0;
    double began = cpu_s(), spent;
    do {
        characters += run_batch(r, script, records, (struct convert_pairs){&pair, 1});
        runs += BATCH;
        spent = cpu_s() - began;
    } while (spent * 1000 < ms);
    printf("{\"runs\":%ld,\"recordsPerSecond\":%.0f,\"characters\":%zu}\n", runs,
           (double)runs / spent, characters);
    runner_free(r);
    convert_script_unref(script);
    return 0;
}
