#include "support_metrics.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#define MOST 4

/* Segments as if each was another process'. */
static tn_segment *segments[MOST];
static tn_slab slabs[MOST];

static void prepare(void)
{
    for (size_t i = 0; i < MOST; i++) {
        segments[i] = tn_segment_new_private();
        cr_assert_eq(tn_slab_open(&slabs[i], segments[i]), TN_OK);
    }
}

static void clean_up(void)
{
    for (size_t i = 0; i < MOST; i++) {
        tn_slab_close(&slabs[i]);
        tn_segment_free(segments[i]);
    }
    all_memory_is_back();
}

TestSuite(snapshot, .init = prepare, .fini = clean_up);

static view look(void)
{
    return look_at(segments, MOST);
}

static void count(size_t process, tn_instrument_spec spec, tn_text labels, uint64_t amount)
{
    slab_series(&slabs[process], &spec, labels)->cells[0] += amount;
}

static void set(size_t process, tn_instrument_spec spec, double value, uint64_t time)
{
    tn_slab_series *series = slab_series(&slabs[process], &spec, TN_NO_TEXT);
    series->cells[0] = tn_cell_of_double(value);
    series->cells[1] = time;
}

/* One in each bucket, two in the next, and so on. */
static void observe(size_t process, tn_instrument_spec spec, double sum)
{
    tn_slab_series *series = slab_series(&slabs[process], &spec, TN_NO_TEXT);
    for (size_t i = 0; i <= spec.bound_count; i++) series->cells[i] += i + 1;
    series->cells[spec.bound_count + 1] = tn_cell_of_double(sum);
}

Test(snapshot, of_nothing_has_nothing)
{
    view seen = look();
    cr_assert_eq(seen.snapshot.family_count, 0);
    cr_assert_eq(seen.snapshot.damaged, 0);
    assert_sane(&seen, 1);
    look_away(&seen);
}

Test(snapshot, counters_of_all_are_one_sum_for_each_series)
{
    for (size_t i = 0; i < MOST; i++) {
        count(i, counter_spec("c"), labels("a", "1", NULL), 1u << i);
        if (i == 2) count(i, counter_spec("c"), labels("a", "2", NULL), 100);
        slab_series(&slabs[i], &(tn_instrument_spec){.type = TN_COUNTER, .name = TN_TEXT("c")}, TN_NO_TEXT)
            ->cells[1] = tn_cell_of_double(0.5);
    }
    view seen = look();
    cr_assert_eq(seen_value(&seen, "c", labels("a", "1", NULL)), 15);
    cr_assert_eq(seen_value(&seen, "c", labels("a", "2", NULL)), 100);
    cr_assert_eq(seen_value(&seen, "c", TN_NO_TEXT), 2);
    cr_assert_eq(seen_family(&seen, "c")->series_count, 3);
    look_away(&seen);
}

Test(snapshot, is_sorted_by_name_and_labels)
{
    static const char *const names[] = {"b", "a", "c", "ab", "B"}, *const sorted[] = {"B", "a", "ab", "b", "c"};
    for (size_t i = 0; i < 5; i++) {
        count(i % MOST, counter_spec(names[i]), labels("l", "2", NULL), 1);
        count((i + 1) % MOST, counter_spec(names[i]), labels("l", "1", NULL), 1);
    }
    view seen = look();
    cr_assert_eq(seen.snapshot.family_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_text(seen.snapshot.families[i]->name, sorted[i]);
        cr_assert(tn_text_equal(seen.snapshot.families[i]->series[0]->labels, labels("l", "1", NULL)));
    }
    look_away(&seen);
}

Test(snapshot, gauges_are_combined_as_their_instrument_says)
{
    static const double values[MOST] = {3, -8, 20, 5};
    static const uint64_t times[MOST] = {10, 40, 20, 30};
    for (size_t i = 0; i < MOST; i++) {
        set(i, gauge_spec("sum", TN_COMBINE_SUM), values[i], times[i]);
        set(i, gauge_spec("min", TN_COMBINE_MIN), values[i], times[i]);
        set(i, gauge_spec("max", TN_COMBINE_MAX), values[i], times[i]);
        set(i, gauge_spec("latest", TN_COMBINE_LATEST), values[i], times[i]);
        set(i, gauge_spec("never", TN_COMBINE_SUM), values[i], 0);
        set(i, gauge_spec("once", TN_COMBINE_MIN), values[i], i == 2);
    }
    view seen = look();
    cr_assert_eq(seen_value(&seen, "sum", TN_NO_TEXT), 20);
    cr_assert_eq(seen_value(&seen, "min", TN_NO_TEXT), -8);
    cr_assert_eq(seen_value(&seen, "max", TN_NO_TEXT), 20);
    cr_assert_eq(seen_value(&seen, "latest", TN_NO_TEXT), -8);
    cr_assert_eq(seen_value(&seen, "once", TN_NO_TEXT), 20);
    cr_assert_null(seen_series(&seen, "never", TN_NO_TEXT));
    look_away(&seen);
}

/* --- What can't be right ------------------------------------------------------------------------------- */

Test(snapshot, cells_that_cannot_be_right_count_as_damage_and_as_0)
{
    static const double bounds[] = {1};
    tn_instrument_spec counter = counter_spec("c"), histogram = histogram_spec("h", bounds, 1);
    tn_slab_series *counted = slab_series(&slabs[0], &counter, TN_NO_TEXT);
    tn_slab_series *observed = slab_series(&slabs[0], &histogram, TN_NO_TEXT);
    count(1, counter, TN_NO_TEXT, 5);
    static const double bad[] = {NAN, INFINITY, -INFINITY, -1};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        counted->cells[0] = (UINT64_C(1) << 53) + 1 + i;
        counted->cells[1] = tn_cell_of_double(bad[i]);
        observed->cells[0] = UINT64_MAX;
        observed->cells[2] = tn_cell_of_double(i < 3 ? bad[i] : (double)NAN);
        view seen = look();
        cr_assert_eq(seen.snapshot.damaged, 4);
        cr_assert_eq(seen_value(&seen, "c", TN_NO_TEXT), 5);
        cr_assert_eq(seen_series(&seen, "h", TN_NO_TEXT)->number, 0);
        cr_assert_eq(seen_series(&seen, "h", TN_NO_TEXT)->counts[0], 0);
        assert_sane(&seen, 2);
        look_away(&seen);
    }
}

Test(snapshot, sums_of_what_is_large_stay_finite)
{
    static const double bounds[] = {1}, others[] = {1, 2};
    for (size_t i = 0; i < MOST; i++) {
        tn_instrument_spec counter = counter_spec("c");
        slab_series(&slabs[i], &counter, TN_NO_TEXT)->cells[1] = tn_cell_of_double(DBL_MAX);
        count(i, counter, TN_NO_TEXT, 7);
        set(i, gauge_spec("g", TN_COMBINE_SUM), -DBL_MAX, 1);
        observe(i, histogram_spec("h", i % 2 ? bounds : others, i % 2 ? 1 : 2), DBL_MAX);
    }
    view seen = look();
    cr_assert_eq(seen_value(&seen, "c", TN_NO_TEXT), DBL_MAX);
    cr_assert_eq(seen_value(&seen, "g", TN_NO_TEXT), -DBL_MAX);
    cr_assert_eq(seen_series(&seen, "h", TN_NO_TEXT)->number, DBL_MAX);
    assert_sane(&seen, MOST);
    look_away(&seen);
}

/* --- Where they do not agree --------------------------------------------------------------------------- */

Test(snapshot, histograms_of_other_buckets_have_those_that_all_have_and_each_count_is_right)
{
    static const double first[] = {0.1, 1, 5, 10}, second[] = {1, 10, 100}, third[] = {0.5, 1, 7, 10};
    observe(0, histogram_spec("h", first, 4), 10);  /* 1 2 3 4 5 */
    observe(1, histogram_spec("h", second, 3), 20); /* 1 2 3 4 */
    observe(2, histogram_spec("h", third, 4), 30);  /* 1 2 3 4 5 */
    observe(3, histogram_spec("h", second, 3), 40); /* 1 2 3 4 */
    view seen = look();
    cr_assert_eq(seen.snapshot.family_count, 1);
    const tn_family *family = seen_family(&seen, "h");
    const tn_snapshot_series *series = seen_series(&seen, "h", TN_NO_TEXT);
    cr_assert_eq(family->spec.bound_count, 2);
    cr_assert_eq(family->spec.bounds[0], 1);
    cr_assert_eq(family->spec.bounds[1], 10);
    cr_assert_eq(series->counts[0], 3 + 1 + 3 + 1);
    cr_assert_eq(series->counts[1], 7 + 2 + 7 + 2);
    cr_assert_eq(series->counts[2], 5 + 7 + 5 + 7);
    cr_assert_eq(series->number, 100);
    assert_sane(&seen, MOST);
    look_away(&seen);
}

Test(snapshot, histograms_without_a_common_bucket_have_the_last_one)
{
    static const double first[] = {1, 3}, second[] = {2, 4};
    observe(0, histogram_spec("h", first, 2), 10);
    observe(1, histogram_spec("h", second, 2), 20);
    observe(2, histogram_spec("h", NULL, 0), 30);
    view seen = look();
    cr_assert_eq(seen_family(&seen, "h")->spec.bound_count, 0);
    cr_assert_eq(seen_series(&seen, "h", TN_NO_TEXT)->counts[0], 6 + 6 + 1);
    cr_assert_eq(seen_series(&seen, "h", TN_NO_TEXT)->number, 60);
    assert_sane(&seen, MOST);
    look_away(&seen);
}

Test(snapshot, another_help_or_unit_is_no_reason_for_another_family)
{
    for (size_t i = 0; i < MOST; i++) {
        char help[16];
        snprintf(help, sizeof(help), "%zu", i);
        tn_instrument_spec counter = counter_spec("c"), gauge = gauge_spec("g", TN_COMBINE_MAX);
        counter.help = gauge.help = tn_text_of(help);
        count(i, counter, labels("process", help, NULL), 1);
        count(i, counter, TN_NO_TEXT, 1);
        set(i, gauge, (double)i, i + 1);
    }
    view seen = look();
    cr_assert_eq(seen.snapshot.family_count, 2);
    cr_assert_eq(seen_value(&seen, "c", TN_NO_TEXT), MOST);
    cr_assert_eq(seen_family(&seen, "c")->series_count, MOST + 1);
    cr_assert_eq(seen_value(&seen, "g", TN_NO_TEXT), MOST - 1);
    look_away(&seen);
}

/* All lines but comments begin with a name of their own, up to the value. */
static void assert_unique_samples(const char *text)
{
    char lines[64][300];
    size_t count = 0;
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        if (*line == '#') continue;
        snprintf(lines[count], sizeof(lines[0]), "%.*s", (int)(strcspn(line, " ")), line);
        for (size_t i = 0; i < count; i++) cr_assert_str_neq(lines[i], lines[count], "%s", text);
        count++;
    }
}

Test(snapshot, what_would_be_called_the_same_is_called_differently)
{
    count(0, counter_spec("x"), TN_NO_TEXT, 1);
    set(1, gauge_spec("x", TN_COMBINE_SUM), 2, 1);
    observe(2, histogram_spec("x", NULL, 0), 3);
    set(3, gauge_spec("x_gauge", TN_COMBINE_SUM), 4, 1);
    count(3, counter_spec("x_total"), TN_NO_TEXT, 5);
    count(3, counter_spec("x_count"), TN_NO_TEXT, 6);
    count(3, counter_spec("y_count"), TN_NO_TEXT, 7);
    observe(3, histogram_spec("y", NULL, 0), 8);
    view seen = look();
    cr_assert_eq(seen.snapshot.family_count, 8);
    cr_assert_eq(seen_value(&seen, "x", TN_NO_TEXT), 1);
    cr_assert_eq(seen_value(&seen, "x_gauge", TN_NO_TEXT), 2);
    cr_assert_eq(seen_series(&seen, "x_histogram", TN_NO_TEXT)->number, 3);
    cr_assert_eq(seen_value(&seen, "x_gauge_gauge", TN_NO_TEXT), 4);
    cr_assert_eq(seen_value(&seen, "x_total_counter", TN_NO_TEXT), 5);
    cr_assert_eq(seen_value(&seen, "x_count", TN_NO_TEXT), 6, "the histogram has another name");
    cr_assert_eq(seen_series(&seen, "y", TN_NO_TEXT)->number, 8);
    cr_assert_eq(seen_value(&seen, "y_count_counter", TN_NO_TEXT), 7);
    assert_sane(&seen, 1);
    assert_unique_samples(seen_text(&seen, AS_PROMETHEUS));
    assert_unique_samples(seen_text(&seen, AS_OPENMETRICS));
    look_away(&seen);
}

Test(snapshot, names_of_any_collisions_are_settled)
{
    static const char *const names[] = {"x", "x_total", "x_counter", "x_gauge", "x_count", "x_gauge_2", "x_histogram"};
    for (int round = 0; round < 200; round++) {
        clean_up();
        prepare();
        for (int i = 0; i < 14; i++) {
            const char *name = names[random_below(7)];
            switch (random_below(3)) {
            case 0: count(random_below(MOST), counter_spec(name), TN_NO_TEXT, 1); break;
            case 1: set(random_below(MOST), gauge_spec(name, TN_COMBINE_SUM), 1, 1); break;
            default: observe(random_below(MOST), histogram_spec(name, NULL, 0), 1);
            }
        }
        view seen = look();
        assert_unique_samples(seen_text(&seen, AS_PROMETHEUS));
        assert_unique_samples(seen_text(&seen, AS_OPENMETRICS));
        look_away(&seen);
    }
}

Test(snapshot, the_longest_names_can_be_settled_too)
{
    char name[TN_MAX_METRIC_NAME + 1] = {0};
    memset(name, 'n', TN_MAX_METRIC_NAME);
    count(0, counter_spec(name), TN_NO_TEXT, 1);
    set(1, gauge_spec(name, TN_COMBINE_SUM), 2, 1);
    observe(2, histogram_spec(name, NULL, 0), 3);
    view seen = look();
    cr_assert_eq(seen.snapshot.family_count, 3);
    assert_unique_samples(seen_text(&seen, AS_PROMETHEUS));
    assert_unique_samples(seen_text(&seen, AS_OPENMETRICS));
    look_away(&seen);
}

Test(snapshot, says_the_same_of_instruments_that_differ_in_whatever_order_they_come)
{
    set(0, gauge_spec("g", TN_COMBINE_MAX), 1, 1);
    set(1, gauge_spec("g", TN_COMBINE_SUM), 2, 1);
    set(2, gauge_spec("g", TN_COMBINE_LATEST), 4, 1);
    tn_segment *order[] = {segments[2], segments[1], segments[0]};
    view seen = look(), again = look_at(order, 3);
    cr_assert_eq(seen_value(&seen, "g", TN_NO_TEXT), 7, "TN_COMBINE_SUM comes first");
    cr_assert_eq(seen_value(&again, "g", TN_NO_TEXT), 7);
    look_away(&seen);
    look_away(&again);
}

/* --- Memory -------------------------------------------------------------------------------------------- */

Test(snapshot, memory_that_runs_out_is_an_error_and_no_leak)
{
    static const double first[] = {1, 3}, second[] = {2, 3};
    count(0, counter_spec("x"), labels("a", "1", NULL), 1);
    set(1, gauge_spec("x", TN_COMBINE_SUM), 2, 1);
    observe(0, histogram_spec("h", first, 2), 3);
    observe(1, histogram_spec("h", second, 2), 3);
    tn_instrument_spec spec = histogram_spec("e", NULL, 0);
    cr_assert_eq(tn_slab_add_exemplars(&slabs[0], slab_series(&slabs[0], &spec, TN_NO_TEXT)), TN_OK);
    for_each_failing_allocation {
        tn_snapshot snapshot;
        tn_snapshot_init(&snapshot);
        tn_status status = TN_OK;
        for (size_t i = 0; i < MOST && status == TN_OK; i++) status = tn_snapshot_add(&snapshot, segments[i]);
        if (status == TN_OK) status = tn_snapshot_finish(&snapshot);
        cr_assert(status == TN_OK || (status == TN_ERROR_MEMORY && allocation_failed()));
        cr_assert(status != TN_OK || !allocation_failed());
        tn_snapshot_free(&snapshot);
    }
}
