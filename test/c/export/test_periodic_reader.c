#include "support_metrics.h"

#include "export/periodic_reader.h"

#include <stdio.h>
#include <unistd.h>

static tn_metrics *metrics;
static tn_span_metrics *spans;
static tn_log_ring ring;
static tn_periodic_reader *reader;
static test_server server;

static void set_up(void)
{
    tn_http_global_init();
    server = (test_server){.response = TN_TEXT(OK_RESPONSE)};
    metrics = private_metrics(10);
    spans = tn_span_metrics_new();
    tn_log_ring_init(&ring);
    reader = tn_periodic_reader_new(metrics, spans, &ring);
    cr_assert(spans && reader);
    cr_assert_eq(tn_periodic_reader_watch_forks(reader), TN_OK);
}

static void tear_down(void)
{
    tn_periodic_reader_free(reader);
    tn_span_metrics_free(spans);
    tn_metrics_free(metrics);
    tn_log_ring_destroy(&ring);
    server_stop(&server);
    all_memory_is_back();
}

TestSuite(periodic_reader, .init = set_up, .fini = tear_down, .timeout = 20);

static tn_periodic_reader_options options(uint64_t interval)
{
    return (tn_periodic_reader_options){
        .encoding = test_encoding(),
        .client.url = tn_text_of(server.url),
        .client.user_agent = TN_TEXT("OTel-OTLP-Exporter-Test/1"),
        .timeout = 5 * TN_SECOND,
        .interval = interval,
    };
}

static void start(tn_periodic_reader_options wanted)
{
    cr_assert_eq(tn_periodic_reader_configure(reader, &wanted), TN_OK);
}

static void start_to_a_server(uint64_t interval)
{
    server_start(&server);
    start(options(interval));
}

static tn_periodic_reader_stats reader_stats(void)
{
    tn_periodic_reader_stats stats;
    tn_periodic_reader_stats_read(reader, &stats);
    return stats;
}

static bool flush(unsigned milliseconds)
{
    return tn_periodic_reader_flush(reader, after_ms(milliseconds), NULL);
}

static tn_series *some_counter(const char *value)
{
    tn_instrument_spec spec = counter_spec("a_total");
    return series_in(metrics, &spec, "label", value, NULL);
}

/* ExportMetricsServiceRequest.resource_metrics.scope_metrics.metrics */
static size_t sent_metrics(void)
{
    tn_text scope = nth_bytes(nth_bytes(server_body(&server), 1, 0), 2, 0);
    return field_count(scope, 2);
}

/* The sum's nth point. */
static tn_text sent_point(size_t metric, size_t n)
{
    tn_text scope = nth_bytes(nth_bytes(server_body(&server), 1, 0), 2, 0);
    return nth_bytes(nth_bytes(nth_bytes(scope, 2, metric), 7, 0), 1, n);
}

static bool log_has(const char *part)
{
    tn_log_line line;
    bool found = false;
    while (tn_log_ring_take(&ring, &line)) found |= strstr(line.text, part) != NULL;
    return found;
}

Test(periodic_reader, sends_what_was_recorded_when_it_is_asked)
{
    start_to_a_server(HOUR);
    tn_counter_add(some_counter("a"), 3);
    tn_counter_add(some_counter("b"), 4);
    cr_assert(flush(5000));
    cr_assert_eq(sent_metrics(), 1u);
    cr_assert_eq(nth_number(sent_point(0, 0), 6, 0) + nth_number(sent_point(0, 1), 6, 0), 7u);
    cr_assert_eq(reader_stats().requests, 1u);
    cr_assert_eq(reader_stats().points, 2u);
}

Test(periodic_reader, sends_by_itself_at_each_interval)
{
    start_to_a_server(5 * TN_MILLISECOND);
    tn_counter_add(some_counter("a"), 3);
    eventually(reader_stats().requests >= 3);
    tn_counter_add(some_counter("a"), 1);
    eventually(nth_number(sent_point(0, 0), 6, 0) == 4);
}

Test(periodic_reader, sends_nothing_while_there_is_nothing)
{
    start_to_a_server(HOUR);
    cr_assert(flush(5000));
    cr_assert_eq(server.requests, 0u);
}

Test(periodic_reader, a_delta_is_what_came_since_the_last_that_was_delivered)
{
    server_start(&server);
    tn_periodic_reader_options wanted = options(HOUR);
    wanted.delta = true;
    start(wanted);
    for (uint64_t amount = 1; amount <= 3; amount++) {
        tn_counter_add(some_counter("a"), amount);
        cr_assert(flush(5000));
        cr_assert_eq(nth_number(sent_point(0, 0), 6, 0), amount);
    }
    cr_assert(flush(5000));
    cr_assert_eq(server.requests, 3u);
}

Test(periodic_reader, what_comes_too_late_is_interrupted)
{
    server.manner = SERVER_IS_SILENT;
    start_to_a_server(HOUR);
    tn_counter_add(some_counter("a"), 3);
    cr_assert_not(flush(50));
    uint64_t began = tn_clock_monotonic();
    cr_assert_not(tn_periodic_reader_shutdown(reader, after_ms(50), NULL));
    cr_assert_lt(tn_clock_monotonic() - began, 2 * TN_SECOND);
    cr_assert_not(reader_stats().running);
}

Test(periodic_reader, who_waits_can_be_called_away)
{
    server.manner = SERVER_IS_SILENT;
    start_to_a_server(HOUR);
    tn_counter_add(some_counter("a"), 3);
    const atomic_bool cancelled = true;
    cr_assert_not(tn_periodic_reader_flush(reader, after_ms(60000), &cancelled));
    cr_assert_not(tn_periodic_reader_shutdown(reader, after_ms(60000), &cancelled));
    cr_assert(reader_stats().running);
}

Test(periodic_reader, tries_once_when_the_process_ends)
{
    server_start(&server);
    server_stop(&server);
    tn_periodic_reader_options wanted = options(HOUR);
    server = (test_server){.response = TN_TEXT(OK_RESPONSE)};
    wanted.client.url = TN_TEXT("http://127.0.0.1:1/v1/metrics");
    start(wanted);
    server_start(&server);
    tn_counter_add(some_counter("a"), 3);
    uint64_t began = tn_clock_monotonic();
    cr_assert(tn_periodic_reader_shutdown(reader, after_ms(10000), NULL));
    cr_assert_lt(tn_clock_monotonic() - began, 2 * TN_SECOND);
    cr_assert_eq(reader_stats().failed, 1u);
    cr_assert(log_has("metrics were not sent: POST http://127.0.0.1:1/v1/metrics"));
}

Test(periodic_reader, leaves_a_receiver_alone_that_has_asked_for_it)
{
    server.response = TN_TEXT("HTTP/1.1 429 Too Many\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n");
    server_start(&server);
    tn_periodic_reader_options wanted = options(HOUR);
    wanted.timeout = 100 * TN_MILLISECOND;
    start(wanted);
    tn_counter_add(some_counter("a"), 3);
    for (int i = 0; i < 3; i++) cr_assert(flush(5000));
    cr_assert_eq(server.requests, 1u);
    cr_assert_eq(reader_stats().failed, 1u);
}

Test(periodic_reader, goes_on_with_other_options)
{
    start_to_a_server(HOUR);
    tn_counter_add(some_counter("a"), 3);
    cr_assert(flush(5000));
    tn_periodic_reader_options wanted = options(HOUR);
    wanted.gzip = true;
    start(wanted);
    cr_assert(flush(5000));
    cr_assert(contains(server_head(&server), "Content-Encoding: gzip"));
    cr_assert_eq(tn_periodic_reader_configure(reader, NULL), TN_OK);
    cr_assert(flush(5000));
    cr_assert_eq(server.requests, 2u);
}

Test(periodic_reader, says_what_is_no_url)
{
    server_start(&server);
    tn_periodic_reader_options wanted = options(HOUR);
    wanted.client.url = TN_TEXT("localhost:4318");
    cr_assert_eq(tn_periodic_reader_configure(reader, &wanted), TN_ERROR_INVALID);
    cr_assert_not(reader_stats().running);
    cr_assert(flush(5000));
}

static int child(void *unused)
{
    (void)unused;
    tn_periodic_reader_stats stats = reader_stats();
    bool starts_anew = !stats.running && stats.requests == 0 && flush(1000);
    start(options(HOUR));
    tn_counter_add(some_counter("a"), 100);
    bool sends = flush(5000) && reader_stats().requests == 1;
    tn_periodic_reader_free(reader);
    return starts_anew && sends ? 0 : 1;
}

Test(periodic_reader, a_child_begins_anew)
{
    start_to_a_server(HOUR);
    tn_counter_add(some_counter("a"), 3);
    cr_assert(flush(5000));
    sleep_ms(20); /* its thread allocates no more */
    cr_assert_eq(child_result(start_child(child, NULL)), 0);
    cr_assert_eq(nth_number(sent_point(0, 0), 6, 0), 100u);
    cr_assert(flush(5000));
    cr_assert_eq(nth_number(sent_point(0, 0), 6, 0), 3u);
    cr_assert_eq(reader_stats().requests, 2u);
}

Test(periodic_reader, lives_without_memory)
{
    server_start(&server);
    tn_counter_add(some_counter("a"), 3);
    for_each_failing_allocation {
        tn_periodic_reader_options wanted = options(HOUR);
        wanted.delta = wanted.gzip = true;
        if (tn_periodic_reader_configure(reader, &wanted) == TN_OK) flush(5000);
        enough_memory();
        cr_assert_eq(tn_periodic_reader_configure(reader, NULL), TN_OK);
    }
    cr_assert_gt(reader_stats().requests, 0u);
}
