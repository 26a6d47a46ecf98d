#include "base/clock.h"
#include "base/process.h"
#include "export/exporter.h"
#include "export/gzip.h"
#include "export/otlp_client.h"

#include <stdio.h>

typedef struct {
    tn_exporter exporter;
    tn_encoder encoder;
    tn_gzip *gzip; /* NULL: no compression */
    uint64_t timeout;
    tn_buffer request, compressed; /* keep their storage from batch to batch */
    tn_buffer spooled;             /* the same, for a batch that goes to disk while another one is being sent */
    tn_spool *spool;               /* may be NULL, or off */
    tn_id_generator ids;           /* of batches */
    bool hurries;                  /* the process ends */
    tn_checkpoint checkpoint;
    tn_otlp_client client;
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

/* --- One request --------------------------------------------------------------------------------------- */

typedef struct {
    char header[64];
    tn_otlp_request request;
} prepared;

static void prepare(prepared *out, const tn_spool_record *record)
{
    char id[2 * sizeof(record->batch_id.bytes) + 1] = "";
    tn_hex(id, record->batch_id.bytes, sizeof(record->batch_id.bytes));
    snprintf(out->header, sizeof(out->header), "Idempotency-Key: \"%s\"", id);
    out->request = (tn_otlp_request){record->body, record->gzip, out->header, record->spans};
}

static tn_otlp_attempt post(otlp_exporter *self, const tn_spool_record *record, uint64_t deadline)
{
    prepared made;
    prepare(&made, record);
    return tn_otlp_client_post(&self->client, &made.request, deadline);
}

/* Until it is delivered or refused, or it would take longer than until the deadline. */
static tn_otlp_attempt post_until(otlp_exporter *self, const tn_spool_record *record, uint64_t deadline)
{
    prepared made;
    prepare(&made, record);
    return tn_otlp_client_post_until(&self->client, &made.request, deadline);
}

/* Without a disk each request has its own intervals, and where the receiver has asked to be left alone, it waits for as
 * long as it may. */
static tn_otlp_attempt post_in_turn(otlp_exporter *self, const tn_spool_record *record, uint64_t deadline)
{
    tn_backoff_begin(&self->client.backoff);
    uint64_t turn = self->client.backoff.not_before;
    if (turn <= tn_clock_monotonic()) return post_until(self, record, deadline);
    if (turn < deadline && tn_http_client_wait(self->client.http, turn)) return post_until(self, record, deadline);

    tn_http_client_wait(self->client.http, deadline);
    tn_otlp_attempt made = {.fate = TN_OTLP_TRY_LATER, .reason = TN_DROP_UNREACHABLE, .unsent = true};
    tn_text url = tn_http_client_display_url(self->client.http);
    snprintf(made.message, sizeof(made.message), "%.*s has asked to be left alone for longer", (int)url.size,
             url.bytes);
    return made;
}

/* With a disk, a receiver that was away last time gets one try: the batch can wait there. */
static tn_otlp_attempt deliver(otlp_exporter *self, const tn_spool_record *record, uint64_t deadline)
{
    if (!has_spool(self)) return post_in_turn(self, record, deadline);
    if (self->client.backoff.failures > 0) return post(self, record, deadline);
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

static void settle(otlp_exporter *self, const tn_spool_record *record, const tn_otlp_attempt *made,
                   tn_export_result *result)
{
    if (made->fate == TN_OTLP_TRY_AGAIN || made->fate == TN_OTLP_TRY_LATER) {
        keep_or_drop(self, record, made->reason, made->message, result);
        if (!result->hint) result->hint = made->hint;
        result->unsent = made->unsent;
        return;
    }
    result->dropped = made->fate == TN_OTLP_DELIVERED ? made->rejected : record->spans;
    result->exported = record->spans - result->dropped;
    result->reason = made->reason;
    memcpy(result->message, made->message, sizeof(result->message));
}

/* While the collector is known to be away, a batch waits on disk instead of in the queue. */
static bool is_away(const otlp_exporter *self)
{
    return has_spool(self) && tn_clock_monotonic() < self->client.backoff.not_before;
}

static bool is_connected(otlp_exporter *self)
{
    return tn_otlp_client_connect(&self->client) == TN_OK;
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
    tn_otlp_attempt made = deliver(self, &record, last);
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
    return due > self->client.backoff.not_before ? due : self->client.backoff.not_before;
}

static void settle_drained(otlp_exporter *self, const tn_spool_record *record, const tn_otlp_attempt *made,
                           tn_export_result *result)
{
    if (made->fate == TN_OTLP_TRY_AGAIN || made->fate == TN_OTLP_TRY_LATER) {
        tn_spool_keep(self->spool);
        tell_waiting(made->message, result);
        result->hint = made->hint;
        return;
    }
    size_t lost = made->fate == TN_OTLP_DELIVERED ? made->rejected : record->spans;
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
    tn_otlp_attempt made = post(self, &record, deadline_of(self, deadline));
    settle_drained(self, &record, &made, result);
}

/* --- Life ---------------------------------------------------------------------------------------------- */

static void interrupt(tn_exporter *exporter)
{
    tn_otlp_client_interrupt(&of(exporter)->client);
}

static void wake(tn_exporter *exporter)
{
    tn_otlp_client_wake(&of(exporter)->client);
}

static void reset_in_child(tn_exporter *exporter)
{
    otlp_exporter *self = of(exporter);
    tn_otlp_client_reset_in_child(&self->client);
    tn_encoder_reset_in_child(&self->encoder);
    tn_buffer_init(&self->request, TN_MAX_REQUEST);
    tn_buffer_init(&self->compressed, TN_MAX_REQUEST);
    tn_buffer_init(&self->spooled, TN_MAX_REQUEST);
    self->hurries = false;
}

static void free_exporter(tn_exporter *exporter)
{
    otlp_exporter *self = of(exporter);
    tn_otlp_client_free(&self->client);
    tn_encoder_free(&self->encoder);
    tn_gzip_free(self->gzip);
    tn_buffer_free(&self->request);
    tn_buffer_free(&self->compressed);
    tn_buffer_free(&self->spooled);
    tn_free(self);
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
    tn_otlp_client_options client = options->client;
    client.checkpoint = checkpoint;
    client.checkpoint_self = self;
    self->spool = options->spool;
    self->timeout = options->timeout;
    self->checkpoint = options->checkpoint;
    tn_buffer_init(&self->request, TN_MAX_REQUEST);
    tn_buffer_init(&self->compressed, TN_MAX_REQUEST);
    tn_buffer_init(&self->spooled, TN_MAX_REQUEST);
    tn_id_generator_init(&self->ids);
    if (options->gzip) self->gzip = tn_gzip_new();

    tn_status status = options->gzip && !self->gzip ? TN_ERROR_MEMORY : TN_OK;
    if (status == TN_OK) status = tn_encoder_init(&self->encoder, &options->encoding);
    if (status == TN_OK) status = tn_otlp_client_init(&self->client, &client);
    if (status != TN_OK) {
        free_exporter(&self->exporter);
        return status;
    }
    *exporter_out = &self->exporter;
    return TN_OK;
}
