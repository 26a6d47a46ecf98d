#include "support_metrics.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

TestSuite(metrics_text, .fini = all_memory_is_back);

static const char *number(double value)
{
    static char text[64];
    tn_buffer out;
    tn_buffer_init_on(&out, text, sizeof(text), sizeof(text));
    tn_put_number(&out, value);
    tn_buffer_append_byte(&out, '\0');
    cr_assert_eq(out.status, TN_OK);
    return text;
}

static const char *bound(double value)
{
    static char text[64];
    tn_buffer out;
    tn_buffer_init_on(&out, text, sizeof(text), sizeof(text));
    tn_put_bound(&out, value);
    tn_buffer_append_byte(&out, '\0');
    cr_assert_eq(out.status, TN_OK);
    return text;
}

Test(metrics_text, numbers_are_as_short_as_they_can_be)
{
    static const struct {
        double value;
        const char *text;
    } numbers[] = {
        {0, "0"},
        {-0.0, "0"},
        {3, "3"},
        {-3, "-3"},
        {0.25, "0.25"},
        {0.1, "0.1"},
        {-1e-7, "-1e-07"},
        {9007199254740991, "9007199254740991"},
        {1e25, "1e+25"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        cr_assert_str_eq(number(numbers[i].value), numbers[i].text);
    for (int i = 0; i < 10000; i++) {
        double value = tn_double_of_cell(random_number());
        if (isfinite(value)) cr_assert_eq(strtod(number(value), NULL), value);
    }
}

/* The examples of "Considerations: Canonical Numbers", and others. */
Test(metrics_text, bounds_are_canonical_numbers)
{
    static const struct {
        double value;
        const char *text;
    } bounds[] = {
        {0, "0.0"},          {1, "1.0"},           {-1, "-1.0"},           {10, "10.0"},
        {0.005, "0.005"},    {0.1, "0.1"},         {0.25, "0.25"},         {2.5, "2.5"},
        {7.5, "7.5"},        {100000, "100000.0"}, {123456.5, "123456.5"}, {1e6, "1e+06"},
        {1e10, "1e+10"},     {1.5e6, "1.5e+06"},   {0.0001, "0.0001"},     {1e-5, "1e-05"},
        {1.5e-5, "1.5e-05"}, {1e-10, "1e-10"},     {1e100, "1e+100"},      {-1.5e-300, "-1.5e-300"},
    };
    for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++)
        cr_assert_str_eq(bound(bounds[i].value), bounds[i].text);
    for (int i = 0; i < 10000; i++) {
        double value = tn_double_of_cell(random_number());
        if (isfinite(value)) cr_assert_eq(strtod(bound(value), NULL), value);
        value = (double)random_below(2000000) / 1000;
        cr_assert_eq(strtod(bound(value), NULL), value);
    }
}

Test(metrics_text, numbers_have_a_point_in_any_locale)
{
    static const char *const locales[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
    const char *set = NULL;
    for (size_t i = 0; i < 3 && !set; i++) set = setlocale(LC_ALL, locales[i]);
    if (!set) cr_skip_test("no locale with a comma here");
    cr_assert_str_eq(number(0.25), "0.25");
    cr_assert_str_eq(bound(0.25), "0.25");
    cr_assert_str_eq(bound(1.5e-5), "1.5e-05");
}

static const double bounds[] = {0.005, 1, 1e6};

/* One of everything. */
static tn_metrics *rich_metrics(void)
{
    tn_metrics *metrics = private_metrics(10);
    tn_instrument_spec counter = counter_spec("requests_total"), gauge = gauge_spec("heap_bytes", TN_COMBINE_SUM);
    tn_instrument_spec histogram = histogram_spec("seconds", bounds, 3), empty = counter_spec("empty"),
                       *specs[] = {&empty};
    counter.help = TN_TEXT("How \"many\"\nback\\slash");
    gauge.unit = TN_TEXT("bytes");
    tn_instrument *unused;
    cr_assert_eq(tn_metrics_add(metrics, specs[0], &unused), TN_OK);
    tn_counter_add(series_in(metrics, &counter, "path", "/a\"b\\c\nd", "verb", "get", NULL), 3);
    tn_counter_add_double(series_in(metrics, &counter, "path", "=1,2", "verb", "put", NULL), 0.5);
    tn_gauge_set(series_in(metrics, &gauge, NULL), -1.5);
    tn_series *series = series_in(metrics, &histogram, "queue", "q", NULL);
    tn_trace_id trace = {{0x4b, 0xf9}};
    tn_span_id span = {{0xAB}};
    tn_histogram_observe_in(series, 0.001, &trace, &span, UINT64_C(1700000000123456789));
    tn_histogram_observe(series, 0.005);
    tn_histogram_observe(series, 2);
    tn_histogram_observe(series, 2e6);
    return metrics;
}

static void assert_rich_text(format format, const char *expected)
{
    tn_metrics *metrics = rich_metrics();
    view seen = look_at_metrics(metrics);
    cr_assert_str_eq(seen_text(&seen, format), expected);
    look_away(&seen);
    tn_metrics_free(metrics);
}

Test(metrics_text, for_prometheus_is_as_its_format_says)
{
    assert_rich_text(AS_PROMETHEUS, "# TYPE heap_bytes gauge\n"
                                    "heap_bytes -1.5\n"
                                    "# HELP requests_total How \"many\"\\nback\\\\slash\n"
                                    "# TYPE requests_total counter\n"
                                    "requests_total{path=\"=1,2\",verb=\"put\"} 0.5\n"
                                    "requests_total{path=\"/a\\\"b\\\\c\\nd\",verb=\"get\"} 3\n"
                                    "# TYPE seconds histogram\n"
                                    "seconds_bucket{queue=\"q\",le=\"0.005\"} 2\n"
                                    "seconds_bucket{queue=\"q\",le=\"1.0\"} 2\n"
                                    "seconds_bucket{queue=\"q\",le=\"1e+06\"} 3\n"
                                    "seconds_bucket{queue=\"q\",le=\"+Inf\"} 4\n"
                                    "seconds_sum{queue=\"q\"} 2000002.006\n"
                                    "seconds_count{queue=\"q\"} 4\n");
}

Test(metrics_text, for_openmetrics_has_units_exemplars_and_an_end)
{
    assert_rich_text(AS_OPENMETRICS,
                     "# TYPE heap_bytes gauge\n"
                     "# UNIT heap_bytes bytes\n"
                     "heap_bytes -1.5\n"
                     "# HELP requests How \\\"many\\\"\\nback\\\\slash\n"
                     "# TYPE requests counter\n"
                     "requests_total{path=\"=1,2\",verb=\"put\"} 0.5\n"
                     "requests_total{path=\"/a\\\"b\\\\c\\nd\",verb=\"get\"} 3\n"
                     "# TYPE seconds histogram\n"
                     "seconds_bucket{queue=\"q\",le=\"0.005\"} 2 # {trace_id=\"4bf90000000000000000000000000000\","
                     "span_id=\"ab00000000000000\"} 0.001 1700000000.123\n"
                     "seconds_bucket{queue=\"q\",le=\"1.0\"} 2\n"
                     "seconds_bucket{queue=\"q\",le=\"1e+06\"} 3\n"
                     "seconds_bucket{queue=\"q\",le=\"+Inf\"} 4\n"
                     "seconds_sum{queue=\"q\"} 2000002.006\n"
                     "seconds_count{queue=\"q\"} 4\n"
                     "# EOF\n");
}

Test(metrics_text, of_nothing_is_empty_or_an_end)
{
    view seen = look_at(NULL, 0);
    cr_assert_str_eq(seen_text(&seen, AS_PROMETHEUS), "");
    cr_assert_str_eq(seen_text(&seen, AS_OPENMETRICS), "# EOF\n");
    look_away(&seen);
}

Test(metrics_text, openmetrics_counts_nothing_that_may_fall)
{
    static const double negative[] = {-1, 1};
    tn_metrics *metrics = private_metrics(10);
    tn_instrument_spec spec = histogram_spec("h", negative, 2);
    tn_histogram_observe(series_in(metrics, &spec, NULL), 0);
    view seen = look_at_metrics(metrics);
    cr_assert_str_eq(seen_text(&seen, AS_OPENMETRICS), "# TYPE h histogram\nh_bucket{le=\"-1.0\"} 0\n"
                                                       "h_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 1\n# EOF\n");
    cr_assert(contains(tn_text_of(seen_text(&seen, AS_PROMETHEUS)), "h_sum 0\nh_count 1\n"));
    look_away(&seen);
    tn_metrics_free(metrics);
}

Test(metrics_text, counters_are_exact_beyond_what_a_double_can_be)
{
    tn_segment *segments[2] = {tn_segment_new_private(), tn_segment_new_private()};
    for (uint64_t i = 0; i < 2; i++) {
        tn_slab slab;
        cr_assert_eq(tn_slab_open(&slab, segments[i]), TN_OK);
        tn_instrument_spec spec = counter_spec("c");
        slab_series(&slab, &spec, TN_NO_TEXT)->cells[0] = i ? 3 : UINT64_C(1) << 53;
        tn_slab_close(&slab);
    }
    view seen = look_at(segments, 2);
    cr_assert_str_eq(seen_text(&seen, AS_PROMETHEUS), "# TYPE c counter\nc 9007199254740995\n");
    cr_assert_str_eq(seen_text(&seen, AS_OPENMETRICS), "# TYPE c counter\nc_total 9007199254740995\n# EOF\n");
    cr_assert(contains(tn_text_of(seen_text(&seen, AS_JSON)), "\"value\":9007199254740995,"));
    cr_assert(contains(tn_text_of(seen_text(&seen, AS_CSV)), ",9007199254740995\n"));
    look_away(&seen);
    for (size_t i = 0; i < 2; i++) tn_segment_free(segments[i]);
}

Test(metrics_text, the_longest_of_all_is_whole)
{
    double many[TN_MAX_BOUNDS];
    for (size_t i = 0; i < TN_MAX_BOUNDS; i++) many[i] = -1.2345678901234567e-300 * (double)(TN_MAX_BOUNDS - i);
    char name[TN_MAX_METRIC_NAME + 1] = {0}, text[TN_MAX_LABEL_VALUE + 1] = {0};
    memset(name, 'n', sizeof(name) - 1);
    memset(text, '"', sizeof(text) - 1);
    tn_instrument_spec spec = histogram_spec(name, many, TN_MAX_BOUNDS);
    spec.help = (tn_text){text, TN_MAX_HELP};
    tn_metrics *metrics = private_metrics(10);
    tn_label given[TN_MAX_LABELS];
    char names[TN_MAX_LABELS][TN_MAX_LABEL_NAME + 1];
    for (int i = 0; i < TN_MAX_LABELS; i++) {
        memset(names[i], 'l', TN_MAX_LABEL_NAME);
        names[i][TN_MAX_LABEL_NAME - 1] = (char)('A' + i % 26);
        names[i][TN_MAX_LABEL_NAME - 2] = (char)('A' + i / 26);
        given[i] = (tn_label){{names[i], TN_MAX_LABEL_NAME}, {text, TN_MAX_LABEL_VALUE}};
    }
    tn_instrument *instrument;
    tn_series *series;
    cr_assert_eq(tn_metrics_add(metrics, &spec, &instrument), TN_OK);
    cr_assert_eq(tn_instrument_series(instrument, given, TN_MAX_LABELS, &series), TN_OK);
    tn_histogram_observe(series, 1);
    view seen = look_at_metrics(metrics);
    assert_sane(&seen, 1);
    cr_assert_eq(count_of(tn_text_of(seen_text(&seen, AS_PROMETHEUS)), "\n"), 2 + TN_MAX_BOUNDS + 1 + 2);
    look_away(&seen);
    tn_metrics_free(metrics);
}

Test(metrics_text, memory_that_runs_out_leaves_no_half_text)
{
    tn_metrics *metrics = rich_metrics();
    view seen = look_at_metrics(metrics);
    void (*const writers[])(tn_buffer *, const tn_snapshot *) = {tn_prometheus_text, tn_openmetrics_text};
    for (size_t i = 0; i < 2; i++) {
        for_each_failing_allocation {
            tn_buffer out;
            tn_buffer_init(&out, 100000);
            writers[i](&out, &seen.snapshot);
            cr_assert_eq(out.status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
            tn_buffer_free(&out);
        }
    }
    look_away(&seen);
    tn_metrics_free(metrics);
}
