// SPDX-License-Identifier: Apache-2.0
#include "emulator/token.h"
#include "lib/test.h"

static const uint8_t key[EMU_TOKEN_KEY_LEN] = {1, 2, 3};

static void test_round_trip(void **state)
{
    (void)state;
    struct arena arena = {0};
    char name[EMU_TOKEN_TEXT_MAX];
    memset(name, 'n', sizeof name);
    for (size_t n = 0; n <= sizeof name; n += 64) {
        struct emu_token t = {
            EMU_TOKEN_SHARDS, 1754611200125, {1, 2, UINT64_MAX}, span_of(name, n)};
        struct emu_token got;
        struct span sealed = emu_token_seal(key, &t, &arena);
        assert_true(emu_token_open(key, EMU_TOKEN_SHARDS, sealed, &arena, &got));
        assert_int_equal(got.created_ms, t.created_ms);
        assert_memory_equal(got.field, t.field, sizeof t.field);
        assert_span_equal(got.text, t.text);
        // A shard iterator may have 512 characters at most.
        assert_true(sealed.n <= 512);
        assert_false(emu_token_open(key, EMU_TOKEN_ITERATOR, sealed, &arena, &got));
    }
    arena_free(&arena);
}

static void test_every_altered_bit_is_seen(void **state)
{
    (void)state;
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct arena arena = {0};
    struct emu_token t = {EMU_TOKEN_ITERATOR, 5, {7, 8, 9}, SPAN("stream")}, got;
    struct span sealed = emu_token_seal(key, &t, &arena);
    char *p = arena_dup(&arena, sealed.p, sealed.n);
    for (size_t i = 0; i < sealed.n; i++) {
        char was = p[i];
        if (was == '=')
            continue;
        p[i] = alphabet[(strchr(alphabet, was) - alphabet) ^ 32];
        assert_false(emu_token_open(key, EMU_TOKEN_ITERATOR, span_of(p, sealed.n), &arena, &got));
        p[i] = was;
    }
    assert_true(emu_token_open(key, EMU_TOKEN_ITERATOR, span_of(p, sealed.n), &arena, &got));
    for (size_t n = 0; n < sealed.n; n++)
        assert_false(emu_token_open(key, EMU_TOKEN_ITERATOR, span_of(p, n), &arena, &got));
    arena_free(&arena);
}

static void test_foreign_tokens(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct emu_token t = {EMU_TOKEN_ITERATOR, 5, {7}, SPAN("s")}, got;
    uint8_t other[EMU_TOKEN_KEY_LEN] = {9};
    char long_text[4096];
    memset(long_text, 'A', sizeof long_text);
    struct span sealed = emu_token_seal(other, &t, &arena);
    assert_false(emu_token_open(key, EMU_TOKEN_ITERATOR, sealed, &arena, &got));
    assert_false(emu_token_open(key, EMU_TOKEN_ITERATOR, SPAN("!not base64!"), &arena, &got));
    assert_false(emu_token_open(key, EMU_TOKEN_ITERATOR, span_of(long_text, sizeof long_text),
                                &arena, &got));
    arena_free(&arena);
}

static void test_time_text(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_span_is(emu_time_text(1421889722000, &arena), "Thu Jan 22 01:22:02 UTC 2015");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_every_altered_bit_is_seen),
        cmocka_unit_test(test_foreign_tokens),
        cmocka_unit_test(test_time_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
