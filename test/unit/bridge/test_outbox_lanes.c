// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "bridge/outbox_lanes.h"
#include "lib/test.h"
#include "lib/test_clock.h"

// The lanes with a reader, a sweep and streams that take rows or do not, as outbox.c runs them:
// whatever happens, the rows of a lane come into memory in their order, and all of them do.

#define ROWS 20000

enum state { NEW, LEFT, IN, DONE };

struct sim {
    struct outbox_lanes lanes;
    struct {
        uint8_t stream, lane, state;
        uint16_t size;
    } rows[ROWS];
    int reader;     // rows before it were offered
    int swept;      // rows before it were offered to the sweep
    int left_from;  // no row was left before this one
    int sweep_left; // ... by this sweep, and by the reader meanwhile
    int last_in[4][OUTBOX_LANES];
    size_t n_in, n_done, most_in;
};

static struct sim m;

static struct outbox_stream *stream_of(int i)
{
    char id[2] = {(char)('a' + m.rows[i].stream), 0};
    return outbox_lanes_stream(&m.lanes, span_str(id));
}

static void offer(int i, bool sweep)
{
    unsigned lane = m.rows[i].lane;
    if (!outbox_lanes_enter(&m.lanes, stream_of(i), lane, m.rows[i].size, sweep)) {
        m.rows[i].state = LEFT;
        if (i < m.left_from)
            m.left_from = i;
        if (i < m.sweep_left)
            m.sweep_left = i;
        return;
    }
    int *last = &m.last_in[m.rows[i].stream][lane];
    assert_true(i > *last); // the order of the lane
    *last = i;
    m.rows[i].state = IN;
    if (++m.n_in > m.most_in)
        m.most_in = m.n_in;
}

static void end_sweep(bool complete)
{
    outbox_lanes_end_sweep(&m.lanes, complete);
    m.left_from = m.sweep_left;
}

static void sweep_some(int n)
{
    for (; n > 0 && m.swept < m.reader && !outbox_lanes_all_blocked(&m.lanes); m.swept++) {
        if (m.rows[m.swept].state != LEFT)
            continue;
        offer(m.swept, true);
        n--;
    }
    if (m.swept == m.reader)
        end_sweep(true);
    else if (outbox_lanes_all_blocked(&m.lanes))
        end_sweep(false);
}

// Streams whose bit is set in `dead` take nothing.
static void finish_some(uint64_t *random, unsigned dead, int first)
{
    for (int i = first; i < m.reader; i++) {
        if (m.rows[i].state != IN || dead & 1u << m.rows[i].stream ||
            test_random_below(random, 3) == 0)
            continue;
        m.rows[i].state = DONE;
        m.n_in--;
        m.n_done++;
        outbox_lanes_leave(&m.lanes, stream_of(i), m.rows[i].lane, m.rows[i].size);
    }
}

static void begin(void)
{
    memset(&m, 0, sizeof m);
    outbox_lanes_init(&m.lanes);
    m.left_from = m.sweep_left = ROWS;
    memset(m.last_in, -1, sizeof m.last_in);
}

static void step(uint64_t *random, unsigned dead, int rows)
{
    for (int n = 200; n > 0 && m.reader < rows && m.lanes.rows - m.lanes.parked_rows < 2048; n--)
        offer(m.reader++, false);
    if (outbox_lanes_want_sweep(&m.lanes)) {
        outbox_lanes_begin_sweep(&m.lanes);
        m.swept = m.left_from;
        m.sweep_left = ROWS;
    }
    if (m.lanes.sweeping)
        sweep_some(150);
    finish_some(random, dead, 0);
}

static void run(uint64_t seed, bool large)
{
    uint64_t random = seed;
    begin();
    for (int i = 0; i < ROWS; i++) {
        m.rows[i].stream = (uint8_t)test_random_below(&random, 3);
        // Some lanes are busier than others.
        m.rows[i].lane = (uint8_t)test_random_below(
            &random, test_random_below(&random, 2) ? OUTBOX_LANES : OUTBOX_LANES / 8);
        m.rows[i].size = (uint16_t)(large ? 60000 : 10);
    }
    unsigned dead = 0;
    for (int turn = 0; m.n_done < ROWS; turn++) {
        assert_true(turn < 5000);
        if (turn % 20 == 0)
            dead = turn < 400 ? (unsigned)test_random_below(&random, 8) : 0;
        step(&random, dead, ROWS);
        size_t bound = large ? 3 * (OUTBOX_STREAM_BYTES / 60000 + 1)
                             : (size_t)3 * OUTBOX_LANES * OUTBOX_LANE_ROWS;
        assert_true(m.n_in <= bound);
    }
    assert_true(m.lanes.rows == 0 && m.lanes.parked_rows == 0);
    if (m.lanes.sweeping)
        sweep_some(ROWS);
    while (outbox_lanes_want_sweep(&m.lanes))
        step(&random, 0, ROWS);
    assert_int_equal(m.lanes.n_parked, 0);
    assert_true(list_empty(&m.lanes.streams)); // forgotten
    outbox_lanes_deinit(&m.lanes);
}

static void test_random_streams(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        run(seed, false);
}

static void test_random_streams_of_large_rows(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        run(seed, true);
}

// A stream that takes nothing keeps its lanes' worth of rows in memory; the others go on behind it.
static void test_dead_stream_holds_nobody_up(void **state)
{
    (void)state;
    uint64_t random = 1;
    begin();
    for (int i = 0; i < ROWS; i++) {
        m.rows[i].stream = i >= ROWS / 2; // the first half is of the dead one
        m.rows[i].lane = (uint8_t)(i % OUTBOX_LANES);
        m.rows[i].size = 10;
    }
    for (int turn = 0; turn < 2000 && m.n_done < ROWS / 2; turn++) {
        // What outbox.c does when none has ended for a while.
        for (int n = 200; n > 0 && m.reader < ROWS; n--)
            offer(m.reader++, false);
        step(&random, 1, ROWS);
    }
    assert_int_equal(m.n_done, ROWS / 2);
    assert_true(m.n_in <= OUTBOX_LANES * OUTBOX_LANE_ROWS);
    for (int turn = 0; turn < 2000 && m.n_done < ROWS; turn++)
        step(&random, 0, ROWS);
    assert_int_equal(m.n_done, ROWS);
    outbox_lanes_deinit(&m.lanes);
}

static void test_a_large_row_gets_in_alone(void **state)
{
    (void)state;
    begin();
    struct outbox_stream *s = outbox_lanes_stream(&m.lanes, SPAN("a"));
    size_t large = OUTBOX_STREAM_BYTES + 1;
    assert_true(outbox_lanes_enter(&m.lanes, s, 0, large, false));
    assert_false(outbox_lanes_enter(&m.lanes, s, 1, 1, false));
    outbox_lanes_leave(&m.lanes, s, 0, large);
    assert_true(outbox_lanes_want_sweep(&m.lanes));
    outbox_lanes_begin_sweep(&m.lanes);
    assert_true(outbox_lanes_enter(&m.lanes, s, 1, 1, true));
    outbox_lanes_end_sweep(&m.lanes, true);
    assert_false(outbox_lanes_want_sweep(&m.lanes));
    assert_false(outbox_lanes_enter(&m.lanes, s, 0, large, false));
    outbox_lanes_leave(&m.lanes, s, 1, 1);
    outbox_lanes_deinit(&m.lanes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_streams),
        cmocka_unit_test(test_random_streams_of_large_rows),
        cmocka_unit_test(test_dead_stream_holds_nobody_up),
        cmocka_unit_test(test_a_large_row_gets_in_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
