#ifndef TN_EXPORT_PIPELINE_H
#define TN_EXPORT_PIPELINE_H

#include "export/exporter.h"
#include "export/log_ring.h"
#include "export/span_metrics.h"
#include "trace/span_manager.h"

#include <stdatomic.h>

/* From the end of a span to the collector: the bounded queue, the worker thread that empties it into the exporters,
 * the spool on disk, and the accounts: accepted = exported + spooled + dropped + in flight, at every moment, in every
 * process.
 *
 * Thread-safe. The worker starts at the first span of a process and calls no Ruby. After a fork the child finds
 * empty queue and accounts, and starts a worker of its own. One pipeline a process may watch forks. */
typedef struct tn_pipeline tn_pipeline;

#define TN_MAX_EXPORTERS 8

typedef struct {
    size_t max_queue_size;        /* spans */
    size_t max_queue_bytes;       /* in memory */
    size_t max_export_batch_size; /* spans */
    uint64_t schedule_delay;      /* nanoseconds between the first span of a batch and its export */
    tn_spool_options spool;       /* borrowed for the call */
} tn_pipeline_options;

typedef struct {
    const char *name;
    uint64_t exported, dropped;
} tn_exporter_stats;

typedef struct {
    uint64_t accepted, exported, spooled, in_flight;
    tn_spool_stats spool;
    uint64_t dropped[TN_DROP_COUNT];
    size_t queued, queued_bytes;
    size_t exporter_count;
    tn_exporter_stats exporters[TN_MAX_EXPORTERS]; /* accepted, exported and dropped are those of the first */
} tn_pipeline_stats;

/* NULL when there is no memory. Without exporters every span is accepted and dropped (shutdown). */
tn_pipeline *tn_pipeline_new(const tn_pipeline_options *options);

/* Shuts down without waiting. */
void tn_pipeline_free(tn_pipeline *pipeline);

/* For the exporters that it will own: one thread at a time, as they are. */
tn_spool *tn_pipeline_spool(tn_pipeline *pipeline);

/* It holds still from now on while the process forks. As tn_process_add_fork_hooks. */
tn_status tn_pipeline_watch_forks(tn_pipeline *pipeline) TN_MUST_CHECK;

/* Every span that ends is measured from now on, in the thread that ends it (roots: that releases them). Lives as long as the
 * pipeline; before the first span. */
void tn_pipeline_measure(tn_pipeline *pipeline, tn_span_metrics *metrics);

/* Where its span managers send their spans. */
tn_span_sink tn_pipeline_sink(tn_pipeline *pipeline);

/* Managers whose ended roots the worker releases, and whose open steps end at shutdown. Remove one before it is freed.
 * TN_OK or TN_ERROR_MEMORY. */
tn_status tn_pipeline_add_manager(tn_pipeline *pipeline, tn_span_manager *manager) TN_MUST_CHECK;
void tn_pipeline_remove_manager(tn_pipeline *pipeline, tn_span_manager *manager);

/* New settings and exporters, which it owns from now on (count at most TN_MAX_EXPORTERS; 0 shuts the pipeline). What
 * is in flight goes to the new exporters. Opens a pipeline that was shut down. Blocks until a batch that is under way
 * has come back, at most some seconds; call it without the GVL. */
void tn_pipeline_configure(tn_pipeline *pipeline, const tn_pipeline_options *options, tn_exporter **exporters,
                           size_t count);

/* Starts the worker without a span: for what lies on disk. */
void tn_pipeline_start(tn_pipeline *pipeline);

/* Waits, at most until the monotonic deadline or until *cancelled (any thread may set it, then call
 * tn_pipeline_wake), until everything that was accepted before the call is exported, spooled or dropped. true: it is. */
bool tn_pipeline_flush(tn_pipeline *pipeline, uint64_t deadline, const atomic_bool *cancelled);
void tn_pipeline_wake(tn_pipeline *pipeline);

/* How long an exporter usually has to come back once it is interrupted. */
#define TN_STOP_GRACE (2 * TN_SECOND)

/* Ends open steps, flushes until the deadline, interrupts the worker, which spools the rest (without a spool it is
 * dropped), and waits for that at most for so many nanoseconds. Later spans are dropped. true: no span was lost in the
 * life of this process, and none is still with an exporter that does not come back. Idempotent. */
bool tn_pipeline_shutdown(tn_pipeline *pipeline, uint64_t deadline, uint64_t grace, const atomic_bool *cancelled);

void tn_pipeline_stats_read(tn_pipeline *pipeline, tn_pipeline_stats *stats_out);

/* Forgets what its managers know, and the accounts of all but what is in flight; for tests. */
void tn_pipeline_clear(tn_pipeline *pipeline);

/* Moves out what the exporter :memory keeps. false when there is no such exporter. */
bool tn_pipeline_take_memory(tn_pipeline *pipeline, tn_buffer *out);

/* A fork is near: the worker stops between two steps of its work, at most until the deadline. Follow with resume in
 * the parent. */
void tn_pipeline_pause(tn_pipeline *pipeline, uint64_t deadline);
void tn_pipeline_resume(tn_pipeline *pipeline);

/* What the worker has to say. */
tn_log_ring *tn_pipeline_log(tn_pipeline *pipeline);

/* For exporters that the pipeline will own. */
tn_checkpoint tn_pipeline_checkpoint(tn_pipeline *pipeline);

#endif
