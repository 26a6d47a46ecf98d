#include "base/clock.h"
#include "base/process.h"
#include "event/value_scanner.h"
#include "export/exporter.h"
#include "export/gzip.h"
#include "export/http_client.h"
#include "export/protobuf.h"

#include <stdio.h>

typedef struct {
    tn_exporter exporter;
    tn_encoder encoder;
    tn_gzip *gzip; /* NULL: no compression */
    uint64_t timeout;
    tn_buffer request, compressed; /* keep their storage from batch to batch */
    /* What the connection is made from, once in each process. */
    tn_buffer url, headers, user_agent;
    tn_checkpoint checkpoint;
    tn_http_client *_Atomic client; /* interrupt may come while a child's worker makes it */
} otlp_exporter;

static otlp_exporter *of(tn_exporter *exporter)
{
    return (otlp_exporter *)exporter;
}

static tn_status connect(otlp_exporter *self)
{
    tn_http_client_options options = {
        .url = tn_buffer_text(&self->url),
        .headers = tn_buffer_text(&self->headers),
        .user_agent = tn_buffer_text(&self->user_agent),
        .checkpoint = self->checkpoint.call,
        .checkpoint_self = self->checkpoint.self,
    };
    tn_http_client *client = NULL;
    tn_status status = tn_http_client_new(&options, &client);
    self->client = client;
    return status;
}

static tn_drop drop_for(tn_status status)
{
    switch (status) {
    case TN_ERROR_MEMORY: return TN_DROP_MEMORY;
    case TN_ERROR_LIMIT: return TN_DROP_TOO_LARGE;
    case TN_ERROR_TIMEOUT:
    case TN_ERROR_CLOSED: return TN_DROP_DEADLINE;
    default: return TN_DROP_UNREACHABLE;
    }
}

/* ExportTraceServiceResponse.partial_success: { rejected_spans = 1, error_message = 2 } */
static void read_partial_success(tn_text response, size_t count, tn_export_result *result)
{
    tn_protobuf_field field;
    tn_protobuf_reader reader = {(const uint8_t *)response.bytes, (const uint8_t *)response.bytes + response.size};
    while (tn_protobuf_next(&reader, &field)) {
        if (field.number != 1) continue;
        tn_protobuf_field part;
        tn_protobuf_reader parts = {(const uint8_t *)field.bytes.bytes,
                                    (const uint8_t *)field.bytes.bytes + field.bytes.size};
        while (tn_protobuf_next(&parts, &part)) {
            if (part.number == 1) result->dropped = part.value < count ? (size_t)part.value : count;
            if (part.number == 2) {
                char told[160];
                tn_scan_message(told, sizeof(told), part.bytes);
                snprintf(result->message, sizeof(result->message), "the collector says: %s", told);
            }
        }
    }
    result->exported = count - result->dropped;
    result->reason = TN_DROP_REJECTED;
}

static void judge_response(otlp_exporter *self, const tn_http_response *response, const tn_span_list *batch,
                           tn_export_result *result)
{
    if (response->status >= 200 && response->status < 300) {
        read_partial_success(tn_buffer_text(&response->body), batch->count, result);
        return;
    }
    tn_text url = tn_http_client_display_url(self->client);
    tn_export_dropped(result, batch, TN_DROP_REJECTED);
    snprintf(result->message, sizeof(result->message), "POST %.*s answered %ld", (int)url.size, url.bytes,
             response->status);
}

static tn_status encode(otlp_exporter *self, const tn_span_list *batch, tn_text *body_out)
{
    tn_buffer_clear(&self->request);
    tn_status status = tn_otlp_protobuf(&self->request, &self->encoder, batch);
    *body_out = tn_buffer_text(&self->request);
    if (status != TN_OK || !self->gzip) return status;

    tn_buffer_clear(&self->compressed);
    status = tn_gzip_compress(self->gzip, *body_out, &self->compressed);
    *body_out = tn_buffer_text(&self->compressed);
    return status;
}

static void export_batch(tn_exporter *exporter, const tn_span_list *batch, uint64_t deadline, tn_export_result *result)
{
    otlp_exporter *self = of(exporter);
    *result = (tn_export_result){0};
    if (!self->client && connect(self) != TN_OK) {
        tn_export_dropped(result, batch, TN_DROP_MEMORY);
        return;
    }

    uint64_t own_deadline = tn_clock_monotonic() + self->timeout;
    tn_http_request request = {
        .content_type = "application/x-protobuf",
        .content_encoding = self->gzip ? "gzip" : NULL,
        .deadline = own_deadline < deadline ? own_deadline : deadline,
    };
    tn_status status = encode(self, batch, &request.body);
    if (status != TN_OK) {
        tn_export_dropped(result, batch, drop_for(status));
        snprintf(result->message, sizeof(result->message), "a request could not be built: %s", tn_status_text(status));
        return;
    }

    tn_http_response response;
    status = tn_http_client_post(self->client, &request, &response);
    if (status == TN_OK) {
        judge_response(self, &response, batch, result);
    } else {
        tn_text url = tn_http_client_display_url(self->client);
        tn_export_dropped(result, batch, drop_for(status));
        snprintf(result->message, sizeof(result->message), "POST %.*s: %.120s", (int)(url.size < 120 ? url.size : 120),
                 url.bytes, response.error);
    }
    tn_buffer_free(&response.body);
}

static void interrupt(tn_exporter *exporter)
{
    tn_http_client *client = of(exporter)->client;
    if (client) tn_http_client_interrupt(client);
}

static void reset_in_child(tn_exporter *exporter)
{
    otlp_exporter *self = of(exporter);
    if (self->client) tn_http_client_abandon(self->client);
    self->client = NULL;
    tn_encoder_reset_in_child(&self->encoder);
    tn_buffer_init(&self->request, TN_MAX_REQUEST);
    tn_buffer_init(&self->compressed, TN_MAX_REQUEST);
}

static void free_exporter(tn_exporter *exporter)
{
    otlp_exporter *self = of(exporter);
    tn_http_client_free(self->client);
    tn_encoder_free(&self->encoder);
    tn_gzip_free(self->gzip);
    tn_buffer_free(&self->request);
    tn_buffer_free(&self->compressed);
    tn_buffer_free(&self->url);
    tn_buffer_free(&self->headers);
    tn_buffer_free(&self->user_agent);
    tn_free(self);
}

static tn_status copy(tn_buffer *buffer, tn_text text)
{
    tn_buffer_init(buffer, 64 * 1024);
    return tn_buffer_append_text(buffer, text);
}

tn_status tn_otlp_exporter_new(const tn_otlp_exporter_options *options, tn_exporter **exporter_out)
{
    otlp_exporter *self = tn_alloc_zeroed(sizeof(*self));
    if (!self) return TN_ERROR_MEMORY;

    self->exporter = (tn_exporter){"otlp", export_batch, interrupt, reset_in_child, free_exporter};
    self->timeout = options->timeout;
    self->checkpoint = options->checkpoint;
    tn_buffer_init(&self->request, TN_MAX_REQUEST);
    tn_buffer_init(&self->compressed, TN_MAX_REQUEST);
    if (options->gzip) self->gzip = tn_gzip_new();

    tn_status status = options->gzip && !self->gzip ? TN_ERROR_MEMORY : TN_OK;
    if (status == TN_OK) status = copy(&self->url, options->url);
    if (status == TN_OK) status = copy(&self->headers, options->headers);
    if (status == TN_OK) status = copy(&self->user_agent, options->user_agent);
    if (status == TN_OK) status = tn_encoder_init(&self->encoder, &options->encoding);
    if (status == TN_OK) status = connect(self);
    if (status != TN_OK) {
        free_exporter(&self->exporter);
        return status;
    }
    *exporter_out = &self->exporter;
    return TN_OK;
}
