/* The HTTP client while libcurl itself runs out of memory: its allocations go through libcurl's own hooks, not through
 * the core's. */
#include "support_export.h"

#include "export/http_client.h"

#include <curl/curl.h>
#include <stdlib.h>

static struct {
    atomic_size_t live, attempts, fails_at;
    atomic_bool failed;
} curl;

static bool fails(void)
{
    if (!curl.fails_at || ++curl.attempts != curl.fails_at) return false;
    curl.failed = true;
    return true;
}

static void *counted(void *block)
{
    if (block) curl.live++;
    return block;
}

static void *allocate(size_t size)
{
    return fails() ? NULL : counted(malloc(size));
}

static void *allocate_zeroed(size_t count, size_t size)
{
    return fails() ? NULL : counted(calloc(count, size));
}

static void *reallocate(void *block, size_t size)
{
    if (fails()) return NULL;
    return block ? realloc(block, size) : counted(malloc(size));
}

static char *duplicate(const char *text)
{
    return fails() ? NULL : counted(strdup(text));
}

static void release(void *block)
{
    if (block) curl.live--;
    free(block);
}

static void init_http(void)
{
    curl_global_init_mem(CURL_GLOBAL_DEFAULT, allocate, release, reallocate, duplicate, allocate_zeroed);
    tn_http_global_init();
}

TestSuite(http_client_memory, .init = init_http, .fini = all_memory_is_back, .timeout = 60);

static void scarce(size_t nth)
{
    curl.attempts = 0;
    curl.failed = false;
    curl.fails_at = nth;
}

/* A client that is made, posts once, and is freed. Returns whether all of it went well. */
static bool post_once_to(const char *url)
{
    tn_http_client *client = NULL;
    tn_http_client_options options = {
        .url = tn_text_of(url),
        .headers = TN_TEXT("x-api-key: secret\nx-other: 1"),
        .user_agent = TN_TEXT("OTel-OTLP-Exporter-Test/1"),
    };
    if (tn_http_client_new(&options, &client) != TN_OK) return false;

    tn_http_response response;
    tn_http_request request = {
        .body = TN_TEXT("body"), .content_type = "application/x-protobuf", .deadline = after_ms(5000)};
    tn_status status = tn_http_client_post(client, &request, &response);
    cr_assert_eq(response.error[0] != '\0', status != TN_OK);
    tn_buffer_free(&response.body);
    tn_http_client_free(client);
    return status == TN_OK;
}

/* To a server of its own, which takes few connections. */
static bool post_once(void)
{
    test_server server = {0};
    server_start(&server);
    bool delivered = post_once_to(server.url);
    server_stop(&server);
    return delivered;
}

Test(http_client_memory, libcurl_that_cannot_allocate_leaves_nothing_behind_and_the_next_client_works)
{
    cr_assert(post_once());
    size_t before = curl.live, nth = 0;
    do {
        scarce(++nth);
        post_once();
        cr_assert(nth < 2000, "it never comes to an end");
        cr_assert_eq(curl.live, before, "allocation %zu failing: %zu are left, not %zu", nth, (size_t)curl.live,
                     before);
    } while (curl.failed);

    cr_assert_gt(nth, 20);
    scarce(0);
    cr_assert(post_once());
}
