#ifndef TN_EXPORT_OTLP_CLIENT_H
#define TN_EXPORT_OTLP_CLIENT_H

#include "export/backoff.h"
#include "export/drop.h"
#include "export/http_client.h"

/* Sends requests to one URL by OTLP/HTTP, and judges what became of them (OpenTelemetry Protocol Specification, "OTLP/HTTP
 * Response"). One thread at a time; tn_otlp_client_interrupt and tn_otlp_client_wake may come from another. */
typedef struct {
    tn_text url;     /* the whole, with the signal's path */
    tn_text headers; /* lines, see http_client.h */
    tn_text user_agent;
    tn_text certificate, client_certificate, client_key; /* paths, see http_client.h */
    bool (*checkpoint)(void *self, bool may_pause);      /* as in http_client.h; may be NULL */
    void *checkpoint_self;
} tn_otlp_client_options;

typedef struct {
    tn_backoff backoff; /* of the receiver: for all that is sent */
    /* What the connection is made from, once in each process. */
    tn_buffer url, headers, user_agent;
    tn_buffer certificate, client_certificate, client_key;
    bool (*checkpoint)(void *self, bool may_pause);
    void *checkpoint_self;
    tn_http_client *_Atomic http; /* interrupt may come while a child's worker makes it */
} tn_otlp_client;

/* Copies what it is given. Whatever it returns, tn_otlp_client_free follows. TN_OK, TN_ERROR_MEMORY, TN_ERROR_LIMIT,
 * TN_ERROR_INVALID for the URL. */
tn_status tn_otlp_client_init(tn_otlp_client *self, const tn_otlp_client_options *options) TN_MUST_CHECK;
void tn_otlp_client_free(tn_otlp_client *self);

/* In the child of a fork: the connection is the parent's. */
void tn_otlp_client_reset_in_child(tn_otlp_client *self);

/* Before a request: there is none yet in a forked child. As tn_otlp_client_init. */
tn_status tn_otlp_client_connect(tn_otlp_client *self) TN_MUST_CHECK;

typedef struct {
    tn_text body;
    bool gzip;          /* the body is */
    const char *header; /* see tn_http_request; may be NULL */
    size_t count;       /* of spans or data points in it */
} tn_otlp_request;

typedef enum {
    TN_OTLP_DELIVERED,
    TN_OTLP_TRY_AGAIN, /* soon */
    TN_OTLP_TRY_LATER, /* not soon: time is up, or it takes somebody to mend something */
    TN_OTLP_REFUSED,   /* for good */
} tn_otlp_fate;

/* What became of a request, if it is never tried again. */
typedef struct {
    tn_otlp_fate fate;
    size_t rejected; /* of those that were delivered */
    tn_drop reason;
    long status; /* of HTTP; 0: there was no response */
    bool unsent; /* nobody has taken it */
    uint64_t retry_after;
    const char *hint; /* what to do; NULL: what the reason says */
    char message[256];
} tn_otlp_attempt;

tn_otlp_attempt tn_otlp_client_post(tn_otlp_client *self, const tn_otlp_request *request, uint64_t deadline);

/* The same, until it is delivered or refused, it would take longer than until the deadline, a checkpoint says to stop, or it
 * is interrupted. */
tn_otlp_attempt tn_otlp_client_post_until(tn_otlp_client *self, const tn_otlp_request *request, uint64_t deadline);

/* See http_client.h. */
void tn_otlp_client_interrupt(tn_otlp_client *self);
void tn_otlp_client_wake(tn_otlp_client *self);

#endif
