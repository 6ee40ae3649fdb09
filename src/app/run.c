// SPDX-License-Identifier: Apache-2.0
#include "app/run.h"

#include <signal.h>
#include <unistd.h>

#include "app/args.h"

struct run {
    struct loop *loop;
    const struct run_options *o;
    struct gateway *gateway;
    bool stopping;
    int code;
};

static void on_stopped(void *ctx)
{
    struct run *r = ctx;
    r->gateway = NULL;
    loop_off_signals(r->loop);
    if (r->o->stopped)
        r->o->stopped(r->o->ctx);
}

static void stop(struct run *r)
{
    r->stopping = true;
    gateway_stop(r->gateway, on_stopped, r);
}

static void on_signal(void *ctx, int signum)
{
    struct run *r = ctx;
    if (signum == SIGHUP) {
        if (r->o->config_path && !r->stopping)
            gateway_reload(r->gateway, r->o->config_path);
        return;
    }
    if (r->stopping) {
        log_warn("app", "second signal: leaving at once");
        _exit(EXIT_FAILED);
    }
    log_info("app", "stopping", "signal=%d", signum);
    stop(r);
}

static void on_ready(void *ctx, int status, const struct err *e)
{
    struct run *r = ctx;
    struct args a = {.command = r->o->command};
    if (status < 0) {
        r->code = args_fail(&a, status == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILED, "%s", e->msg);
        stop(r);
        return;
    }
    r->o->ready(r->o->ctx, r->gateway);
}

static const struct gateway_events events = {on_ready};

int run_gateway(struct loop *l, const struct run_options *o)
{
    struct run r = {.loop = l, .o = o};
    struct args a = {.command = o->command};
    struct err e = {0};
    log_set_level(o->config->log_level);
    if (gateway_new(l, o->config, &events, &r, &r.gateway, &e) < 0) {
        // First what else is on the loop, or it would run on.
        if (o->stopped)
            o->stopped(o->ctx);
        loop_run(l);
        config_free(o->config);
        return args_fail(&a, e.code == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILED, "%s", e.msg);
    }
    const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        loop_on_signal(l, signals[i], on_signal, &r);
    gateway_start(r.gateway);
    loop_run(l);
    return r.code;
}
