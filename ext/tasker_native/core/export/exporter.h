#ifndef TN_EXPORT_EXPORTER_H
#define TN_EXPORT_EXPORTER_H

#include "export/drop.h"
#include "export/encoder.h"
#include "export/otlp_client.h"
#include "export/spool.h"

/* exported, spooled and dropped make up the batch. */
typedef struct {
    size_t exported;
    size_t spooled;
    size_t dropped;
    tn_drop reason;           /* of those dropped */
    bool unsent;              /* those dropped: nobody can have got them, so another exporter may have a try */
    size_t delivered;         /* spans that were on disk, and have been exported now */
    tn_spool_changes changes; /* of others on disk */
    const char *hint;         /* what to do next; NULL: what the reason says */
    char message[256];        /* what happened, for the log; empty: nothing to say */
} tn_export_result;

/* Where batches go: a table of functions in front of what each kind needs. The worker thread is the only one that
 * exports; the others may be called by one thread while none exports, except where said. */
typedef struct tn_exporter tn_exporter;
struct tn_exporter {
    const char *name;
    /* Every span of the batch is exported or dropped when it returns. The batch stays the caller's. */
    void (*export_batch)(tn_exporter *self, const tn_span_list *batch, uint64_t deadline, tn_export_result *result_out);
    void (*interrupt)(tn_exporter *self); /* any thread, while it exports: come back soon. May be NULL */
    /* After a fork: give up, without freeing, what is the parent's and what its worker may have left half-made.
     * May be NULL. */
    void (*reset_in_child)(tn_exporter *self);
    void (*free)(tn_exporter *self);

    /* What follows may be NULL. */
    void (*wake)(tn_exporter *self); /* any thread, while it exports: go to the checkpoint */
    /* Puts the batch on disk, without waiting for anybody else; also from the checkpoint, within export_batch or
     * drain. What can't be kept is dropped for this reason. */
    void (*spool_batch)(tn_exporter *self, const tn_span_list *batch, tn_drop reason, tn_export_result *result_out);
    /* Sends one of those that lie on disk; the monotonic moment when that is worth a try, UINT64_MAX: never. */
    void (*drain)(tn_exporter *self, uint64_t deadline, tn_export_result *result_out);
    uint64_t (*drain_due)(const tn_exporter *self);
};

/* Called by exporters that may be busy for long, with may_pause when nothing of theirs minds a fork. true: the process
 * ends, so don't try again what can be kept on disk. May be NULL. */
typedef struct {
    bool (*call)(void *self, bool may_pause);
    void *self;
} tn_checkpoint;

typedef struct {
    tn_encoder_options encoding;
    tn_otlp_client_options client; /* without a checkpoint */
    bool gzip;
    uint64_t timeout; /* nanoseconds, for one batch with all its tries */
    tn_spool *spool;  /* outlives the exporter, which alone uses it. May be NULL */
    tn_checkpoint checkpoint;
} tn_otlp_exporter_options;

/* All kinds are made with TN_OK, TN_ERROR_MEMORY, or TN_ERROR_LIMIT where a text is too long.
 *
 * OTLP/HTTP with protobuf bodies (OpenTelemetry Protocol Specification, "OTLP/HTTP"). What a collector can't take now
 * is sent again, at growing intervals (see backoff.h), until the timeout; then it goes into the spool, where that is on,
 * and is sent from there once the collector answers. Each request has the header Idempotency-Key, the same whenever it
 * is sent. TN_ERROR_INVALID for the URL, TN_ERROR_MEMORY. */
tn_status tn_otlp_exporter_new(const tn_otlp_exporter_options *options, tn_exporter **exporter_out) TN_MUST_CHECK;

typedef struct {
    tn_encoder_options encoding;
    tn_text path;
    size_t max_size; /* bytes; then the file is renamed to PATH.1 and a new one begins. 0: never */
} tn_file_exporter_options;

/* OTLP's JSON form, a request a line, appended to a file (0600, made with its folder's permission, never through a
 * symbolic link). Several processes may write to the same file. It is opened at the first batch. */
tn_status tn_file_exporter_new(const tn_file_exporter_options *options, tn_exporter **exporter_out) TN_MUST_CHECK;

/* A line a span (tn_span_line) to a file descriptor, which stays the caller's. */
tn_status tn_console_exporter_new(const tn_encoder_options *encoding, int descriptor,
                                  tn_exporter **exporter_out) TN_MUST_CHECK;

/* Keeps OTLP's JSON form in memory, a request a line, for tests. Beyond max_size bytes the newest spans are dropped. */
tn_status tn_memory_exporter_new(const tn_encoder_options *encoding, size_t max_size,
                                 tn_exporter **exporter_out) TN_MUST_CHECK;

/* Moves out what a memory exporter keeps. Any thread. out must be empty; it gets its own storage. */
void tn_memory_exporter_take(tn_exporter *exporter, tn_buffer *out);
bool tn_exporter_is_memory(const tn_exporter *exporter);

/* All spans of a batch share a fate. */
static inline void tn_export_dropped(tn_export_result *result, const tn_span_list *batch, tn_drop reason)
{
    result->exported = 0;
    result->dropped = batch->count;
    result->reason = reason;
}

#endif
