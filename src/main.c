// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "app/args.h"
#include "app/cmd.h"
#include "app/cmd_convert.h"
#include "app/cmd_kinesis.h"
#include "app/version.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
} commands[] = {
    {"serve", cmd_serve, "serve -c FILE"},
    {"demo", cmd_demo, "demo [--data DIR] [--http HOST:PORT] [--kinesis HOST:PORT]"},
    {"kinesis", cmd_kinesis,
     "kinesis [--listen HOST:PORT] [--tls-cert F --tls-key F] [--stream NAME:SHARDS]... "
     "[--credentials ID:SECRET] [--limits]"},
    {"convert", cmd_convert, CMD_CONVERT_USAGE},
    {"check", cmd_check, "check -c FILE"},
    {"rekey", cmd_rekey, "rekey -c FILE"},
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static void print_usage(FILE *to)
{
    fprintf(to, "penstock %s: AWS Kinesis streams and an IoT hub, both ways\n", PENSTOCK_VERSION);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  penstock %s\n", commands[i].usage);
}

// Large buffers go back to the system when freed, and threads share few arenas: memory stays flat.
static void tune_allocator(void)
{
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_TRIM_THRESHOLD, 512 * 1024);
#endif
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static int run_command(size_t i, int argc, char **argv)
{
    // The one of kinesis says more than its usage.
    if (argc == 1 && commands[i].run != cmd_kinesis && is_help(argv[0])) {
        printf("usage: penstock %s\n", commands[i].usage);
        return EXIT_OK;
    }
    return commands[i].run(argc, argv);
}

int main(int argc, char **argv)
{
    tune_allocator();
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (is_help(argv[1])) {
        print_usage(stdout);
        return EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("penstock %s\n", PENSTOCK_VERSION);
        return EXIT_OK;
    }
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return run_command(i, argc - 2, argv + 2);
    }
    fprintf(stderr, "penstock: unknown command \"%s\": try penstock --help\n", argv[1]);
    return EXIT_USAGE;
}
