// SPDX-License-Identifier: Apache-2.0
// Decoding GetRecords replies, as the gateway does it after reading one from the socket.
//
//   decode_bench [DATA_BYTES [RECORDS [MS]]]     (560, 10,000, 500)
//
// Prints a JSON line for each wire form: records and bytes a CPU second.

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "aws/kinesis.h"
#include "base/mem.h"
#include "codec/base64.h"
#include "codec/cbor.h"
#include "codec/json_out.h"

#define SEQUENCE SPAN("49668899999999999999999999999999999999999999999999999999")
#define ITERATOR_BYTES 220 // as the service's

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void cbor_reply(struct buf *b, struct span data, int n)
{
    char iterator[ITERATOR_BYTES];
    memset(iterator, 'A', sizeof iterator);
    cbor_put_map(b, 3);
    cbor_put_text(b, SPAN("MillisBehindLatest"));
    cbor_put_uint(b, 0);
    cbor_put_text(b, SPAN("NextShardIterator"));
    cbor_put_text(b, span_of(iterator, sizeof iterator));
    cbor_put_text(b, SPAN("Records"));
    cbor_put_array(b, (uint64_t)n);
    for (int i = 0; i < n; i++) {
        cbor_put_map(b, 4);
        cbor_put_text(b, SPAN("ApproximateArrivalTimestamp"));
        cbor_put_tag(b, 1);
        cbor_put_uint(b, 1700000000000u + (unsigned)i);
        cbor_put_text(b, SPAN("Data"));
        cbor_put_bytes(b, data);
        cbor_put_text(b, SPAN("PartitionKey"));
        cbor_put_text(b, SPAN("key-123"));
        cbor_put_text(b, SPAN("SequenceNumber"));
        cbor_put_text(b, SEQUENCE);
    }
}

static void json_reply(struct buf *b, struct span data, int n)
{
    struct buf base64 = {0};
    struct json_out j = {.out = b};
    base64_encode(&base64, data);
    json_out_object(&j);
    json_out_key_int(&j, "MillisBehindLatest", 0);
    json_out_key(&j, SPAN("Records"));
    json_out_array(&j);
    for (int i = 0; i < n; i++) {
        json_out_object(&j);
        json_out_key(&j, SPAN("ApproximateArrivalTimestamp"));
        json_out_num(&j, 1700000000 + i * 1e-3);
        json_out_key_str(&j, "Data", buf_span(&base64));
        json_out_key_str(&j, "PartitionKey", SPAN("key-123"));
        json_out_key_str(&j, "SequenceNumber", SEQUENCE);
        json_out_end(&j);
    }
    json_out_end(&j);
    json_out_end(&j);
    buf_free(&base64);
}

// Decoding works in the reply's own memory, so each pass gets a copy; the copy is not counted.
static void measure(const char *form, bool cbor, struct span reply, int n, int64_t ms)
{
    double spent = 0;
    uint64_t passes = 0;
    while (spent * 1e3 < (double)ms || passes < 3) {
        struct kinesis_output out = {0};
        struct err e = {0};
        buf_add_span(&out.body, reply);
        double t = cpu_s();
        if (kinesis_decode(KINESIS_GET_RECORDS, cbor, &out, &e) < 0) {
            fprintf(stderr, "decode_bench: %s\n", e.msg);
            exit(1);
        }
        spent += cpu_s() - t;
        require(out.n_records == (size_t)n);
        kinesis_output_free(&out);
        passes++;
    }
    double records = (double)passes * n;
    printf("{\"form\":\"%s\",\"recordsPerSecond\":%.0f,\"bytesPerSecond\":%.0f}\n", form,
           records / spent, (double)passes * (double)reply.n / spent);
}

static int64_t argument(int argc, char **argv, int i, int64_t max, int64_t otherwise)
{
    uint64_t v;
    if (argc <= i)
        return otherwise;
    if (!span_to_u64(span_str(argv[i]), &v) || v == 0 || v > (uint64_t)max) {
        fprintf(stderr, "decode_bench: a number from 1 to %lld expected, not %s\n", (long long)max,
                argv[i]);
        exit(2);
    }
    return (int64_t)v;
}

int main(int argc, char **argv)
{
    size_t bytes = (size_t)argument(argc, argv, 1, 1000000, 560);
    int n = (int)argument(argc, argv, 2, KINESIS_RECORDS_MAX, KINESIS_RECORDS_MAX);
    int64_t ms = argument(argc, argv, 3, 60000, 500);
    char *data = mem_alloc(bytes);
    struct buf reply = {0};
    memset(data, '{', bytes);
    cbor_reply(&reply, span_of(data, bytes), n);
    measure("cbor", true, buf_span(&reply), n, ms);
    buf_clear(&reply);
    json_reply(&reply, span_of(data, bytes), n);
    measure("json", false, buf_span(&reply), n, ms);
    buf_free(&reply);
    mem_free(data);
    return 0;
}
