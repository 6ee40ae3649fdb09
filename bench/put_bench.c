// SPDX-License-Identifier: Apache-2.0
// Putting alone: records from memory through the producer, each with a partition key of its own out
// of many, four calls in flight.
//
//   put_bench URL STREAM RECORDS BYTES [aggregate] [shards]
//
// Prints a JSON line: records, seconds, CPU seconds of this process, calls, retries, throttles.
// With `shards` also, for each eighth of the hash keys: when its last record was on the stream.

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "stream/producer.h"

#define KEYS 10000
#define WINDOW 8000 // handed to the producer at once
#define PARTS 8

struct item {
    struct producer_entry en;
    char key[16];
};

struct bench {
    struct loop *loop;
    struct http_client *http;
    struct credentials_provider *credentials;
    struct kinesis *kinesis;
    struct producer *producer;
    struct span stream, data;
    struct item *items;
    struct list idle;
    struct loop_task task;
    uint64_t wanted, put, done;
    uint64_t part_done[PARTS];
    double part_s[PARTS];
    bool parts;
    double start_s, start_cpu_s;
};

static struct bench b;

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void nothing(void *ctx)
{
    (void)ctx;
}

static void on_closed(void *ctx)
{
    (void)ctx;
    kinesis_close(b.kinesis, nothing, NULL);
    http_client_close(b.http, nothing, NULL);
}

static void finish(void)
{
    struct producer_stats s;
    producer_get_stats(b.producer, &s);
    printf("{\"records\":%llu,\"seconds\":%.4f,\"cpuSeconds\":%.4f,\"calls\":%llu,"
           "\"retries\":%llu,\"throttles\":%llu",
           (unsigned long long)b.done, seconds(CLOCK_MONOTONIC) - b.start_s,
           seconds(CLOCK_PROCESS_CPUTIME_ID) - b.start_cpu_s, (unsigned long long)s.calls,
           (unsigned long long)s.retries, (unsigned long long)s.throttles);
    for (int i = 0; b.parts && i < PARTS; i++)
        printf("%s[%llu,%.3f]", i ? "," : ",\"parts\":[", (unsigned long long)b.part_done[i],
               b.part_s[i]);
    puts(b.parts ? "]}" : "}");
    producer_close(b.producer, on_closed, NULL);
}

static void put_more(struct loop_task *t);

static void on_done(struct producer_entry *en, int status, const char *error)
{
    struct item *it = container_of(en, struct item, en);
    if (status < 0) {
        fprintf(stderr, "put_bench: %s\n", error);
        exit(1);
    }
    unsigned part = (unsigned)(en->hash.hi >> 61);
    b.part_done[part]++;
    b.part_s[part] = seconds(CLOCK_MONOTONIC) - b.start_s;
    list_push(&b.idle, &it->en.link);
    if (++b.done == b.wanted)
        finish();
    else if (b.put < b.wanted && !list_linked(&b.task.link))
        loop_post(b.loop, &b.task);
}

static void put_more(struct loop_task *t)
{
    struct err e = {0};
    (void)t;
    while (b.put < b.wanted && !list_empty(&b.idle)) {
        struct item *it = container_of(list_pop(&b.idle), struct item, en.link);
        int n = snprintf(it->key, sizeof it->key, "key-%u", (unsigned)(b.put % KEYS));
        it->en = (struct producer_entry){.done = on_done,
                                         .stream_name = b.stream,
                                         .partition_key = span_of(it->key, (size_t)n),
                                         .record = b.data};
        b.put++;
        if (producer_put(b.producer, &it->en, &e) < 0) {
            fprintf(stderr, "put_bench: %s\n", e.msg);
            exit(1);
        }
    }
}

static int start(const char *url, bool aggregate)
{
    struct sigv4_credentials keys = {SPAN("test"), SPAN("test-secret"), SPAN_NONE};
    struct err e = {0};
    b.loop = loop_new(&clock_system);
    b.credentials = credentials_new_static(b.loop, &keys);
    struct kinesis_options k = {.aws = {.loop = b.loop,
                                        .credentials = b.credentials,
                                        .region = SPAN("us-east-1"),
                                        .endpoint = span_str(url)}};
    if (http_client_new(b.loop, &(struct http_client_options){0}, &b.http, &e) < 0)
        goto fail;
    k.aws.http = b.http;
    if (kinesis_new(&k, &b.kinesis, &e) < 0)
        goto fail;
    struct producer_options o = {
        .loop = b.loop, .kinesis = b.kinesis, .predict = true, .aggregate = aggregate};
    return producer_new(&o, &b.producer);
fail:
    fprintf(stderr, "put_bench: %s\n", e.msg);
    return e.code;
}

int main(int argc, char **argv)
{
    uint64_t bytes;
    bool aggregate = false;
    if (argc < 5 || !span_to_u64(span_str(argv[3]), &b.wanted) ||
        !span_to_u64(span_str(argv[4]), &bytes)) {
        fputs("usage: put_bench URL STREAM RECORDS BYTES [aggregate] [shards]\n", stderr);
        return 2;
    }
    for (int i = 5; i < argc; i++) {
        aggregate |= span_is(span_str(argv[i]), "aggregate");
        b.parts |= span_is(span_str(argv[i]), "shards");
    }
    char *data = mem_alloc(bytes + 1);
    memset(data, '{', bytes);
    b.data = span_of(data, bytes);
    b.stream = span_str(argv[2]);
    list_init(&b.idle);
    b.items = mem_zalloc(WINDOW * sizeof *b.items);
    for (int i = 0; i < WINDOW; i++)
        list_push(&b.idle, &b.items[i].en.link);
    b.task.run = put_more;
    if (start(argv[1], aggregate) < 0)
        return 1;
    b.start_s = seconds(CLOCK_MONOTONIC);
    b.start_cpu_s = seconds(CLOCK_PROCESS_CPUTIME_ID);
    loop_post(b.loop, &b.task);
    loop_run(b.loop);
    credentials_free(b.credentials);
    loop_free(b.loop);
    mem_free(b.items);
    mem_free(data);
    return 0;
}
