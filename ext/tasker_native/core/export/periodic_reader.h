#ifndef TN_EXPORT_PERIODIC_READER_H
#define TN_EXPORT_PERIODIC_READER_H

#include "export/encoder.h"
#include "export/log_ring.h"
#include "export/otlp_client.h"
#include "export/span_metrics.h"

#include <stdatomic.h>

/* Sends this process' metrics by OTLP/HTTP, now and then, from a thread of its own that calls no Ruby (OpenTelemetry, Metrics
 * SDK, "Periodic exporting MetricReader"). What can't be sent comes with the next request: cumulative values have all since
 * the beginning, deltas all since the last request that was delivered.
 *
 * Thread-safe. After a fork the child has none, until it is configured there. */
typedef struct tn_periodic_reader tn_periodic_reader;

typedef struct {
    tn_encoder_options encoding;   /* prefix and limit have no meaning here */
    tn_otlp_client_options client; /* without a checkpoint */
    bool gzip;
    uint64_t timeout;  /* nanoseconds, for one request with all its tries */
    uint64_t interval; /* nanoseconds between two of them */
    bool delta;
} tn_periodic_reader_options;

typedef struct {
    uint64_t requests, points; /* that were delivered */
    uint64_t failed;           /* requests that were not */
    uint64_t rejected;         /* points, by a collector that took the others */
    bool running;
} tn_periodic_reader_stats;

/* NULL when there is no memory. What it is given outlives it. */
tn_periodic_reader *tn_periodic_reader_new(tn_metrics *metrics, tn_span_metrics *spans, tn_log_ring *log);

/* Stops without sending. */
void tn_periodic_reader_free(tn_periodic_reader *self);

/* As tn_metrics_watch_forks. */
tn_status tn_periodic_reader_watch_forks(tn_periodic_reader *self) TN_MUST_CHECK;

/* Sends by these options from now on, the first time after an interval; NULL: no more. What is under way is interrupted.
 * TN_OK; as tn_otlp_client_init; TN_ERROR_SYSTEM when there is no thread. Then nothing is sent. */
tn_status tn_periodic_reader_configure(tn_periodic_reader *self,
                                       const tn_periodic_reader_options *options) TN_MUST_CHECK;

/* Sends at once, and waits for it, at most until the monotonic deadline or until *cancelled (any thread may set it, then call
 * tn_periodic_reader_wake). true: it came back, with success or not, or there is nothing to send to. */
bool tn_periodic_reader_flush(tn_periodic_reader *self, uint64_t deadline, const atomic_bool *cancelled);
void tn_periodic_reader_wake(tn_periodic_reader *self);

/* Sends a last time, with one try, and stops; at the deadline it is interrupted. As tn_periodic_reader_flush; when it was
 * cancelled, it goes on. */
bool tn_periodic_reader_shutdown(tn_periodic_reader *self, uint64_t deadline, const atomic_bool *cancelled);

void tn_periodic_reader_stats_read(tn_periodic_reader *self, tn_periodic_reader_stats *stats_out);

#endif
