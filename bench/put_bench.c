// SPDX-License-Identifier: Apache-2.0
// Putting alone: records from memory through the producer, under partition keys spread evenly over
// eight parts of the hash keys (of a stream with eight shards: one each), four calls in flight.
//
//   put_bench URL STREAM RECORDS BYTES [aggregate] [without PART]
//
// Prints a JSON line: records; seconds, as until 99 % of them were on the stream (the last few wait
// out their retries); CPU seconds of this process, calls, retries, throttles. With `without` the
// end of that part is not waited for, and its records do not count.

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "stream/producer.h"

#define PARTS 8
#define KEYS 1250   // a part
#define WINDOW 1000 // of a part, handed to the producer at once

struct item {
    struct producer_entry en;
    unsigned part;
};

struct part {
    char keys[KEYS][16];
    size_t n_keys;
    struct item items[WINDOW];
    struct list idle;
    uint64_t put, done;
};

struct bench {
    struct loop *loop;
    struct http_client *http;
    struct credentials_provider *credentials;
    struct kinesis *kinesis;
    struct producer *producer;
    struct span stream, data;
    struct part *parts;
    int without; // -1 = none
    struct loop_task task;
    uint64_t wanted; // of each part
    uint64_t done;
    int n_ended;
    double start_s, start_cpu_s, mark_s;
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

static unsigned counted(void)
{
    return PARTS - (b.without >= 0);
}

static void finish(void)
{
    struct producer_stats s;
    producer_get_stats(b.producer, &s);
    printf("{\"records\":%llu,\"seconds\":%.4f,\"cpuSeconds\":%.4f,\"calls\":%llu,"
           "\"retries\":%llu,\"throttles\":%llu}\n",
           (unsigned long long)b.done, (b.mark_s - b.start_s) / 0.99,
           seconds(CLOCK_PROCESS_CPUTIME_ID) - b.start_cpu_s, (unsigned long long)s.calls,
           (unsigned long long)s.retries, (unsigned long long)s.throttles);
    producer_close(b.producer, on_closed, NULL);
}

static void on_done(struct producer_entry *en, int status, const char *error)
{
    struct item *it = container_of(en, struct item, en);
    struct part *p = &b.parts[it->part];
    if (status == ERR_CANCELED)
        return;
    if (status < 0) {
        fprintf(stderr, "put_bench: %s\n", error);
        exit(1);
    }
    list_push(&p->idle, &it->en.link);
    if ((int)it->part != b.without && ++b.done == counted() * b.wanted * 99 / 100)
        b.mark_s = seconds(CLOCK_MONOTONIC);
    if (++p->done == b.wanted && (int)it->part != b.without) {
        if ((unsigned)++b.n_ended == counted())
            finish();
    } else if (!list_linked(&b.task.link)) {
        loop_post(b.loop, &b.task);
    }
}

static void put_one(unsigned part)
{
    struct err e = {0};
    struct part *p = &b.parts[part];
    struct list *first = list_pop(&p->idle);
    require(first);
    struct item *it = container_of(first, struct item, en.link);
    it->part = part;
    it->en = (struct producer_entry){.done = on_done,
                                     .stream_name = b.stream,
                                     .partition_key = span_str(p->keys[p->put++ % p->n_keys]),
                                     .record = b.data};
    if (producer_put(b.producer, &it->en, &e) < 0) {
        fprintf(stderr, "put_bench: %s\n", e.msg);
        exit(1);
    }
}

static void put_more(struct loop_task *t)
{
    (void)t;
    if ((unsigned)b.n_ended == counted())
        return; // the producer closes, and the part that does not count wants no more
    for (unsigned i = 0; i < PARTS; i++) {
        while (b.parts[i].put < b.wanted && !list_empty(&b.parts[i].idle))
            put_one(i);
    }
}

static void make_parts(void)
{
    size_t full = 0;
    b.parts = mem_zalloc(PARTS * sizeof *b.parts);
    for (unsigned i = 0; i < PARTS; i++) {
        list_init(&b.parts[i].idle);
        for (int k = 0; k < WINDOW; k++)
            list_push(&b.parts[i].idle, &b.parts[i].items[k].en.link);
    }
    for (unsigned n = 0; full < PARTS; n++) {
        char key[16];
        snprintf(key, sizeof key, "key-%u", n);
        struct part *p = &b.parts[hash_key_of(span_str(key)).hi >> 61];
        if (p->n_keys == KEYS)
            continue;
        memcpy(p->keys[p->n_keys++], key, sizeof key);
        full += p->n_keys == KEYS;
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
    uint64_t records, bytes, without;
    bool aggregate = false;
    b.without = -1;
    if (argc < 5 || !span_to_u64(span_str(argv[3]), &records) ||
        !span_to_u64(span_str(argv[4]), &bytes)) {
        fputs("usage: put_bench URL STREAM RECORDS BYTES [aggregate] [without PART]\n", stderr);
        return 2;
    }
    for (int i = 5; i < argc; i++) {
        aggregate |= span_is(span_str(argv[i]), "aggregate");
        if (span_to_u64(span_str(argv[i]), &without) && without < PARTS)
            b.without = (int)without;
    }
    b.wanted = records / PARTS;
    char *data = mem_alloc(bytes + 1);
    memset(data, '{', bytes);
    b.data = span_of(data, bytes);
    b.stream = span_str(argv[2]);
    make_parts();
    b.task.run = put_more;
    if (start(argv[1], aggregate) < 0)
        return 1;
    b.start_s = seconds(CLOCK_MONOTONIC);
    b.start_cpu_s = seconds(CLOCK_PROCESS_CPUTIME_ID);
    loop_post(b.loop, &b.task);
    loop_run(b.loop);
    credentials_free(b.credentials);
    loop_free(b.loop);
    mem_free(b.parts);
    mem_free(data);
    return 0;
}
