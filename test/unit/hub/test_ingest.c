// SPDX-License-Identifier: Apache-2.0
#include "lib/test.h"

#include "hub/hub.h"

static char *render(const struct kv_group *groups, size_t n)
{
    static struct buf out;
    buf_clear(&out);
    for (size_t i = 0; i < n; i++) {
        buf_printf(&out, "%s%lld{", i ? " " : "", (long long)groups[i].ts_ms);
        for (uint32_t k = 0; k < groups[i].n; k++) {
            const struct kv *kv = &groups[i].kv[k];
            static const char kinds[] = "?bldsj";
            buf_printf(&out, "%s%.*s:%c=", k ? "," : "", SPAN_ARG(kv->key), kinds[kv->value.type]);
            value_text(&kv->value, &out);
        }
        buf_add_str(&out, "}");
    }
    buf_cstr(&out);
    return out.p;
}

static void check_telemetry(const char *json, bool cast, const char *want)
{
    struct arena a = {0};
    struct kv_group *groups;
    size_t n;
    struct err e = {0};
    int status = hub_parse_telemetry(span_str(json), cast, &a, &groups, &n, &e);
    if (status < 0)
        fail_msg("%s: %s", json, e.msg);
    assert_string_equal(render(groups, n), want);
    arena_free(&a);
}

static void refuse_telemetry(const char *json, const char *reason)
{
    struct arena a = {0};
    struct kv_group *groups;
    size_t n;
    struct err e = {0};
    assert_int_equal(hub_parse_telemetry(span_str(json), true, &a, &groups, &n, &e), ERR_INVALID);
    if (!strstr(e.msg, reason))
        fail_msg("%s: said \"%s\", not \"%s\"", json, e.msg, reason);
    arena_free(&a);
}

static void takes_the_three_shapes(void **state)
{
    (void)state;
    check_telemetry("{\"t\":22}", true, "0{t:l=22}");
    check_telemetry("{\"ts\":5,\"values\":{\"t\":22.5,\"on\":true}}", true,
                    "5{t:d=22.5,on:b=true}");
    check_telemetry("[{\"a\":1},{\"ts\":7,\"values\":{\"b\":2}}]", true, "0{a:l=1} 7{b:l=2}");
    check_telemetry("[]", true, "");
    check_telemetry("{}", true, "0{}");
}

static void ts_without_values_is_a_key(void **state)
{
    (void)state;
    check_telemetry("{\"ts\":5,\"x\":1}", true, "0{ts:l=5,x:l=1}");
    check_telemetry("{\"values\":{\"x\":1}}", true, "0{values:j={\"x\":1}}");
}

static void types_values_as_the_hub_does(void **state)
{
    (void)state;
    check_telemetry(
        "{\"a\":1e3,\"b\":22.0,\"c\":\"12\",\"d\":\"v.0.11\",\"e\":[1,2],\"f\":{\"g\":1}}", true,
        "0{a:l=1000,b:d=22,c:l=12,d:s=v.0.11,e:j=[1,2],f:j={\"g\":1}}");
    check_telemetry("{\"c\":\"12\"}", false, "0{c:s=12}");
    check_telemetry("{\"ts\":\"9\",\"values\":{\"x\":1}}", true, "9{x:l=1}");
}

static void refuses_what_is_no_telemetry(void **state)
{
    (void)state;
    refuse_telemetry("", "");
    refuse_telemetry("5", "object or an array");
    refuse_telemetry("[1]", "every element");
    refuse_telemetry("{\"a\":null}", "\"a\"");
    refuse_telemetry("{\"\":1}", "Key");
    refuse_telemetry("{\" \":1}", "Key");
    refuse_telemetry("{\"ts\":1.5,\"values\":{}}", "ts");
    refuse_telemetry("{\"ts\":1,\"values\":[]}", "values must be an object");
    refuse_telemetry("{\"ts\":1,\"values\":{\"a\":null}}", "\"a\"");
    refuse_telemetry("{\"a\":1}x", "");
    refuse_telemetry("{\"a\":1", "");
}

static void attributes_are_one_flat_object(void **state)
{
    struct arena a = {0};
    struct kv *kv;
    size_t n;
    struct err e = {0};
    (void)state;
    assert_int_equal(
        hub_parse_attributes(SPAN("{\"version\":\"v.0.11\",\"n\":1}"), true, &a, &kv, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_span_is(kv[0].key, "version");
    assert_int_equal(kv[0].value.type, VALUE_STRING);
    assert_int_equal(hub_parse_attributes(SPAN("[]"), true, &a, &kv, &n, &e), ERR_INVALID);
    assert_int_equal(hub_parse_attributes(SPAN("{\"a\":null}"), true, &a, &kv, &n, &e),
                     ERR_INVALID);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_three_shapes),
        cmocka_unit_test(ts_without_values_is_a_key),
        cmocka_unit_test(types_values_as_the_hub_does),
        cmocka_unit_test(refuses_what_is_no_telemetry),
        cmocka_unit_test(attributes_are_one_flat_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
