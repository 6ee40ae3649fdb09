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
    const char *path;
    struct config *config = NULL;
    if (!args_load_config(&a, &path, &config))
        return EXIT_USAGE;
    struct loop *l = loop_new(&clock_system);
    struct run_options o = {
        .config = config, .config_path = path, .command = "serve", .ready = on_ready};
    int code = run_gateway(l, &o);
    loop_free(l);
    return code;
}
