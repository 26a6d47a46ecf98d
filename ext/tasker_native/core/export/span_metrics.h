#ifndef TN_EXPORT_SPAN_METRICS_H
#define TN_EXPORT_SPAN_METRICS_H

#include "metrics/metrics.h"
#include "trace/span.h"

/* Metrics of tasks and steps, from their spans: one measurement for each attempt, however often its end is announced.
 *
 *   task_completed_total, task_failed_total, task_cancelled_total          by task_name
 *   task_duration_seconds                                                  by task_name, status; with exemplars
 *   step_completed_total, step_failed_total, step_cancelled_total          by step_name, task_name
 *   step_duration_seconds                                                  by step_name, task_name, status; with exemplars
 *   step_errors_total                                                      by step_name, task_name, error_type
 *   step_retries_total                                                     by step_name, task_name
 *   step_queue_seconds                                                     by step_name, task_name
 *   steps_in_flight                                                        attempts that go on
 *
 * Any thread: they have instruments, a lock and a slab of their own. */
typedef struct tn_span_metrics tn_span_metrics;

/* NULL when there is no memory. It records nothing until it is switched on. */
tn_span_metrics *tn_span_metrics_new(void);
void tn_span_metrics_free(tn_span_metrics *self);

/* As tn_metrics_watch_forks. */
tn_status tn_span_metrics_watch_forks(tn_span_metrics *self) TN_MUST_CHECK;

void tn_span_metrics_switch(tn_span_metrics *self, bool on);

/* As the functions of tn_metrics. */
tn_status tn_span_metrics_configure(tn_span_metrics *self, const tn_metrics_options *options) TN_MUST_CHECK;

/* How many more steps are open, in this process, or fewer. */
void tn_span_metrics_count_steps(tn_span_metrics *self, int64_t change);

void tn_span_metrics_clear(tn_span_metrics *self);
tn_metrics_segments tn_span_metrics_keep_segments(tn_span_metrics *self);
tn_status tn_span_metrics_collect(tn_span_metrics *self, tn_snapshot *snapshot,
                                  tn_metrics_segments *kept_out) TN_MUST_CHECK;
bool tn_span_metrics_take_remark(tn_span_metrics *self, char remark[TN_MAX_REMARK]);

/* A span that has ended. What can't be recorded for lack of memory is left out. */
void tn_span_metrics_record(tn_span_metrics *self, const tn_span *span);

#endif
