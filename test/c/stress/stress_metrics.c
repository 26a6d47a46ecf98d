/* Threads record to counters, gauges and histograms while others scrape, and while series are added. What is scraped only
 * rises, and the sums at the end are exact. */
#include "stress/stress.h"

#include "metrics/metrics.h"
#include "metrics/metrics_text.h"

#include <string.h>

enum { RECORDERS = 6, SCRAPERS = 2, SERIES = 4, BOUNDS = 3 };

static const double bounds[BOUNDS] = {1, 2, 4};

static tn_metrics *metrics;
static tn_series *counters[SERIES], *gauges[SERIES], *histograms[SERIES];
static atomic_uint_fast64_t counted, observed, added, lowered, scrapes;

static tn_series *series_of(tn_metric_type type, const char *name, long n)
{
    tn_instrument_spec spec = {.type = type, .name = tn_text_of(name)};
    if (type == TN_HISTOGRAM) spec.bounds = bounds, spec.bound_count = BOUNDS;
    tn_instrument *instrument = tn_metrics_find(metrics, spec.name);
    if (!instrument) check(tn_metrics_add(metrics, &spec, &instrument) == TN_OK);
    char value[24];
    snprintf(value, sizeof(value), "%ld", n);
    tn_label label = {TN_TEXT("n"), tn_text_of(value)};
    tn_series *series;
    check(tn_instrument_series(instrument, &label, 1, &series) == TN_OK);
    return series;
}

/* --- Recording ----------------------------------------------------------------------------------------- */

static void *record_all(void *number)
{
    tn_trace_id trace = {{1}};
    tn_span_id span = {{1}};
    uint64_t n = 0, cells[BOUNDS + 2];
    for (; !over; n++) {
        size_t i = n % SERIES;
        tn_counter_add(counters[i], 1);
        tn_counter_add_double(counters[i], 0.5);
        tn_gauge_add(gauges[i], n % 2 ? 1 : -1);
        tn_histogram_observe(histograms[i], (double)(n % 6));
        if (n % 16 == 0) tn_histogram_observe_in(histograms[i], 3, &trace, &span, n + 1);
        if (n % 64 == 0) tn_series_read(histograms[i], cells);
    }
    counted += n;
    observed += n + (n + 15) / 16;
    lowered += n % 2;
    return number;
}

/* The only thread that makes and looks up series. */
static void *add_series(void *number)
{
    for (long n = 0; !over; n++) {
        tn_counter_add(series_of(TN_COUNTER, "added_total", n % 20000), 1);
        added++;
        if (n % 100 == 0) sleep_ms(1);
    }
    return number;
}

/* --- Scraping ------------------------------------------------------------------------------------------ */

typedef struct {
    uint64_t counted, observed, added;
    double halves, level;
} sums;

static sums sums_of(const tn_snapshot *snapshot)
{
    sums all = {0};
    for (size_t f = 0; f < snapshot->family_count; f++) {
        const tn_family *family = snapshot->families[f];
        bool is_added = tn_text_equal(family->name, TN_TEXT("added_total"));
        for (size_t i = 0; i < family->series_count; i++) {
            const tn_snapshot_series *series = family->series[i];
            if (family->spec.type == TN_HISTOGRAM) all.observed += tn_snapshot_count(family, series);
            if (family->spec.type == TN_GAUGE) all.level += series->number;
            if (family->spec.type != TN_COUNTER) continue;
            *(is_added ? &all.added : &all.counted) += series->integer;
            all.halves += series->number;
        }
    }
    return all;
}

static sums scrape(void)
{
    tn_metrics_segments segments = tn_metrics_keep_segments(metrics);
    tn_snapshot snapshot;
    tn_snapshot_init(&snapshot);
    check(segments.shared && !segments.own);
    check(tn_snapshot_add(&snapshot, segments.shared) == TN_OK && tn_snapshot_finish(&snapshot) == TN_OK);
    check(snapshot.damaged == 0);
    sums all = sums_of(&snapshot);
    tn_buffer out;
    tn_buffer_init(&out, 1 << 28);
    tn_openmetrics_text(&out, &snapshot);
    check(out.status == TN_OK && out.size > 6);
    tn_buffer_free(&out);
    tn_snapshot_free(&snapshot);
    tn_segment_free(segments.shared);
    scrapes++;
    return all;
}

static void *scrape_often(void *number)
{
    for (sums before = {0}, now; !over; before = now, sleep_ms(1)) {
        now = scrape();
        check(now.counted >= before.counted && now.observed >= before.observed && now.added >= before.added);
        check(now.halves >= before.halves);
    }
    return number;
}

/* What the process itself has recorded, exponential histograms too. */
static sums collect(uint64_t *exponential_out)
{
    tn_metrics_segments segments;
    tn_snapshot snapshot;
    tn_snapshot_init(&snapshot);
    check(tn_metrics_collect(metrics, &snapshot, &segments) == TN_OK && tn_snapshot_finish(&snapshot) == TN_OK);
    *exponential_out = 0;
    for (size_t f = 0; f < snapshot.family_count; f++) {
        const tn_family *family = snapshot.families[f];
        for (size_t i = 0; i < family->series_count; i++) {
            if (family->series[i]->exponential) *exponential_out += family->series[i]->exponential->count;
        }
    }
    sums all = sums_of(&snapshot);
    tn_snapshot_free(&snapshot);
    tn_segment_free(segments.shared);
    tn_segment_free(segments.own);
    return all;
}

static void *collect_often(void *number)
{
    uint64_t seen = 0, now;
    for (; !over; seen = now, sleep_ms(1)) {
        collect(&now);
        check(now >= seen);
    }
    return number;
}

static void *read_accounts(void *number)
{
    for (; !over; sleep_ms(2)) {
        char remark[TN_MAX_REMARK];
        check(!tn_metrics_take_remark(metrics, remark));
    }
    return number;
}

/* --- The folder that it shares ------------------------------------------------------------------------- */

static char folder[] = "/tmp/tasker_native_stress.XXXXXX";

static void remove_folder(void)
{
    static const char *const names[] = {"metrics.1", "metrics.1.lock"};
    for (size_t i = 0; i < 2; i++) {
        char path[sizeof(folder) + 32];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

int main(int argc, char **argv)
{
    check(mkdtemp(folder));
    metrics = tn_metrics_new();
    check(metrics && tn_metrics_watch_forks(metrics) == TN_OK);
    for (long i = 0; i < SERIES; i++) {
        counters[i] = series_of(TN_COUNTER, "counted", i);
        gauges[i] = series_of(TN_GAUGE, "level", i);
        histograms[i] = series_of(TN_HISTOGRAM, "observed", i);
    }
    /* All threads find their places at once. */
    tn_metrics_options options = {.directory = tn_text_of(folder), .cardinality_limit = 10000, .exponential = true};
    check(tn_metrics_configure(metrics, &options) == TN_OK);
    start_threads(RECORDERS, record_all);
    start_threads(1, add_series);
    start_threads(SCRAPERS, scrape_often);
    start_threads(1, collect_often);
    start_threads(1, read_accounts);
    run_threads(argc, argv);

    sums all = scrape();
    printf("%lu measurements, %lu scrapes\n", (unsigned long)(counted + observed), (unsigned long)scrapes);
    check(scrapes > 2);
    check(all.counted == counted && all.halves == (double)counted / 2);
    uint64_t exponential;
    sums own = collect(&exponential);
    check(exponential == observed && own.observed == observed && own.counted == counted);
    check(all.observed == observed && all.added == added && all.level == -(double)lowered);
    tn_metrics_free(metrics);
    remove_folder();
    return 0;
}
