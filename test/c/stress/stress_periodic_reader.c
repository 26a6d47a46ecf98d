/* Threads record, others flush, read the accounts and call each other away, and one changes the options again and again, one
 * shuts it down, while a reader sends to where nobody listens. */
#include "stress/stress.h"

#include "export/periodic_reader.h"

#include <string.h>

enum { RECORDERS = 3, FLUSHERS = 3 };

static tn_metrics *metrics;
static tn_span_metrics *spans;
static tn_log_ring ring;
static tn_periodic_reader *reader;
static tn_series *counter, *histogram;
static atomic_uint_fast64_t observed, flushed, configured;

static tn_series *series_of(tn_metric_type type, const char *name)
{
    tn_instrument_spec spec = {.type = type, .name = tn_text_of(name)};
    tn_instrument *instrument = NULL;
    tn_series *series = NULL;
    check(tn_metrics_add(metrics, &spec, &instrument) == TN_OK);
    check(tn_instrument_series(instrument, NULL, 0, &series) == TN_OK);
    return series;
}

static void *record_all(void *number)
{
    for (long n = 0; !over; n++) {
        tn_counter_add(counter, 1);
        tn_histogram_observe(histogram, (double)(n % 1000) - 500);
        observed++;
    }
    return number;
}

static void *flush_often(void *number)
{
    for (; !over; flushed++) {
        const atomic_bool cancelled = flushed % 7 == 0;
        tn_periodic_reader_flush(reader, after_ms(5), &cancelled);
        tn_periodic_reader_stats stats;
        tn_periodic_reader_stats_read(reader, &stats);
        check(stats.requests == 0);
        tn_periodic_reader_wake(reader);
    }
    return number;
}

static void configure(uint64_t n)
{
    tn_periodic_reader_options options = {
        .client.url = TN_TEXT("http://127.0.0.1:1/v1/metrics"),
        .timeout = 10 * TN_MILLISECOND,
        .interval = (n % 3 + 1) * TN_MILLISECOND,
        .delta = n % 2,
        .gzip = n % 4 == 0,
    };
    check(tn_periodic_reader_configure(reader, n % 5 == 4 ? NULL : &options) == TN_OK);
}

static void *change_options(void *number)
{
    for (; !over; configured++) {
        configure(configured);
        sleep_ms(5);
    }
    return number;
}

static void *shut_down(void *number)
{
    for (; !over; sleep_ms(7)) tn_periodic_reader_shutdown(reader, after_ms(3), NULL);
    return number;
}

static void *read_log(void *number)
{
    tn_log_line line;
    for (; !over; sleep_ms(1)) {
        while (tn_log_ring_take(&ring, &line)) check(strstr(line.text, "metrics were not sent"));
    }
    return number;
}

int main(int argc, char **argv)
{
    tn_http_global_init();
    metrics = tn_metrics_new();
    spans = tn_span_metrics_new();
    tn_log_ring_init(&ring);
    reader = tn_periodic_reader_new(metrics, spans, &ring);
    check(metrics && spans && reader);
    check(tn_metrics_configure(metrics, &(tn_metrics_options){.cardinality_limit = 10, .exponential = true}) == TN_OK);
    counter = series_of(TN_COUNTER, "counted");
    histogram = series_of(TN_HISTOGRAM, "observed");
    start_threads(RECORDERS, record_all);
    start_threads(FLUSHERS, flush_often);
    start_threads(1, change_options);
    start_threads(1, shut_down);
    start_threads(1, read_log);
    run_threads(argc, argv);

    printf("%lu measurements, %lu flushes, %lu changes of options\n", (unsigned long)observed, (unsigned long)flushed,
           (unsigned long)configured);
    check(flushed > 10 && configured > 10);
    tn_periodic_reader_free(reader);
    tn_span_metrics_free(spans);
    tn_metrics_free(metrics);
    tn_log_ring_destroy(&ring);
    return 0;
}
