#include "support_export.h"

#include "export/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void init_http(void)
{
    tn_http_global_init();
}

TestSuite(http_client, .init = init_http, .fini = all_memory_is_back, .timeout = 20);

static tn_http_client *client_for(const char *url)
{
    tn_http_client *client = NULL;
    tn_http_client_options options = {
        .url = tn_text_of(url),
        .headers = TN_TEXT("x-api-key: secret\nx-other: 1"),
        .user_agent = TN_TEXT("OTel-OTLP-Exporter-Test/1"),
    };
    cr_assert_eq(tn_http_client_new(&options, &client), TN_OK);
    return client;
}

static tn_status post_until(tn_http_client *client, uint64_t deadline, tn_http_response *response)
{
    tn_http_request request = {
        .body = TN_TEXT("\x0a\x00 body\x00"),
        .content_type = "application/x-protobuf",
        .content_encoding = "gzip",
        .deadline = deadline,
    };
    return tn_http_client_post(client, &request, response);
}

static tn_status post(tn_http_client *client, tn_http_response *response)
{
    return post_until(client, after_ms(5000), response);
}

/* What a post to this server gives; the body is freed. */
static tn_status post_to(test_server *server, uint64_t milliseconds, long *status_out)
{
    server_start(server);
    tn_http_client *client = client_for(server->url);
    tn_http_response response;
    tn_status status = post_until(client, after_ms(milliseconds), &response);
    cr_assert_eq(response.error[0] != '\0', status != TN_OK, "an error has a text: %s", response.error);
    *status_out = response.status;
    tn_buffer_free(&response.body);
    tn_http_client_free(client);
    server_stop(server);
    return status;
}

Test(http_client, posts_the_body_with_its_headers)
{
    test_server server = {0};
    server_start(&server);
    tn_http_client *client = client_for(server.url);
    tn_http_response response;
    cr_assert_eq(post(client, &response), TN_OK);
    cr_assert_eq(response.status, 200);
    cr_assert_eq(response.body.size, 0);

    tn_text head = server_head(&server);
    cr_assert(tn_text_starts_with(head, TN_TEXT("POST /v1/traces HTTP/1.1\r\n")));
    cr_assert_eq(count_of(head, "\r\nContent-Type: application/x-protobuf\r\n"), 1);
    cr_assert_eq(count_of(head, "\r\nContent-Encoding: gzip\r\n"), 1);
    cr_assert_eq(count_of(head, "\r\nUser-Agent: OTel-OTLP-Exporter-Test/1\r\n"), 1);
    cr_assert_eq(count_of(head, "\r\nx-api-key: secret\r\n"), 1);
    cr_assert_eq(count_of(head, "\r\nx-other: 1\r\n"), 1);
    cr_assert_not(contains(head, "Expect:"));
    cr_assert(tn_text_equal(server_body(&server), TN_TEXT("\x0a\x00 body\x00")));
    tn_buffer_free(&response.body);
    tn_http_client_free(client);
    server_stop(&server);
}

Test(http_client, keeps_its_connection)
{
    test_server server = {0};
    server_start(&server);
    tn_http_client *client = client_for(server.url);
    for (size_t i = 1; i <= 5; i++) {
        tn_http_response response;
        cr_assert_eq(post(client, &response), TN_OK);
        cr_assert_eq(server.requests, i);
        tn_buffer_free(&response.body);
    }
    cr_assert_eq(server.connections, 1);
    tn_http_client_free(client);
    server_stop(&server);
}

Test(http_client, sends_a_large_body_whole)
{
    size_t size = 3 * 1024 * 1024;
    char *body = malloc(size);
    memset(body, 'x', size);
    test_server server = {0};
    server_start(&server);
    tn_http_client *client = client_for(server.url);
    tn_http_response response;
    tn_http_request request = {.body = {body, size}, .content_type = "text/plain", .deadline = after_ms(10000)};
    cr_assert_eq(tn_http_client_post(client, &request, &response), TN_OK);
    cr_assert_eq(server_body(&server).size, size);
    cr_assert_not(contains(server_head(&server), "Content-Encoding"));
    tn_buffer_free(&response.body);
    tn_http_client_free(client);
    server_stop(&server);
    free(body);
}

Test(http_client, gives_every_status_with_its_body)
{
    static const int statuses[] = {200, 202, 204, 301, 302, 307, 400, 401, 404, 413, 429, 500, 503};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
        char text[128];
        bool empty = statuses[i] == 204;
        snprintf(text, sizeof(text), "HTTP/1.1 %d X\r\nLocation: /elsewhere\r\n%s", statuses[i],
                 empty ? "\r\n" : "Content-Length: 5\r\n\r\nhello");
        test_server server = {.response = tn_text_of(text)};
        server_start(&server);
        tn_http_client *client = client_for(server.url);
        tn_http_response response;
        cr_assert_eq(post(client, &response), TN_OK);
        cr_assert_eq(response.status, statuses[i]);
        assert_text(tn_buffer_text(&response.body), empty ? "" : "hello");
        cr_assert_eq(server.requests, 1, "redirects are not followed");
        tn_buffer_free(&response.body);
        tn_http_client_free(client);
        server_stop(&server);
    }
}

Test(http_client, a_response_that_does_not_come_is_a_timeout_at_the_deadline)
{
    long status;
    test_server server = {.manner = SERVER_IS_SILENT};
    uint64_t start = tn_clock_monotonic();
    cr_assert_eq(post_to(&server, 250, &status), TN_ERROR_TIMEOUT);
    uint64_t waited = tn_clock_monotonic() - start;
    cr_assert(waited >= 250 * TN_MILLISECOND && waited < 2 * TN_SECOND, "%lu ns", (unsigned long)waited);
}

Test(http_client, a_response_that_stops_half_way_is_a_timeout_at_the_deadline)
{
    long status;
    test_server server = {.manner = SERVER_STOPS_HALF,
                          .response = TN_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")};
    cr_assert_eq(post_to(&server, 250, &status), TN_ERROR_TIMEOUT);
}

Test(http_client, a_slow_response_before_the_deadline_is_fine)
{
    long status;
    test_server server = {.delay = 250};
    cr_assert_eq(post_to(&server, 5000, &status), TN_OK);
    cr_assert_eq(status, 200);
}

Test(http_client, is_good_again_after_a_timeout)
{
    test_server server = {.delay = 300};
    server_start(&server);
    tn_http_client *client = client_for(server.url);
    tn_http_response response;
    cr_assert_eq(post_until(client, after_ms(50), &response), TN_ERROR_TIMEOUT);
    tn_buffer_free(&response.body);
    cr_assert_eq(post(client, &response), TN_OK);
    cr_assert_eq(response.status, 200);
    cr_assert_eq(server.connections, 2, "the late answer is not taken for that of the next request");
    tn_buffer_free(&response.body);
    tn_http_client_free(client);
    server_stop(&server);
}

Test(http_client, a_deadline_that_has_passed_is_a_timeout_at_once)
{
    test_server server = {.manner = SERVER_IS_SILENT};
    server_start(&server);
    tn_http_client *client = client_for(server.url);
    tn_http_response response;
    uint64_t start = tn_clock_monotonic();
    cr_assert_eq(post_until(client, 0, &response), TN_ERROR_TIMEOUT);
    cr_assert_lt(tn_clock_monotonic() - start, TN_SECOND);
    tn_buffer_free(&response.body);
    tn_http_client_free(client);
    server_stop(&server);
}

Test(http_client, a_connection_that_closes_before_the_response_is_unreachable)
{
    long status;
    test_server server = {.manner = SERVER_HANGS_UP};
    cr_assert_eq(post_to(&server, 5000, &status), TN_ERROR_UNREACHABLE);
}

Test(http_client, a_response_that_is_no_http_is_unreachable)
{
    long status;
    test_server server = {.response = TN_TEXT("hello\r\n\r\n")};
    cr_assert_eq(post_to(&server, 5000, &status), TN_ERROR_UNREACHABLE);
}

Test(http_client, a_port_where_nobody_listens_is_unreachable)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int bound = socket(AF_INET, SOCK_STREAM, 0); /* keeps the port from others, and does not listen */
    cr_assert_eq(bind(bound, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(getsockname(bound, (struct sockaddr *)&address, &size), 0);

    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(address.sin_port));
    tn_http_client *client = client_for(url);
    tn_http_response response;
    cr_assert_eq(post(client, &response), TN_ERROR_UNREACHABLE);
    cr_assert(contains(tn_text_of(response.error), "refused") || contains(tn_text_of(response.error), "connect"));
    tn_buffer_free(&response.body);
    tn_http_client_free(client);
    close(bound);
}

static char *large_response(size_t body)
{
    char *text = malloc(body + 128);
    int head = snprintf(text, 128, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", body);
    memset(text + head, 'x', body);
    text[(size_t)head + body] = '\0';
    return text;
}

Test(http_client, a_response_of_4_MiB_is_taken_and_one_byte_more_is_not)
{
    for (size_t more = 0; more < 2; more++) {
        char *text = large_response(TN_MAX_RESPONSE + more);
        test_server server = {.response = tn_text_of(text)};
        server_start(&server);
        tn_http_client *client = client_for(server.url);
        tn_http_response response;
        cr_assert_eq(post(client, &response), more ? TN_ERROR_LIMIT : TN_OK);
        cr_assert_eq(response.body.size, more ? 0 : TN_MAX_RESPONSE);
        tn_buffer_free(&response.body);
        tn_http_client_free(client);
        server_stop(&server);
        free(text);
    }
}

static void *interrupt_later(void *client)
{
    sleep_ms(100);
    tn_http_client_interrupt(client);
    return NULL;
}

Test(http_client, an_interrupt_ends_the_request_and_every_later_one_at_once)
{
    test_server server = {.manner = SERVER_IS_SILENT};
    server_start(&server);
    tn_http_client *client = client_for(server.url);
    tn_http_response response;
    pthread_t thread;
    uint64_t start = tn_clock_monotonic();
    cr_assert_eq(pthread_create(&thread, NULL, interrupt_later, client), 0);
    cr_assert_eq(post(client, &response), TN_ERROR_CLOSED);
    tn_buffer_free(&response.body);
    cr_assert_eq(post(client, &response), TN_ERROR_CLOSED);
    tn_buffer_free(&response.body);
    cr_assert_lt(tn_clock_monotonic() - start, 2 * TN_SECOND);
    pthread_join(thread, NULL);
    tn_http_client_free(client);
    server_stop(&server);
}

static bool count_call(void *count, bool may_pause)
{
    *(size_t *)count += may_pause;
    return false;
}

Test(http_client, goes_to_the_checkpoint_while_it_waits)
{
    size_t calls = 0;
    test_server server = {.delay = 450};
    server_start(&server);
    tn_http_client *client;
    tn_http_client_options options = {
        .url = tn_text_of(server.url), .checkpoint = count_call, .checkpoint_self = &calls};
    cr_assert_eq(tn_http_client_new(&options, &client), TN_OK);
    tn_http_response response;
    cr_assert_eq(post(client, &response), TN_OK);
    cr_assert_geq(calls, 4);
    tn_buffer_free(&response.body);
    tn_http_client_free(client);
    server_stop(&server);
}

Test(http_client, does_not_ask_a_proxy_for_loopback_addresses)
{
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    long status;
    test_server server = {0};
    cr_assert_eq(post_to(&server, 5000, &status), TN_OK);
}

Test(http_client, uses_user_and_password_of_the_url)
{
    test_server server = {0};
    server_start(&server);
    char url[128];
    snprintf(url, sizeof(url), "http://user:pass@127.0.0.1:%d/v1/traces?token=abc", server.port);
    tn_http_client *client = client_for(url);
    tn_http_response response;
    cr_assert_eq(post(client, &response), TN_OK);
    cr_assert(tn_text_starts_with(server_head(&server), TN_TEXT("POST /v1/traces?token=abc ")));
    cr_assert(contains(server_head(&server), "Authorization: Basic dXNlcjpwYXNz\r\n"));
    tn_buffer_free(&response.body);
    tn_http_client_free(client);
    server_stop(&server);
}

static void assert_display(const char *url, const char *expected)
{
    tn_http_client *client = client_for(url);
    assert_text(tn_http_client_display_url(client), expected);
    tn_http_client_free(client);
}

Test(http_client, shows_its_url_without_secrets)
{
    assert_display("http://user:pass@example.com:4318/v1/traces?token=abc#frag", "http://example.com:4318/v1/traces");
    assert_display("https://user@example.com/", "https://example.com/");
    assert_display("http://:pass@[::1]:4318/x", "http://[::1]:4318/x");
    assert_display("http://us%40er:pa%3Ass@example.com/a?b", "http://example.com/a");
    assert_display("http://localhost:4318/v1/traces", "http://localhost:4318/v1/traces");
}

Test(http_client, an_error_names_no_secret)
{
    test_server server = {.manner = SERVER_HANGS_UP};
    server_start(&server);
    char url[128];
    snprintf(url, sizeof(url), "http://user:pass@127.0.0.1:%d/?token=abc", server.port);
    tn_http_client *client = client_for(url);
    tn_http_response response;
    cr_assert_eq(post(client, &response), TN_ERROR_UNREACHABLE);
    cr_assert_not(contains(tn_text_of(response.error), "pass"));
    cr_assert_not(contains(tn_text_of(response.error), "abc"));
    tn_buffer_free(&response.body);
    tn_http_client_free(client);
    server_stop(&server);
}

static void assert_refused(tn_text url)
{
    tn_http_client *client = NULL;
    tn_http_client_options options = {.url = url};
    cr_assert_eq(tn_http_client_new(&options, &client), TN_ERROR_INVALID, "%.*s", (int)url.size, url.bytes);
    cr_assert_null(client);
}

Test(http_client, refuses_what_is_no_http_url)
{
    static char long_url[10000] = "http://example.com/";
    memset(long_url + strlen(long_url), 'x', sizeof(long_url) - strlen(long_url) - 1);
    assert_refused(TN_NO_TEXT);
    assert_refused((tn_text){NULL, 0});
    assert_refused(TN_TEXT("example.com"));
    assert_refused(TN_TEXT("localhost:4318"));
    assert_refused(TN_TEXT("http://"));
    assert_refused(TN_TEXT("http://exa mple.com"));
    assert_refused(TN_TEXT("http://example.com:99999/"));
    assert_refused(TN_TEXT("ftp://example.com/"));
    assert_refused(TN_TEXT("file:///etc/passwd"));
    assert_refused(TN_TEXT("unix:///tmp/socket"));
    assert_refused(TN_TEXT("http://example.com/\0x"));
    assert_refused(TN_TEXT("http://example.com/\r\nX: y"));
    assert_refused(tn_text_of(long_url));
}

static int abandon(void *client)
{
    tn_http_client_abandon(client);
    return live_allocations() == 0 ? 0 : 1;
}

Test(http_client, a_child_can_give_up_what_it_inherited_and_the_parents_connection_lives)
{
    test_server server = {0};
    server_start(&server);
    tn_http_client *client = client_for(server.url);
    for (int i = 0; i < 2; i++) {
        tn_http_response response;
        cr_assert_eq(post(client, &response), TN_OK);
        tn_buffer_free(&response.body);
        cr_assert_eq(child_result(start_child(abandon, client)), 0);
    }
    cr_assert_eq(server.connections, 1);
    tn_http_client_free(client);
    server_stop(&server);
}

Test(http_client, no_client_can_be_freed)
{
    tn_http_client_free(NULL);
}

Test(http_client, that_cannot_allocate_says_so)
{
    test_server server = {.response = TN_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")};
    server_start(&server);
    for_each_failing_allocation {
        tn_http_client *client = NULL;
        tn_http_client_options options = {.url = tn_text_of(server.url)};
        tn_status status = tn_http_client_new(&options, &client);
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        if (status != TN_OK) continue;

        tn_http_response response;
        status = post(client, &response);
        cr_assert_eq(status, allocation_failed() ? TN_ERROR_MEMORY : TN_OK);
        tn_buffer_free(&response.body);
        tn_http_client_free(client);
    }
    server_stop(&server);
}
