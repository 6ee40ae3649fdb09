// SPDX-License-Identifier: Apache-2.0
#include "hub_fixture.h"

#include <stdio.h>

#include "base/mem.h"
#include "hub/node.h"
#include "lib/test_clock.h"

// Debug events: what is kept of them, when they are written, what rule nodes write.

static struct json *parse(const char *text)
{
    struct err e = {0};
    struct json *j = json_parse(span_str(text), &e);
    if (!j)
        fail_msg("%s", e.msg);
    return j;
}

static void all_reverts_by_itself(void **state)
{
    (void)state;
    struct json *j = parse("{\"debugSettings\":{\"failuresEnabled\":true,\"allEnabled\":true,"
                           "\"allEnabledUntil\":0}}");
    debug_settings_stamp(j, 1000);
    struct debug_settings d = debug_settings_read(j);
    assert_true(debug_any(&d));
    assert_true(debug_wants(&d, 1000 + DEBUG_ALL_MS - 1, false));
    assert_false(debug_wants(&d, 1000 + DEBUG_ALL_MS, false));
    assert_true(debug_wants(&d, 1000 + DEBUG_ALL_MS, true));
    assert_false(json_get_bool(json_get(j, "debugSettings"), "allEnabled", true));
    // Saved again later it does not begin anew.
    debug_settings_stamp(j, 5000);
    d = debug_settings_read(j);
    assert_int_equal(d.all_until_ms, 1000 + DEBUG_ALL_MS);
    json_free(j);
    j = parse("{\"debugSettings\":{\"allEnabledUntil\":99999999999999}}");
    debug_settings_stamp(j, 1000);
    d = debug_settings_read(j);
    assert_int_equal(d.all_until_ms, 1000 + DEBUG_ALL_MS);
    assert_false(d.failures);
    json_free(j);
}

static void old_debug_mode_counts(void **state)
{
    (void)state;
    struct json *j = parse("{\"debugMode\":true,\"debugSettings\":null}");
    debug_settings_stamp(j, 1000);
    struct debug_settings d = debug_settings_read(j);
    assert_true(d.failures);
    assert_int_equal(d.all_until_ms, 1000 + DEBUG_ALL_MS);
    json_free(j);
    j = parse("{\"debugMode\":false}");
    debug_settings_stamp(j, 1000);
    d = debug_settings_read(j);
    assert_false(debug_any(&d));
    json_free(j);
}

static void add(struct events *e, struct uuid id, struct span text)
{
    struct event_field field = {"data", text};
    events_add(e, id, EVENT_DEBUG_RULE_NODE, &field, 1);
}

static unsigned count(struct events *e, struct uuid id)
{
    unsigned n = 0;
    for (const struct event *v = NULL; (v = events_next(e, id, v));)
        n++;
    return n;
}

static void the_newest_are_kept(void **state)
{
    struct test_clock clock;
    struct uuid a = {{1}}, b = {{2}};
    (void)state;
    test_clock_init(&clock, 1);
    struct events *e = events_new(&clock.clock);
    assert_null(events_next(e, a, NULL));
    for (int i = 0; i <= EVENTS_ENTITY_MAX; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        add(e, a, span_str(text));
    }
    add(e, b, SPAN("other"));
    assert_int_equal(count(e, a), EVENTS_ENTITY_MAX);
    assert_int_equal(count(e, b), 1);
    assert_span_is(events_next(e, a, NULL)->body, "{\"server\":\"penstock\",\"data\":\"500\"}");
    events_clear(e, a, EVENT_DEBUG_CONVERTER);
    assert_int_equal(count(e, a), EVENTS_ENTITY_MAX);
    events_clear(e, a, EVENT_DEBUG_RULE_NODE);
    assert_int_equal(count(e, a), 0);
    assert_int_equal(count(e, b), 1);
    events_free(e);
}

static void bytes_are_bounded(void **state)
{
    static char big[EVENT_TEXT_MAX * 2];
    struct test_clock clock;
    (void)state;
    test_clock_init(&clock, 1);
    memset(big, 'x', sizeof big);
    struct events *e = events_new(&clock.clock);
    size_t all = 0;
    for (unsigned char i = 0; i < 100; i++) {
        struct uuid id = {{i}};
        for (int k = 0; k < 80; k++)
            add(e, id, span_of(big, sizeof big));
    }
    for (unsigned char i = 0; i < 100; i++) {
        struct uuid id = {{i}};
        size_t bytes = 0;
        for (const struct event *v = NULL; (v = events_next(e, id, v));) {
            assert_true(v->body.n < EVENT_TEXT_MAX + 100);
            bytes += v->body.n;
        }
        assert_true(bytes <= EVENTS_ENTITY_BYTES);
        all += bytes;
    }
    assert_true(all <= EVENTS_ALL_BYTES);
    assert_true(all > EVENTS_ALL_BYTES / 2);
    assert_int_equal(count(e, (struct uuid){{0}}), 0);
    events_free(e);
}

static void so_many_a_second(void **state)
{
    struct test_clock clock;
    struct uuid a = {{1}}, b = {{2}};
    (void)state;
    test_clock_init(&clock, 1);
    struct events *e = events_new(&clock.clock);
    for (int i = 0; i < EVENTS_A_SECOND; i++) {
        assert_true(events_may(e, a));
        add(e, a, SPAN("x"));
    }
    assert_false(events_may(e, a));
    assert_true(events_may(e, b));
    test_clock_advance(&clock, 1000);
    assert_true(events_may(e, a));
    events_free(e);
}

// Saves the root chain with debug settings at its first node and returns that node's id.
static struct uuid debug_node(struct hub_fixture *f, const char *class, const char *conf,
                              const char *settings)
{
    struct buf b = {0};
    struct uuid id;
    assert_true(uuid_parse(SPAN("11111111-1111-1111-8111-111111111111"), &id));
    f->n_relations = 0;
    buf_printf(&b,
               "{\"firstNodeIndex\":0,\"nodes\":[{\"type\":\"x.%s\",\"name\":\"n\",\"id\":{"
               "\"entityType\":\"RULE_NODE\",\"id\":\"11111111-1111-1111-8111-111111111111\"},"
               "\"configuration\":%s,\"debugSettings\":%s}]}",
               class, conf, settings);
    use_chain(f, buf_cstr(&b));
    buf_free(&b);
    return id;
}

static void expect_event(const struct event *v, const char *part)
{
    assert_non_null(v);
    struct buf b = {0};
    buf_add_span(&b, v->body);
    if (!strstr(buf_cstr(&b), part))
        fail_msg("%s\nhas no %s", buf_cstr(&b), part);
    buf_free(&b);
}

static void nodes_tell_what_passes(void **state)
{
    struct hub_fixture *f = *state;
    struct uuid id = debug_node(f, "flow.TbAckNode", "{}", "{\"allEnabled\":true}");
    send_json(f, "T", "{\"a\":1}", "k=v");
    const struct event *out = events_next(hub_events(f->hub), id, NULL);
    expect_event(out, "\"type\":\"OUT\"");
    expect_event(out, "\"relationType\":\"Success\"");
    expect_event(out, "\"entityType\":\"DEVICE\"");
    expect_event(out, "\"error\":null");
    const struct event *in = events_next(hub_events(f->hub), id, out);
    expect_event(in, "\"type\":\"IN\"");
    expect_event(in, "\"msgType\":\"T\"");
    expect_event(in, "\"data\":\"{\\\"a\\\":1}\"");
    expect_event(in, "\\\"k\\\":\\\"v\\\"");
    assert_null(events_next(hub_events(f->hub), id, in));
}

static void failures_only(void **state)
{
    struct hub_fixture *f = *state;
    struct uuid id =
        debug_node(f, "filter.TbJsFilterNode",
                   "{\"jsScript\":\"if (msg.bad) throw new Error('oh'); return true\"}",
                   "{\"failuresEnabled\":true}");
    send_json(f, "T", "{}", "");
    assert_null(events_next(hub_events(f->hub), id, NULL));
    send_json(f, "T", "{\"bad\":1}", "");
    const struct event *v = events_next(hub_events(f->hub), id, NULL);
    expect_event(v, "\"relationType\":\"Failure\"");
    expect_event(v, "\"error\":\"Error: oh (line 1, column 20)\"");
    assert_null(events_next(hub_events(f->hub), id, v));
    // Without settings nothing is written.
    id = debug_node(f, "no.SuchNode", "{}", "null");
    events_clear(hub_events(f->hub), id, EVENT_DEBUG_RULE_NODE);
    send_json(f, "T", "{}", "");
    assert_null(events_next(hub_events(f->hub), id, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_reverts_by_itself), cmocka_unit_test(old_debug_mode_counts),
        cmocka_unit_test(the_newest_are_kept),   cmocka_unit_test(bytes_are_bounded),
        cmocka_unit_test(so_many_a_second),      HUB_FIXTURE_TEST(nodes_tell_what_passes),
        HUB_FIXTURE_TEST(failures_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
