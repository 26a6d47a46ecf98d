#include "support_metrics.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(metrics, .init = prepare_metrics, .fini = clean_up_metrics);

static tn_metrics_stats stats_of_metrics(tn_metrics *metrics)
{
    tn_metrics_stats stats;
    tn_metrics_stats_read(metrics, &stats);
    return stats;
}

static double value_in(tn_metrics *metrics, const char *name, tn_text labels)
{
    view seen = look_at_metrics(metrics);
    double value = seen_value(&seen, name, labels);
    look_away(&seen);
    return value;
}

/* --- Instruments --------------------------------------------------------------------------------------- */

static tn_status try_to_add(tn_metrics *metrics, tn_instrument_spec spec)
{
    tn_instrument *instrument;
    return tn_metrics_add(metrics, &spec, &instrument);
}

Test(metrics, instruments_have_names_as_prometheus_takes_them)
{
    tn_metrics *metrics = private_metrics(10);
    static const char *const good[] = {"a", "_", ":", "a:b", "A9_z", "_9"};
    static const char *const bad[] = {"", "9", "a-b", "a b", "a.b", "\xC3\xA9", "a\n", "a\"", "a{"};
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        cr_assert_eq(try_to_add(metrics, counter_spec(good[i])), TN_OK, "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        cr_assert_eq(try_to_add(metrics, counter_spec(bad[i])), TN_ERROR_INVALID, "%s", bad[i]);
    cr_assert_eq(stats_of_metrics(metrics).instruments, sizeof(good) / sizeof(*good));
    cr_assert_not_null(tn_metrics_find(metrics, TN_TEXT("a:b")));
    cr_assert_null(tn_metrics_find(metrics, TN_TEXT("b")));
    tn_metrics_free(metrics);
}

Test(metrics, instruments_have_limits)
{
    tn_metrics *metrics = private_metrics(10);
    char text[TN_MAX_HELP + 1];
    memset(text, 'a', sizeof(text));
    tn_instrument_spec spec = {.type = TN_COUNTER, .name = {text, TN_MAX_METRIC_NAME}};
    spec.unit = (tn_text){text, TN_MAX_UNIT};
    spec.help = (tn_text){text, TN_MAX_HELP};
    cr_assert_eq(try_to_add(metrics, spec), TN_OK);
    tn_counter_add(series_in(metrics, &spec, NULL), 3);
    char name[TN_MAX_METRIC_NAME + 1] = {0};
    memset(name, 'a', TN_MAX_METRIC_NAME);
    cr_assert_eq(value_in(metrics, name, TN_NO_TEXT), 3);

    for (int i = 0; i < 3; i++) {
        tn_instrument_spec long_one = spec;
        tn_text *texts[] = {&long_one.name, &long_one.unit, &long_one.help};
        texts[i]->size++;
        cr_assert_eq(try_to_add(metrics, long_one), TN_ERROR_LIMIT);
    }
    double bounds[TN_MAX_BOUNDS + 1];
    for (size_t i = 0; i <= TN_MAX_BOUNDS; i++) bounds[i] = (double)i;
    cr_assert_eq(try_to_add(metrics, histogram_spec("many", bounds, TN_MAX_BOUNDS)), TN_OK);
    cr_assert_eq(try_to_add(metrics, histogram_spec("more", bounds, TN_MAX_BOUNDS + 1)), TN_ERROR_LIMIT);
    tn_metrics_free(metrics);
}

Test(metrics, there_may_be_so_many_instruments)
{
    tn_metrics *metrics = private_metrics(10);
    char name[16];
    for (int i = 0; i < TN_MAX_INSTRUMENTS; i++) {
        snprintf(name, sizeof(name), "c%d", i);
        cr_assert_eq(try_to_add(metrics, counter_spec(name)), TN_OK);
    }
    cr_assert_eq(try_to_add(metrics, counter_spec("one_more")), TN_ERROR_LIMIT);
    tn_metrics_free(metrics);
}

Test(metrics, bounds_rise_and_are_finite_and_histograms_only_have_them)
{
    tn_metrics *metrics = private_metrics(10);
    static const double bad[][2] = {{1, 1}, {2, 1}, {0, -0.0}, {1, INFINITY}, {-INFINITY, 1}, {NAN, 1}, {1, NAN}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        cr_assert_eq(try_to_add(metrics, histogram_spec("h", bad[i], 2)), TN_ERROR_INVALID, "%zu", i);
    static const double good[] = {-1, 0};
    tn_instrument_spec counter = counter_spec("c");
    counter.bounds = good;
    counter.bound_count = 2;
    cr_assert_eq(try_to_add(metrics, counter), TN_ERROR_INVALID);
    cr_assert_eq(try_to_add(metrics, histogram_spec("h", good, 2)), TN_OK);
    cr_assert_eq(try_to_add(metrics, histogram_spec("none", NULL, 0)), TN_OK);
    tn_metrics_free(metrics);
}

Test(metrics, tells_which_instruments_would_have_samples_of_one_name)
{
    tn_metrics *metrics = private_metrics(10);
    cr_assert_eq(try_to_add(metrics, histogram_spec("x", NULL, 0)), TN_OK);
    tn_text other;
    tn_instrument_spec count = counter_spec("x_count"), same = counter_spec("x"), apart = counter_spec("y");
    cr_assert(tn_metrics_collides(metrics, &count, &other));
    assert_text(other, "x");
    cr_assert_not(tn_metrics_collides(metrics, &same, &other), "that is not another one");
    cr_assert_not(tn_metrics_collides(metrics, &apart, &other));
    tn_metrics_free(metrics);
}

/* --- Labels -------------------------------------------------------------------------------------------- */

Test(metrics, labels_in_any_order_are_the_same_series)
{
    tn_metrics *metrics = private_metrics(10);
    tn_instrument_spec spec = counter_spec("c");
    tn_series *series = series_in(metrics, &spec, "a", "1", "b", "2", "c", "3", NULL);
    cr_assert_eq(series_in(metrics, &spec, "c", "3", "b", "2", "a", "1", NULL), series);
    cr_assert_eq(series_in(metrics, &spec, "b", "2", "d", "", "a", "1", "c", "3", NULL), series,
                 "an empty one is none");
    cr_assert_neq(series_in(metrics, &spec, "a", "2", "b", "1", "c", "3", NULL), series);
    cr_assert_neq(series_in(metrics, &spec, "a", "1", "b", "2", NULL), series);
    cr_assert_eq(stats_of_metrics(metrics).series, 3);
    cr_assert(tn_text_equal(tn_series_labels(series), labels("a", "1", "b", "2", "c", "3", NULL)));
    tn_label given[] = {{TN_TEXT("b"), TN_TEXT("2")}, {TN_TEXT("c"), TN_TEXT("3")}, {TN_TEXT("a"), TN_TEXT("1")}};
    cr_assert_eq(tn_instrument_find(tn_metrics_find(metrics, spec.name), given, 3), series);
    cr_assert_null(tn_instrument_find(tn_metrics_find(metrics, spec.name), given, 2 - 1));
    tn_metrics_free(metrics);
}

/* One label, as it is kept: its name and value with a = between them. */
static const char *kept_label(tn_metrics *metrics, const tn_instrument_spec *spec, tn_text name, tn_text value)
{
    static char text[2048];
    tn_instrument *instrument = tn_metrics_find(metrics, spec->name);
    if (!instrument) cr_assert_eq(tn_metrics_add(metrics, spec, &instrument), TN_OK);
    tn_label label = {exact_copy(name.bytes, name.size), exact_copy(value.bytes, value.size)}, kept;
    tn_series *series;
    cr_assert_eq(tn_instrument_series(instrument, &label, 1, &series), TN_OK);
    free_copy(label.name);
    free_copy(label.value);
    tn_text rest = tn_series_labels(series);
    if (!tn_labels_next(&rest, &kept)) return "";
    cr_assert_eq(rest.size, 0);
    snprintf(text, sizeof(text), "%.*s=%.*s", (int)kept.name.size, kept.name.bytes, (int)kept.value.size,
             kept.value.bytes);
    return text;
}

Test(metrics, label_names_are_made_fit)
{
    tn_metrics *metrics = private_metrics(1000);
    tn_instrument_spec counter = counter_spec("c"), histogram = histogram_spec("h", NULL, 0);
    static const struct {
        tn_text given;
        const char *kept;
    } names[] = {
        {{"path", 4}, "path=v"},
        {{"", 0}, "_=v"},
        {{"a-b.c d", 7}, "a_b_c_d=v"},
        {{"9a", 2}, "_9a=v"},
        {{"__x", 3}, "_x=v"},
        {{"____", 4}, "_=v"},
        {{"-_x", 3}, "_x=v"},
        {{"a\"\n\\{}", 6}, "a_____=v"},
        {{"a\0b", 3}, "a_b=v"},
        {{"\xC3\xA9t\xC3\xA9", 5}, "_t_=v"},
        {{"\xFF\xFE", 2}, "_=v"},
        {{"\x80", 1}, "_=v"},
        {{"\x80"
          "9",
          2},
         "_9=v"},
        {{"le", 2}, "le=v"},
        {{"l\x80"
          "e",
          3},
         "le=v"},
        {{"a:b", 3}, "a_b=v"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        cr_assert_str_eq(kept_label(metrics, &counter, names[i].given, TN_TEXT("v")), names[i].kept, "%zu", i);
    cr_assert_str_eq(kept_label(metrics, &histogram, TN_TEXT("le"), TN_TEXT("v")), "exported_le=v");
    cr_assert_str_eq(kept_label(metrics, &histogram,
                                (tn_text){"l\x80"
                                          "e",
                                          3},
                                TN_TEXT("v")),
                     "exported_le=v");
    cr_assert_str_eq(kept_label(metrics, &histogram, TN_TEXT("len"), TN_TEXT("v")), "len=v");

    char name[TN_MAX_LABEL_NAME + 50];
    memset(name, 'n', sizeof(name));
    const char *kept = kept_label(metrics, &counter, (tn_text){name, sizeof(name)}, TN_TEXT("v"));
    cr_assert_eq(strlen(kept), TN_MAX_LABEL_NAME + 2);
    tn_metrics_free(metrics);
}

Test(metrics, label_values_are_made_fit)
{
    tn_metrics *metrics = private_metrics(1000);
    tn_instrument_spec spec = counter_spec("c");
    cr_assert_str_eq(kept_label(metrics, &spec, TN_TEXT("a"), TN_NO_TEXT), "");
    cr_assert_str_eq(kept_label(metrics, &spec, TN_TEXT("a"), TN_TEXT("\"\n\\")), "a=\"\n\\");
    cr_assert_str_eq(kept_label(metrics, &spec, TN_TEXT("a"), TN_TEXT("x\xFFy")), "a=x\uFFFDy");
    cr_assert_str_eq(kept_label(metrics, &spec, TN_TEXT("a"), TN_TEXT("x\xE2\x82")), "a=x\uFFFD\uFFFD");

    char value[2 * TN_MAX_LABEL_VALUE];
    memset(value, 'v', sizeof(value));
    cr_assert_eq(strlen(kept_label(metrics, &spec, TN_TEXT("a"), (tn_text){value, sizeof(value)})),
                 2 + TN_MAX_LABEL_VALUE);
    memset(value, 0xFF, sizeof(value));
    cr_assert_eq(strlen(kept_label(metrics, &spec, TN_TEXT("a"), (tn_text){value, sizeof(value)})),
                 2 + TN_MAX_LABEL_VALUE / 3 * 3);
    tn_metrics_free(metrics);
}

Test(metrics, labels_of_one_name_or_too_many_are_an_error)
{
    tn_metrics *metrics = private_metrics(10);
    tn_instrument_spec spec = counter_spec("c");
    tn_instrument *instrument;
    tn_series *series;
    cr_assert_eq(tn_metrics_add(metrics, &spec, &instrument), TN_OK);
    tn_label given[TN_MAX_LABELS + 1] = {{TN_TEXT("a-b"), TN_TEXT("1")}, {TN_TEXT("a b"), TN_TEXT("2")}};
    cr_assert_eq(tn_instrument_series(instrument, given, 2, &series), TN_ERROR_INVALID);

    char names[TN_MAX_LABELS + 1][8], value[2 * TN_MAX_LABEL_VALUE];
    memset(value, 0xFF, sizeof(value));
    for (size_t i = 0; i <= TN_MAX_LABELS; i++) {
        snprintf(names[i], sizeof(names[i]), "n%zu", i);
        given[i] = (tn_label){tn_text_of(names[i]), {value, sizeof(value)}};
    }
    cr_assert_eq(tn_instrument_series(instrument, given, TN_MAX_LABELS + 1, &series), TN_ERROR_LIMIT);
    cr_assert_eq(tn_instrument_series(instrument, given, TN_MAX_LABELS, &series), TN_OK);
    tn_counter_add(series, 1);
    cr_assert_eq(value_in(metrics, "c", tn_series_labels(series)), 1);
    tn_metrics_free(metrics);
}

Test(metrics, random_labels_give_valid_text)
{
    tn_metrics *metrics = private_metrics(100000);
    tn_instrument_spec counter = counter_spec("c"), histogram = histogram_spec("h", NULL, 0);
    uint64_t recorded = 0;
    for (int round = 0; round < 2000; round++) {
        char bytes[64];
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (char)(1 + random_below(255)); /* no NUL: the text is a string */
        size_t size = random_below(32);
        tn_text name = {bytes, random_below(12)}, value = {bytes + 32, size};
        tn_instrument *instrument = tn_metrics_find(metrics, counter.name);
        if (!instrument) cr_assert_eq(tn_metrics_add(metrics, &counter, &instrument), TN_OK);
        tn_series *series;
        cr_assert_eq(tn_instrument_series(instrument, &(tn_label){name, value}, 1, &series), TN_OK);
        tn_counter_add(series, 1);
        recorded++;
        kept_label(metrics, &histogram, name, value);
    }
    view seen = look_at_metrics(metrics);
    cr_assert_eq(seen_total(&seen, "c"), recorded);
    assert_sane(&seen, 1);
    tn_text text = tn_text_of(seen_text(&seen, AS_PROMETHEUS));
    cr_assert_eq(count_of(text, "{="), 0);
    cr_assert_eq(count_of(text, ",="), 0);
    cr_assert_eq(count_of(text, "{le=") + count_of(text, ",le="), seen_family(&seen, "h")->series_count);
    look_away(&seen);
    tn_metrics_free(metrics);
}

/* --- Cardinality --------------------------------------------------------------------------------------- */

static tn_series *numbered(tn_metrics *metrics, const tn_instrument_spec *spec, size_t n)
{
    char value[24];
    snprintf(value, sizeof(value), "%zu", n);
    return series_in(metrics, spec, "n", value, NULL);
}

Test(metrics, each_measurement_lands_in_one_series_below_at_and_beyond_the_limit)
{
    enum { LIMIT = 50 };
    static const size_t counts[] = {LIMIT - 1, LIMIT, LIMIT + 1, 10 * LIMIT};
    tn_instrument_spec spec = counter_spec("c");
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        tn_metrics *metrics = private_metrics(LIMIT);
        size_t count = counts[i], too_many = count > LIMIT ? count - LIMIT : 0;
        for (size_t n = 0; n < count; n++) tn_counter_add(numbered(metrics, &spec, n), 1);
        for (size_t n = 0; n < count; n++) tn_counter_add(numbered(metrics, &spec, n), 1);

        tn_metrics_stats stats = stats_of_metrics(metrics);
        cr_assert_eq(stats.series, count - too_many);
        cr_assert_eq(stats.overflowed, 2 * too_many);
        view seen = look_at_metrics(metrics);
        cr_assert_eq(seen_total(&seen, "c"), 2 * count);
        cr_assert_eq(seen_family(&seen, "c")->series_count, count - too_many + (too_many > 0));
        const tn_snapshot_series *rest = seen_series(&seen, "c", tn_overflow_labels);
        cr_assert_eq(rest ? rest->integer : 0, 2 * too_many);
        cr_assert_eq(seen_value(&seen, "c", labels("n", "0", NULL)), 2);
        look_away(&seen);
        tn_metrics_free(metrics);
    }
}

Test(metrics, whoever_takes_a_slab_over_takes_its_series_into_account)
{
    enum { LIMIT = 20 };
    tn_instrument_spec spec = counter_spec("c");
    tn_segment *holder = open_segment();
    for (size_t round = 0; round < 3; round++) {
        tn_metrics *metrics = shared_metrics(LIMIT);
        for (size_t n = 0; n < 10 * LIMIT; n++) tn_counter_add(numbered(metrics, &spec, n + 5 * round), 1);
        tn_metrics_free(metrics);
        view seen = look_at_folder();
        cr_assert_eq(seen_total(&seen, "c"), (round + 1) * 10 * LIMIT);
        cr_assert_eq(seen_family(&seen, "c")->series_count, LIMIT + 1);
        look_away(&seen);
    }
    tn_segment_free(holder);
}

Test(metrics, a_series_that_is_called_as_the_one_for_what_is_too_much_is_that_one)
{
    tn_metrics *metrics = private_metrics(1);
    tn_instrument_spec spec = counter_spec("c");
    tn_counter_add(numbered(metrics, &spec, 0), 1);
    tn_counter_add(series_in(metrics, &spec, "otel_metric_overflow", "true", NULL), 1);
    for (size_t n = 0; n < 5; n++) tn_counter_add(numbered(metrics, &spec, n), 1);
    view seen = look_at_metrics(metrics);
    cr_assert_eq(seen_total(&seen, "c"), 7);
    cr_assert_eq(seen_value(&seen, "c", tn_overflow_labels), 5);
    look_away(&seen);
    tn_metrics_free(metrics);
}

/* --- Recording ----------------------------------------------------------------------------------------- */

Test(metrics, counters_are_exact_in_integers_and_know_floats)
{
    tn_metrics *metrics = private_metrics(10);
    tn_instrument_spec spec = counter_spec("c");
    tn_series *series = series_in(metrics, &spec, NULL);
    tn_counter_add(series, 3);
    tn_counter_add_double(series, 0.25);
    tn_counter_add(series, (UINT64_C(1) << 32) - 1);
    tn_counter_add(series, UINT64_C(1) << 40);
    cr_assert_eq(value_in(metrics, "c", TN_NO_TEXT), 3.25 + 4294967295.0 + 1099511627776.0);
    uint64_t cells[2];
    tn_series_read(series, cells);
    cr_assert_eq(cells[0], UINT64_C(4294967298));
    cr_assert_eq(tn_double_of_cell(cells[1]), 0.25 + 1099511627776.0);
    tn_counter_add(series, UINT64_MAX);
    cr_assert_eq(value_in(metrics, "c", TN_NO_TEXT), 18446744073709551616.0 + 4294967298.25 + 1099511627776.0);
    tn_metrics_free(metrics);
}

Test(metrics, histograms_count_in_the_bucket_whose_bound_is_not_below)
{
    static const double bounds[] = {-1, 0.5, 10};
    tn_metrics *metrics = private_metrics(10);
    tn_instrument_spec spec = histogram_spec("h", bounds, 3);
    tn_series *series = series_in(metrics, &spec, NULL);
    static const double values[] = {-5, -1, -0.999, 0.5, 0.500001, 10, 10.1, 1e300};
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) tn_histogram_observe(series, values[i]);
    uint64_t cells[5];
    tn_series_read(series, cells);
    for (size_t i = 0; i < 4; i++) cr_assert_eq(cells[i], 2);
    cr_assert_eq(tn_double_of_cell(cells[4]), 1e300);
    view seen = look_at_metrics(metrics);
    cr_assert_eq(tn_snapshot_count(seen_family(&seen, "h"), seen_series(&seen, "h", TN_NO_TEXT)), 8);
    look_away(&seen);
    tn_metrics_free(metrics);
}

Test(metrics, a_histogram_knows_the_trace_of_the_latest_in_each_bucket)
{
    static const double bounds[] = {1};
    tn_metrics *metrics = private_metrics(10);
    tn_instrument_spec spec = histogram_spec("h", bounds, 1);
    tn_series *series = series_in(metrics, &spec, NULL);
    tn_trace_id trace = {{1}}, later = {{2}};
    tn_span_id span = {{3}};
    tn_histogram_observe_in(series, 0.5, &trace, &span, 9 * TN_SECOND);
    tn_histogram_observe_in(series, 0.75, &later, &span, 10 * TN_SECOND);
    tn_histogram_observe(series, 5);
    view seen = look_at_metrics(metrics);
    const tn_snapshot_series *found = seen_series(&seen, "h", TN_NO_TEXT);
    cr_assert_eq(found->counts[0], 2);
    cr_assert_eq(found->counts[1], 1);
    cr_assert_eq(found->exemplars[0].value, 0.75);
    cr_assert(same_trace_id(found->exemplars[0].trace_id, later));
    cr_assert(same_span_id(found->exemplars[0].span_id, span));
    cr_assert_eq(found->exemplars[0].time, 10 * TN_SECOND);
    cr_assert_eq(found->exemplars[1].time, 0);
    look_away(&seen);
    tn_metrics_free(metrics);
}

Test(metrics, a_series_tells_what_this_process_has_recorded_and_can_forget_it)
{
    tn_instrument_spec spec = counter_spec("c");
    tn_segment *holder = open_segment();
    for (uint64_t round = 0; round < 3; round++) {
        tn_metrics *metrics = shared_metrics(10);
        tn_series *series = series_in(metrics, &spec, NULL);
        uint64_t cells[2];
        tn_series_read(series, cells);
        cr_assert_eq(cells[0], 0);
        tn_counter_add(series, 4);
        tn_series_reset(series);
        tn_series_read(series, cells);
        cr_assert_eq(cells[0], 0);
        tn_counter_add(series, 5);
        tn_series_read(series, cells);
        cr_assert_eq(cells[0], 5);
        cr_assert_eq(folder_total("c"), 5 * (round + 1));
        tn_metrics_free(metrics);
    }
    tn_segment_free(holder);
}

Test(metrics, those_that_are_cleared_begin_anew_and_series_that_are_held_count_again)
{
    tn_metrics *metrics = shared_metrics(10);
    tn_instrument_spec spec = counter_spec("c");
    tn_series *series = tn_series_keep(series_in(metrics, &spec, NULL));
    tn_counter_add(series, 4);
    cr_assert_eq(folder_total("c"), 4);
    tn_metrics_clear(metrics);
    cr_assert_eq(folder_total("c"), 0);
    cr_assert_null(tn_metrics_find(metrics, spec.name));
    tn_counter_add(series, 3);
    tn_counter_add(series_in(metrics, &spec, NULL), 2);
    view seen = look_at_metrics(metrics);
    cr_assert_eq(seen_total(&seen, "c"), 5);
    look_away(&seen);
    tn_metrics_free(metrics);
    tn_series_release(series);
}

Test(metrics, those_that_are_cleared_use_their_chunks_again)
{
    tn_metrics *metrics = shared_metrics(SIZE_MAX);
    tn_instrument_spec spec = counter_spec("c");
    unsigned chunks = 0;
    for (size_t round = 0; round < 5; round++) {
        for (size_t n = 0; n < 4000; n++) tn_counter_add(numbered(metrics, &spec, n), 1);
        cr_assert_eq(folder_total("c"), 4000, "round %zu", round);
        tn_segment *segment = open_segment_to_read();
        if (round == 0) chunks = tn_segment_chunk_count(segment);
        cr_assert_eq(tn_segment_chunk_count(segment), chunks);
        tn_segment_free(segment);
        tn_metrics_clear(metrics);
    }
    tn_metrics_free(metrics);
}

static void count_visit(tn_series *series, void *count)
{
    cr_assert_not_null(tn_series_instrument(series));
    ++*(size_t *)count;
}

Test(metrics, each_series_is_visited_once)
{
    tn_metrics *metrics = private_metrics(3);
    tn_instrument_spec spec = counter_spec("c"), other = gauge_spec("g", TN_COMBINE_MIN);
    for (size_t n = 0; n < 5; n++) numbered(metrics, &spec, n);
    tn_series *series = series_in(metrics, &other, NULL);
    *tn_series_user(series) = &spec;
    cr_assert_eq(*tn_series_user(series_in(metrics, &other, NULL)), &spec);
    size_t count = 0;
    tn_metrics_each(metrics, count_visit, &count);
    cr_assert_eq(count, 3 + 1 + 1);
    tn_metrics_free(metrics);
}

/* --- Where it can't be shared -------------------------------------------------------------------------- */

Test(metrics, what_cannot_be_shared_is_kept_by_the_process_and_a_remark_says_so)
{
    tn_metrics *metrics = tn_metrics_new();
    tn_metrics_options options = {.directory = tn_text_of(path_in_folder("none/none")), .cardinality_limit = 10};
    cr_assert_eq(tn_metrics_configure(metrics, &options), TN_OK);
    tn_instrument_spec spec = counter_spec("c");
    tn_counter_add(series_in(metrics, &spec, NULL), 2);
    cr_assert_not(stats_of_metrics(metrics).shared);
    char remark[TN_MAX_REMARK];
    cr_assert(tn_metrics_take_remark(metrics, remark));
    cr_assert(contains(tn_text_of(remark), "No such file or directory"), "%s", remark);
    cr_assert_not(tn_metrics_take_remark(metrics, remark), "once");
    cr_assert_eq(value_in(metrics, "c", TN_NO_TEXT), 2);

    options.directory = tn_text_of(path_in_folder("."));
    cr_assert_eq(tn_metrics_configure(metrics, &options), TN_OK);
    tn_counter_add(series_in(metrics, &spec, NULL), 3);
    cr_assert(stats_of_metrics(metrics).shared);
    cr_assert_eq(folder_total("c"), 3);
    tn_metrics_free(metrics);
}

Test(metrics, memory_that_runs_out_is_an_error_and_no_leak)
{
    static const double bounds[] = {1, 2};
    tn_instrument_spec counter = counter_spec("c"), histogram = histogram_spec("h", bounds, 2);
    counter.help = TN_TEXT("Help");
    for_each_failing_allocation {
        tn_metrics *metrics = tn_metrics_new();
        if (!metrics) continue;
        tn_status status = tn_metrics_configure(
            metrics, &(tn_metrics_options){.directory = tn_text_of(path_in_folder(".")), .cardinality_limit = 1});
        tn_instrument *instrument;
        const tn_instrument_spec *specs[] = {&counter, &histogram};
        for (size_t i = 0; i < 2 && status == TN_OK; i++) {
            status = tn_metrics_add(metrics, specs[i], &instrument);
            for (int n = 0; n < 3 && status == TN_OK; n++) {
                tn_series *series;
                tn_label label = {TN_TEXT("n"), (tn_text){&"012"[n], 1}};
                status = tn_instrument_series(instrument, &label, 1, &series);
                if (status != TN_OK) break;
                tn_trace_id trace = {{1}};
                tn_span_id span = {{1}};
                if (i == 0) tn_counter_add(series, 1);
                if (i == 1) tn_histogram_observe_in(series, 1, &trace, &span, 9 * TN_SECOND);
            }
        }
        cr_assert(status == TN_OK || (status == TN_ERROR_MEMORY && allocation_failed()));
        tn_metrics_free(metrics);
    }
}

Test(metrics, without_any_memory_recording_goes_nowhere)
{
    tn_metrics *metrics = private_metrics(10);
    tn_instrument_spec spec = histogram_spec("h", NULL, 0);
    tn_series *series = tn_series_keep(series_in(metrics, &spec, NULL));
    tn_metrics_clear(metrics);
    no_memory();
    tn_histogram_observe(series, 1);
    tn_trace_id trace = {{1}};
    tn_span_id span = {{1}};
    tn_histogram_observe_in(series, 1, &trace, &span, 9 * TN_SECOND);
    uint64_t cells[2];
    tn_series_read(series, cells);
    tn_series_reset(series);
    enough_memory();
    char remark[TN_MAX_REMARK];
    cr_assert(tn_metrics_take_remark(metrics, remark));
    cr_assert(contains(tn_text_of(remark), "lost"), "%s", remark);
    tn_metrics_free(metrics);
    tn_series_release(series);
}
