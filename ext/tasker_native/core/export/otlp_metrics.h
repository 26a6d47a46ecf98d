#ifndef TN_EXPORT_OTLP_METRICS_H
#define TN_EXPORT_OTLP_METRICS_H

#include "export/encoder.h"
#include "metrics/snapshot.h"

/* Metrics of this process as an ExportMetricsServiceRequest (opentelemetry-proto, metrics/v1/metrics.proto): counters are
 * monotonic sums, gauges gauges, histograms have explicit bounds, or exponential buckets where those were counted. */
typedef struct {
    const tn_snapshot *now;    /* finished: see tn_metrics_collect */
    const tn_snapshot *before; /* what the last request had: points are what came since, and those without it are left
                                * out (delta). NULL: points are all since the beginning (cumulative) */
    bool delta;
    uint64_t time;      /* of `now`: wall clock, nanoseconds */
    uint64_t last_time; /* of the last request; 0: this is the first. Exemplars are those that came since */
} tn_otlp_metrics_source;

/* Appended to the buffer, as protobuf bytes. Returns its status; the number of points in points_out: with none, nothing was
 * appended. */
tn_status tn_otlp_metrics(tn_buffer *buffer, tn_encoder *encoder, const tn_otlp_metrics_source *source,
                          size_t *points_out) TN_MUST_CHECK;

#endif
