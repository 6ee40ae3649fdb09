// SPDX-License-Identifier: Apache-2.0
#include "codec/base64.h"
#include "emulator/wire_out.h"
#include "lib/test.h"

static void write(struct emu_out *o)
{
    emu_out_map(o);
    emu_out_key_str(o, "s", SPAN("a\"\xc3\xa4"));
    emu_out_key_int(o, "i", -5);
    emu_out_key(o, "t");
    emu_out_time(o, 1754611200007);
    emu_out_key(o, "l");
    emu_out_list(o, 3);
    emu_out_bool(o, true);
    emu_out_null(o);
    emu_out_map(o);
    emu_out_end(o);
    emu_out_end(o);
    emu_out_key_bool(o, "b", false);
    emu_out_end(o);
}

static void test_json(void **state)
{
    (void)state;
    struct buf b = {0};
    struct emu_out o;
    emu_out_init(&o, false, &b);
    write(&o);
    assert_span_is(buf_span(&b), "{\"s\":\"a\\\"\xc3\xa4\",\"i\":-5,\"t\":1754611200.007,"
                                 "\"l\":[true,null,{}],\"b\":false}");
    buf_free(&b);
}

// By RFC 8949, worked out by hand: definite lengths, tag 1 with milliseconds.
static void test_cbor(void **state)
{
    (void)state;
    struct buf b = {0}, hex = {0};
    struct emu_out o;
    emu_out_init(&o, true, &b);
    write(&o);
    hex_encode(&hex, buf_span(&b));
    assert_span_is(buf_span(&hex), "a5617364"
                                   "6122c3a4"
                                   "616924"
                                   "6174c11b0000019886fa3007"
                                   "616c83f5f6a0"
                                   "6162f4");
    buf_free(&b);
    buf_free(&hex);
}

static void too_deep(void *arg)
{
    for (int i = 0; i <= EMU_OUT_DEPTH; i++)
        emu_out_map(arg);
}

static void too_many(void *arg)
{
    emu_out_map(arg);
    for (int i = 0; i < 24; i++)
        emu_out_key_int(arg, "k", i);
}

static void test_bounds(void **state)
{
    (void)state;
    struct buf b = {0};
    struct emu_out o;
    emu_out_init(&o, true, &b);
    assert_true(test_aborts(too_deep, &o));
    assert_true(test_aborts(too_many, &o));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_cbor),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
