#ifndef TN_METRICS_METRICS_TEXT_H
#define TN_METRICS_METRICS_TEXT_H

#include "base/buffer.h"
#include "metrics/snapshot.h"

/* A snapshot as text. All of them append to a buffer whose status tells whether it is whole; families without series are
 * left out.
 *
 *   Prometheus    Exposition formats, "Text-based format", version 0.0.4
 *   OpenMetrics   1.0.0, "Text format"; with exemplars
 *   JSON          RFC 8259: { "metrics": { KEY: { name, type, value or buckets, sum and count, labels, help } },
 *                 "total_metrics": series }, whose closing bracket is the caller's; KEY is name{label="value"}
 *   CSV           RFC 4180, with rows NAME_bucket (and label_le), NAME_sum, NAME_count of histograms; a cell that a
 *                 spreadsheet would run has a ' in front of it */
void tn_prometheus_text(tn_buffer *out, const tn_snapshot *snapshot);
void tn_openmetrics_text(tn_buffer *out, const tn_snapshot *snapshot);
void tn_metrics_json(tn_buffer *out, const tn_snapshot *snapshot);

/* timestamp: of every row. TN_ERROR_MEMORY: nothing was written. */
tn_status tn_metrics_csv(tn_buffer *out, tn_snapshot *snapshot, tn_text timestamp) TN_MUST_CHECK;

/* A number as both formats of Prometheus have it: 3, 0.25, 1e+25. */
void tn_put_number(tn_buffer *out, double value);

/* An upper bound as OpenMetrics wants it ("Considerations: Canonical Numbers"): 1.0, 0.005, 1e+06. */
void tn_put_bound(tn_buffer *out, double bound);

/* A value between quotes: \\, \" and \n are escaped. */
void tn_put_label_value(tn_buffer *out, tn_text value);

#endif
