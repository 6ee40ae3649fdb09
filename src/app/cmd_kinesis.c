// SPDX-License-Identifier: Apache-2.0
#include "app/cmd_kinesis.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/args.h"
#include "base/mem.h"
#include "codec/url.h"
#include "emulator/emulator.h"

#define STREAMS_MAX 100

static const char usage[] =
    "usage: penstock kinesis [OPTION]...\n"
    "  --listen HOST:PORT       where to listen (default 127.0.0.1:4567; port 0: any free one)\n"
    "  --tls-cert F --tls-key F PEM files: HTTPS instead of HTTP\n"
    "  --stream NAME:SHARDS     a stream to start with; may be given again\n"
    "  --credentials ID:SECRET  check that calls are signed with these\n"
    "  --region REGION          of ARNs and signatures (default $AWS_REGION, else us-east-1)\n"
    "  --retain MIB             memory for records, the oldest are dropped (default 256)\n"
    "  --shard-limit N          open shards in all streams (default 500)\n"
    "  --transition MS          how long CREATING, UPDATING and DELETING last (default 50)\n"
    "  --limits                 enforce the service's throughput limits\n";

struct kinesis_command {
    struct args args;
    struct emulator_options options;
    struct emulator_stream streams[STREAMS_MAX];
    char *names[STREAMS_MAX]; // owned
    char *id;                 // owned
    struct loop *loop;
    struct emulator *emulator;
    bool closing;
};

static bool number(struct span s, uint64_t min, uint64_t max, uint64_t *out)
{
    return span_to_u64(s, out) && *out >= min && *out <= max;
}

static int set_listen(struct kinesis_command *k, const char *value)
{
    struct err e = {0};
    if (url_parse_hostport(span_str(value), &k->options.host, &k->options.port, &e))
        return args_fail(&k->args, EXIT_USAGE, "--listen: %s", e.msg);
    return EXIT_OK;
}

static int set_stream(struct kinesis_command *k, const char *value)
{
    const char *colon = strrchr(value, ':');
    size_t n = k->options.n_streams;
    uint64_t shards = 1;
    if (n == STREAMS_MAX)
        return args_fail(&k->args, EXIT_USAGE, "--stream: at most %d streams", STREAMS_MAX);
    if (!colon || !number(span_str(colon + 1), 1, 100000, &shards))
        return args_fail(&k->args, EXIT_USAGE, "--stream %s: NAME:SHARDS expected", value);
    k->names[n] = mem_strndup(value, (size_t)(colon - value));
    k->streams[n] = (struct emulator_stream){k->names[n], (unsigned)shards};
    k->options.n_streams++;
    return EXIT_OK;
}

static int set_credentials(struct kinesis_command *k, const char *value)
{
    const char *colon = strchr(value, ':');
    if (!colon || colon == value || !colon[1])
        return args_fail(&k->args, EXIT_USAGE, "--credentials: ID:SECRET expected");
    mem_free(k->id);
    k->id = mem_strndup(value, (size_t)(colon - value));
    k->options.access_key_id = k->id;
    k->options.secret_access_key = colon + 1;
    return EXIT_OK;
}

static int set_number(struct kinesis_command *k, const char *word, const char *value)
{
    uint64_t v;
    bool retain = strcmp(word, "--retain") == 0, shards = strcmp(word, "--shard-limit") == 0;
    uint64_t min = retain || shards, max = retain ? SIZE_MAX >> 21 : shards ? 20000 : 3600000;
    if (!number(span_str(value), min, max, &v))
        return args_fail(&k->args, EXIT_USAGE, "%s %s: a number from %u to %llu expected", word,
                         value, (unsigned)min, (unsigned long long)max);
    if (retain)
        k->options.retained_bytes = (size_t)v << 20;
    else if (shards)
        k->options.shard_limit = (unsigned)v;
    else
        k->options.transition_ms = v ? (int64_t)v : -1;
    return EXIT_OK;
}

static int set_option(struct kinesis_command *k, const char *word, const char *value)
{
    if (strcmp(word, "--listen") == 0)
        return set_listen(k, value);
    if (strcmp(word, "--stream") == 0)
        return set_stream(k, value);
    if (strcmp(word, "--credentials") == 0)
        return set_credentials(k, value);
    if (strcmp(word, "--tls-cert") == 0)
        k->options.tls_cert = value;
    else if (strcmp(word, "--tls-key") == 0)
        k->options.tls_key = value;
    else if (strcmp(word, "--region") == 0)
        k->options.region = value;
    else
        return set_number(k, word, value);
    return EXIT_OK;
}

static bool is_option(const char *word)
{
    static const char *const words[] = {"--listen",   "--stream",      "--credentials",
                                        "--tls-cert", "--tls-key",     "--region",
                                        "--retain",   "--shard-limit", "--transition"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

// EXIT_OK with *done when only the usage was asked for.
static int read_args(struct kinesis_command *k, bool *done)
{
    for (const char *word; (word = args_next(&k->args));) {
        if (strcmp(word, "--help") == 0) {
            fputs(usage, stdout);
            *done = true;
            return EXIT_OK;
        }
        if (strcmp(word, "--limits") == 0) {
            k->options.limits = true;
            continue;
        }
        if (!is_option(word))
            return args_fail(&k->args, EXIT_USAGE, "unknown argument \"%s\": try --help", word);
        const char *value = args_value(&k->args);
        int code = value ? set_option(k, word, value) : EXIT_USAGE;
        if (code != EXIT_OK)
            return code;
    }
    if (!k->options.tls_cert != !k->options.tls_key)
        return args_fail(&k->args, EXIT_USAGE, "--tls-cert and --tls-key are needed both");
    return EXIT_OK;
}

static void on_signal(void *ctx, int signum)
{
    struct kinesis_command *k = ctx;
    if (k->closing)
        _exit(128 + signum);
    k->closing = true;
    emulator_close(k->emulator, NULL, NULL);
}

static int serve(struct kinesis_command *k)
{
    struct err e = {0};
    int rc = emulator_new(k->loop, &k->options, &k->emulator, &e);
    if (rc != 0)
        return args_fail(&k->args, rc == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILED, "%s", e.msg);
    if (loop_on_signal(k->loop, SIGTERM, on_signal, k) ||
        loop_on_signal(k->loop, SIGINT, on_signal, k)) {
        emulator_close(k->emulator, NULL, NULL);
        loop_run(k->loop);
        return args_fail(&k->args, EXIT_FAILED, "cannot handle signals");
    }
    bool v6 = memchr(k->options.host.p, ':', k->options.host.n) != NULL;
    printf("penstock kinesis ready at %s://%s%.*s%s:%u\n", k->options.tls_cert ? "https" : "http",
           v6 ? "[" : "", SPAN_ARG(k->options.host), v6 ? "]" : "",
           (unsigned)emulator_port(k->emulator));
    fflush(stdout);
    loop_run(k->loop);
    return EXIT_OK;
}

int cmd_kinesis(int argc, char **argv)
{
    struct kinesis_command k = {
        .args = {argc, argv, 0, "kinesis"},
        .options = {.host = SPAN("127.0.0.1"), .port = 4567},
    };
    bool done = false;
    const char *region = getenv("AWS_REGION");
    k.options.region = region && *region ? region : NULL;
    k.options.streams = k.streams;
    int code = read_args(&k, &done);
    if (code == EXIT_OK && !done) {
        k.loop = loop_new(&clock_system);
        code = serve(&k);
        loop_off_signals(k.loop);
        loop_free(k.loop);
    }
    for (size_t i = 0; i < k.options.n_streams; i++)
        mem_free(k.names[i]);
    mem_free(k.id);
    return code;
}
