// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "app/args.h"
#include "app/cmd.h"
#include "app/run.h"

static void on_ready(void *ctx, struct gateway *g)
{
    const struct config *c = gateway_config(g);
    const char *scheme = c->http_cert.n ? "https" : "http";
    bool v6 = span_find(c->http_host, ':') < c->http_host.n;
    (void)ctx;
    printf("ready: %s://%s%.*s%s:%u\n", scheme, v6 ? "[" : "", SPAN_ARG(c->http_host),
           v6 ? "]" : "", gateway_port(g));
    fflush(stdout);
}

int cmd_serve(int argc, char **argv)
{
    struct args a = {argc, argv, 0, "serve"};
    const char *path = args_config_file(&a);
    if (!path)
        return EXIT_USAGE;
    struct config *config = NULL;
    struct err e = {0};
    if (config_load(path, NULL, NULL, &config, &e) < 0)
        return args_fail(&a, EXIT_USAGE, "%s", e.msg);
    struct loop *l = loop_new(&clock_system);
    struct run_options o = {
        .config = config, .config_path = path, .command = "serve", .ready = on_ready};
    int code = run_gateway(l, &o);
    loop_free(l);
    return code;
}
