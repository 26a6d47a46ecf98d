#include "support_export.h"

#include "export/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

static void init_http(void)
{
    tn_http_global_init();
}

TestSuite(otlp_exporter, .init = init_http, .fini = all_memory_is_back, .timeout = 20);

static tn_otlp_exporter_options options_for(const test_server *server)
{
    return (tn_otlp_exporter_options){
        .encoding = test_encoding(),
        .client.url = tn_text_of(server->url),
        .client.headers = TN_TEXT("x-api-key: secret"),
        .client.user_agent = TN_TEXT("OTel-OTLP-Exporter-Test/1"),
        .timeout = 5 * TN_SECOND,
    };
}

static tn_exporter *exporter_for(const test_server *server)
{
    tn_exporter *exporter = NULL;
    tn_otlp_exporter_options options = options_for(server);
    cr_assert_eq(tn_otlp_exporter_new(&options, &exporter), TN_OK);
    return exporter;
}

/* What becomes of ten spans that this server gets. */
static tn_export_result export_to(test_server *server)
{
    server_start(server);
    tn_exporter *exporter = exporter_for(server);
    tn_export_result result = export_spans(exporter, 10);
    exporter->free(exporter);
    server_stop(server);
    cr_assert_eq(result.exported + result.dropped, 10);
    return result;
}

static size_t span_count(tn_text request)
{
    return field_count(nth_bytes(nth_bytes(request, 1, 0), 2, 0), 2);
}

static tn_buffer inflated(tn_text compressed)
{
    tn_buffer plain;
    tn_buffer_init(&plain, 1 << 20);
    cr_assert_eq(tn_buffer_reserve(&plain, 1 << 19), TN_OK);
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)compressed.bytes, .avail_in = (uInt)compressed.size};
    cr_assert_eq(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_out = plain.bytes;
    stream.avail_out = 1 << 19;
    cr_assert_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
    tn_buffer_advance(&plain, stream.total_out);
    inflateEnd(&stream);
    return plain;
}

Test(otlp_exporter, posts_a_batch_as_protobuf)
{
    test_server server = {0};
    server_start(&server);
    tn_exporter *exporter = exporter_for(&server);
    cr_assert_str_eq(exporter->name, "otlp");
    for (size_t count = 1; count < 4; count++) {
        tn_export_result result = export_spans(exporter, count);
        cr_assert_eq(result.exported, count);
        cr_assert_eq(result.dropped, 0);
        cr_assert_str_eq(result.message, "");
        cr_assert_eq(span_count(server_body(&server)), count);
        cr_assert(contains(server_head(&server), "\r\nContent-Type: application/x-protobuf\r\n"));
        cr_assert(contains(server_head(&server), "\r\nUser-Agent: OTel-OTLP-Exporter-Test/1\r\n"));
        cr_assert(contains(server_head(&server), "\r\nx-api-key: secret\r\n"));
        cr_assert_not(contains(server_head(&server), "Content-Encoding"));
    }
    cr_assert_eq(server.connections, 1);
    exporter->free(exporter);
    server_stop(&server);
}

Test(otlp_exporter, compresses_when_it_is_asked_to)
{
    test_server server = {0};
    server_start(&server);
    tn_exporter *exporter;
    tn_otlp_exporter_options options = options_for(&server);
    options.gzip = true;
    cr_assert_eq(tn_otlp_exporter_new(&options, &exporter), TN_OK);
    for (size_t count = 100; count < 103; count++) {
        cr_assert_eq(export_spans(exporter, count).exported, count);
        cr_assert(contains(server_head(&server), "\r\nContent-Encoding: gzip\r\n"));
        tn_buffer plain = inflated(server_body(&server));
        cr_assert_eq(span_count(tn_buffer_text(&plain)), count);
        cr_assert_lt(server_body(&server).size, plain.size / 4);
        tn_buffer_free(&plain);
    }
    exporter->free(exporter);
    server_stop(&server);
}

#define RESPONSE(body) TN_TEXT("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" body)

static tn_export_result export_with_body(tn_text response)
{
    test_server server = {.manner = SERVER_ANSWERS_ONCE, .response = response};
    return export_to(&server);
}

Test(otlp_exporter, counts_what_a_partial_success_rejected_and_passes_on_why)
{
    tn_export_result result = export_with_body(RESPONSE("\x0a\x09\x08\x03\x12\x05quota"));
    cr_assert_eq(result.exported, 7);
    cr_assert_eq(result.dropped, 3);
    cr_assert_eq(result.reason, TN_DROP_REJECTED);
    cr_assert_str_eq(result.message, "the collector says: quota");
}

Test(otlp_exporter, a_partial_success_that_rejects_nothing_is_a_warning)
{
    tn_export_result result = export_with_body(RESPONSE("\x0a\x06\x12\x04slow"));
    cr_assert_eq(result.exported, 10);
    cr_assert_str_eq(result.message, "the collector says: slow");
    cr_assert_eq(export_with_body(RESPONSE("\x0a\x00")).exported, 10);
    cr_assert_eq(export_with_body(RESPONSE("\x0a\x02\x08\x00")).exported, 10);
}

Test(otlp_exporter, a_collector_cannot_reject_more_than_it_got)
{
    cr_assert_eq(export_with_body(RESPONSE("\x0a\x02\x08\x7f")).dropped, 10);
    cr_assert_eq(export_with_body(RESPONSE("\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")).dropped, 10);
}

Test(otlp_exporter, a_success_whose_body_makes_no_sense_is_a_success)
{
    cr_assert_eq(export_with_body(RESPONSE("{\"partialSuccess\":{}}")).exported, 10);
    cr_assert_eq(export_with_body(RESPONSE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")).exported, 10);
    cr_assert_eq(export_with_body(RESPONSE("\x0a\x7f\x08")).exported, 10);
    cr_assert_eq(export_with_body(RESPONSE("\x0a\x03\x0a\x01x")).exported, 10, "a count that is a text");
}

Test(otlp_exporter, survives_every_flipped_byte_of_a_response)
{
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n\x0a\x09\x08\x03\x12\x05quota";
    char flipped[sizeof(response)];
    memcpy(flipped, response, sizeof(response));
    test_server server = {.response = {flipped, sizeof(flipped) - 1}};
    server_start(&server);
    tn_exporter *exporter = exporter_for(&server);
    for (size_t at = sizeof(response) - 12; at < sizeof(response) - 1; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            flipped[at] = (char)(response[at] ^ (1u << bit));
            tn_export_result result = export_spans(exporter, 10);
            cr_assert_eq(result.exported + result.dropped, 10);
        }
        flipped[at] = response[at];
    }
    exporter->free(exporter);
    server_stop(&server);
}

Test(otlp_exporter, other_statuses_are_rejections_that_name_url_and_status)
{
    static const int statuses[] = {302, 400, 401, 404, 413, 500, 501};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
        char text[128], expected[128];
        snprintf(text, sizeof(text), "HTTP/1.1 %d X\r\nLocation: /x\r\nContent-Length: 4\r\n\r\n\x0a\x02\x08\x01",
                 statuses[i]);
        test_server server = {.response = tn_text_of(text)};
        tn_export_result result = export_to(&server);
        snprintf(expected, sizeof(expected), "POST %s answered %d%s", server.url, statuses[i],
                 statuses[i] == 302 ? ", and redirects are not followed" : "");
        cr_assert_eq(result.dropped, 10);
        cr_assert_eq(result.reason, TN_DROP_REJECTED);
        cr_assert_str_eq(result.message, expected);
        cr_assert_eq(server.requests, 1);
    }
}

static void assert_drop(test_server *server, tn_drop reason)
{
    tn_export_result result = export_to(server);
    cr_assert_eq(result.dropped, 10);
    cr_assert_eq(result.reason, reason, "%s", tn_drop_name(result.reason));
    cr_assert(contains(tn_text_of(result.message), server->url), "%s", result.message);
}

Test(otlp_exporter, a_closed_connection_is_unreachable)
{
    assert_drop(&(test_server){.manner = SERVER_HANGS_UP}, TN_DROP_UNREACHABLE);
}

Test(otlp_exporter, a_response_that_is_too_large_is_too_large)
{
    size_t size = TN_MAX_RESPONSE + 1;
    char *text = malloc(size + 128);
    int head = snprintf(text, 128, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
    memset(text + head, 'x', size);
    assert_drop(&(test_server){.response = {text, (size_t)head + size}}, TN_DROP_TOO_LARGE);
    free(text);
}

Test(otlp_exporter, no_answer_within_its_timeout_is_a_deadline)
{
    test_server server = {.manner = SERVER_IS_SILENT};
    server_start(&server);
    tn_exporter *exporter;
    tn_otlp_exporter_options options = options_for(&server);
    options.timeout = 100 * TN_MILLISECOND;
    cr_assert_eq(tn_otlp_exporter_new(&options, &exporter), TN_OK);
    uint64_t start = tn_clock_monotonic();
    tn_export_result result = export_spans(exporter, 10);
    cr_assert_lt(tn_clock_monotonic() - start, 2 * TN_SECOND);
    cr_assert_eq(result.dropped, 10);
    cr_assert_eq(result.reason, TN_DROP_DEADLINE);
    exporter->free(exporter);
    server_stop(&server);
}

Test(otlp_exporter, the_callers_deadline_counts_when_it_is_earlier)
{
    test_server server = {.manner = SERVER_IS_SILENT};
    server_start(&server);
    tn_exporter *exporter = exporter_for(&server);
    tn_span_list spans = new_spans(1);
    tn_export_result result;
    uint64_t start = tn_clock_monotonic();
    exporter->export_batch(exporter, &spans, after_ms(100), &result);
    cr_assert_lt(tn_clock_monotonic() - start, 2 * TN_SECOND);
    cr_assert_eq(result.reason, TN_DROP_DEADLINE);
    tn_span_list_free(&spans);
    exporter->free(exporter);
    server_stop(&server);
}

static void *interrupt_later(void *exporter)
{
    sleep_ms(100);
    ((tn_exporter *)exporter)->interrupt(exporter);
    return NULL;
}

Test(otlp_exporter, an_interrupt_is_a_deadline)
{
    test_server server = {.manner = SERVER_IS_SILENT};
    server_start(&server);
    tn_exporter *exporter = exporter_for(&server);
    pthread_t thread;
    uint64_t start = tn_clock_monotonic();
    cr_assert_eq(pthread_create(&thread, NULL, interrupt_later, exporter), 0);
    tn_export_result result = export_spans(exporter, 10);
    cr_assert_lt(tn_clock_monotonic() - start, 2 * TN_SECOND);
    cr_assert_eq(result.dropped, 10);
    cr_assert_eq(result.reason, TN_DROP_DEADLINE);
    pthread_join(thread, NULL);
    exporter->free(exporter);
    server_stop(&server);
}

Test(otlp_exporter, a_message_names_no_secret)
{
    test_server server = {.manner = SERVER_HANGS_UP};
    server_start(&server);
    char url[128];
    snprintf(url, sizeof(url), "http://user:pass@127.0.0.1:%d/v1/traces?token=abc", server.port);
    tn_exporter *exporter;
    tn_otlp_exporter_options options = options_for(&server);
    options.client.url = tn_text_of(url);
    cr_assert_eq(tn_otlp_exporter_new(&options, &exporter), TN_OK);
    tn_export_result result = export_spans(exporter, 1);
    cr_assert(contains(tn_text_of(result.message), server.url));
    cr_assert_not(contains(tn_text_of(result.message), "pass"));
    cr_assert_not(contains(tn_text_of(result.message), "abc"));
    cr_assert_not(contains(tn_text_of(result.message), "secret"));
    exporter->free(exporter);
    server_stop(&server);
}

Test(otlp_exporter, refuses_an_url_that_is_none)
{
    tn_exporter *exporter = NULL;
    tn_otlp_exporter_options options = {.encoding = test_encoding(), .client.url = TN_TEXT("localhost:4318")};
    cr_assert_eq(tn_otlp_exporter_new(&options, &exporter), TN_ERROR_INVALID);
    cr_assert_null(exporter);
}

static int export_in_child(void *argument)
{
    tn_exporter *exporter = argument;
    exporter->reset_in_child(exporter);
    return export_spans(exporter, 2).exported == 2 ? 0 : 1;
}

Test(otlp_exporter, a_child_uses_a_connection_of_its_own_and_leaves_the_parents_alone)
{
    test_server server = {0};
    server_start(&server);
    tn_exporter *exporter = exporter_for(&server);
    cr_assert_eq(export_spans(exporter, 1).exported, 1);
    cr_assert_eq(child_result(start_child(export_in_child, exporter)), 0);
    cr_assert_eq(server.connections, 2);
    cr_assert_eq(export_spans(exporter, 1).exported, 1);
    cr_assert_eq(server.connections, 2, "the parent's still lives");
    exporter->free(exporter);
    server_stop(&server);
}

Test(otlp_exporter, that_cannot_allocate_says_so)
{
    test_server server = {0};
    server_start(&server);
    for_each_failing_allocation {
        enough_memory();
        tn_span_list spans = new_spans(20);
        tn_exporter *exporter = NULL;
        tn_otlp_exporter_options options = options_for(&server);
        options.gzip = true;
        scarce_memory();
        tn_status status = tn_otlp_exporter_new(&options, &exporter);
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        if (status == TN_OK) {
            tn_export_result result;
            exporter->export_batch(exporter, &spans, UINT64_MAX, &result);
            cr_assert_eq(result.exported + result.dropped, 20);
            cr_assert_eq(result.dropped, allocation_failed() ? 20 : 0);
            if (result.dropped) cr_assert_eq(result.reason, TN_DROP_MEMORY);
            exporter->free(exporter);
        }
        tn_span_list_free(&spans);
    }
    server_stop(&server);
}

/* --- Retries and the spool ------------------------------------------------------------------------------ */

static void *answer_well_later(void *server)
{
    sleep_ms(200);
    ((test_server *)server)->response = TN_TEXT(OK_RESPONSE);
    return NULL;
}

Test(otlp_exporter, a_collector_that_is_overloaded_gets_the_same_request_again)
{
    static const int statuses[] = {429, 502, 503, 504};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
        char text[128];
        snprintf(text, sizeof(text), "HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n", statuses[i]);
        test_server server = {.response = tn_text_of(text)};
        pthread_t thread;
        pthread_create(&thread, NULL, answer_well_later, &server);
        tn_export_result result = export_to(&server);
        pthread_join(thread, NULL);
        cr_assert_eq(result.exported, 10);
        cr_assert_geq(server.requests, 2);
    }
}

Test(otlp_exporter, what_cannot_be_delivered_waits_on_disk_and_is_sent_later)
{
    make_folder();
    tn_spool *spool = tn_spool_new(&tn_spool_real_system);
    tn_spool_options spool_options = {tn_text_of(path_in_folder(".")), 1 << 20, HOUR};
    cr_assert_eq(tn_spool_configure(spool, &spool_options), TN_OK);
    test_server server = {.response = TN_TEXT("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n")};
    server_start(&server);
    tn_exporter *exporter;
    tn_otlp_exporter_options options = options_for(&server);
    options.timeout = 300 * TN_MILLISECOND; /* less than the first retry takes */
    options.spool = spool;
    cr_assert_eq(tn_otlp_exporter_new(&options, &exporter), TN_OK);
    tn_export_result result = export_spans(exporter, 10);
    cr_assert_eq(result.spooled, 10);
    cr_assert_eq(result.dropped, 0);
    cr_assert_eq(export_spans(exporter, 5).spooled, 5, "at once");
    cr_assert_eq(server.requests, 1);

    server.response = TN_TEXT(OK_RESPONSE);
    for (size_t expected = 10; expected >= 5; expected -= 5) {
        eventually(exporter->drain_due(exporter) <= tn_clock_monotonic());
        exporter->drain(exporter, UINT64_MAX, &result);
        cr_assert_eq(result.delivered, expected);
        cr_assert_eq(span_count(server_body(&server)), expected);
    }
    exporter->free(exporter);
    tn_spool_free(spool);
    server_stop(&server);
    remove_folder();
}
