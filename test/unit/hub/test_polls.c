// SPDX-License-Identifier: Apache-2.0
#include "hub/polls.h"

#include "hub/shared_changes.h"
#include "hub_fixture.h"

// What devices that wait are told, and when.

struct waiter {
    struct hub_poll poll;
    struct hub_fixture *f;
    bool again;          // waits anew from within
    struct waiter *ends; // takes this one away from within
    struct buf told;
};

static void on_take(struct hub_poll *p, struct span json)
{
    struct waiter *w = container_of(p, struct waiter, poll);
    buf_add_span(&w->told, json);
    buf_add_char(&w->told, '\n');
    if (w->again)
        hub_poll_park(w->f->hub, w->f->device, HUB_POLL_ATTRIBUTES, p);
    if (w->ends)
        hub_poll_unpark(w->f->hub, &w->ends->poll);
}

static void wait_for(struct hub_fixture *f, enum hub_poll_for what, struct waiter *w)
{
    w->f = f;
    w->poll.take = on_take;
    hub_poll_park(f->hub, f->device, what, &w->poll);
}

// What it was told since the last time.
static void expect_told(struct waiter *w, const char *want)
{
    assert_string_equal(w->told.n ? buf_cstr(&w->told) : "", want);
    buf_free(&w->told);
}

static void count(void *ctx, int status)
{
    (void)status;
    *(bool *)ctx = true;
}

static void save(struct hub_fixture *f, const char *key, int64_t value)
{
    bool done = false;
    struct kv kv = {span_str(key), value_long(value)};
    hub_save_attributes(f->hub, f->device, STORE_SHARED, &kv, 1, NULL, count, &done);
    hub_fixture_wait(f, &done);
}

static void all_that_wait_are_told_once(void **state)
{
    struct hub_fixture *f = *state;
    struct waiter a = {0}, b = {.again = true}, call = {0};
    wait_for(f, HUB_POLL_ATTRIBUTES, &a);
    wait_for(f, HUB_POLL_ATTRIBUTES, &b);
    wait_for(f, HUB_POLL_CALL, &call);
    save(f, "x", 1);
    expect_told(&a, "{\"x\":1}\n");
    expect_told(&b, "{\"x\":1}\n");
    save(f, "x", 2);
    expect_told(&a, "");
    expect_told(&b, "{\"x\":2}\n");
    expect_told(&call, "");
    hub_poll_unpark(f->hub, &a.poll); // it is out already
    hub_poll_unpark(f->hub, &b.poll);
    hub_poll_unpark(f->hub, &call.poll);
    save(f, "x", 3);
    expect_told(&b, "");
}

static void one_that_is_told_may_end_the_next(void **state)
{
    struct hub_fixture *f = *state;
    struct waiter a = {0}, b = {0}, c = {0};
    a.ends = &b;
    wait_for(f, HUB_POLL_ATTRIBUTES, &a);
    wait_for(f, HUB_POLL_ATTRIBUTES, &b);
    wait_for(f, HUB_POLL_ATTRIBUTES, &c);
    save(f, "x", 1);
    expect_told(&a, "{\"x\":1}\n");
    expect_told(&b, "");
    expect_told(&c, "{\"x\":1}\n");
}

static void told_when_it_is_durable_and_not_before(void **state)
{
    struct hub_fixture *f = *state;
    struct waiter w = {0};
    bool done = false;
    struct kv kv = {SPAN("x"), value_long(1)};
    hub_save_attributes(f->hub, f->device, STORE_SHARED, &kv, 1, NULL, count, &done);
    wait_for(f, HUB_POLL_ATTRIBUTES, &w); // in time: it cannot have read the value before
    assert_false(done);
    expect_told(&w, "");
    hub_fixture_wait(f, &done);
    expect_told(&w, "{\"x\":1}\n");
}

// The last change of a key in a run counts; one that is called as the list gives way to it.
static void changes_of_a_run_come_as_one(void **state)
{
    struct hub_fixture *f = *state;
    struct waiter w = {0};
    struct hub_run r;
    bool done = false;
    struct span keys[] = {SPAN("a"), SPAN("b")};
    struct kv kv[] = {{SPAN("a"), value_string(SPAN("s"))},
                      {SPAN("deleted"), value_bool(true)},
                      {SPAN("c"), value_json(SPAN("[1]"))}};
    wait_for(f, HUB_POLL_ATTRIBUTES, &w);
    hub_run_begin(f->hub, &r);
    shared_changes_delete(&r, f->device, keys, 2);
    shared_changes_save(&r, f->device, kv, 3);
    assert_true(hub_run_finish(&r));
    hub_run_commit(&r, count, &done);
    hub_fixture_wait(f, &done);
    expect_told(&w, "{\"a\":\"s\",\"c\":[1],\"deleted\":[\"b\"]}\n");
}

static void what_does_not_happen_is_not_told(void **state)
{
    struct hub_fixture *f = *state;
    struct waiter w = {0};
    struct kv kv = {SPAN("a"), value_long(1)};
    wait_for(f, HUB_POLL_ATTRIBUTES, &w);
    for (int way = 0; way < 3; way++) {
        struct hub_run r;
        bool done = way == 1;
        hub_run_begin(f->hub, &r);
        if (way == 2)
            hub_run_set_replay(&r);
        shared_changes_save(&r, f->device, &kv, 1);
        if (way == 0)
            hub_run_drop_effects(&r);
        assert_true(hub_run_finish(&r));
        if (way == 1)
            hub_run_abort(&r);
        else
            hub_run_commit(&r, count, &done);
        hub_fixture_wait(f, &done);
    }
    expect_told(&w, "");
    hub_poll_unpark(f->hub, &w.poll);
}

static const char *const relations[] = {"Success", NULL};

static void expect_node(struct hub_fixture *f, const char *conf, const char *metadata,
                        const char *want)
{
    struct waiter w = {0};
    use_node(f, "telemetry.TbMsgAttributesNode", conf, relations);
    wait_for(f, HUB_POLL_ATTRIBUTES, &w);
    send_json(f, "POST_ATTRIBUTES_REQUEST", "{\"a\":1}", metadata);
    expect_told(&w, want);
    hub_poll_unpark(f->hub, &w.poll);
}

static void a_node_tells_when_it_or_the_message_says_so(void **state)
{
    struct hub_fixture *f = *state;
    const char *yes = "{\"scope\":\"SHARED_SCOPE\",\"notifyDevice\":true}";
    const char *no = "{\"scope\":\"SHARED_SCOPE\",\"notifyDevice\":false}";
    expect_node(f, yes, "", "{\"a\":1}\n");
    expect_node(f, no, "", ""); // a device's own post
    expect_node(f, no, "notifyDevice=true", "{\"a\":1}\n");
    expect_node(f, yes, "scope=SERVER_SCOPE", "");
    expect_node(f, "{\"notifyDevice\":true}", "", "");
    expect_node(f, "{\"notifyDevice\":true}", "scope=SHARED_SCOPE", "{\"a\":1}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HUB_FIXTURE_TEST(all_that_wait_are_told_once),
        HUB_FIXTURE_TEST(one_that_is_told_may_end_the_next),
        HUB_FIXTURE_TEST(told_when_it_is_durable_and_not_before),
        HUB_FIXTURE_TEST(changes_of_a_run_come_as_one),
        HUB_FIXTURE_TEST(what_does_not_happen_is_not_told),
        HUB_FIXTURE_TEST(a_node_tells_when_it_or_the_message_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
