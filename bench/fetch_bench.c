// SPDX-License-Identifier: Apache-2.0
// Fetching and decoding alone: signed GetRecords calls over HTTP, one in flight a shard, from the
// oldest record on; what they bring is counted and dropped.
//
//   fetch_bench URL STREAM RECORDS [json]
//
// Prints a JSON line: records, seconds, CPU seconds of this process.

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "aws/kinesis.h"
#include "base/mem.h"

struct fetch {
    struct loop *loop;
    struct http_client *http;
    struct credentials_provider *credentials;
    struct kinesis *kinesis;
    struct span stream;
    struct shard *shards;
    size_t n_shards, running;
    uint64_t wanted, got, bytes;
    double start_s, start_cpu_s;
};

struct shard {
    struct fetch *f;
    char id[128];
    struct kinesis_call call;
};

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what, const struct aws_error *error)
{
    struct span why = error ? error->message : SPAN_NONE;
    fprintf(stderr, "fetch_bench: %s %.*s\n", what, SPAN_ARG(why));
    exit(1);
}

static void nothing(void *ctx)
{
    (void)ctx;
}

static void finish(struct fetch *f)
{
    printf("{\"records\":%llu,\"bytes\":%llu,\"seconds\":%.4f,\"cpuSeconds\":%.4f,\"cbor\":%s}\n",
           (unsigned long long)f->got, (unsigned long long)f->bytes,
           seconds(CLOCK_MONOTONIC) - f->start_s,
           seconds(CLOCK_PROCESS_CPUTIME_ID) - f->start_cpu_s,
           kinesis_speaks_cbor(f->kinesis) ? "true" : "false");
    kinesis_close(f->kinesis, nothing, NULL);
    http_client_close(f->http, nothing, NULL);
}

static void get_records(struct shard *s, struct span iterator);

static void on_records(struct kinesis_call *call, int status, struct kinesis_output *out,
                       const struct aws_error *error)
{
    struct shard *s = call->data;
    struct fetch *f = s->f;
    if (status < 0)
        fail("GetRecords", error);
    f->got += out->n_records;
    for (size_t i = 0; i < out->n_records; i++)
        f->bytes += out->records[i].data.n;
    // The encoder copies the iterator before this output goes.
    if (f->got < f->wanted && out->iterator.n && (out->n_records || out->millis_behind))
        get_records(s, out->iterator);
    else if (--f->running == 0)
        finish(f);
}

static void start(struct shard *s, enum kinesis_op op, const struct kinesis_input *in)
{
    struct kinesis_call_options o = {.max_attempts = 1, .max_body = (size_t)32 << 20};
    if (kinesis_start(s->f->kinesis, &s->call, op, in, &o) < 0)
        fail("cannot start a call", NULL);
}

static void get_records(struct shard *s, struct span iterator)
{
    s->call.on_done = on_records;
    start(s, KINESIS_GET_RECORDS,
          &(struct kinesis_input){.iterator = iterator, .limit = KINESIS_RECORDS_MAX});
}

static void on_iterator(struct kinesis_call *call, int status, struct kinesis_output *out,
                        const struct aws_error *error)
{
    if (status < 0)
        fail("GetShardIterator", error);
    get_records(call->data, out->iterator);
}

static void on_shards(struct kinesis_call *call, int status, struct kinesis_output *out,
                      const struct aws_error *error)
{
    struct fetch *f = call->data;
    if (status < 0)
        fail("ListShards", error);
    f->n_shards = f->running = out->n_shards;
    f->shards = mem_alloc_array(f->n_shards, sizeof *f->shards);
    f->start_s = seconds(CLOCK_MONOTONIC);
    f->start_cpu_s = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < f->n_shards; i++) {
        struct shard *s = &f->shards[i];
        *s = (struct shard){.f = f, .call = {.data = s, .on_done = on_iterator}};
        snprintf(s->id, sizeof s->id, "%.*s", SPAN_ARG(out->shards[i].shard_id));
        start(s, KINESIS_GET_SHARD_ITERATOR,
              &(struct kinesis_input){.stream_name = f->stream,
                                      .shard_id = span_str(s->id),
                                      .iterator_type = KINESIS_TRIM_HORIZON});
    }
}

int main(int argc, char **argv)
{
    struct sigv4_credentials keys = {SPAN("test"), SPAN("test-secret"), SPAN_NONE};
    struct err e = {0};
    struct fetch f = {0};
    if (argc < 4 || !span_to_u64(span_str(argv[3]), &f.wanted)) {
        fputs("usage: fetch_bench URL STREAM RECORDS [json]\n", stderr);
        return 2;
    }
    f.stream = span_str(argv[2]);
    f.loop = loop_new(&clock_system);
    f.credentials = credentials_new_static(f.loop, &keys);
    if (http_client_new(f.loop, &(struct http_client_options){0}, &f.http, &e) < 0 ||
        kinesis_new(&(struct kinesis_options){.aws = {.loop = f.loop,
                                                      .http = f.http,
                                                      .credentials = f.credentials,
                                                      .region = SPAN("us-east-1"),
                                                      .endpoint = span_str(argv[1])},
                                              .json_only = argc > 4},
                    &f.kinesis, &e) < 0) {
        fprintf(stderr, "fetch_bench: %s\n", e.msg);
        return 1;
    }
    struct kinesis_call list = {.data = &f, .on_done = on_shards};
    struct kinesis_call_options o = {0};
    if (kinesis_start(f.kinesis, &list, KINESIS_LIST_SHARDS,
                      &(struct kinesis_input){.stream_name = f.stream}, &o) < 0)
        fail("cannot start a call", NULL);
    loop_run(f.loop);
    credentials_free(f.credentials);
    loop_free(f.loop);
    mem_free(f.shards);
    return 0;
}
