#include "support_metrics.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Several processes share a segment: they are killed, forked, and many. */

TestSuite(metrics_processes, .init = prepare_metrics, .fini = clean_up_metrics);

/* --- Killed -------------------------------------------------------------------------------------------- */

/* What the child does between two measurements that it confirms. */
typedef struct {
    bool many_series; /* each third measurement is the first of its series */
    unsigned round;
    int confirmations;
} victim;

static tn_series *victims_series(tn_metrics *metrics, const victim *v, unsigned n)
{
    tn_instrument_spec spec = counter_spec("c");
    char value[48];
    snprintf(value, sizeof(value), "%u-%u-and-so-on-and-on", v->round, v->many_series ? n / 3 : 0);
    return series_in(metrics, &spec, "n", v->many_series ? value : "", NULL);
}

static int count_until_killed(void *argument)
{
    const victim *v = argument;
    tn_metrics *metrics = shared_metrics(SIZE_MAX);
    for (unsigned n = 0;; n++) {
        tn_counter_add(victims_series(metrics, v, n), 1);
        tn_metrics_stats stats;
        tn_metrics_stats_read(metrics, &stats);
        if (!stats.shared) return 1;
        if (write(v->confirmations, "+", 1) != 1) return 2;
    }
}

static size_t drain(int pipe)
{
    char bytes[65536];
    size_t size = 0;
    for (ssize_t part; (part = read(pipe, bytes, sizeof(bytes))) > 0;) size += (size_t)part;
    return size;
}

/* How many it has confirmed. */
static size_t kill_at_random(victim v)
{
    int confirmations[2];
    cr_assert_eq(pipe(confirmations), 0);
    v.confirmations = confirmations[1];
    pid_t child = start_metrics_child(count_until_killed, &v);
    close(confirmations[1]);
    char first;
    bool begun = random_below(10) && read(confirmations[0], &first, 1) == 1; /* mostly while it counts */
    usleep((useconds_t)random_below(3000));
    kill(child, SIGKILL);
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "it was to count until it is killed");
    size_t confirmed = drain(confirmations[0]) + begun;
    close(confirmations[0]);
    return confirmed;
}

/* Fails the test unless the slabs in use are below the limit. Returns the chunks that belong to somebody. */
static unsigned chunks_of_slabs_below(unsigned limit)
{
    tn_segment *segment = open_segment_to_read();
    unsigned used = 0;
    for (unsigned chunk = 0; chunk < tn_segment_chunk_count(segment); chunk++) {
        unsigned slab = tn_segment_slab_of(segment, chunk);
        cr_assert(slab < limit || slab == TN_NO_SLAB);
        used += slab != TN_NO_SLAB;
    }
    tn_segment_free(segment);
    return used;
}

/* At least so often, and until there are so many chunks: valgrind takes its time. */
static void kill_many(bool many_series, unsigned rounds, unsigned chunks)
{
    tn_segment *holder = open_segment();
    uint64_t total = 0;
    for (unsigned round = 0; round < rounds || chunks_of_slabs_below(2) < chunks; round++) {
        size_t confirmed = kill_at_random((victim){many_series, round, -1});
        view seen = look_at_folder();
        uint64_t now = seen_total(&seen, "c");
        cr_assert_eq(seen.snapshot.damaged, 0);
        look_away(&seen);
        cr_assert_geq(now, total + confirmed, "round %u: less than it had confirmed", round);
        cr_assert_leq(now, total + confirmed + 1, "round %u: more than it could have counted", round);
        total = now;
    }
    cr_assert_gt(total, rounds);
    cr_assert_eq(chunks_of_slabs_below(2) > 1, many_series, "each has taken over what the one before has left");
    cr_assert(tn_segment_is_current(holder));
    tn_segment_free(holder);
}

Test(metrics_processes, whoever_is_killed_loses_nothing_that_was_counted)
{
    kill_many(false, 300, 1);
}

Test(metrics_processes, whoever_is_killed_while_the_file_grows_loses_nothing_that_was_counted)
{
    kill_many(true, 300, 5);
}

Test(metrics_processes, those_who_are_killed_at_their_start_leave_the_way_free)
{
    for (int round = 0; round < 300; round++) {
        tn_metrics *metrics = NULL;
        bool alone = round % 2;
        if (!alone) {
            metrics = shared_metrics(10);
            tn_instrument_spec spec = counter_spec("d");
            tn_counter_add(series_in(metrics, &spec, NULL), 1);
        }
        int nowhere = open("/dev/null", O_WRONLY);
        victim v = {.round = 0, .confirmations = nowhere};
        pid_t child = start_metrics_child(count_until_killed, &v);
        usleep((useconds_t)random_below(1500));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(nowhere);
        tn_segment *next = open_segment();
        cr_assert_not(tn_segment_was_replaced(next));
        cr_assert_eq(tn_segment_own_slab(next), alone ? 0 : 1);
        if (!alone) cr_assert_eq(folder_total("d"), 1);
        tn_segment_free(next);
        tn_metrics_free(metrics);
        cr_assert_eq(unlink(path_in_folder("metrics.1")), 0);
    }
}

/* --- Many ---------------------------------------------------------------------------------------------- */

static int begin[2], done[2], end[2]; /* pipes */

static void make_pipes(void)
{
    cr_assert(pipe(begin) == 0 && pipe(done) == 0 && pipe(end) == 0);
}

static void wait_for_end(int pipe[2])
{
    char byte;
    close(pipe[1]);
    while (read(pipe[0], &byte, 1) > 0) continue;
}

#define EACH 1000

static int count_with_many(void *unused)
{
    (void)unused;
    wait_for_end(begin);
    tn_metrics *metrics = shared_metrics(SIZE_MAX);
    tn_instrument_spec spec = counter_spec("c");
    char name[16];
    snprintf(name, sizeof(name), "%d", (int)getpid());
    for (int i = 0; i < EACH; i++) tn_counter_add(series_in(metrics, &spec, "process", i % 2 ? name : "all", NULL), 1);
    tn_metrics_stats stats;
    tn_metrics_stats_read(metrics, &stats);
    char remark[TN_MAX_REMARK];
    if (tn_metrics_take_remark(metrics, remark)) fprintf(stderr, "%s\n", remark);
    if (write(done[1], stats.shared ? "+" : "-", 1) != 1) return 1;
    wait_for_end(end);
    return 0;
}

/* Under valgrind: where all begin at the same moment, the last one would wait longer than it may. */
static bool is_slow(void)
{
    const char *preloaded = getenv("LD_PRELOAD");
    return preloaded && strstr(preloaded, "vgpreload");
}

Test(metrics_processes, a_hundred_at_once_have_their_own_slabs_and_the_sum_is_exact)
{
    pid_t children[100];
    unsigned count = is_slow() ? 20 : 100;
    make_pipes();
    for (unsigned i = 0; i < count; i++) children[i] = start_metrics_child(count_with_many, NULL);
    close(begin[1]);
    for (unsigned i = 0; i < count; i++) {
        char shared;
        cr_assert_eq(read(done[0], &shared, 1), 1);
        cr_assert_eq(shared, '+');
    }
    tn_segment *segment = open_segment_to_read();
    for (unsigned slab = 0; slab < count; slab++) cr_assert(tn_segment_slab_is_owned(segment, slab));
    cr_assert_not(tn_segment_slab_is_owned(segment, count));
    tn_segment_free(segment);
    view seen = look_at_folder();
    cr_assert_eq(seen_total(&seen, "c"), count * EACH);
    cr_assert_eq(seen_value(&seen, "c", labels("process", "all", NULL)), count * EACH / 2);
    cr_assert_eq(seen_family(&seen, "c")->series_count, count + 1);
    look_away(&seen);
    close(end[1]);
    for (unsigned i = 0; i < count; i++) cr_assert_eq(child_result(children[i]), 0);
    cr_assert_eq(folder_total("c"), count * EACH);
}

/* --- Gauges -------------------------------------------------------------------------------------------- */

#define GAUGES 4

static tn_instrument_spec nth_gauge(int n)
{
    static const char *const names[GAUGES] = {"sum", "min", "max", "latest"};
    static const tn_combine combines[GAUGES] = {TN_COMBINE_SUM, TN_COMBINE_MIN, TN_COMBINE_MAX, TN_COMBINE_LATEST};
    return gauge_spec(names[n], combines[n]);
}

static void set_gauges(tn_metrics *metrics, double value)
{
    for (int i = 0; i < GAUGES; i++) {
        tn_instrument_spec spec = nth_gauge(i);
        tn_gauge_set(series_in(metrics, &spec, NULL), value);
    }
}

static int set_and_stay(void *value)
{
    set_gauges(shared_metrics(10), *(double *)value);
    if (write(done[1], "+", 1) != 1) return 1;
    wait_for_end(end);
    return 0;
}

static pid_t child_with_gauges(double value)
{
    pid_t child = start_metrics_child(set_and_stay, &value);
    char byte;
    cr_assert_eq(read(done[0], &byte, 1), 1);
    return child;
}

static void assert_gauges(double sum, double min, double max, double latest)
{
    view seen = look_at_folder();
    cr_assert_eq(seen_value(&seen, "sum", TN_NO_TEXT), sum);
    cr_assert_eq(seen_value(&seen, "min", TN_NO_TEXT), min);
    cr_assert_eq(seen_value(&seen, "max", TN_NO_TEXT), max);
    cr_assert_eq(seen_value(&seen, "latest", TN_NO_TEXT), latest);
    look_away(&seen);
}

Test(metrics_processes, gauges_are_those_of_the_living)
{
    make_pipes();
    tn_metrics *metrics = shared_metrics(10);
    set_gauges(metrics, 5);
    pid_t low = child_with_gauges(-3), high = child_with_gauges(20), last = child_with_gauges(7);
    assert_gauges(29, -3, 20, 7);
    kill(high, SIGKILL);
    waitpid(high, NULL, 0);
    assert_gauges(9, -3, 7, 7);
    set_gauges(metrics, 6);
    assert_gauges(10, -3, 7, 6);
    close(end[1]);
    cr_assert_eq(child_result(low), 0);
    cr_assert_eq(child_result(last), 0);
    assert_gauges(6, 6, 6, 6);
    tn_instrument_spec spec = nth_gauge(0);
    tn_gauge_add(series_in(metrics, &spec, NULL), -1.5);
    assert_gauges(4.5, 6, 6, 6);
    tn_metrics_free(metrics);
    view seen = look_at_folder();
    cr_assert_null(seen_series(&seen, "sum", TN_NO_TEXT));
    look_away(&seen);
}

Test(metrics_processes, gauges_that_were_left_begin_anew_and_those_that_are_not_finite_are_left_out)
{
    tn_segment *holder = open_segment();
    tn_metrics *metrics = shared_metrics(10);
    set_gauges(metrics, 5);
    tn_metrics_free(metrics);
    metrics = shared_metrics(10);
    tn_instrument_spec sum = nth_gauge(0), min = nth_gauge(1), max = nth_gauge(2);
    tn_gauge_add(series_in(metrics, &sum, NULL), 2);
    tn_gauge_set(series_in(metrics, &max, NULL), INFINITY);
    series_in(metrics, &min, NULL);
    view seen = look_at_folder();
    cr_assert_eq(seen_value(&seen, "sum", TN_NO_TEXT), 2);
    cr_assert_null(seen_series(&seen, "min", TN_NO_TEXT));
    cr_assert_null(seen_series(&seen, "max", TN_NO_TEXT));
    assert_sane(&seen, 2);
    look_away(&seen);
    tn_metrics_free(metrics);
    tn_segment_free(holder);
}

/* --- Forks --------------------------------------------------------------------------------------------- */

static tn_metrics *of_parent;
static tn_series *series_of_parent, *level_of_parent;

static int record_in_child(void *unused)
{
    (void)unused;
    tn_instrument_spec spec = counter_spec("c"), own = counter_spec("own");
    uint64_t cells[2];
    tn_series_read(series_of_parent, cells);
    if (cells[0] != 0) return 1;
    tn_counter_add(series_of_parent, 5);
    tn_counter_add(series_in(of_parent, &spec, NULL), 1);
    tn_counter_add(series_in(of_parent, &own, "of", "child", NULL), 7);
    tn_gauge_set(level_of_parent, 30);
    tn_series_read(series_of_parent, cells);
    if (cells[0] != 6) return 2;
    tn_metrics_segments segments = tn_metrics_keep_segments(of_parent);
    if (!segments.shared || tn_segment_own_slab(segments.shared) != 1 || segments.own) return 3;
    view seen = look_at(&segments.shared, 1);
    bool right = seen_total(&seen, "c") == 106 && seen_value(&seen, "level", TN_NO_TEXT) == 33;
    look_away(&seen);
    tn_segment_free(segments.shared);
    return right ? 0 : 4;
}

Test(metrics_processes, a_child_records_to_series_of_its_parent_and_its_own_in_its_own_slab)
{
    of_parent = shared_metrics(10);
    tn_instrument_spec spec = counter_spec("c"), level = gauge_spec("level", TN_COMBINE_SUM);
    series_of_parent = series_in(of_parent, &spec, NULL);
    level_of_parent = series_in(of_parent, &level, NULL);
    tn_counter_add(series_of_parent, 100);
    tn_gauge_set(level_of_parent, 3);
    for (uint64_t round = 1; round <= 3; round++) {
        if (round > 1) { /* the next child takes over what the one before has left */
            uint64_t before = folder_total("own");
            cr_assert_eq(before, 7 * (round - 1));
        }
        pid_t child = start_metrics_child(record_in_child, NULL);
        cr_assert_eq(child_result(child), round == 1 ? 0 : 4, "what is there is 6 more each time");
        cr_assert_eq(folder_total("c"), 100 + 6 * round);
        uint64_t cells[2];
        tn_series_read(series_of_parent, cells);
        cr_assert_eq(cells[0], 100);
        tn_counter_add(series_of_parent, 0);
    }
    cr_assert_eq(chunks_of_slabs_below(2), 2);
    view seen = look_at_folder();
    cr_assert_eq(seen_value(&seen, "level", TN_NO_TEXT), 3);
    look_away(&seen);
    tn_metrics_free(of_parent);
}

static int record_alone(void *unused)
{
    (void)unused;
    tn_counter_add(series_of_parent, 5);
    view seen = look_at_metrics(of_parent);
    bool right = seen_total(&seen, "c") == 5;
    look_away(&seen);
    tn_metrics_clear(of_parent);
    tn_metrics_free(of_parent);
    return right ? 0 : 1;
}

Test(metrics_processes, a_child_of_one_that_shares_nothing_counts_from_0)
{
    of_parent = private_metrics(10);
    tn_instrument_spec spec = counter_spec("c");
    series_of_parent = series_in(of_parent, &spec, NULL);
    tn_counter_add(series_of_parent, 100);
    cr_assert_eq(child_result(start_metrics_child(record_alone, NULL)), 0);
    view seen = look_at_metrics(of_parent);
    cr_assert_eq(seen_total(&seen, "c"), 100);
    look_away(&seen);
    tn_metrics_free(of_parent);
}

static int clear_in_child(void *unused)
{
    (void)unused;
    tn_metrics_clear(of_parent);
    return folder_total("c") == 100 ? 0 : 1;
}

Test(metrics_processes, a_child_that_clears_leaves_what_its_parent_has_counted)
{
    of_parent = shared_metrics(10);
    tn_instrument_spec spec = counter_spec("c");
    tn_series *series = series_in(of_parent, &spec, NULL);
    tn_counter_add(series, 100);
    cr_assert_eq(child_result(start_metrics_child(clear_in_child, NULL)), 0);
    tn_counter_add(series, 1);
    cr_assert_eq(folder_total("c"), 101);
    tn_metrics_free(of_parent);
}

static int grandchild(void *unused)
{
    (void)unused;
    tn_counter_add(series_of_parent, 1);
    return 0;
}

static int child_with_children(void *unused)
{
    (void)unused;
    tn_counter_add(series_of_parent, 10);
    pid_t first = start_metrics_child(grandchild, NULL), second = start_metrics_child(grandchild, NULL);
    return child_result(first) == 0 && child_result(second) == 0 ? 0 : 1;
}

Test(metrics_processes, children_of_children_count_for_themselves)
{
    of_parent = shared_metrics(10);
    tn_instrument_spec spec = counter_spec("c");
    series_of_parent = series_in(of_parent, &spec, NULL);
    tn_counter_add(series_of_parent, 100);
    cr_assert_eq(child_result(start_metrics_child(child_with_children, NULL)), 0);
    cr_assert_eq(folder_total("c"), 112);
    tn_metrics_free(of_parent);
}

/* --- A file that goes ---------------------------------------------------------------------------------- */

static void remove_the_file(void)
{
    cr_assert_eq(unlink(path_in_folder("metrics.1")), 0);
}

Test(metrics_processes, what_was_counted_goes_along_when_the_file_is_removed)
{
    tn_metrics *metrics = shared_metrics(100);
    tn_instrument_spec spec = counter_spec("c");
    tn_series *series = series_in(metrics, &spec, "a", "b", NULL);
    tn_counter_add(series, 5);
    tn_counter_add_double(series, 0.5);
    remove_the_file();

    view seen = look_at_metrics(metrics);
    cr_assert_eq(seen_value(&seen, "c", labels("a", "b", NULL)), 5.5);
    look_away(&seen);
    tn_counter_add(series, 2);
    cr_assert_eq(folder_total("c"), 7);
    uint64_t cells[2];
    tn_series_read(series, cells);
    cr_assert_eq(cells[0], 7);
    tn_metrics_free(metrics);
}

Test(metrics_processes, without_memory_a_removed_file_costs_counts_and_nothing_else)
{
    for_each_failing_allocation {
        enough_memory();
        tn_metrics *metrics = shared_metrics(100);
        tn_instrument_spec spec = counter_spec("c");
        tn_counter_add(series_in(metrics, &spec, "a", "b", NULL), 5);
        remove_the_file();
        scarce_memory();
        tn_metrics_segments segments = tn_metrics_keep_segments(metrics);
        enough_memory();
        tn_segment_free(segments.shared);
        tn_segment_free(segments.own);
        tn_metrics_free(metrics);
        scarce_memory();
    }
}
