#include "export/otlp_client.h"

#include "event/value_scanner.h"
#include "export/protobuf.h"

#include <stdio.h>

#define MAX_TEXT ((size_t)64 * 1024) /* of an option */

/* --- Life ---------------------------------------------------------------------------------------------- */

tn_status tn_otlp_client_connect(tn_otlp_client *self)
{
    if (self->http) return TN_OK;
    tn_http_client_options options = {
        .url = tn_buffer_text(&self->url),
        .headers = tn_buffer_text(&self->headers),
        .user_agent = tn_buffer_text(&self->user_agent),
        .certificate = tn_buffer_text(&self->certificate),
        .client_certificate = tn_buffer_text(&self->client_certificate),
        .client_key = tn_buffer_text(&self->client_key),
        .checkpoint = self->checkpoint,
        .checkpoint_self = self->checkpoint_self,
    };
    tn_http_client *http = NULL;
    tn_status status = tn_http_client_new(&options, &http);
    self->http = http;
    return status;
}

static tn_status copy(tn_buffer *buffer, tn_text text)
{
    tn_buffer_init(buffer, MAX_TEXT);
    return tn_buffer_append_text(buffer, text);
}

tn_status tn_otlp_client_init(tn_otlp_client *self, const tn_otlp_client_options *options)
{
    *self = (tn_otlp_client){.checkpoint = options->checkpoint, .checkpoint_self = options->checkpoint_self};
    tn_backoff_init(&self->backoff);
    tn_status status = copy(&self->url, options->url);
    if (status == TN_OK) status = copy(&self->headers, options->headers);
    if (status == TN_OK) status = copy(&self->user_agent, options->user_agent);
    if (status == TN_OK) status = copy(&self->certificate, options->certificate);
    if (status == TN_OK) status = copy(&self->client_certificate, options->client_certificate);
    if (status == TN_OK) status = copy(&self->client_key, options->client_key);
    return status == TN_OK ? tn_otlp_client_connect(self) : status;
}

void tn_otlp_client_free(tn_otlp_client *self)
{
    tn_http_client_free(self->http);
    tn_buffer_free(&self->url);
    tn_buffer_free(&self->headers);
    tn_buffer_free(&self->user_agent);
    tn_buffer_free(&self->certificate);
    tn_buffer_free(&self->client_certificate);
    tn_buffer_free(&self->client_key);
}

void tn_otlp_client_reset_in_child(tn_otlp_client *self)
{
    if (self->http) tn_http_client_abandon(self->http);
    self->http = NULL;
    tn_backoff_init(&self->backoff);
}

void tn_otlp_client_interrupt(tn_otlp_client *self)
{
    tn_http_client *http = self->http;
    if (http) tn_http_client_interrupt(http);
}

void tn_otlp_client_wake(tn_otlp_client *self)
{
    tn_http_client *http = self->http;
    if (http) tn_http_client_wake(http);
}

/* --- Responses ----------------------------------------------------------------------------------------- */

/* ExportTraceServiceResponse.partial_success: { rejected_spans = 1, error_message = 2 }; that of metrics has the same
 * numbers. How many of `count` were rejected; the message stays as it is when there is none. */
static size_t read_partial_success(tn_text response, size_t count, char *message, size_t message_size)
{
    size_t rejected = 0;
    tn_protobuf_field field;
    tn_protobuf_reader reader = {(const uint8_t *)response.bytes, (const uint8_t *)response.bytes + response.size};
    while (tn_protobuf_next(&reader, &field)) {
        if (field.number != 1) continue;
        tn_protobuf_field part;
        tn_protobuf_reader parts = {(const uint8_t *)field.bytes.bytes,
                                    (const uint8_t *)field.bytes.bytes + field.bytes.size};
        while (tn_protobuf_next(&parts, &part)) {
            if (part.number == 1) rejected = part.value < count ? (size_t)part.value : count;
            if (part.number == 2) {
                char told[160];
                tn_scan_message(told, sizeof(told), part.bytes);
                snprintf(message, message_size, "the collector says: %s", told);
            }
        }
    }
    return rejected;
}

static bool is_retryable(long status)
{
    return status == 429 || status == 502 || status == 503 || status == 504;
}

static void describe_response(const tn_otlp_client *self, const tn_http_response *response, tn_otlp_attempt *made)
{
    tn_text url = tn_http_client_display_url(self->http);
    bool redirect = response->status >= 300 && response->status < 400;
    snprintf(made->message, sizeof(made->message), "POST %.*s answered %ld%s", (int)url.size, url.bytes,
             response->status, redirect ? ", and redirects are not followed" : "");
}

static void judge_response(const tn_otlp_client *self, const tn_http_response *response, size_t count,
                           tn_otlp_attempt *made)
{
    made->status = response->status;
    if (response->status >= 200 && response->status < 300) {
        made->fate = TN_OTLP_DELIVERED;
        made->reason = TN_DROP_REJECTED;
        made->rejected = read_partial_success(tn_buffer_text(&response->body), count, made->message,
                                              sizeof(made->message));
        return;
    }
    made->fate = is_retryable(response->status) ? TN_OTLP_TRY_AGAIN : TN_OTLP_REFUSED;
    made->reason = made->fate == TN_OTLP_TRY_AGAIN ? TN_DROP_UNREACHABLE : TN_DROP_REJECTED;
    made->unsent = made->fate == TN_OTLP_TRY_AGAIN;
    made->retry_after = response->retry_after;
    describe_response(self, response, made);
}

static const char *tls_hint(tn_tls_trouble trouble)
{
    switch (trouble) {
    case TN_TLS_SERVER: return "check tel.otlp_certificate, and the name in tel.otlp_endpoint";
    case TN_TLS_CLIENT: return "check tel.otlp_client_certificate and tel.otlp_client_key";
    case TN_TLS_EITHER: return "does it speak https, and does it want a tel.otlp_client_certificate?";
    default: return NULL;
    }
}

static void judge_failure(const tn_otlp_client *self, tn_status status, const tn_http_response *response,
                          tn_otlp_attempt *made)
{
    tn_text url = tn_http_client_display_url(self->http);
    snprintf(made->message, sizeof(made->message), "POST %.*s: %.120s", (int)(url.size < 120 ? url.size : 120),
             url.bytes, response->error);
    made->fate = response->passing ? TN_OTLP_TRY_AGAIN : TN_OTLP_TRY_LATER;
    made->unsent = response->unsent;
    made->hint = tls_hint(response->tls);
    switch (status) {
    case TN_ERROR_MEMORY: made->reason = TN_DROP_MEMORY; break;
    case TN_ERROR_LIMIT:
        made->fate = TN_OTLP_REFUSED; /* the collector has it, most likely, and would answer the same again */
        made->reason = TN_DROP_TOO_LARGE;
        break;
    case TN_ERROR_TIMEOUT:
    case TN_ERROR_CLOSED: made->reason = TN_DROP_DEADLINE; break;
    default: made->reason = TN_DROP_UNREACHABLE;
    }
}

/* --- Requests ------------------------------------------------------------------------------------------ */

tn_otlp_attempt tn_otlp_client_post(tn_otlp_client *self, const tn_otlp_request *sent, uint64_t deadline)
{
    tn_otlp_attempt made = {0};
    tn_http_request request = {
        .body = sent->body,
        .content_type = "application/x-protobuf",
        .content_encoding = sent->gzip ? "gzip" : NULL,
        .header = sent->header,
        .deadline = deadline,
    };
    tn_http_response response;
    tn_status status = tn_http_client_post(self->http, &request, &response);
    if (status == TN_OK) {
        judge_response(self, &response, sent->count, &made);
    } else {
        judge_failure(self, status, &response, &made);
    }
    tn_buffer_free(&response.body);

    if (made.fate == TN_OTLP_TRY_AGAIN || made.fate == TN_OTLP_TRY_LATER) {
        tn_backoff_fail(&self->backoff, made.retry_after);
    } else {
        tn_backoff_succeed(&self->backoff);
    }
    return made;
}

tn_otlp_attempt tn_otlp_client_post_until(tn_otlp_client *self, const tn_otlp_request *request, uint64_t deadline)
{
    for (bool unsent = true;;) {
        tn_otlp_attempt made = tn_otlp_client_post(self, request, deadline);
        made.unsent = unsent = unsent && made.unsent; /* of all tries */
        if (made.fate != TN_OTLP_TRY_AGAIN || self->backoff.not_before >= deadline) return made;
        if (self->checkpoint && self->checkpoint(self->checkpoint_self, false)) return made;
        if (!tn_http_client_wait(self->http, self->backoff.not_before)) return made;
    }
}
