// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "app/args.h"
#include "app/cmd.h"
#include "app/config_aws.h"
#include "bridge/bridge.h"
#include "io/worker.h"
#include "net/stream.h"

// `penstock check`: the configuration, then each declared integration's credentials and stream.

struct check {
    struct loop *loop;
    struct config *config;
    struct http_client *http;
    struct worker_pool *jobs;
    struct bridge_options o;
    size_t next;
    unsigned failed;
};

static void check_next(struct check *c);

static void on_jobs_closed(void *ctx)
{
    (void)ctx;
}

static void on_http_closed(void *ctx)
{
    struct check *c = ctx;
    worker_pool_close(c->jobs, on_jobs_closed, NULL);
}

// One line a source, as they were asked.
static void print_credentials(struct span name, const struct credentials_report *r)
{
    for (struct span rest = span_str(r->trail); rest.n > 0;) {
        struct span part = span_cut(&rest, ';');
        printf("integration \"%.*s\": credentials: not by %.*s\n", SPAN_ARG(name),
               SPAN_ARG(span_trim(part)));
    }
    if (r->origin[0])
        printf("integration \"%.*s\": credentials: %s\n", SPAN_ARG(name), r->origin);
    if (r->ends)
        printf("integration \"%.*s\": credentials: good for %lld s\n", SPAN_ARG(name),
               (long long)r->ends_in_ms / 1000);
}

static void on_checked(void *ctx, int status, const char *text,
                       const struct credentials_report *credentials)
{
    struct check *c = ctx;
    const struct config_integration *in = &c->config->integrations[c->next++];
    print_credentials(in->name, credentials);
    if (status < 0) {
        c->failed++;
        fprintf(stderr, "penstock check: integration \"%.*s\": %s\n", SPAN_ARG(in->name), text);
    } else {
        printf("integration \"%.*s\": ok\n", SPAN_ARG(in->name));
    }
    check_next(c);
}

static void check_next(struct check *c)
{
    if (c->next < c->config->n_integrations) {
        bridge_check_alone(&c->o, c->config->integrations[c->next].doc, on_checked, c);
        return;
    }
    http_client_close(c->http, on_http_closed, c);
}

static int check_streams(struct args *a, struct config *config)
{
    struct check c = {.loop = loop_new(&clock_system), .config = config};
    struct err e = {0};
    struct worker_options jobs = {.name = "job", .threads = 1};
    struct http_client_options http = config_http_options(config);
    int code = EXIT_OK;
    if (worker_pool_new(c.loop, &jobs, &c.jobs) < 0) {
        code = args_fail(a, EXIT_FAILED, "cannot start a thread");
    } else if (http_client_new(c.loop, &http, &c.http, &e) < 0) {
        code = args_fail(a, EXIT_USAGE, "%s", e.msg);
        worker_pool_close(c.jobs, on_jobs_closed, NULL);
    } else {
        c.o = (struct bridge_options){.loop = c.loop,
                                      .http = c.http,
                                      .jobs = c.jobs,
                                      .region = config->aws_region,
                                      .endpoint = config->aws_endpoint,
                                      .fips = config->aws_fips,
                                      .dual_stack = config->aws_dual_stack};
        check_next(&c);
    }
    loop_run(c.loop);
    loop_free(c.loop);
    return code ? code : c.failed ? EXIT_FAILED : EXIT_OK;
}

static int check_certificate(struct args *a, struct config *c)
{
    struct tls_config *tls = NULL;
    struct err e = {0};
    if (c->http_cert.n == 0)
        return EXIT_OK;
    if (stream_server_tls(arena_cstr(&c->arena, c->http_cert), arena_cstr(&c->arena, c->http_key),
                          &tls, &e) < 0)
        return args_fail(a, EXIT_USAGE, "http.tlsCert, http.tlsKey: %s", e.msg);
    tls_config_free(tls);
    return EXIT_OK;
}

// Those that are not in the file may be in the database, which is not looked into.
static void note_converters(const struct config *c)
{
    for (size_t i = 0; i < c->n_integrations; i++) {
        const struct span names[] = {c->integrations[i].uplink, c->integrations[i].downlink};
        for (size_t k = 0; k < 2; k++) {
            if (names[k].n > 0 && !config_find_converter(c, names[k]))
                printf("integration \"%.*s\": converter \"%.*s\" is not in the file: the database "
                       "must have it\n",
                       SPAN_ARG(c->integrations[i].name), SPAN_ARG(names[k]));
        }
    }
}

int cmd_check(int argc, char **argv)
{
    struct args a = {argc, argv, 0, "check"};
    const char *path;
    struct config *config = NULL;
    if (!args_load_config(&a, &path, &config))
        return EXIT_USAGE;
    int code = check_certificate(&a, config);
    if (code == EXIT_OK) {
        printf("%s: ok\n", path);
        note_converters(config);
        code = check_streams(&a, config);
    }
    config_free(config);
    return code;
}
