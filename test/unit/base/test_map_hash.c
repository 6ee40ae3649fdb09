// SPDX-License-Identifier: Apache-2.0

// The hash of the map, whose key is drawn in secret: the source is included to set it.
#include "base/map.c"

#include <sys/wait.h>
#include <unistd.h>

#include "lib/test.h"

static uint64_t hash_in_child(void)
{
    int ends[2], status;
    uint64_t h = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        h = map_hash(SPAN("penstock"));
        _exit(write(ends[1], &h, sizeof h) == sizeof h ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read(ends[0], &h, sizeof h), sizeof h);
    close(ends[0]);
    close(ends[1]);
    return h;
}

// Comes first: each child draws its own key, since this process has not drawn one yet.
static void test_each_process_draws_its_key(void **state)
{
    (void)state;
    assert_true(hash_in_child() != hash_in_child());
}

// SipHash-1-3 by a second implementation, which was checked with the paper's value for SipHash-2-4:
// key 00..0f, message 00..n-1.
static void test_siphash(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        uint64_t want;
    } cases[] = {{0, 0xabac0158050fc4dc},  {1, 0xc9f49bf37d57ca93}, {7, 0xd3927d989bb11140},
                 {8, 0x369095118d299a8e},  {9, 0x25a48eb36c063de4}, {15, 0xd320d86d2a519956},
                 {16, 0xcc4fdd1a7d908b66}, {63, 0x9d199062b7bbb3a8}};
    char message[64];
    map_hash(SPAN_NONE);
    for (size_t i = 0; i < sizeof message; i++) {
        message[i] = (char)i;
    }
    memcpy(hash_key, message, sizeof hash_key);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(map_hash(span_of(message, cases[i].n)) == cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_process_draws_its_key),
        cmocka_unit_test(test_siphash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
