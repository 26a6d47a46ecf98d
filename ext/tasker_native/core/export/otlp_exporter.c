#include "base/clock.h"
#include "base/process.h"
#include "event/value_scanner.h"
#include "export/backoff.h"
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
    tn_buffer spooled;             /* the same, for a batch that goes to disk while another one is being sent */
    tn_spool *spool;               /* may be NULL, or off */
    tn_backoff backoff;            /* of the collector: for all that is sent */
    tn_id_generator ids;           /* of batches */
    bool hurries;                  /* the process ends */
    /* What the connection is made from, once in each process. */
    tn_buffer url, headers, user_agent;
    tn_buffer certificate, client_certificate, client_key;
    tn_checkpoint checkpoint;
    tn_http_client *_Atomic client; /* interrupt may come while a child's worker makes it */
} otlp_exporter;

static bool has_spool(const otlp_exporter *self)
{
    return self->spool && tn_spool_is_on(self->spool);
}

static otlp_exporter *of(tn_exporter *exporter)
{
    return (otlp_exporter *)exporter;
}

/* Within the client, while it waits. */
static bool checkpoint(void *exporter, bool may_pause)
{
    otlp_exporter *self = exporter;
    if (self->checkpoint.call && self->checkpoint.call(self->checkpoint.self, may_pause)) self->hurries = true;
    return self->hurries && has_spool(self);
}

static tn_status connect(otlp_exporter *self)
{
    tn_http_client_options options = {
        .url = tn_buffer_text(&self->url),
        .headers = tn_buffer_text(&self->headers),
        .user_agent = tn_buffer_text(&self->user_agent),
        .certificate = tn_buffer_text(&self->certificate),
        .client_certificate = tn_buffer_text(&self->client_certificate),
        .client_key = tn_buffer_text(&self->client_key),
        .checkpoint = checkpoint,
        .checkpoint_self = self,
    };
    tn_http_client *client = NULL;
    tn_status status = tn_http_client_new(&options, &client);
    self->client = client;
    return status;
}

/* ExportTraceServiceResponse.partial_success: { rejected_spans = 1, error_message = 2 }. How many of `count` spans were
 * rejected; the message stays as it is when there is none. */
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

/* --- One request --------------------------------------------------------------------------------------- */

typedef enum {
    DELIVERED,
    TRY_AGAIN, /* soon */
    TRY_LATER, /* not soon: time is up, or it takes somebody to mend something */
    REFUSED,   /* for good */
} fate;

/* What became of it, if it is never tried again. */
typedef struct {
    fate fate;
    size_t spans, rejected;
    tn_drop reason;
    bool unsent; /* nobody has taken it */
    uint64_t retry_after;
    const char *hint; /* see tn_export_result */
    char message[256];
} attempt;

static bool is_retryable(long status)
{
    return status == 429 || status == 502 || status == 503 || status == 504;
}

static void describe_response(const otlp_exporter *self, const tn_http_response *response, attempt *made)
{
    tn_text url = tn_http_client_display_url(self->client);
    bool redirect = response->status >= 300 && response->status < 400;
    snprintf(made->message, sizeof(made->message), "POST %.*s answered %ld%s", (int)url.size, url.bytes,
             response->status, redirect ? ", and redirects are not followed" : "");
}

static void judge_response(const otlp_exporter *self, const tn_http_response *response, attempt *made)
{
    if (response->status >= 200 && response->status < 300) {
        made->fate = DELIVERED;
        made->reason = TN_DROP_REJECTED;
        made->rejected = read_partial_success(tn_buffer_text(&response->body), made->spans, made->message,
                                              sizeof(made->message));
        return;
    }
    made->fate = is_retryable(response->status) ? TRY_AGAIN : REFUSED;
    made->reason = made->fate == TRY_AGAIN ? TN_DROP_UNREACHABLE : TN_DROP_REJECTED;
    made->unsent = made->fate == TRY_AGAIN;
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

static void judge_failure(const otlp_exporter *self, tn_status status, const tn_http_response *response, attempt *made)
{
    tn_text url = tn_http_client_display_url(self->client);
    snprintf(made->message, sizeof(made->message), "POST %.*s: %.120s", (int)(url.size < 120 ? url.size : 120),
             url.bytes, response->error);
    made->fate = response->passing ? TRY_AGAIN : TRY_LATER;
    made->unsent = response->unsent;
    made->hint = tls_hint(response->tls);
    switch (status) {
    case TN_ERROR_MEMORY: made->reason = TN_DROP_MEMORY; break;
    case TN_ERROR_LIMIT:
        made->fate = REFUSED; /* the collector has it, most likely, and would answer the same again */
        made->reason = TN_DROP_TOO_LARGE;
        break;
    case TN_ERROR_TIMEOUT:
    case TN_ERROR_CLOSED: made->reason = TN_DROP_DEADLINE; break;
    default: made->reason = TN_DROP_UNREACHABLE;
    }
}

static attempt post(otlp_exporter *self, const tn_spool_record *record, uint64_t deadline)
{
    attempt made = {.spans = record->spans};
    char id[2 * sizeof(record->batch_id.bytes) + 1] = "", header[64];
    tn_hex(id, record->batch_id.bytes, sizeof(record->batch_id.bytes));
    snprintf(header, sizeof(header), "Idempotency-Key: \"%s\"", id);
    tn_http_request request = {
        .body = record->body,
        .content_type = "application/x-protobuf",
        .content_encoding = record->gzip ? "gzip" : NULL,
        .header = header,
        .deadline = deadline,
    };
    tn_http_response response;
    tn_status status = tn_http_client_post(self->client, &request, &response);
    if (status == TN_OK) {
        judge_response(self, &response, &made);
    } else {
        judge_failure(self, status, &response, &made);
    }
    tn_buffer_free(&response.body);

    if (made.fate == TRY_AGAIN || made.fate == TRY_LATER) {
        tn_backoff_fail(&self->backoff, made.retry_after);
    } else {
        tn_backoff_succeed(&self->backoff);
    }
    return made;
}

/* Until it is delivered or refused, or it would take longer than until the deadline. */
static attempt post_until(otlp_exporter *self, const tn_spool_record *record, uint64_t deadline)
{
    for (bool unsent = true;;) {
        attempt made = post(self, record, deadline);
        made.unsent = unsent = unsent && made.unsent; /* of all tries */
        if (made.fate != TRY_AGAIN || (self->hurries && has_spool(self))) return made;
        if (self->backoff.not_before >= deadline) return made;
        if (!tn_http_client_wait(self->client, self->backoff.not_before)) return made;
    }
}

/* Without a disk each request has its own intervals, and where the receiver has asked to be left alone, it waits for as
 * long as it may. */
static attempt post_in_turn(otlp_exporter *self, const tn_spool_record *record, uint64_t deadline)
{
    tn_backoff_begin(&self->backoff);
    uint64_t turn = self->backoff.not_before;
    if (turn <= tn_clock_monotonic()) return post_until(self, record, deadline);
    if (turn < deadline && tn_http_client_wait(self->client, turn)) return post_until(self, record, deadline);

    tn_http_client_wait(self->client, deadline);
    attempt made = {.fate = TRY_LATER, .spans = record->spans, .reason = TN_DROP_UNREACHABLE, .unsent = true};
    tn_text url = tn_http_client_display_url(self->client);
    snprintf(made.message, sizeof(made.message), "%.*s has asked to be left alone for longer", (int)url.size,
             url.bytes);
    return made;
}

/* With a disk, a receiver that was away last time gets one try: the batch can wait there. */
static attempt deliver(otlp_exporter *self, const tn_spool_record *record, uint64_t deadline)
{
    if (!has_spool(self)) return post_in_turn(self, record, deadline);
    if (self->backoff.failures > 0) return post(self, record, deadline);
    return post_until(self, record, deadline);
}

/* --- Batches ------------------------------------------------------------------------------------------- */

static tn_status encode(otlp_exporter *self, const tn_span_list *batch, tn_buffer *request, tn_text *body_out)
{
    tn_buffer_clear(request);
    tn_status status = tn_otlp_protobuf(request, &self->encoder, batch);
    *body_out = tn_buffer_text(request);
    return status;
}

static tn_status compress(otlp_exporter *self, tn_buffer *compressed, tn_text *body)
{
    tn_buffer_clear(compressed);
    tn_status status = tn_gzip_compress(self->gzip, *body, compressed);
    *body = tn_buffer_text(compressed);
    return status;
}

static bool make_record(otlp_exporter *self, const tn_span_list *batch, tn_buffer *request, tn_buffer *compressed,
                        tn_spool_record *record, tn_export_result *result)
{
    tn_trace_id random = tn_trace_id_random(&self->ids);
    *record = (tn_spool_record){.spans = (uint32_t)batch->count, .gzip = self->gzip != NULL};
    memcpy(record->batch_id.bytes, random.bytes, sizeof(random.bytes));

    tn_status status = encode(self, batch, request, &record->body);
    if (status == TN_OK && self->gzip) status = compress(self, compressed, &record->body);
    if (status == TN_OK) return true;

    tn_export_dropped(result, batch, status == TN_ERROR_LIMIT ? TN_DROP_TOO_LARGE : TN_DROP_MEMORY);
    snprintf(result->message, sizeof(result->message), "a request could not be built: %s", tn_status_text(status));
    return false;
}

static void tell_waiting(const char *why, tn_export_result *result)
{
    snprintf(result->message, sizeof(result->message), "%.220s: spans wait on disk", why);
}

/* What could not be sent goes to disk, or is lost for the reason why it could not be sent. */
static void keep_or_drop(otlp_exporter *self, const tn_spool_record *record, tn_drop reason, const char *why,
                         tn_export_result *result)
{
    if (has_spool(self) && tn_spool_append(self->spool, record, &result->changes) == TN_OK) {
        result->spooled = record->spans;
        if (why[0]) tell_waiting(why, result);
        return;
    }
    result->dropped = record->spans;
    result->reason = reason;
    const char *problem = has_spool(self) ? tn_spool_problem(self->spool) : "";
    if (problem[0]) result->hint = "check tel.spool_directory and the disk below it, and tel.spool_max_bytes";
    snprintf(result->message, sizeof(result->message), "%.120s%s%.120s", why, why[0] && problem[0] ? "; " : "",
             problem);
}

static void settle(otlp_exporter *self, const tn_spool_record *record, const attempt *made, tn_export_result *result)
{
    if (made->fate == TRY_AGAIN || made->fate == TRY_LATER) {
        keep_or_drop(self, record, made->reason, made->message, result);
        if (!result->hint) result->hint = made->hint;
        result->unsent = made->unsent;
        return;
    }
    result->dropped = made->fate == DELIVERED ? made->rejected : record->spans;
    result->exported = record->spans - result->dropped;
    result->reason = made->reason;
    memcpy(result->message, made->message, sizeof(result->message));
}

/* While the collector is known to be away, a batch waits on disk instead of in the queue. */
static bool is_away(const otlp_exporter *self)
{
    return has_spool(self) && tn_clock_monotonic() < self->backoff.not_before;
}

static bool is_connected(otlp_exporter *self)
{
    return self->client || connect(self) == TN_OK;
}

static uint64_t deadline_of(const otlp_exporter *self, uint64_t given)
{
    uint64_t own = tn_clock_monotonic() + self->timeout;
    return own < given ? own : given;
}

static void export_batch(tn_exporter *exporter, const tn_span_list *batch, uint64_t deadline, tn_export_result *result)
{
    otlp_exporter *self = of(exporter);
    *result = (tn_export_result){0};
    if (!is_connected(self)) {
        tn_export_dropped(result, batch, TN_DROP_MEMORY);
        return;
    }
    uint64_t last = deadline_of(self, deadline);
    tn_spool_record record;
    if (!make_record(self, batch, &self->request, &self->compressed, &record, result)) return;
    if (is_away(self)) {
        keep_or_drop(self, &record, TN_DROP_UNREACHABLE, "", result);
        return;
    }
    attempt made = deliver(self, &record, last);
    settle(self, &record, &made, result);
}

/* --- The disk ------------------------------------------------------------------------------------------ */

/* Nothing that a request under way uses is touched. */
static void spool_batch(tn_exporter *exporter, const tn_span_list *batch, tn_drop reason, tn_export_result *result)
{
    otlp_exporter *self = of(exporter);
    tn_buffer plain;
    tn_spool_record record;
    *result = (tn_export_result){0};
    tn_buffer_init(&plain, TN_MAX_REQUEST);
    if (make_record(self, batch, &plain, &self->spooled, &record, result)) {
        keep_or_drop(self, &record, reason, "", result);
    }
    tn_buffer_free(&plain);
}

static uint64_t drain_due(const tn_exporter *exporter)
{
    const otlp_exporter *self = (const otlp_exporter *)exporter;
    if (!has_spool(self) || self->hurries) return UINT64_MAX;
    uint64_t due = tn_spool_due(self->spool);
    return due > self->backoff.not_before ? due : self->backoff.not_before;
}

static void settle_drained(otlp_exporter *self, const tn_spool_record *record, const attempt *made,
                           tn_export_result *result)
{
    if (made->fate == TRY_AGAIN || made->fate == TRY_LATER) {
        tn_spool_keep(self->spool);
        tell_waiting(made->message, result);
        result->hint = made->hint;
        return;
    }
    size_t lost = made->fate == DELIVERED ? made->rejected : record->spans;
    result->delivered = record->spans - lost;
    result->changes.dropped[made->reason] += lost;
    tn_spool_done(self->spool, record);
    memcpy(result->message, made->message, sizeof(result->message));
}

static void drain(tn_exporter *exporter, uint64_t deadline, tn_export_result *result)
{
    otlp_exporter *self = of(exporter);
    tn_spool_record record;
    *result = (tn_export_result){0};
    if (!is_connected(self)) return;
    if (!tn_spool_next(self->spool, &record, &result->changes)) {
        snprintf(result->message, sizeof(result->message), "%s", tn_spool_problem(self->spool));
        return;
    }
    attempt made = post(self, &record, deadline_of(self, deadline));
    settle_drained(self, &record, &made, result);
}

/* --- Life ---------------------------------------------------------------------------------------------- */

static void interrupt(tn_exporter *exporter)
{
    tn_http_client *client = of(exporter)->client;
    if (client) tn_http_client_interrupt(client);
}

static void wake(tn_exporter *exporter)
{
    tn_http_client *client = of(exporter)->client;
    if (client) tn_http_client_wake(client);
}

static void reset_in_child(tn_exporter *exporter)
{
    otlp_exporter *self = of(exporter);
    if (self->client) tn_http_client_abandon(self->client);
    self->client = NULL;
    tn_encoder_reset_in_child(&self->encoder);
    tn_buffer_init(&self->request, TN_MAX_REQUEST);
    tn_buffer_init(&self->compressed, TN_MAX_REQUEST);
    tn_buffer_init(&self->spooled, TN_MAX_REQUEST);
    tn_backoff_init(&self->backoff);
    self->hurries = false;
}

static void free_exporter(tn_exporter *exporter)
{
    otlp_exporter *self = of(exporter);
    tn_http_client_free(self->client);
    tn_encoder_free(&self->encoder);
    tn_gzip_free(self->gzip);
    tn_buffer_free(&self->request);
    tn_buffer_free(&self->compressed);
    tn_buffer_free(&self->spooled);
    tn_buffer_free(&self->url);
    tn_buffer_free(&self->headers);
    tn_buffer_free(&self->user_agent);
    tn_buffer_free(&self->certificate);
    tn_buffer_free(&self->client_certificate);
    tn_buffer_free(&self->client_key);
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

    self->exporter = (tn_exporter){
        .name = "otlp",
        .export_batch = export_batch,
        .interrupt = interrupt,
        .reset_in_child = reset_in_child,
        .free = free_exporter,
        .wake = wake,
        .spool_batch = options->spool ? spool_batch : NULL,
        .drain = drain,
        .drain_due = drain_due,
    };
    self->spool = options->spool;
    self->timeout = options->timeout;
    self->checkpoint = options->checkpoint;
    tn_buffer_init(&self->request, TN_MAX_REQUEST);
    tn_buffer_init(&self->compressed, TN_MAX_REQUEST);
    tn_buffer_init(&self->spooled, TN_MAX_REQUEST);
    tn_backoff_init(&self->backoff);
    tn_id_generator_init(&self->ids);
    if (options->gzip) self->gzip = tn_gzip_new();

    tn_status status = options->gzip && !self->gzip ? TN_ERROR_MEMORY : TN_OK;
    if (status == TN_OK) status = copy(&self->url, options->url);
    if (status == TN_OK) status = copy(&self->headers, options->headers);
    if (status == TN_OK) status = copy(&self->user_agent, options->user_agent);
    if (status == TN_OK) status = copy(&self->certificate, options->certificate);
    if (status == TN_OK) status = copy(&self->client_certificate, options->client_certificate);
    if (status == TN_OK) status = copy(&self->client_key, options->client_key);
    if (status == TN_OK) status = tn_encoder_init(&self->encoder, &options->encoding);
    if (status == TN_OK) status = connect(self);
    if (status != TN_OK) {
        free_exporter(&self->exporter);
        return status;
    }
    *exporter_out = &self->exporter;
    return TN_OK;
}
