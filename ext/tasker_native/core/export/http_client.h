#ifndef TN_EXPORT_HTTP_CLIENT_H
#define TN_EXPORT_HTTP_CLIENT_H

#include "base/buffer.h"

/* POST requests to one URL by libcurl, over a connection that is kept, at most for five minutes, so that names are
 * looked up again. One thread uses a client at a time; only tn_http_client_interrupt and tn_http_client_wake may come
 * from another. Redirects are not followed. Proxies are those of the environment, except for loopback addresses. */
typedef struct tn_http_client tn_http_client;

typedef struct {
    tn_text url;
    tn_text headers; /* "Name: value" lines, separated by \n */
    tn_text user_agent;
    /* Files in PEM form; empty: those of the system, and none. The client's certificate may be a chain. */
    tn_text certificate, client_certificate, client_key;
    /* Called now and then while a request is under way, or waited for; may be NULL. may_pause: it may take its time, as
     * no name is being looked up. true: don't wait any longer. */
    bool (*checkpoint)(void *self, bool may_pause);
    void *checkpoint_self;
} tn_http_client_options;

typedef struct {
    tn_text body;
    const char *content_type;
    const char *content_encoding; /* NULL: none */
    const char *header;           /* one more, "Name: value"; NULL: none */
    uint64_t deadline;            /* monotonic, nanoseconds */
} tn_http_request;

#define TN_MAX_RESPONSE (4 * 1024 * 1024) /* bytes */

/* Whose fault it may be that there is no response: which files to look at. */
typedef enum {
    TN_TLS_FINE,
    TN_TLS_SERVER, /* its certificate is not trusted, or `certificate` is no file of certificates */
    TN_TLS_CLIENT, /* client_certificate or client_key can't be used */
    TN_TLS_EITHER, /* it hung up while or after it shook hands: it may want another client certificate, or no TLS */
} tn_tls_trouble;

typedef struct {
    long status; /* of HTTP, when the call returned TN_OK */
    tn_buffer body;
    uint64_t retry_after; /* nanoseconds; 0: the response did not say (RFC 9110, section 10.2.3) */
    bool passing;         /* it did not return TN_OK, and the same request may fare better soon */
    bool unsent;          /* it did not return TN_OK, and nobody can have got the request */
    tn_tls_trouble tls;
    char error[256]; /* what went wrong, when it did not */
} tn_http_response;

/* Once per process, before the first client and while there is one thread only. */
void tn_http_global_init(void);

/* TN_ERROR_INVALID for an URL that is none, or neither http nor https; TN_ERROR_MEMORY. */
tn_status tn_http_client_new(const tn_http_client_options *options, tn_http_client **client_out) TN_MUST_CHECK;
void tn_http_client_free(tn_http_client *client);

/* Gives a client up in a forked child: its connection is the parent's and must not be written to or shut down.
 * The memory that libcurl holds is lost. */
void tn_http_client_abandon(tn_http_client *client);

/* The URL without user, password, query and fragment: fit for logs. */
tn_text tn_http_client_display_url(const tn_http_client *client);

/* TN_OK: there is a response, whatever its status. TN_ERROR_UNREACHABLE, TN_ERROR_TIMEOUT (the deadline),
 * TN_ERROR_CLOSED (interrupted), TN_ERROR_LIMIT (the response is too large), TN_ERROR_MEMORY: response->error says
 * more. Free response->body in any case. */
tn_status tn_http_client_post(tn_http_client *client, const tn_http_request *request, tn_http_response *response_out);

/* How far the last request came, in seconds since it began; 0: not so far. */
typedef struct {
    double resolved, connected, secured, answered;
    char address[64]; /* of the receiver; empty: there was no connection */
    int64_t date;     /* what its clock said, in seconds since the Unix epoch; 0: it did not */
} tn_http_timing;

void tn_http_timing_read(const tn_http_client *client, tn_http_timing *timing_out);

/* Of libcurl, and of what it was built with. */
const char *tn_http_version(void);

/* Waits until the monotonic moment. false: a checkpoint said not to, or it was interrupted. */
bool tn_http_client_wait(tn_http_client *client, uint64_t until);

/* Makes it go to its checkpoint at once. Any thread. */
void tn_http_client_wake(tn_http_client *client);

/* Ends the request that is under way, and every later one, at once. Any thread. */
void tn_http_client_interrupt(tn_http_client *client);

#endif
