// SPDX-License-Identifier: Apache-2.0
// The same work as convert_bench.c with Duktape as Debian builds it and as one would embed it: the
// payload put into an array item by item, a call, properties read from the result. Nothing keeps
// one record from the next here, and nothing stops a script.
//
//   convert_stock SCRIPT [MS]     (1,000)

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "duktape.h"

#define CHUNK 1000
static const char payload[] =
    "{\"devName\":\"dev-000123\",\"devType\":\"thermostat\",\"temperature\":22}";

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void compile(duk_context *ctx, const char *path)
{
    static char text[65536] = "(function (payload, metadata) {";
    size_t n = strlen(text);
    FILE *f = fopen(path, "r");
    if (!f) {
        fprintf(stderr, "convert_stock: cannot read %s\n", path);
        exit(2);
    }
    n += fread(text + n, 1, sizeof text - n - 4, f);
    fclose(f);
    strcpy(text + n, "\n})");
    if (duk_peval_string(ctx, text) != 0) {
        fprintf(stderr, "convert_stock: %s\n", duk_safe_to_string(ctx, -1));
        exit(1);
    }
}

static void push_arguments(duk_context *ctx)
{
    duk_push_array(ctx);
    for (duk_uarridx_t i = 0; i < sizeof payload - 1; i++) {
        duk_push_uint(ctx, (unsigned char)payload[i]);
        duk_put_prop_index(ctx, -2, i);
    }
    duk_push_object(ctx);
    duk_push_string(ctx, "bench");
    duk_put_prop_string(ctx, -2, "integrationName");
}

static size_t read_result(duk_context *ctx)
{
    size_t characters = 0;
    static const char *const names[] = {"deviceName", "deviceType"};
    for (int i = 0; i < 2; i++) {
        duk_get_prop_string(ctx, -1, names[i]);
        characters += duk_get_length(ctx, -1);
        duk_pop(ctx);
    }
    duk_get_prop_string(ctx, -1, "telemetry");
    duk_enum(ctx, -1, DUK_ENUM_OWN_PROPERTIES_ONLY);
    while (duk_next(ctx, -1, 1)) {
        characters += (size_t)duk_get_number(ctx, -1);
        duk_pop_2(ctx);
    }
    duk_pop_2(ctx);
    return characters;
}

static size_t run_chunk(duk_context *ctx)
{
    size_t characters = 0;
    for (int i = 0; i < CHUNK; i++) {
        duk_dup(ctx, 0);
        push_arguments(ctx);
        if (duk_pcall(ctx, 2) != 0) {
            fprintf(stderr, "convert_stock: %s\n", duk_safe_to_string(ctx, -1));
            exit(1);
        }
        characters += read_result(ctx);
        duk_pop(ctx);
    }
    return characters;
}

int main(int argc, char **argv)
{
    double ms = argc > 2 ? atof(argv[2]) : 1000;
    duk_context *ctx = duk_create_heap_default();
    compile(ctx, argc > 1 ? argv[1] : "converters/kinesis_converter.js");
    size_t characters = run_chunk(ctx);
    long runs = 0;
    double began = cpu_s(), spent;
    do {
        characters += run_chunk(ctx);
        runs += CHUNK;
        spent = cpu_s() - began;
    } while (spent * 1000 < ms);
    printf("{\"runs\":%ld,\"recordsPerSecond\":%.0f,\"characters\":%zu}\n", runs,
           (double)runs / spent, characters);
    duk_destroy_heap(ctx);
    return 0;
}
