// SPDX-License-Identifier: Apache-2.0
#include "hub_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

void hub_fixture_turn(struct hub_fixture *f)
{
    loop_turn(f->loop, true);
}

void hub_fixture_wait(struct hub_fixture *f, const bool *flag)
{
    while (!*flag) {
        bool more = loop_turn(f->loop, true);
        assert_true(more || *flag);
    }
}

static void set_flag(void *ctx)
{
    *(bool *)ctx = true;
}

// The sink ----------------------------------------------------------------------------------------

static void answer_all(struct loop_task *t)
{
    struct hub_fixture *f = container_of(t, struct hub_fixture, task);
    for (struct list *it; (it = list_pop(&f->requests));) {
        struct hub_downlink_request *q = container_of(it, struct hub_downlink_request, link);
        q->done(q, 0, NULL);
    }
}

static int take(void *ctx, struct hub_downlink_request *q, struct err *e)
{
    struct hub_fixture *f = ctx;
    const struct downlink_input *in = &q->input;
    unsigned at = q->integration.b[15];
    (void)e;
    assert_true(at < f->n_relations);
    buf_printf(&f->out, "%s %.*s %.*s ", f->relations[at], SPAN_ARG(in->msg_type),
               SPAN_ARG(in->msg_json));
    for (size_t i = 0; i < in->metadata.n; i++)
        buf_printf(&f->out, "%s%.*s=%.*s", i ? "," : "", SPAN_ARG(in->metadata.p[i].key),
                   SPAN_ARG(in->metadata.p[i].value));
    buf_add_char(&f->out, '\n');
    list_push(&f->requests, &q->link);
    if (!list_linked(&f->task.link))
        loop_post(f->loop, &f->task);
    return 0;
}

// Life --------------------------------------------------------------------------------------------

static void open_hub(struct hub_fixture *f)
{
    struct store_options so = {.dir = f->dir};
    struct convert_options co = {.workers = 2,
                                 .time_limit_ms = f->time_limit_ms ? f->time_limit_ms : 60000,
                                 .cast_strings = true};
    struct err e = {0};
    f->loop = loop_new(f->clock ? f->clock : &clock_system);
    if (store_open(f->loop, &so, &f->store, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(convert_pool_new(f->loop, &co, &f->pool), 0);
    struct hub_options ho = {
        .loop = f->loop, .store = f->store, .convert = f->pool, .cast_strings = true};
    if (hub_new(&ho, &f->hub, &e) < 0)
        fail_msg("%s", e.msg);
    struct hub_downlink_sink sink = {.ctx = f, .submit = take};
    hub_set_sink(f->hub, &sink);
    list_init(&f->requests);
    f->task.run = answer_all;
}

static void close_hub(struct hub_fixture *f)
{
    bool convert = false, store = false;
    hub_stop(f->hub);
    convert_pool_close(f->pool, set_flag, &convert);
    hub_fixture_wait(f, &convert);
    store_close(f->store, set_flag, &store);
    hub_fixture_wait(f, &store);
    hub_free(f->hub);
    loop_run(f->loop);
    loop_free(f->loop);
}

static void on_status(void *ctx, int status)
{
    struct hub_fixture *f = ctx;
    f->status = status;
    f->done = true;
}

void hub_fixture_settle(struct hub_fixture *f)
{
    f->done = false;
    store_commit(f->store, store_txn_new(f->store), on_status, f);
    hub_fixture_wait(f, &f->done);
    assert_int_equal(f->status, 0);
}

int hub_fixture_setup(void **state)
{
    struct hub_fixture *f = mem_new(struct hub_fixture);
    struct err e = {0};
    // A failed assertion leaves the loop open: end then, too.
    alarm(240);
    strcpy(f->dir, "/tmp/penstock-rules-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    open_hub(f);
    use_chain(f, "{\"nodes\":[]}");
    f->done = false;
    f->device = hub_create_device(f->hub, SPAN("dev"), SPAN_NONE, SPAN("lab"), SPAN_NONE, NULL,
                                  on_status, f, &e);
    assert_non_null(f->device);
    hub_fixture_wait(f, &f->done);
    *state = f;
    return 0;
}

int hub_fixture_teardown(void **state)
{
    struct hub_fixture *f = *state;
    char path[128];
    const char *const files[] = {"penstock.db", "penstock.db-wal", "penstock.db-shm"};
    close_hub(f);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", f->dir, files[i]);
        unlink(path);
    }
    rmdir(f->dir);
    buf_free(&f->out);
    mem_free(f);
    return 0;
}

void hub_fixture_reopen(struct hub_fixture *f)
{
    close_hub(f);
    open_hub(f);
    f->device = store_find_device(f->store, SPAN("dev"), false);
    assert_non_null(f->device);
}

// Chains ------------------------------------------------------------------------------------------

static void on_saved(void *ctx, int status, struct entity *e, const struct err *err)
{
    struct hub_fixture *f = ctx;
    (void)e;
    if (status < 0)
        fail_msg("%s", err->msg);
    f->done = true;
}

static void save_metadata(struct hub_fixture *f, struct uuid chain, const char *metadata)
{
    struct err e = {0};
    struct json *j = json_parse(span_str(metadata), &e);
    if (!j)
        fail_msg("%s in %s", e.msg, metadata);
    json_set(j, "ruleChainId", registry_new_ref("RULE_CHAIN", chain));
    f->done = false;
    if (hub_save_chain_metadata(f->hub, j, on_saved, f, &e) < 0)
        fail_msg("%s", e.msg);
    hub_fixture_wait(f, &f->done);
}

void use_chain(struct hub_fixture *f, const char *metadata)
{
    save_metadata(f, hub_root_chain(f->hub)->id, metadata);
}

const char *add_chain(struct hub_fixture *f, const char *name, const char *metadata)
{
    static char id[UUID_TEXT_LEN + 1];
    struct json *doc = json_new_object();
    json_set_str(doc, "name", span_str(name));
    f->done = false;
    hub_save_chain(f->hub, doc, on_saved, f);
    hub_fixture_wait(f, &f->done);
    struct entity *e = registry_find_name(hub_registry(f->hub), STORE_RULE_CHAIN, span_str(name));
    assert_non_null(e);
    save_metadata(f, e->id, metadata);
    uuid_format(e->id, id);
    return id;
}

const char *sink_node(struct hub_fixture *f, const char *relation, char out[300])
{
    assert_true(f->n_relations < HUB_FIXTURE_RELATIONS);
    snprintf(out, 300,
             "{\"type\":\"x.integration.TbIntegrationDownlinkNode\",\"name\":\"%s\","
             "\"configuration\":{\"integrationId\":\"00000000-0000-1000-8000-0000000000%02x\"}}",
             relation, f->n_relations);
    f->relations[f->n_relations++] = relation;
    return out;
}

void use_node(struct hub_fixture *f, const char *class, const char *conf,
              const char *const *relations)
{
    struct buf b = {0}, edges = {0};
    char node[300];
    f->n_relations = 0;
    buf_printf(&b,
               "{\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"org.thingsboard.rule.engine.%s\","
               "\"name\":\"tested\",\"configuration\":%s}",
               class, conf);
    for (unsigned i = 0; relations[i]; i++) {
        buf_printf(&b, ",%s", sink_node(f, relations[i], node));
        buf_printf(&edges, "%s{\"fromIndex\":0,\"toIndex\":%u,\"type\":\"%s\"}", i ? "," : "",
                   i + 1, relations[i]);
    }
    buf_printf(&b, "],\"connections\":[%s]}", edges.n ? buf_cstr(&edges) : "");
    use_chain(f, buf_cstr(&b));
    buf_free(&b);
    buf_free(&edges);
}

void refuse_node(struct hub_fixture *f, const char *class, const char *conf, const char *why)
{
    struct buf b = {0};
    struct err e = {0};
    buf_printf(&b,
               "{\"firstNodeIndex\":0,\"connections\":[],\"nodes\":[{\"type\":\"x.%s\",\"name\":"
               "\"tested\",\"configuration\":%s}]}",
               class, conf);
    struct json *j = json_parse(buf_span(&b), &e);
    assert_non_null(j);
    json_set(j, "ruleChainId", registry_new_ref("RULE_CHAIN", hub_root_chain(f->hub)->id));
    assert_int_equal(hub_save_chain_metadata(f->hub, j, on_saved, f, &e), ERR_INVALID);
    if (!strstr(e.msg, why))
        fail_msg("%s in %s", why, e.msg);
    json_free(j);
    buf_free(&b);
}

void use_profile_chain(struct hub_fixture *f, const char *chain)
{
    struct entity *e = registry_find(hub_registry(f->hub), STORE_PROFILE, f->device->profile);
    struct json *doc = json_copy(e->doc);
    struct uuid id;
    json_remove(doc, "version");
    if (chain) {
        assert_true(uuid_parse(span_str(chain), &id));
        json_set(doc, "defaultRuleChainId", registry_new_ref("RULE_CHAIN", id));
    } else {
        json_set(doc, "defaultRuleChainId", json_new_null());
    }
    f->done = false;
    registry_save(hub_registry(f->hub), STORE_PROFILE, doc, on_saved, f);
    hub_fixture_wait(f, &f->done);
}

// Messages ----------------------------------------------------------------------------------------

static void on_run_done(struct hub_run *r)
{
    struct hub_fixture *f = r->data;
    if (r->canceled) {
        hub_run_abort(r);
        on_status(f, ERR_CANCELED);
    } else {
        hub_run_commit(r, on_status, f);
    }
}

void send_msg(struct hub_fixture *f, const struct hub_msg *m)
{
    struct hub_run run;
    hub_run_begin(f->hub, &run);
    run.data = f;
    run.done = on_run_done;
    f->done = false;
    hub_run_message(&run, m);
    if (hub_run_finish(&run))
        on_run_done(&run);
    hub_fixture_wait(f, &f->done);
    assert_int_equal(f->status, 0);
}

void send_json(struct hub_fixture *f, const char *type, const char *json, const char *metadata)
{
    struct convert_pair p[8];
    size_t n = 0;
    for (struct span rest = span_str(metadata); rest.n;) {
        struct span pair = span_cut(&rest, ',');
        assert_true(n < 8);
        p[n].key = span_cut(&pair, '=');
        p[n++].value = pair;
    }
    struct hub_msg m = {.type = rule_msg_type_of(span_str(type)),
                        .originator = f->device,
                        .ts_ms = f->msg_ts_ms ? f->msg_ts_ms : 1000,
                        .metadata = {p, n},
                        .json = span_str(json)};
    if (m.type == RULE_MSG_OTHER)
        m.custom_type = span_str(type);
    send_msg(f, &m);
}

void expect_out(struct hub_fixture *f, const char *want)
{
    assert_string_equal(f->out.n ? buf_cstr(&f->out) : "", want);
    buf_clear(&f->out);
}

// Values ------------------------------------------------------------------------------------------

struct reading {
    struct store_read read;
    bool done;
};

static void on_read(struct store_read *r, int status)
{
    assert_int_equal(status, 0);
    ((struct reading *)r->data)->done = true;
}

static void read_attribute(struct hub_fixture *f, enum store_scope scope, struct span key,
                           struct reading *r)
{
    r->read = (struct store_read){.data = r,
                                  .done = on_read,
                                  .kind = STORE_READ_ATTRIBUTES,
                                  .device = f->device,
                                  .scope = scope,
                                  .keys = &key,
                                  .n_keys = 1};
    store_read(f->store, &r->read);
    hub_fixture_wait(f, &r->done);
}

static const char *take_text(struct buf *b, char out[200])
{
    snprintf(out, 200, "%s", b->n ? buf_cstr(b) : "-");
    buf_free(b);
    return out;
}

const char *attribute_text(struct hub_fixture *f, enum store_scope scope, const char *key,
                           char out[200])
{
    struct reading r = {0};
    struct buf b = {0};
    read_attribute(f, scope, span_str(key), &r);
    if (r.read.n_attributes)
        value_text(&r.read.attributes_out[0].value, &b);
    store_read_free(&r.read);
    return take_text(&b, out);
}

static void point_text(int64_t ts_ms, const struct value *v, struct buf *out)
{
    buf_add_i64(out, ts_ms);
    buf_add_char(out, ' ');
    value_text(v, out);
}

const char *attribute_at(struct hub_fixture *f, enum store_scope scope, const char *key,
                         char out[200])
{
    struct reading r = {0};
    struct buf b = {0};
    read_attribute(f, scope, span_str(key), &r);
    if (r.read.n_attributes)
        point_text(r.read.attributes_out[0].ts_ms, &r.read.attributes_out[0].value, &b);
    store_read_free(&r.read);
    return take_text(&b, out);
}

const char *latest_text(struct hub_fixture *f, const char *key, char out[200])
{
    const struct store_point *p = store_peek_latest(f->store, f->device, span_str(key));
    struct buf b = {0};
    if (p)
        point_text(p->ts_ms, &p->value, &b);
    return take_text(&b, out);
}

void put_attribute(struct hub_fixture *f, enum store_scope scope, const char *key, struct value v)
{
    struct kv kv = {span_str(key), v};
    f->done = false;
    hub_save_attributes(f->hub, f->device, scope, &kv, 1, NULL, on_status, f);
    hub_fixture_wait(f, &f->done);
    assert_int_equal(f->status, 0);
    buf_clear(&f->out);
}
