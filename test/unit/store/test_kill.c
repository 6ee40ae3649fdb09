// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/test_clock.h"

// kill -9 at random instants of a process that writes as fast as it can: each transaction makes one
// device with one point, adds an outbox row and counts itself in the checkpoint. Afterwards they
// all agree, and nothing that the process had been told is durable is missing.

#define ROUNDS 6
#define IN_FLIGHT 5
#define STREAM SPAN("stream")

struct writer_process {
    struct store *store;
    int64_t next;
    int pipe;
};

struct sent {
    struct writer_process *p;
    int64_t i;
};

static void send_next(struct writer_process *p);

static void on_durable(void *ctx, int status)
{
    struct sent *s = ctx;
    struct writer_process *p = s->p;
    if (status != 0 || write(p->pipe, &s->i, sizeof s->i) != sizeof s->i)
        _exit(1);
    free(s);
    send_next(p);
}

static void send_next(struct writer_process *p)
{
    struct sent *s = malloc(sizeof *s);
    struct store_txn *t = store_txn_new(p->store);
    char name[32];
    *s = (struct sent){p, p->next++};
    snprintf(name, sizeof name, "device %lld", (long long)s->i);
    struct store_device *d = store_add_device(p->store, uuid_new_v1(&clock_system), span_str(name),
                                              SPAN(""), uuid_null, false, s->i);
    fixture_txn_point(t, d, "k", s->i, value_long(s->i));
    struct store_checkpoint c = {.integration = UUID_BYTE(1),
                                 .stream = STREAM,
                                 .shard_id = SPAN("shardId-0"),
                                 .sequence = SPAN("1"),
                                 .records_applied = (uint64_t)s->i};
    store_txn_checkpoint(t, &c);
    struct store_outbox_row row = {.integration = UUID_BYTE(1), .created_ms = s->i};
    store_txn_outbox_add(t, &row);
    store_commit(p->store, t, on_durable, s);
}

// The process to be killed. Small heads, so that it dies in flushes and merges, too.
static void run_writer(const char *dir, int64_t next, int pipe)
{
    struct writer_process p = {.next = next, .pipe = pipe};
    struct loop *loop = loop_new(&clock_system);
    struct store_options o = {.dir = dir, .head_bytes = 16 * 1024};
    struct err e = {0};
    if (store_open(loop, &o, &p.store, &e) != 0)
        _exit(2);
    for (int i = 0; i < IN_FLIGHT; i++)
        send_next(&p);
    loop_run(loop);
    _exit(3);
}

// Starts the process, kills it after it has reported some: the last that was durable.
static int64_t kill_writer(const char *dir, int64_t next, uint64_t *random)
{
    int fd[2], status;
    int64_t seen = 0, last = next - 1, some = 20 + (int64_t)test_random_below(random, 400);
    assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fd[0]);
        run_writer(dir, next, fd[1]);
    }
    close(fd[1]);
    while (seen < some) {
        struct pollfd p = {.fd = fd[0], .events = POLLIN};
        assert_int_equal(poll(&p, 1, 120000), 1);
        assert_int_equal(read(fd[0], &last, sizeof last), sizeof last);
        seen++;
    }
    usleep((useconds_t)test_random_below(random, 3000)); // where in a commit: by chance
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    while (read(fd[0], &last, sizeof last) == sizeof last)
        ;
    close(fd[0]);
    return last;
}

static int64_t count_applied(struct fixture *f)
{
    struct store_read r = {.kind = STORE_READ_CHECKPOINTS, .integration = UUID_BYTE(1)};
    assert_int_equal(fixture_read(f, &r), 0);
    assert_int_equal(r.n_checkpoints, 1);
    int64_t n = (int64_t)r.checkpoints_out[0].records_applied;
    store_read_free(&r);
    return n;
}

static void check_all(struct fixture *f, int64_t n)
{
    struct store_read r = {.kind = STORE_READ_OUTBOX, .integration = UUID_BYTE(1)};
    assert_int_equal(fixture_read(f, &r), 0);
    int64_t rows = 0;
    for (size_t i = 0; i < r.n_outbox; i++) {
        for (size_t k = 0; k < r.outbox_out[i].n; k++)
            assert_int_equal(r.outbox_out[i].rows[k].created_ms, ++rows);
    }
    assert_int_equal(rows, n);
    store_read_free(&r);
    struct store_stats stats;
    store_get_stats(f->store, &stats);
    assert_int_equal(stats.outbox_rows, n);
    assert_int_equal(store_count_devices(f->store), n);
    for (int64_t i = 1; i <= n; i++) {
        char name[32];
        snprintf(name, sizeof name, "device %lld", (long long)i);
        struct store_device *d = store_find_device(f->store, span_str(name), false);
        assert_non_null(d);
        r = (struct store_read){.kind = STORE_READ_RANGE, .device = d, .end_ms = INT64_MAX};
        assert_int_equal(fixture_read(f, &r), 0);
        assert_int_equal(r.n_series, 1);
        assert_int_equal(r.series_out[0].n, 1);
        assert_int_equal(r.series_out[0].points[0].value.i, i);
        store_read_free(&r);
    }
}

static void test_kill_at_random_instants(void **state)
{
    struct fixture *f = *state;
    uint64_t random = (uint64_t)clock_system.wall_ms(NULL);
    int64_t n = 0;
    printf("seed %llu\n", (unsigned long long)random);
    fixture_close(f);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t durable = kill_writer(f->dir, n + 1, &random);
        fixture_open(f);
        n = count_applied(f);
        assert_true(n >= durable);
        check_all(f, n);
        fixture_close(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kill_at_random_instants, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
