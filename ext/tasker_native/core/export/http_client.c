#include "export/http_client.h"

#include "base/clock.h"
#include "base/process.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <strings.h>

#define POLL_MILLISECONDS 100 /* between two checkpoints */
#define MAX_URL 8192
#define MAX_CONNECTION_AGE 300L /* seconds */
#define MAX_PATH 4096
#define UPLOAD_BUFFER_SIZE (512L * 1024) /* of a usual batch all at once: each piece wakes the receiver up */

struct tn_http_client {
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers; /* those of every request */
    tn_buffer display_url;
    bool (*checkpoint)(void *self, bool may_pause);
    void *checkpoint_self;
    bool secure;    /* https */
    bool resolving; /* a thread of libcurl's looks a name up */
    atomic_bool interrupted;
    int64_t date; /* of the last response */
    char error[CURL_ERROR_SIZE];
};

void tn_http_global_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t receive(char *bytes, size_t size, size_t count, void *response)
{
    tn_buffer *body = &((tn_http_response *)response)->body;
    return tn_buffer_append(body, bytes, size * count) == TN_OK ? size * count : 0;
}

/* Of the headers of a response, its date (RFC 9110, section 6.6.1). */
static size_t receive_header(char *bytes, size_t size, size_t count, void *client)
{
    char date[64];
    tn_text line = {bytes, size * count};
    const size_t name_size = sizeof("date:") - 1;
    if (line.size > name_size && line.size < sizeof(date) && strncasecmp(line.bytes, "date:", name_size) == 0) {
        snprintf(date, sizeof(date), "%.*s", (int)(line.size - name_size), line.bytes + name_size);
        ((tn_http_client *)client)->date = (int64_t)curl_getdate(date, NULL);
    }
    return line.size;
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
}

static void keep_display_url(tn_http_client *client, CURLU *url)
{
    char *text = NULL;
    curl_url_set(url, CURLUPART_USER, NULL, 0);
    curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
    curl_url_set(url, CURLUPART_QUERY, NULL, 0);
    curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
    if (curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK)
        tn_buffer_append_text(&client->display_url, tn_text_of(text));
    curl_free(text);
}

static tn_status check_url(tn_http_client *client, const char *text)
{
    CURLU *url = curl_url();
    if (!url) return TN_ERROR_MEMORY;

    char *scheme = NULL, *host = NULL;
    bool valid = curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
                 curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                 curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                 (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    if (valid) {
        client->secure = strcmp(scheme, "https") == 0;
        if (is_loopback(host)) curl_easy_setopt(client->easy, CURLOPT_NOPROXY, "*");
        keep_display_url(client, url);
    }
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(url);
    if (!valid) return TN_ERROR_INVALID;
    return client->display_url.status;
}

static tn_status set_url(tn_http_client *client, tn_text text)
{
    char url[MAX_URL];
    if (text.size == 0 || text.size >= sizeof(url) || memchr(text.bytes, '\0', text.size)) return TN_ERROR_INVALID;
    memcpy(url, text.bytes, text.size);
    url[text.size] = '\0';

    tn_status status = check_url(client, url);
    if (status == TN_OK && curl_easy_setopt(client->easy, CURLOPT_URL, url) != CURLE_OK) status = TN_ERROR_MEMORY;
    return status;
}

static tn_status add_header(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*headers, line);
    if (!longer) return TN_ERROR_MEMORY;
    *headers = longer;
    return TN_OK;
}

static tn_status add_headers(struct curl_slist **headers, tn_text lines)
{
    tn_status status = TN_OK;
    while (lines.size > 0 && status == TN_OK) {
        const char *end = memchr(lines.bytes, '\n', lines.size);
        size_t size = end ? (size_t)(end - lines.bytes) : lines.size;
        char line[MAX_URL];
        if (size >= sizeof(line)) return TN_ERROR_INVALID;
        memcpy(line, lines.bytes, size);
        line[size] = '\0';
        status = add_header(headers, line);

        size_t taken = end ? size + 1 : size;
        lines = (tn_text){lines.bytes + taken, lines.size - taken};
    }
    return status;
}

static void set_user_agent(tn_http_client *client, tn_text text)
{
    char user_agent[256];
    snprintf(user_agent, sizeof(user_agent), "%.*s", (int)text.size, text.bytes);
    curl_easy_setopt(client->easy, CURLOPT_USERAGENT, user_agent);
}

static tn_status set_file(tn_http_client *client, CURLoption option, tn_text path)
{
    char terminated[MAX_PATH];
    if (path.size == 0) return TN_OK;
    if (path.size >= sizeof(terminated) || memchr(path.bytes, '\0', path.size)) return TN_ERROR_INVALID;
    memcpy(terminated, path.bytes, path.size);
    terminated[path.size] = '\0';
    return curl_easy_setopt(client->easy, option, terminated) == CURLE_OK ? TN_OK : TN_ERROR_MEMORY;
}

static tn_status set_certificates(tn_http_client *client, const tn_http_client_options *options)
{
    tn_status status = set_file(client, CURLOPT_CAINFO, options->certificate);
    if (status == TN_OK) status = set_file(client, CURLOPT_SSLCERT, options->client_certificate);
    if (status == TN_OK) status = set_file(client, CURLOPT_SSLKEY, options->client_key);
    return status;
}

static int begin_resolving(void *resolver, void *reserved, void *client)
{
    (void)resolver;
    (void)reserved;
    ((tn_http_client *)client)->resolving = true;
    return 0;
}

static int end_resolving(void *client, curl_socket_t socket, curlsocktype purpose)
{
    (void)socket;
    (void)purpose;
    ((tn_http_client *)client)->resolving = false;
    return CURL_SOCKOPT_OK;
}

static void set_rules(tn_http_client *client)
{
    curl_easy_setopt(client->easy, CURLOPT_RESOLVER_START_FUNCTION, begin_resolving);
    curl_easy_setopt(client->easy, CURLOPT_RESOLVER_START_DATA, client);
    curl_easy_setopt(client->easy, CURLOPT_SOCKOPTFUNCTION, end_resolving);
    curl_easy_setopt(client->easy, CURLOPT_SOCKOPTDATA, client);
    curl_easy_setopt(client->easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(client->easy, CURLOPT_MAXLIFETIME_CONN, MAX_CONNECTION_AGE);
    curl_easy_setopt(client->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(client->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(client->easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_SIZE);
    curl_easy_setopt(client->easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(client->easy, CURLOPT_HEADERFUNCTION, receive_header);
    curl_easy_setopt(client->easy, CURLOPT_HEADERDATA, client);
    curl_easy_setopt(client->easy, CURLOPT_ERRORBUFFER, client->error);
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(client->easy, CURLOPT_QUICK_EXIT, 1L); /* who gives up does not wait for a slow name server */
#endif
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(client->easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(client->easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
}

tn_status tn_http_client_new(const tn_http_client_options *options, tn_http_client **client_out)
{
    tn_http_client *client = tn_alloc_zeroed(sizeof(*client));
    if (!client) return TN_ERROR_MEMORY;

    tn_buffer_init(&client->display_url, MAX_URL);
    atomic_init(&client->interrupted, false);
    client->checkpoint = options->checkpoint;
    client->checkpoint_self = options->checkpoint_self;
    client->multi = curl_multi_init();
    client->easy = curl_easy_init();

    tn_status status = client->multi && client->easy ? TN_OK : TN_ERROR_MEMORY;
    if (status == TN_OK) status = set_url(client, options->url);
    if (status == TN_OK) status = set_certificates(client, options);
    if (status == TN_OK) status = add_headers(&client->headers, options->headers);
    if (status == TN_OK) status = add_header(&client->headers, "Expect:"); /* no waiting for 100 Continue */
    if (status != TN_OK) {
        tn_http_client_free(client);
        return status;
    }
    set_user_agent(client, options->user_agent);
    set_rules(client);
    *client_out = client;
    return TN_OK;
}

void tn_http_client_free(tn_http_client *client)
{
    if (!client) return;
    curl_easy_cleanup(client->easy);
    curl_multi_cleanup(client->multi);
    curl_slist_free_all(client->headers);
    tn_http_client_abandon(client);
}

void tn_http_client_abandon(tn_http_client *client)
{
    tn_buffer_free(&client->display_url);
    tn_free(client);
}

tn_text tn_http_client_display_url(const tn_http_client *client)
{
    return tn_buffer_text(&client->display_url);
}

void tn_http_client_wake(tn_http_client *client)
{
    curl_multi_wakeup(client->multi);
}

void tn_http_client_interrupt(tn_http_client *client)
{
    atomic_store(&client->interrupted, true);
    curl_multi_wakeup(client->multi);
}

static int milliseconds_until(uint64_t deadline)
{
    uint64_t now = tn_clock_monotonic();
    if (now >= deadline) return 0;
    uint64_t left = (deadline - now + TN_MILLISECOND - 1) / TN_MILLISECOND;
    return left < POLL_MILLISECONDS ? (int)left : POLL_MILLISECONDS;
}

static bool is_done(tn_http_client *client, CURLcode *result_out)
{
    int waiting;
    CURLMsg *message = curl_multi_info_read(client->multi, &waiting);
    if (!message || message->msg != CURLMSG_DONE) return false;
    *result_out = message->data.result;
    return true;
}

static bool check_in(tn_http_client *client)
{
    return client->checkpoint && client->checkpoint(client->checkpoint_self, !client->resolving);
}

/* Runs the transfer until it is over, one way or the other. */
static tn_status perform(tn_http_client *client, uint64_t deadline, CURLcode *result_out)
{
    for (;;) {
        int running;
        if (curl_multi_perform(client->multi, &running) != CURLM_OK) return TN_ERROR_MEMORY;
        if (is_done(client, result_out)) return TN_OK;
        if (atomic_load(&client->interrupted)) return TN_ERROR_CLOSED;

        int milliseconds = milliseconds_until(deadline);
        if (milliseconds == 0) return TN_ERROR_TIMEOUT;
        curl_multi_poll(client->multi, NULL, 0, milliseconds, NULL);
        check_in(client);
    }
}

bool tn_http_client_wait(tn_http_client *client, uint64_t until)
{
    for (;;) {
        if (atomic_load(&client->interrupted) || check_in(client)) return false;
        int milliseconds = milliseconds_until(until);
        if (milliseconds == 0) return true;
        curl_multi_poll(client->multi, NULL, 0, milliseconds, NULL);
    }
}

static tn_status status_of(CURLcode result, const tn_http_response *response)
{
    if (result == CURLE_OK) return TN_OK;
    if (result == CURLE_OUT_OF_MEMORY) return TN_ERROR_MEMORY;
    if (result == CURLE_WRITE_ERROR)
        return response->body.status == TN_OK ? TN_ERROR_UNREACHABLE : response->body.status;
    if (result == CURLE_OPERATION_TIMEDOUT) return TN_ERROR_TIMEOUT;
    return TN_ERROR_UNREACHABLE;
}

/* A failure to connect, or a disconnect before the whole response was there. */
static bool is_passing(CURLcode result)
{
    switch (result) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return true;
    default: return false;
    }
}

/* There was never a connection. */
static bool is_unsent(const tn_http_client *client, CURLcode result)
{
    return client->resolving || result == CURLE_COULDNT_RESOLVE_PROXY || result == CURLE_COULDNT_RESOLVE_HOST ||
           result == CURLE_COULDNT_CONNECT;
}

static tn_tls_trouble tls_trouble(const tn_http_client *client, CURLcode result)
{
    if (!client->secure) return TN_TLS_FINE;
    switch (result) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: return TN_TLS_SERVER;
    case CURLE_SSL_CERTPROBLEM: return TN_TLS_CLIENT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return TN_TLS_EITHER; /* with TLS 1.3, a client certificate is refused behind the handshake */
    default: return TN_TLS_FINE;
    }
}

static uint64_t retry_after(tn_http_client *client)
{
    curl_off_t seconds = 0;
    curl_easy_getinfo(client->easy, CURLINFO_RETRY_AFTER, &seconds);
    return seconds > 0 ? tn_clock_duration((double)seconds) : 0;
}

static void describe(tn_http_client *client, tn_status status, CURLcode result, tn_http_response *response)
{
    const char *error = tn_status_text(status);
    if (result != CURLE_OK) error = client->error[0] ? client->error : curl_easy_strerror(result);
    if (status == TN_ERROR_LIMIT) error = "the response is larger than 4 MiB";
    if (status == TN_ERROR_CLOSED) error = "given up before there was an answer";
    snprintf(response->error, sizeof(response->error), "%s", error);
}

static tn_status set_request_headers(tn_http_client *client, const tn_http_request *request, struct curl_slist **all)
{
    char type[128], encoding[128];
    snprintf(type, sizeof(type), "Content-Type: %s", request->content_type);
    tn_status status = add_header(all, type);
    if (status == TN_OK && request->content_encoding) {
        snprintf(encoding, sizeof(encoding), "Content-Encoding: %s", request->content_encoding);
        status = add_header(all, encoding);
    }
    if (status == TN_OK && request->header) status = add_header(all, request->header);
    for (struct curl_slist *header = client->headers; header && status == TN_OK; header = header->next) {
        status = add_header(all, header->data);
    }
    curl_easy_setopt(client->easy, CURLOPT_HTTPHEADER, *all);
    return status;
}

tn_status tn_http_client_post(tn_http_client *client, const tn_http_request *request, tn_http_response *response)
{
    *response = (tn_http_response){0};
    tn_buffer_init(&response->body, TN_MAX_RESPONSE);
    client->error[0] = '\0';
    client->date = 0;
    curl_easy_setopt(client->easy, CURLOPT_POSTFIELDS, request->body.bytes);
    curl_easy_setopt(client->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
    curl_easy_setopt(client->easy, CURLOPT_WRITEDATA, response);

    CURLcode result = CURLE_OK;
    struct curl_slist *headers = NULL;
    tn_status status = set_request_headers(client, request, &headers);
    if (status == TN_OK && curl_multi_add_handle(client->multi, client->easy) == CURLM_OK) {
        status = perform(client, request->deadline, &result);
        if (status == TN_OK) status = status_of(result, response);
        curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &response->status);
        response->retry_after = retry_after(client);
        response->passing = is_passing(result);
        response->tls = tls_trouble(client, result);
        response->unsent = is_unsent(client, result);
        curl_multi_remove_handle(client->multi, client->easy);
        client->resolving = false;
    } else {
        status = TN_ERROR_MEMORY;
    }
    if (status != TN_OK) describe(client, status, result, response);
    curl_easy_setopt(client->easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    return status;
}

static double seconds_of(const tn_http_client *client, CURLINFO info)
{
    curl_off_t microseconds = 0;
    curl_easy_getinfo(client->easy, info, &microseconds);
    return (double)microseconds / 1e6;
}

void tn_http_timing_read(const tn_http_client *client, tn_http_timing *timing)
{
    char *address = NULL;
    curl_easy_getinfo(client->easy, CURLINFO_PRIMARY_IP, &address);
    *timing = (tn_http_timing){
        .resolved = seconds_of(client, CURLINFO_NAMELOOKUP_TIME_T),
        .connected = seconds_of(client, CURLINFO_CONNECT_TIME_T),
        .secured = seconds_of(client, CURLINFO_APPCONNECT_TIME_T),
        .answered = seconds_of(client, CURLINFO_STARTTRANSFER_TIME_T),
        .date = client->date > 0 ? client->date : 0,
    };
    snprintf(timing->address, sizeof(timing->address), "%s", address ? address : "");
}

const char *tn_http_version(void)
{
    return curl_version();
}
