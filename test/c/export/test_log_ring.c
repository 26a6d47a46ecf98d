#include "support_export.h"

#include "export/log_ring.h"

#include <stdio.h>
#include <stdlib.h>

TestSuite(log_ring, .timeout = 20);

static tn_log_ring ring;

static void assert_next(tn_log_level level, const char *text)
{
    tn_log_line line;
    cr_assert(tn_log_ring_take(&ring, &line));
    cr_assert_eq(line.level, level);
    cr_assert_str_eq(line.text, text);
}

Test(log_ring, gives_lines_back_in_order)
{
    tn_log_line line;
    tn_log_ring_init(&ring);
    cr_assert_not(tn_log_ring_take(&ring, &line));
    tn_log_ring_write(&ring, TN_LOG_WARN, "%d spans were lost", 3);
    tn_log_ring_write(&ring, TN_LOG_ERROR, "%s", "second");
    assert_next(TN_LOG_WARN, "3 spans were lost");
    assert_next(TN_LOG_ERROR, "second");
    cr_assert_not(tn_log_ring_take(&ring, &line));
    tn_log_ring_destroy(&ring);
}

Test(log_ring, when_nobody_reads_the_oldest_lines_are_lost_and_counted)
{
    tn_log_line line;
    tn_log_ring_init(&ring);
    for (int i = 0; i < TN_LOG_RING_LINES + 10; i++) tn_log_ring_write(&ring, TN_LOG_INFO, "%d", i);
    cr_assert_eq(ring.lost, 10);
    for (int i = 10; i < TN_LOG_RING_LINES + 10; i++) {
        cr_assert(tn_log_ring_take(&ring, &line));
        cr_assert_eq(atoi(line.text), i);
    }
    cr_assert_not(tn_log_ring_take(&ring, &line));
    tn_log_ring_destroy(&ring);
}

Test(log_ring, a_long_line_is_cut)
{
    tn_log_line line;
    tn_log_ring_init(&ring);
    tn_log_ring_write(&ring, TN_LOG_INFO, "%01000d", 0);
    cr_assert(tn_log_ring_take(&ring, &line));
    cr_assert_eq(strlen(line.text), TN_LOG_LINE_SIZE - 1);
    tn_log_ring_destroy(&ring);
}

/* What collectors say is logged: it must neither forge a line nor drive a terminal. */
Test(log_ring, a_line_has_no_control_characters)
{
    tn_log_ring_init(&ring);
    tn_log_ring_write(&ring, TN_LOG_INFO,
                      "a\nb\r\x1b[2Jc\x7f d\xc2\x9b"
                      "2J\t\u00e9\u00a0\xc2");
    assert_next(TN_LOG_INFO, "a?b??[2Jc? d??2J?\u00e9\u00a0\xc2");
    tn_log_ring_destroy(&ring);
}

Test(log_ring, a_line_has_no_secrets)
{
    tn_log_ring_init(&ring);
    tn_log_ring_write(&ring, TN_LOG_WARN, "POST %s: %s", "http://user:pass@host", "no such card: 4111 1111 1111 1111");
    assert_next(TN_LOG_WARN, "POST http://user:[FILTERED]@host: no such card: [FILTERED]");
    tn_log_ring_destroy(&ring);
}

static void *write_later(void *unused)
{
    (void)unused;
    sleep_ms(50);
    tn_log_ring_write(&ring, TN_LOG_INFO, "hello");
    return NULL;
}

static void *wake_later(void *unused)
{
    (void)unused;
    sleep_ms(50);
    tn_log_ring_wake(&ring);
    return NULL;
}

static uint64_t wait_with(void *(*other)(void *))
{
    pthread_t thread;
    uint64_t start = tn_clock_monotonic();
    cr_assert_eq(pthread_create(&thread, NULL, other, NULL), 0);
    tn_log_ring_wait(&ring, after_ms(5000));
    pthread_join(thread, NULL);
    return tn_clock_monotonic() - start;
}

Test(log_ring, waiting_ends_with_a_line)
{
    tn_log_ring_init(&ring);
    cr_assert_lt(wait_with(write_later), 2 * TN_SECOND);
    assert_next(TN_LOG_INFO, "hello");
    tn_log_ring_destroy(&ring);
}

Test(log_ring, waiting_ends_when_it_is_woken)
{
    tn_log_ring_init(&ring);
    cr_assert_lt(wait_with(wake_later), 2 * TN_SECOND);
    tn_log_ring_destroy(&ring);
}

Test(log_ring, a_wake_that_comes_before_the_wait_is_not_lost)
{
    tn_log_ring_init(&ring);
    tn_log_ring_wake(&ring);
    uint64_t start = tn_clock_monotonic();
    tn_log_ring_wait(&ring, after_ms(5000));
    cr_assert_lt(tn_clock_monotonic() - start, 2 * TN_SECOND);
    tn_log_ring_destroy(&ring);
}

Test(log_ring, waiting_ends_at_the_deadline)
{
    tn_log_ring_init(&ring);
    uint64_t start = tn_clock_monotonic();
    tn_log_ring_wait(&ring, after_ms(50));
    uint64_t waited = tn_clock_monotonic() - start;
    cr_assert_geq(waited, 45 * TN_MILLISECOND);
    cr_assert_lt(waited, 2 * TN_SECOND);
    tn_log_ring_destroy(&ring);
}

Test(log_ring, waiting_does_not_begin_when_there_is_a_line)
{
    tn_log_ring_init(&ring);
    tn_log_ring_write(&ring, TN_LOG_INFO, "hello");
    uint64_t start = tn_clock_monotonic();
    tn_log_ring_wait(&ring, after_ms(5000));
    cr_assert_lt(tn_clock_monotonic() - start, 2 * TN_SECOND);
    assert_next(TN_LOG_INFO, "hello");
    tn_log_ring_destroy(&ring);
}

enum { WRITERS = 4, LINES = 500 };

static void *write_many(void *writer)
{
    for (int i = 0; i < LINES; i++) tn_log_ring_write(&ring, TN_LOG_INFO, "%d:%d", *(int *)writer, i);
    return NULL;
}

Test(log_ring, loses_no_line_without_counting_it_and_keeps_each_writers_order)
{
    tn_log_ring_init(&ring);
    pthread_t threads[WRITERS];
    int writers[WRITERS], last[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = i;
        last[i] = -1;
        cr_assert_eq(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    }

    uint64_t taken = 0;
    tn_log_line line;
    for (bool over = false; !over;) {
        tn_log_ring_wait(&ring, after_ms(200));
        over = !tn_log_ring_take(&ring, &line);
        if (over) break;
        int writer = -1, number = -1;
        cr_assert_eq(sscanf(line.text, "%d:%d", &writer, &number), 2);
        cr_assert_gt(number, last[writer]);
        last[writer] = number;
        taken++;
    }
    for (int i = 0; i < WRITERS; i++) pthread_join(threads[i], NULL);
    while (tn_log_ring_take(&ring, &line)) taken++;
    cr_assert_eq(taken + ring.lost, WRITERS * LINES);
    tn_log_ring_destroy(&ring);
}
