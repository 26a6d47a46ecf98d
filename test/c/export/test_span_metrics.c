#include "support.h"

#include "export/span_metrics.h"
#include "metrics/metrics_text.h"

#include <stdio.h>

static tn_span_metrics *metrics;

static void set_up(void)
{
    metrics = tn_span_metrics_new();
    tn_span_metrics_switch(metrics, true);
}

static void tear_down(void)
{
    tn_span_metrics_free(metrics);
    all_memory_is_back();
}

TestSuite(span_metrics, .init = set_up, .fini = tear_down);

static void end_span(const char *name, tn_span_status status, tn_pairs attributes)
{
    tn_span *span = tn_span_new(NULL, tn_text_of(name), (tn_trace_id){{0xAB}}, (tn_span_id){{0xCD}}, (tn_span_id){{0}});
    if (!span) return; /* memory runs out in some tests */
    span->start = 1000 * TN_SECOND;
    span->end = span->start + 300 * TN_MILLISECOND;
    tn_span_add_attributes(span, attributes);
    tn_span_set_status(span, status, TN_NO_TEXT);
    tn_span_metrics_record(metrics, span);
    tn_span_free(span);
}

/* What is written, without help and types. */
static tn_text written(tn_buffer *out)
{
    tn_buffer all;
    tn_snapshot snapshot;
    tn_buffer_init(&all, 16 * 1024 * 1024);
    tn_buffer_init(out, 1024 * 1024);
    tn_snapshot_init(&snapshot);
    tn_metrics_segments segments = tn_span_metrics_keep_segments(metrics);
    cr_assert_eq(tn_snapshot_add(&snapshot, segments.own), TN_OK);
    cr_assert_eq(tn_snapshot_finish(&snapshot), TN_OK);
    tn_openmetrics_text(&all, &snapshot);
    tn_buffer_append_byte(&all, '\0');
    for (char *line = strtok((char *)all.bytes, "\n"); line; line = strtok(NULL, "\n")) {
        if (line[0] == '#' || strstr(line, "_bucket")) continue;
        tn_buffer_append_text(out, tn_text_of(line));
        tn_buffer_append_byte(out, '\n');
    }
    tn_buffer_free(&all);
    tn_snapshot_free(&snapshot);
    tn_segment_free(segments.own);
    return tn_buffer_text(out);
}

#define assert_written(expected)                \
    do {                                        \
        tn_buffer out;                          \
        assert_text(written(&out), (expected)); \
        tn_buffer_free(&out);                   \
    } while (0)

Test(span_metrics, steps_are_counted_and_measured)
{
    tn_pairs names = text_pairs("task_name", "order", "x", "y", "step_name", "pay", NULL);
    end_span("tasker.step.execution", TN_STATUS_OK, names);
    end_span("tasker.step.execution", TN_STATUS_OK, names);
    assert_written("step_completed_total{step_name=\"pay\",task_name=\"order\"} 2\n"
                   "step_duration_seconds_sum{status=\"completed\",step_name=\"pay\",task_name=\"order\"} 0.6\n"
                   "step_duration_seconds_count{status=\"completed\",step_name=\"pay\",task_name=\"order\"} 2\n");
}

Test(span_metrics, what_failed_is_counted_by_what_was_raised)
{
    end_span("tasker.step.execution", TN_STATUS_ERROR, text_pairs("step_name", "pay", "error.type", "IOError", NULL));
    assert_written("step_duration_seconds_sum{status=\"failed\",step_name=\"pay\"} 0.3\n"
                   "step_duration_seconds_count{status=\"failed\",step_name=\"pay\"} 1\n"
                   "step_errors_total{error_type=\"IOError\",step_name=\"pay\"} 1\n"
                   "step_failed_total{step_name=\"pay\"} 1\n");
}

Test(span_metrics, tasks_are_counted_by_their_end)
{
    tn_pairs name = text_pairs("task_name", "order", NULL);
    end_span("tasker.task.execution", TN_STATUS_OK, name);
    end_span("tasker.task.execution", TN_STATUS_ERROR, name);
    end_span("tasker.task.execution", TN_STATUS_UNSET, name);
    assert_written("task_cancelled_total{task_name=\"order\"} 1\n"
                   "task_completed_total{task_name=\"order\"} 1\n"
                   "task_duration_seconds_sum{status=\"failed\",task_name=\"order\"} 0.3\n"
                   "task_duration_seconds_count{status=\"failed\",task_name=\"order\"} 1\n"
                   "task_duration_seconds_sum{status=\"cancelled\",task_name=\"order\"} 0.3\n"
                   "task_duration_seconds_count{status=\"cancelled\",task_name=\"order\"} 1\n"
                   "task_duration_seconds_sum{status=\"completed\",task_name=\"order\"} 0.3\n"
                   "task_duration_seconds_count{status=\"completed\",task_name=\"order\"} 1\n"
                   "task_failed_total{task_name=\"order\"} 1\n");
}

Test(span_metrics, retries_and_waits_are_told_and_other_spans_are_not)
{
    tn_pairs name = text_pairs("step_name", "pay", NULL);
    end_span("tasker.step.retry", TN_STATUS_UNSET, name);
    end_span("tasker.step.queued", TN_STATUS_UNSET, name);
    end_span("tasker.task.initialize", TN_STATUS_UNSET, name);
    end_span("tasker.step.executions", TN_STATUS_OK, name);
    assert_written("step_queue_seconds_sum{step_name=\"pay\"} 0.3\n"
                   "step_queue_seconds_count{step_name=\"pay\"} 1\n"
                   "step_retries_total{step_name=\"pay\"} 1\n");
}

Test(span_metrics, the_last_name_counts_and_none_is_no_label)
{
    end_span("tasker.step.retry", TN_STATUS_UNSET, text_pairs("step_name", "a", "step_name", "b", NULL));
    end_span("tasker.step.retry", TN_STATUS_UNSET, TN_NO_PAIRS);
    assert_written("step_retries_total 1\nstep_retries_total{step_name=\"b\"} 1\n");
}

Test(span_metrics, names_that_share_a_slot_are_not_mixed_up)
{
    char name[32];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++) {
            snprintf(name, sizeof(name), "step %d", i);
            end_span("tasker.step.execution", TN_STATUS_OK, text_pairs("step_name", name, NULL));
        }
    }
    tn_buffer out;
    tn_text text = written(&out);
    tn_buffer_append_byte(&out, '\0');
    size_t threes = 0;
    for (const char *at = (char *)out.bytes; (at = strstr(at, "step_completed_total{step_name=\"step "));) {
        at += 10;
        threes += strncmp(strchr(at, '}'), "} 3\n", 4) == 0;
    }
    cr_assert_eq(threes, 1000, "%zu of %zu bytes", threes, text.size);
    tn_buffer_free(&out);
}

Test(span_metrics, nothing_is_recorded_while_they_are_off)
{
    tn_span_metrics_switch(metrics, false);
    end_span("tasker.step.retry", TN_STATUS_UNSET, TN_NO_PAIRS);
    assert_written("");
}

Test(span_metrics, all_is_forgotten)
{
    end_span("tasker.step.execution", TN_STATUS_OK, text_pairs("step_name", "pay", NULL));
    tn_span_metrics_clear(metrics);
    assert_written("");
    end_span("tasker.step.retry", TN_STATUS_UNSET, TN_NO_PAIRS);
    assert_written("step_retries_total 1\n");
}

Test(span_metrics, without_memory_less_is_recorded_and_nothing_leaks)
{
    tn_span_metrics_free(metrics);
    for_each_failing_allocation {
        metrics = tn_span_metrics_new();
        if (!metrics) continue;
        tn_span_metrics_switch(metrics, true);
        for (int i = 0; i < 3; i++) /* what failed at first may succeed then */
            end_span("tasker.step.execution", TN_STATUS_ERROR, text_pairs("step_name", "pay", NULL));
        tn_span_metrics_free(metrics);
    }
    metrics = NULL;
}

Test(span_metrics, the_steps_that_are_open_are_counted_also_while_nothing_is_measured)
{
    tn_span_metrics_count_steps(metrics, 3);
    tn_span_metrics_count_steps(metrics, -1);
    assert_written("steps_in_flight 2\n");
    tn_span_metrics_switch(metrics, false);
    tn_span_metrics_count_steps(metrics, -1);
    tn_span_metrics_switch(metrics, true);
    tn_span_metrics_count_steps(metrics, 1);
    assert_written("steps_in_flight 2\n");
}
