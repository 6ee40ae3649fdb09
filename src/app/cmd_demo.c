// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/args.h"
#include "app/cmd.h"
#include "app/demo_chain.h"
#include "app/run.h"
#include "codec/url.h"
#include "emulator/emulator.h"

// `penstock demo`: the gateway and a local Kinesis endpoint on one loop, with all that the tutorial
// makes by hand: two streams, two converters, the integration, the edited rule chain.

#define UPLINK_STREAM "tb-test-uplink"
#define INTEGRATION "kinesis_integration"

extern const char demo_uplink_js[], demo_downlink_js[];
extern const size_t demo_uplink_js_len, demo_downlink_js_len;

struct demo {
    struct loop *loop;
    struct emulator *emulator;
    struct gateway *gateway;
    struct span http_host, kinesis_host;
    uint16_t http_port, kinesis_port;
    char data[512];
    bool own_data; // a temporary directory of ours, removed at the end
};

static void print_ready(struct demo *d)
{
    unsigned http = gateway_port(d->gateway), kinesis = emulator_port(d->emulator);
    // The data goes in by fileb://, which both versions of the AWS CLI take as it is.
    printf("\nPenstock demo\n"
           "  console   http://%.*s:%u/   log in as tenant@thingsboard.org / tenant\n"
           "  kinesis   http://%.*s:%u\n"
           "  data      %s%s\n\n"
           "Put a record on the uplink stream and watch the device appear:\n\n"
           "export AWS_ACCESS_KEY_ID=demo AWS_SECRET_ACCESS_KEY=demo AWS_DEFAULT_REGION=us-east-1\n"
           "echo '{\"devName\": \"kitchen_thermostat\", \"devType\": \"thermostat\", "
           "\"temperature\": 22}' |\n"
           "aws --endpoint-url http://%.*s:%u kinesis put-record --stream-name " UPLINK_STREAM
           " --partition-key 123 --data fileb:///dev/stdin\n\n"
           "ready: http://%.*s:%u\n",
           SPAN_ARG(d->http_host), http, SPAN_ARG(d->kinesis_host), kinesis, d->data,
           d->own_data ? " (removed at exit)" : "", SPAN_ARG(d->kinesis_host), kinesis,
           SPAN_ARG(d->http_host), http);
    fflush(stdout);
}

static void on_chain_saved(void *ctx, int status, struct entity *e, const struct err *err)
{
    struct demo *d = ctx;
    (void)e;
    if (status < 0)
        log_error("demo", "the rule chain could not be edited", "error=\"%s\"", err->msg);
    print_ready(d);
}

static void on_ready(void *ctx, struct gateway *g)
{
    struct demo *d = ctx;
    struct hub *h = gateway_hub(g);
    struct entity *in = registry_find_name(hub_registry(h), STORE_INTEGRATION, SPAN(INTEGRATION));
    d->gateway = g;
    if (!in || !demo_chain_connect(h, in->id, on_chain_saved, d))
        print_ready(d);
}

static void on_emulator_closed(void *ctx)
{
    struct demo *d = ctx;
    d->emulator = NULL;
}

static void on_stopped(void *ctx)
{
    struct demo *d = ctx;
    if (d->emulator)
        emulator_close(d->emulator, on_emulator_closed, d);
}

static struct json *demo_configuration(const struct demo *d)
{
    char endpoint[300];
    struct json *client = json_new_object(), *conf = json_new_object();
    snprintf(endpoint, sizeof endpoint, "http://%.*s:%u", SPAN_ARG(d->kinesis_host),
             emulator_port(d->emulator));
    json_set_str(client, "streamName", SPAN(UPLINK_STREAM));
    json_set_str(client, "region", SPAN("us-east-1"));
    json_set_str(client, "accessKeyId", SPAN("demo"));
    json_set_str(client, "secretAccessKey", SPAN("demo"));
    json_set_bool(client, "useCredentialsFromInstanceMetadata", false);
    json_set_str(client, "applicationName", SPAN(""));
    json_set_str(client, "initialPositionInStream", SPAN("TRIM_HORIZON"));
    json_set_bool(client, "useConsumersWithEnhancedFanOut", false);
    json_set_num(client, "maxRecords", 10000);
    json_set_num(client, "requestTimeout", 30);
    json_set_str(client, "endpoint", span_str(endpoint));
    json_set(conf, "clientConfiguration", client);
    json_set(conf, "metadata", json_new_object());
    return conf;
}

static void declare(struct config *c, const struct demo *d)
{
    struct arena *a = &c->arena;
    c->data = arena_span(a, span_str(d->data));
    c->http_host = d->http_host;
    c->http_port = d->http_port;
    c->n_users = 1;
    c->users = arena_new(a, struct config_user);
    *c->users = (struct config_user){SPAN("tenant@thingsboard.org"), arena_span(a, SPAN("tenant")),
                                     SPAN("TENANT_ADMIN")};
    c->n_converters = 2;
    c->converters = arena_array(a, struct config_converter, 2);
    c->converters[0] = (struct config_converter){SPAN("kinesis_converter"), false,
                                                 span_of(demo_uplink_js, demo_uplink_js_len)};
    c->converters[1] = (struct config_converter){SPAN("kinesis_downlink_version"), true,
                                                 span_of(demo_downlink_js, demo_downlink_js_len)};
    c->n_integrations = 1;
    c->integrations = arena_new(a, struct config_integration);
    struct json *doc = json_new_object();
    json_set_str(doc, "name", SPAN(INTEGRATION));
    json_set_str(doc, "type", SPAN("AWS_KINESIS"));
    json_set_bool(doc, "enabled", true);
    json_set_bool(doc, "allowCreateDevicesOrAssets", true);
    json_set(doc, "configuration", demo_configuration(d));
    *c->integrations = (struct config_integration){SPAN(INTEGRATION), SPAN("kinesis_converter"),
                                                   SPAN("kinesis_downlink_version"), doc};
}

static int start_emulator(struct demo *d, const struct args *a)
{
    struct err e = {0};
    static const struct emulator_stream streams[] = {{"tb-test-uplink", 1},
                                                     {"tb-test-downlink", 1}};
    struct emulator_options o = {
        .host = d->kinesis_host, .port = d->kinesis_port, .streams = streams, .n_streams = 2};
    if (emulator_new(d->loop, &o, &d->emulator, &e) < 0)
        return args_fail(a, EXIT_FAILED, "%s", e.msg);
    return EXIT_OK;
}

// Only what a gateway leaves in its data directory: files, no folders.
static void remove_data(const struct demo *d)
{
    DIR *dir = opendir(d->data);
    for (struct dirent *f; dir && (f = readdir(dir));)
        unlinkat(dirfd(dir), f->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(d->data);
}

static int make_data(struct demo *d, const char *given, const struct args *a)
{
    if (given) {
        snprintf(d->data, sizeof d->data, "%s", given);
        return EXIT_OK;
    }
    const char *tmp = getenv("TMPDIR");
    snprintf(d->data, sizeof d->data, "%s/penstock-demo-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(d->data))
        return args_fail(a, EXIT_FAILED, "cannot make a temporary directory: use --data DIR");
    d->own_data = true;
    return EXIT_OK;
}

static int run_demo(struct demo *d, const struct args *a)
{
    struct config *config = NULL;
    struct err e = {0};
    if (config_parse(SPAN_NONE, SPAN("."), NULL, NULL, &config, &e) < 0)
        return args_fail(a, EXIT_USAGE, "%s", e.msg);
    // The environment's AWS settings are for the real service, not for the demo's own endpoint.
    config->aws_endpoint = config->aws_ca_file = SPAN_NONE;
    config->aws_fips = config->aws_dual_stack = false;
    config->aws_max_attempts = 0;
    config->aws_proxies = (struct proxy_settings){0};
    config->aws_region = SPAN("us-east-1");
    declare(config, d);
    struct run_options o = {
        .config = config, .command = "demo", .ready = on_ready, .stopped = on_stopped, .ctx = d};
    return run_gateway(d->loop, &o);
}

static int read_args(struct demo *d, struct args *a, const char **data)
{
    struct err e = {0};
    for (const char *word; (word = args_next(a));) {
        bool http = strcmp(word, "--http") == 0, kinesis = strcmp(word, "--kinesis") == 0;
        if (!http && !kinesis && strcmp(word, "--data") != 0)
            return args_fail(a, EXIT_USAGE, "unknown argument \"%s\": try penstock demo --help",
                             word);
        const char *value = args_value(a);
        if (!value)
            return EXIT_USAGE;
        if (!http && !kinesis)
            *data = value;
        else if (url_parse_hostport(span_str(value), http ? &d->http_host : &d->kinesis_host,
                                    http ? &d->http_port : &d->kinesis_port, &e) < 0)
            return args_fail(a, EXIT_USAGE, "%s: %s", word, e.msg);
    }
    return EXIT_OK;
}

int cmd_demo(int argc, char **argv)
{
    struct args a = {argc, argv, 0, "demo"};
    struct demo d = {.http_host = SPAN("127.0.0.1"),
                     .http_port = 8080,
                     .kinesis_host = SPAN("127.0.0.1"),
                     .kinesis_port = 4567};
    const char *data = NULL;
    int code = read_args(&d, &a, &data);
    if (code != EXIT_OK)
        return code;
    d.loop = loop_new(&clock_system);
    code = start_emulator(&d, &a);
    if (code == EXIT_OK)
        code = make_data(&d, data, &a);
    if (code == EXIT_OK)
        code = run_demo(&d, &a);
    else
        on_stopped(&d);
    loop_run(d.loop);
    loop_free(d.loop);
    if (d.own_data)
        remove_data(&d);
    return code;
}
