#include "support.h"

#include <stdio.h>

TestSuite(span_manager_steps, .init = start_manager, .fini = stop_manager);

#define ROOT "tasker.task.execution"
#define STEP "tasker.step.execution"
#define QUEUED "tasker.step.queued"
#define RETRY "tasker.step.retry"

static const tn_span *only_step(void)
{
    cr_assert_eq(received_count(STEP), 1);
    return received_span(STEP, 0);
}

static bool is_open(const char *task_id, const char *step_id)
{
    tn_span_context context;
    return tn_span_manager_find(manager, (tn_span_key){tn_text_of(task_id), tn_text_of(step_id)}, &context);
}

/* What the engine announces of one attempt. */
static void attempt(const char *task_id, const char *step_id, uint64_t wait, uint64_t work, tn_event_id end)
{
    publish_step(TN_STEP_EXECUTION_REQUESTED, task_id, step_id);
    publish_step(TN_STEP_EXECUTION_REQUESTED, task_id, step_id);
    time_passes(wait);
    publish_step(TN_STEP_EXECUTION_REQUESTED, task_id, step_id);
    publish_step(TN_STEP_BEFORE_HANDLE, task_id, step_id);
    time_passes(work);
    for (int i = 0; i < 3; i++) {
        publish_step(end, task_id, step_id);
        time_passes(TN_MILLISECOND);
    }
}

/* --- Width --------------------------------------------------------------------------------------------- */

Test(span_manager_steps, one_attempt_is_one_span_as_wide_as_the_work_although_its_end_is_announced_three_times)
{
    tn_moment requested = test_now;
    attempt("task-1", "step-1", TN_SECOND, 2 * TN_SECOND, TN_STEP_COMPLETED);

    cr_assert_eq(only_step()->start, requested.wall + TN_SECOND);
    cr_assert_eq(only_step()->end, requested.wall + 3 * TN_SECOND);
    cr_assert_eq(only_step()->status, TN_STATUS_OK);
    cr_assert_eq(event_count(only_step(), "step.completed"), 1);
    cr_assert_eq(nth_event(only_step(), 0).time, only_step()->end);
    cr_assert_eq(accepted_count(), 2, "with the wait");
    cr_assert_eq(manager_stats().open_steps, 0);
}

Test(span_manager_steps, the_wait_for_the_handler_is_told_once)
{
    tn_moment requested = test_now;
    attempt("task-1", "step-1", TN_SECOND, 2 * TN_SECOND, TN_STEP_COMPLETED);

    cr_assert_eq(received_count(QUEUED), 1);
    const tn_span *wait = received_span(QUEUED, 0);
    cr_assert_eq(wait->start, requested.wall);
    cr_assert_eq(wait->end, requested.wall + TN_SECOND);
    cr_assert(same_trace_id(wait->trace_id, only_step()->trace_id));
    cr_assert(same_span_id(wait->parent_id, only_step()->parent_id));
    cr_assert_not(same_span_id(wait->id, only_step()->id));
}

Test(span_manager_steps, a_short_wait_is_not_worth_a_span)
{
    attempt("task-1", "step-1", TN_QUEUED_MINIMUM - 1, TN_SECOND, TN_STEP_COMPLETED);
    cr_assert_eq(received_count(QUEUED), 0);
    cr_assert_eq(accepted_count(), 1);
}

Test(span_manager_steps, a_step_whose_handler_is_not_announced_begins_when_it_is_requested)
{
    tn_moment requested = test_now;
    publish_step(TN_STEP_EXECUTION_REQUESTED, "task-1", "step-1");
    time_passes(TN_SECOND);
    publish_step(TN_STEP_EXECUTION_REQUESTED, "task-1", "step-1");
    time_passes(TN_SECOND);
    publish_step(TN_STEP_FAILED, "task-1", "step-1");
    cr_assert_eq(only_step()->start, requested.wall);
    cr_assert_eq(only_step()->end, requested.wall + 2 * TN_SECOND);
    cr_assert_eq(received_count(QUEUED), 0);
}

Test(span_manager_steps, a_step_that_is_handled_without_a_request_begins_with_its_handler)
{
    tn_moment begun = test_now;
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    time_passes(TN_SECOND);
    publish_step(TN_STEP_COMPLETED, "task-1", "step-1");
    cr_assert_eq(only_step()->start, begun.wall);
    cr_assert_eq(only_step()->end, begun.wall + TN_SECOND);
    cr_assert_eq(accepted_count(), 1);
}

Test(span_manager_steps, a_request_while_the_handler_runs_changes_nothing)
{
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    time_passes(TN_SECOND);
    publish_step(TN_STEP_EXECUTION_REQUESTED, "task-1", "step-1");
    time_passes(TN_SECOND);
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    time_passes(TN_SECOND);
    publish_step(TN_STEP_COMPLETED, "task-1", "step-1");
    cr_assert_eq(only_step()->end - only_step()->start, TN_SECOND);
    cr_assert_eq(received_count(QUEUED), 0);
}

Test(span_manager_steps, the_width_does_not_depend_on_the_wall_clock)
{
    publish_step(TN_STEP_EXECUTION_REQUESTED, "task-1", "step-1");
    time_passes(TN_SECOND);
    test_now.wall += 3600 * TN_SECOND;
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    time_passes(2 * TN_SECOND);
    test_now.wall -= 7200 * TN_SECOND;
    publish_step(TN_STEP_COMPLETED, "task-1", "step-1");
    cr_assert_eq(only_step()->end - only_step()->start, 2 * TN_SECOND);
    cr_assert_eq(received_span(QUEUED, 0)->end - received_span(QUEUED, 0)->start, TN_SECOND);
}

Test(span_manager_steps, what_is_recorded_with_an_earlier_time_than_the_start_has_no_width)
{
    publish_step(TN_STEP_EXECUTION_REQUESTED, "task-1", "step-1");
    test_now.monotonic -= TN_MILLISECOND;
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    cr_assert_eq(received_count(QUEUED), 0);
    test_now.monotonic -= TN_MILLISECOND;
    publish_step(TN_STEP_COMPLETED, "task-1", "step-1");
    cr_assert_eq(only_step()->end, only_step()->start);
}

/* --- Attempts ------------------------------------------------------------------------------------------ */

Test(span_manager_steps, each_attempt_is_a_span_of_its_own)
{
    attempt("task-1", "step-1", TN_SECOND, 2 * TN_SECOND, TN_STEP_FAILED);
    publish_step(TN_STEP_RETRY_REQUESTED, "task-1", "step-1");
    time_passes(30 * TN_SECOND);
    attempt("task-1", "step-1", TN_SECOND, 3 * TN_SECOND, TN_STEP_COMPLETED);

    cr_assert_eq(received_count(STEP), 2);
    const tn_span *first = received_span(STEP, 0), *second = received_span(STEP, 1);
    cr_assert_eq(first->status, TN_STATUS_ERROR);
    cr_assert_eq(first->end - first->start, 2 * TN_SECOND);
    cr_assert_eq(second->status, TN_STATUS_OK);
    cr_assert_eq(second->end - second->start, 3 * TN_SECOND);
    cr_assert_not(same_span_id(first->id, second->id));
    cr_assert(same_trace_id(first->trace_id, second->trace_id));
    cr_assert_eq(received_count(QUEUED), 2);
    cr_assert_eq(received_count(RETRY), 1);
    cr_assert_eq(accepted_count(), 5);
}

Test(span_manager_steps, a_retry_is_a_moment_below_the_root)
{
    tn_occurrence retry = step_event(TN_STEP_RETRY_REQUESTED, "task-1", "step-1");
    retry.payload = text_pairs("retry_reason", "timeout", NULL);
    tn_span_manager_record(manager, &retry);

    const tn_span *span = received_span(RETRY, 0);
    cr_assert_eq(span->start, test_now.wall);
    cr_assert_eq(span->end, test_now.wall);
    cr_assert(has_attribute(span, "retry_reason", "timeout"));
    cr_assert_eq(event_count(span, "step.retry_requested"), 1);
    cr_assert(same_span_id(span->parent_id, tn_span_id_derived(tn_seed_of(TN_TEXT("test")), TN_TEXT("task-1"))));
}

Test(span_manager_steps, any_end_absorbs_any_further_end_until_the_next_attempt)
{
    static const tn_event_id ends[] = {TN_STEP_COMPLETED, TN_STEP_FAILED, TN_STEP_CANCELLED, TN_STEP_RESOLVED_MANUALLY};
    for (size_t i = 0; i < 4; i++) {
        publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
        publish_step(ends[i], "task-1", "step-1");
        for (size_t k = 0; k < 4; k++) publish_step(ends[k], "task-1", "step-1");
        cr_assert_eq(received_count(STEP), i + 1);
    }
}

Test(span_manager_steps, the_same_step_id_in_two_tasks_is_two_steps)
{
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    publish_step(TN_STEP_BEFORE_HANDLE, "task-2", "step-1");
    cr_assert_eq(manager_stats().open_steps, 2);
    publish_step(TN_STEP_COMPLETED, "task-1", "step-1");
    cr_assert_not(is_open("task-1", "step-1"));
    cr_assert(is_open("task-2", "step-1"));
}

/* --- Content ------------------------------------------------------------------------------------------- */

Test(span_manager_steps, each_kind_of_end_has_its_status)
{
    static const struct {
        tn_event_id event;
        tn_span_status status;
    } ends[] = {
        {TN_STEP_COMPLETED, TN_STATUS_OK},
        {TN_STEP_FAILED, TN_STATUS_ERROR},
        {TN_STEP_CANCELLED, TN_STATUS_UNSET},
        {TN_STEP_RESOLVED_MANUALLY, TN_STATUS_OK},
    };
    for (size_t i = 0; i < 4; i++) {
        char id[] = {(char)('a' + i), '\0'};
        publish_step(TN_STEP_BEFORE_HANDLE, "task-1", id);
        publish_step(ends[i].event, "task-1", id);
        cr_assert_eq(received_span(STEP, i)->status, ends[i].status);
    }
}

Test(span_manager_steps, a_step_that_is_settled_while_nobody_works_on_it_is_told_to_its_task_and_is_no_attempt)
{
    const tn_event_id ends[] = {TN_STEP_CANCELLED, TN_STEP_RESOLVED_MANUALLY};
    for (size_t i = 0; i < 2; i++) {
        publish_step(ends[i], "task-1", "step-1");
        cr_assert_eq(received_count(NULL), 0);
        cr_assert_eq(lost_count(), 0);
    }
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_step(TN_STEP_RESOLVED_MANUALLY, "task-1", "step-1");
    publish_task(TN_TASK_COMPLETED, "task-1");
    tn_span_manager_release(manager, test_now.monotonic, true);
    cr_assert_eq(received_count(NULL), 1);
    cr_assert_eq(event_count(received_span(NULL, 0), "step.resolved_manually"), 1);
}

Test(span_manager_steps, a_step_carries_the_attributes_of_its_request_its_handler_and_its_end)
{
    static const tn_event_id events[] = {TN_STEP_EXECUTION_REQUESTED, TN_STEP_EXECUTION_REQUESTED,
                                         TN_STEP_BEFORE_HANDLE, TN_STEP_COMPLETED};
    static const char *const keys[] = {"request", "again", "handler", "end"};
    for (size_t i = 0; i < 4; i++) {
        tn_occurrence occurrence = step_event(events[i], "task-1", "step-1");
        occurrence.payload = text_pairs(keys[i], "yes", "status", keys[i], NULL);
        tn_span_manager_record(manager, &occurrence);
    }
    cr_assert(has_attribute(only_step(), "request", "yes"));
    cr_assert_not(has_attribute(only_step(), "again", "yes"));
    cr_assert(has_attribute(only_step(), "handler", "yes"));
    cr_assert(has_attribute(only_step(), "end", "yes"));
    cr_assert(has_attribute(only_step(), "status", "end"), "the last one wins");
}

Test(span_manager_steps, a_failed_step_tells_its_exception)
{
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    tn_occurrence end = step_event(TN_STEP_FAILED, "task-1", "step-1");
    end.error_message = TN_TEXT("card refused");
    end.error_type = TN_TEXT("PaymentError");
    end.stacktrace = TN_TEXT("pay.rb:1\npay.rb:2");
    tn_span_manager_record(manager, &end);

    const tn_span *span = only_step();
    assert_text(tn_span_status_message(span), "card refused");
    cr_assert(has_attribute(span, "error", "card refused"));
    cr_assert(has_attribute(span, "error.type", "PaymentError"));
    cr_assert_eq(event_count(span, "step.failed"), 1);
    cr_assert_eq(event_count(span, "exception"), 1);

    tn_value value;
    tn_pairs exception = nth_event(span, 1).pairs;
    cr_assert_not(exception.prefixed);
    cr_assert(find_value(exception, "exception.type", &value));
    assert_text(value.as.string, "PaymentError");
    cr_assert(find_value(exception, "exception.message", &value));
    assert_text(value.as.string, "card refused");
    cr_assert(find_value(exception, "exception.stacktrace", &value));
    assert_text(value.as.string, "pay.rb:1\npay.rb:2");
}

Test(span_manager_steps, the_error_carries_the_service_s_name_and_its_type_does_not)
{
    tn_occurrence end = step_event(TN_STEP_FAILED, "task-1", "step-1");
    end.error_message = TN_TEXT("card refused");
    end.error_type = TN_TEXT("PaymentError");
    tn_span_manager_record(manager, &end);

    tn_record record;
    tn_value value;
    for (tn_journal_reader reader = tn_span_read(only_step()); tn_journal_next(&reader, &record);) {
        if (find_value(record.pairs, "error", &value)) cr_assert(record.pairs.prefixed);
        if (find_value(record.pairs, "error.type", &value)) cr_assert_not(record.pairs.prefixed);
    }
}

Test(span_manager_steps, a_failure_of_which_nothing_is_known_has_no_exception)
{
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    publish_step(TN_STEP_FAILED, "task-1", "step-1");
    cr_assert_eq(only_step()->status, TN_STATUS_ERROR);
    cr_assert_eq(event_count(only_step(), "exception"), 0);
    cr_assert_eq(tn_span_status_message(only_step()).size, 0);
}

Test(span_manager_steps, a_huge_exception_is_cut)
{
    static char trace[200000];
    memset(trace, 't', sizeof(trace));
    tn_occurrence end = step_event(TN_STEP_FAILED, "task-1", "step-1");
    end.stacktrace = (tn_text){trace, sizeof(trace)};
    tn_span_manager_record(manager, &end);

    tn_value value;
    cr_assert(find_value(nth_event(only_step(), 1).pairs, "exception.stacktrace", &value));
    cr_assert_leq(value.as.string.size, manager_options.limits.value_size);
}

/* --- Parents ------------------------------------------------------------------------------------------- */

Test(span_manager_steps, a_step_is_below_the_root_of_its_task)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    attempt("task-1", "step-1", TN_SECOND, TN_SECOND, TN_STEP_COMPLETED);
    publish_task(TN_TASK_COMPLETED, "task-1");
    tn_span_manager_release(manager, test_now.monotonic, true);

    const tn_span *root = received_span(ROOT, 0);
    cr_assert(same_trace_id(only_step()->trace_id, root->trace_id));
    cr_assert(same_span_id(only_step()->parent_id, root->id));
    cr_assert(same_span_id(received_span(QUEUED, 0)->parent_id, root->id));
}

Test(span_manager_steps, a_step_of_a_task_not_seen_here_is_below_the_root_that_another_process_will_export)
{
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    publish_step(TN_STEP_COMPLETED, "task-1", "step-1");
    uint64_t seed = tn_seed_of(manager_options.trace_seed);
    cr_assert(same_trace_id(only_step()->trace_id, tn_trace_id_derived(seed, TN_TEXT("task-1"))));
    cr_assert(same_span_id(only_step()->parent_id, tn_span_id_derived(seed, TN_TEXT("task-1"))));
}

Test(span_manager_steps, a_step_after_the_end_of_its_task_is_below_the_root_that_ended)
{
    publish_task(TN_TASK_START_REQUESTED, "task-1");
    publish_task(TN_TASK_COMPLETED, "task-1");
    time_passes(2 * TN_LINGER);
    publish_step(TN_STEP_COMPLETED, "task-1", "step-1");
    cr_assert(same_span_id(only_step()->parent_id, received_span(ROOT, 0)->id));
}

Test(span_manager_steps, a_step_of_no_task_has_a_trace_of_its_own)
{
    publish_step(TN_STEP_BEFORE_HANDLE, NULL, "step-1");
    publish_step(TN_STEP_COMPLETED, NULL, "step-1");
    publish_step(TN_STEP_BEFORE_HANDLE, NULL, "step-2");
    publish_step(TN_STEP_COMPLETED, NULL, "step-2");
    cr_assert_eq(received_count(STEP), 2);
    cr_assert(tn_span_id_none(received_span(STEP, 0)->parent_id));
    cr_assert_not(same_trace_id(received_span(STEP, 0)->trace_id, received_span(STEP, 1)->trace_id));
}

/* --- Steps that were never opened ---------------------------------------------------------------------- */

Test(span_manager_steps, a_step_never_opened_is_one_span_as_wide_as_its_payload_says)
{
    static const struct {
        int64_t started, completed, duration; /* seconds; started and completed before now, 0: unknown */
        int64_t expected_start, expected_end; /* the same */
    } cases[] = {
        {60, 50, 5, 60, 55}, {60, 50, 0, 60, 50}, {60, 0, 5, 60, 55}, {60, 0, 0, 60, 0},
        {0, 50, 5, 55, 50},  {0, 50, 0, 50, 50},  {0, 0, 5, 5, 0},    {0, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < 8; i++) {
        char id[] = {(char)('a' + i), '\0'};
        tn_occurrence end = step_event(TN_STEP_COMPLETED, "task-1", id);
        if (cases[i].started) end.started_at = test_now.wall - (uint64_t)cases[i].started * TN_SECOND;
        if (cases[i].completed) end.completed_at = test_now.wall - (uint64_t)cases[i].completed * TN_SECOND;
        end.duration = (uint64_t)cases[i].duration * TN_SECOND;
        tn_span_manager_record(manager, &end);

        const tn_span *span = received_span(STEP, i);
        cr_assert_eq(span->start, test_now.wall - (uint64_t)cases[i].expected_start * TN_SECOND, "start of %zu", i);
        cr_assert_eq(span->end, test_now.wall - (uint64_t)cases[i].expected_end * TN_SECOND, "end of %zu", i);
        cr_assert_eq(span->status, TN_STATUS_OK);
        cr_assert_eq(nth_event(span, 0).time, span->end);
    }
}

Test(span_manager_steps, a_step_never_opened_does_not_end_before_it_starts_whatever_its_payload_says)
{
    static const uint64_t times[] = {0, 1, 1800000000 * TN_SECOND, 7289654399 * TN_SECOND};
    static const uint64_t durations[] = {0, 1, 3153600000 * TN_SECOND};
    for (size_t i = 0; i < 4 * 4 * 3; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%zu", i);
        tn_occurrence end = step_event(TN_STEP_COMPLETED, "task-1", id);
        end.started_at = times[i % 4];
        end.completed_at = times[i / 4 % 4];
        end.duration = durations[i / 16];
        tn_span_manager_record(manager, &end);

        const tn_span *span = received_span(STEP, i);
        cr_assert_leq(span->start, span->end);
        cr_assert_leq(span->end, (7289654399 + 3153600000) * TN_SECOND);
    }
}

Test(span_manager_steps, repeats_of_an_end_never_opened_are_absorbed_too)
{
    for (int i = 0; i < 3; i++) publish_step(TN_STEP_COMPLETED, "task-1", "step-1");
    cr_assert_eq(received_count(STEP), 1);
    cr_assert_eq(accepted_count(), 1);

    attempt("task-1", "step-1", 0, TN_SECOND, TN_STEP_COMPLETED);
    cr_assert_eq(received_count(STEP), 2, "a real attempt is none of them");
}

Test(span_manager_steps, an_end_without_a_step_s_id_is_a_span_that_nothing_remembers)
{
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", NULL);
    publish_step(TN_STEP_EXECUTION_REQUESTED, "task-1", NULL);
    cr_assert_eq(manager_stats().open_steps, 0);
    publish_step(TN_STEP_COMPLETED, "task-1", NULL);
    publish_step(TN_STEP_COMPLETED, "task-1", NULL);
    cr_assert_eq(received_count(STEP), 2);
}

/* --- Tombstones ---------------------------------------------------------------------------------------- */

static void end_numbered_step(int number, bool open_first)
{
    char id[16];
    snprintf(id, sizeof(id), "%d", number);
    if (open_first) publish_step(TN_STEP_BEFORE_HANDLE, "task-1", id);
    publish_step(TN_STEP_COMPLETED, "task-1", id);
}

#define MANY 50000

static size_t count_told_again(int first, int end)
{
    size_t steps = received_count(STEP);
    for (int i = first; i < end; i++) end_numbered_step(i, false);
    return received_count(STEP) - steps;
}

static void assert_tombstones_are_bounded(bool open_first)
{
    for (int i = 0; i < MANY; i++) end_numbered_step(i, open_first);
    cr_assert_eq(received_count(STEP), MANY);
    cr_assert_eq(count_told_again(MANY - 100, MANY), 0, "they are remembered");
    cr_assert_eq(count_told_again(0, 10), 10, "they were forgotten");
}

Test(span_manager_steps, tombstones_are_bounded)
{
    assert_tombstones_are_bounded(true);
}

Test(span_manager_steps, tombstones_of_steps_never_opened_are_bounded)
{
    assert_tombstones_are_bounded(false);
}

/* --- Interruption and eviction ------------------------------------------------------------------------- */

Test(span_manager_steps, an_interrupted_step_ends_now_and_says_so)
{
    test_now = tn_clock_now(); /* interruption looks at the real one */
    test_now.monotonic -= 10 * TN_SECOND;
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    tn_span_manager_interrupt(manager, SIZE_MAX);

    uint64_t width = only_step()->end - only_step()->start;
    cr_assert(width >= 10 * TN_SECOND && width < 20 * TN_SECOND);
    cr_assert_eq(only_step()->status, TN_STATUS_UNSET);
    cr_assert_eq(event_count(only_step(), "tasker.span.interrupted"), 1);
    cr_assert_eq(nth_event(only_step(), 0).time, only_step()->end);
    cr_assert_eq(manager_stats().open_steps, 0);
    cr_assert_eq(accepted_count(), 1);
}

Test(span_manager_steps, one_may_be_interrupted_alone_and_only_while_it_is_open)
{
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-2");
    tn_span_manager_interrupt_step(manager, TN_TEXT("task-1"), TN_TEXT("step-1"));
    tn_span_manager_interrupt_step(manager, TN_TEXT("task-1"), TN_TEXT("step-1"));
    tn_span_manager_interrupt_step(manager, TN_TEXT("task-1"), TN_TEXT("step-3"));
    cr_assert_eq(event_count(only_step(), "tasker.span.interrupted"), 1);
    cr_assert_eq(manager_stats().open_steps, 1);

    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    publish_step(TN_STEP_COMPLETED, "task-1", "step-1");
    cr_assert_eq(received_count(STEP), 2, "the next attempt");
}

Test(span_manager_steps, an_interruption_before_the_start_leaves_no_width)
{
    test_now = tn_clock_now();
    time_passes(60 * TN_SECOND);
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    tn_span_manager_interrupt(manager, SIZE_MAX);
    cr_assert_eq(only_step()->end, only_step()->start);
}

Test(span_manager_steps, an_end_after_the_interruption_is_absorbed)
{
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    tn_span_manager_interrupt(manager, SIZE_MAX);
    publish_step(TN_STEP_COMPLETED, "task-1", "step-1");
    cr_assert_eq(received_count(STEP), 1);
    cr_assert_eq(accepted_count(), 1);
}

Test(span_manager_steps, interruption_ends_every_open_step)
{
    char id[] = "a";
    for (; id[0] <= 'z'; id[0]++) publish_step(TN_STEP_BEFORE_HANDLE, "task-1", id);
    tn_span_manager_interrupt(manager, SIZE_MAX);
    cr_assert_eq(received_count(STEP), 26);
    tn_span_manager_interrupt(manager, SIZE_MAX);
    cr_assert_eq(received_count(STEP), 26);
}

Test(span_manager_steps, the_oldest_open_step_is_interrupted_when_there_are_too_many)
{
    manager_options.max_open_spans = 2;
    tn_span_manager_configure(manager, &manager_options);
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "a");
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "b");
    time_passes(TN_SECOND);
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "c");
    cr_assert_not(is_open("task-1", "a"));
    cr_assert(is_open("task-1", "b") && is_open("task-1", "c"));
    cr_assert_eq(event_count(only_step(), "tasker.span.interrupted"), 1);
    cr_assert_eq(only_step()->end - only_step()->start, TN_SECOND);
}

Test(span_manager_steps, one_open_step_is_always_allowed)
{
    manager_options.max_open_spans = 0;
    tn_span_manager_configure(manager, &manager_options);
    attempt("task-1", "step-1", 0, TN_SECOND, TN_STEP_COMPLETED);
    cr_assert_eq(only_step()->status, TN_STATUS_OK);
}

Test(span_manager_steps, an_open_step_that_is_too_old_is_interrupted)
{
    manager_options.max_age = 60 * TN_SECOND;
    tn_span_manager_configure(manager, &manager_options);
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "old");
    time_passes(60 * TN_SECOND);
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "young");
    cr_assert(is_open("task-1", "old"));
    time_passes(1);
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "younger");
    cr_assert_not(is_open("task-1", "old"));
    cr_assert(is_open("task-1", "young"));
    cr_assert_eq(only_step()->end - only_step()->start, 60 * TN_SECOND + 1);
}

Test(span_manager_steps, an_event_recorded_late_makes_nothing_look_old)
{
    tn_occurrence late = step_event(TN_STEP_BEFORE_HANDLE, "task-1", "late");
    time_passes(1);
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    tn_span_manager_record(manager, &late);
    cr_assert(is_open("task-1", "step-1") && is_open("task-1", "late"));
    cr_assert_eq(received_count(NULL), 0);
}

Test(span_manager_steps, open_ones_are_given_up_uncounted_when_the_manager_is_freed)
{
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    tn_span_manager_free(manager);
    manager = NULL;
    cr_assert_eq(accepted_count() + lost_count(), 0);
}

/* --- No memory ----------------------------------------------------------------------------------------- */

Test(span_manager_steps, without_memory_an_attempt_is_lost_once_counted_and_the_manager_goes_on)
{
    tn_span_manager_free(manager);
    for_each_failing_allocation {
        enough_memory();
        start_manager();
        scarce_memory();
        attempt("task-1", "step-1", 0, TN_SECOND, TN_STEP_FAILED);
        cr_assert_eq(accepted_count(), received_count(NULL));
        cr_assert_eq(received_count(STEP) + lost_count(), 1);

        enough_memory();
        attempt("task-1", "step-2", 0, TN_SECOND, TN_STEP_COMPLETED);
        const tn_span *span = received_span(STEP, received_count(STEP) - 1);
        cr_assert_eq(span->end - span->start, TN_SECOND);
        tn_span_manager_free(manager);
        manager = NULL;
        forget_received();
    }
}

Test(span_manager_steps, without_memory_waits_and_retries_are_counted_as_lost)
{
    publish_step(TN_STEP_EXECUTION_REQUESTED, "task-1", "step-1");
    time_passes(TN_SECOND);
    no_memory();
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    cr_assert_eq(lost_count(), 1);
    publish_step(TN_STEP_RETRY_REQUESTED, "task-1", "step-1");
    cr_assert_eq(lost_count(), 2);
    enough_memory();
    publish_step(TN_STEP_COMPLETED, "task-1", "step-1");
    cr_assert_eq(received_count(STEP), 1);
    cr_assert_eq(accepted_count(), 1);
}

Test(span_manager_steps, without_memory_what_a_step_carries_is_counted_as_dropped)
{
    publish_step(TN_STEP_BEFORE_HANDLE, "task-1", "step-1");
    static char trace[5000];
    memset(trace, 't', sizeof(trace));
    tn_occurrence end = step_event(TN_STEP_FAILED, "task-1", "step-1");
    end.error_message = (tn_text){trace, sizeof(trace)};
    end.error_type = TN_TEXT("PaymentError");
    end.stacktrace = (tn_text){trace, sizeof(trace)};
    no_memory();
    tn_span_manager_record(manager, &end);
    enough_memory();

    cr_assert_eq(only_step()->status, TN_STATUS_ERROR);
    cr_assert(same_span_id(only_step()->parent_id, tn_span_id_derived(tn_seed_of(TN_TEXT("test")), TN_TEXT("task-1"))));
    size_t dropped = only_step()->dropped_attributes + only_step()->dropped_events;
    tn_record record;
    for (tn_journal_reader reader = tn_span_read(only_step()); tn_journal_next(&reader, &record);) {
        dropped += record.pairs.dropped;
    }
    cr_assert_gt(dropped, 0);
}
