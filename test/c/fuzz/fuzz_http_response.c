/* What a receiver may answer: any bytes, over a real connection. Whatever they are, the client comes back, stays within
 * its limits, and waits no longer than the receiver may ask for (Retry-After). */
#include "fuzz/fuzz.h"

#include "base/clock.h"
#include "export/backoff.h"
#include "export/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static int listener;
static char url[64];
static char answer[64 * 1024]; /* stays: a client that gave up may have left a connection behind */
static size_t answer_size;

static void read_request(int connection)
{
    char bytes[4096];
    size_t size = 0;
    while (size < sizeof(bytes)) {
        ssize_t got = recv(connection, bytes + size, sizeof(bytes) - size, 0);
        if (got <= 0) return;
        size += (size_t)got;
        if (memmem(bytes, size, "\r\n\r\nbody", 8)) return;
    }
}

static void *serve(void *unused)
{
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (connection < 0) return unused;
        read_request(connection);
        send(connection, answer, answer_size, MSG_NOSIGNAL);
        shutdown(connection, SHUT_RDWR);
        close(connection);
    }
}

static void start(void)
{
    pthread_t thread;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    tn_http_global_init();
    listener = socket(AF_INET, SOCK_STREAM, 0);
    fuzz_check(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 64) == 0);
    fuzz_check(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(address.sin_port));
    fuzz_check(pthread_create(&thread, NULL, serve, NULL) == 0);
    pthread_detach(thread);
}

/* A status line and some headers in front of the input, so that it is more often one. */
static void make_answer(fuzz_input *input)
{
    static const char *const starts[] = {"",
                                         "HTTP/1.1 ",
                                         "HTTP/1.1 200 OK\r\n",
                                         "HTTP/1.1 503 no\r\nRetry-After: ",
                                         "HTTP/1.1 429 no\r\nDate: ",
                                         "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"};
    const char *start = starts[fuzz_below(input, sizeof(starts) / sizeof(*starts))];
    tn_text rest = fuzz_rest(input);
    size_t start_size = strlen(start), left = sizeof(answer) - start_size;
    size_t rest_size = rest.size < left ? rest.size : left;
    memcpy(answer, start, start_size);
    if (rest_size) memcpy(answer + start_size, rest.bytes, rest_size);
    answer_size = start_size + rest_size;
    fuzz_free(rest);
}

static void check(const tn_http_client *client, tn_status status, const tn_http_response *response)
{
    tn_http_timing timing;
    tn_http_timing_read(client, &timing);
    fuzz_check(timing.date >= 0);
    fuzz_check((status == TN_OK) == (response->error[0] == '\0'));
    fuzz_check(status != TN_OK || (response->status >= 100 && response->status <= 999));
    fuzz_check(response->body.size <= TN_MAX_RESPONSE);

    tn_backoff backoff;
    tn_backoff_init(&backoff);
    uint64_t now = tn_clock_monotonic();
    fuzz_check(tn_backoff_fail(&backoff, response->retry_after) <= now + TN_MAX_RETRY_AFTER + TN_SECOND);
    fuzz_plant(status == TN_OK && response->status == 503 && response->retry_after > 100 * TN_SECOND);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (!listener) start();

    fuzz_input input = {bytes, bytes + size};
    make_answer(&input);
    tn_http_client *client = NULL;
    tn_http_client_options options = {.url = tn_text_of(url)};
    fuzz_check(tn_http_client_new(&options, &client) == TN_OK);
    tn_http_request request = {
        .body = TN_TEXT("body"), .content_type = "text/plain", .deadline = tn_clock_monotonic() + TN_SECOND};
    tn_http_response response;
    tn_status status = tn_http_client_post(client, &request, &response);
    check(client, status, &response);
    tn_buffer_free(&response.body);
    tn_http_client_free(client);
    fuzz_check(fuzz_live_allocations() == 0);
    return 0;
}
